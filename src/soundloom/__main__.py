"""`python -m soundloom` is the command."""

from soundloom.cli.app import run

run()
