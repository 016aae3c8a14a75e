"""The operating system around the job: signals, streams, temporary files, limits, and settings of other programs."""
