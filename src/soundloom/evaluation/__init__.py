"""Evaluation: one model, or several side by side, against sounds that they have not been trained on.

In: names of models, baselines or folders (or sounds in memory), and a folder of real sounds. Out: `Results`, which
`report/` draws as a page, a table or JSON.
"""
