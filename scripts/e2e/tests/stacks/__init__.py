"""The fixtures of each stack, one file per stack. conftest.py loads every file of this folder."""
