"""What the page shows first: which run it is, four numbers, and the most important findings."""
