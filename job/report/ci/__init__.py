"""Writes what CI services and monitoring systems read about a run."""
