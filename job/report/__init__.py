"""What is written about a run, for people and for machines."""
