"""`python -m soundloom` is the command."""

from soundloom.cli import run

run()
