"""A run as an object and as files."""
