"""Images and labels: found, fetched, read and checked."""
