"""The report of an evaluation: a page, a table in the terminal, JSON.

In: `Results`. Out: report.html, report.json, text.
"""
