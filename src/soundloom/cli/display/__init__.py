"""What people see in a terminal: progress bars and tables.

In: values that other rooms computed. Out: text; tables on standard output, progress on standard error.
"""
