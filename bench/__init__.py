"""Measures the job against other ways to train the same network; see `python -m bench --help`."""
