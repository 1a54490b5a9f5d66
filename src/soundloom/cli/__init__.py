"""The command: one file for each verb.

In: arguments. Out: text for people or one JSON object for programs, and an exit code.
"""
