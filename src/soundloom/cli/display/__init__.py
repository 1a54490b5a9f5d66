"""What people see on standard output: tables, and how a training ended.

In: values that other rooms computed. Out: text.
"""
