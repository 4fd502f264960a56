"""The commands, in a file for each kind; `cli.py` gathers them."""
