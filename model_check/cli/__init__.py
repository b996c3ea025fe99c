"""The command line: one module for each command, thin; what they share is in `common.py`."""
