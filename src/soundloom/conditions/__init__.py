"""Conditions: named properties of sounds that a model can be asked for.

In: labels of sounds and what a person asks. Out: a schema, code rows for networks, draws from what the data has.
"""
