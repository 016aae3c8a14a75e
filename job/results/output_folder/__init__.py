"""Writing into the output folder: all files or none."""
