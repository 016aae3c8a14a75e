"""Writes all files or none into the output folder."""
