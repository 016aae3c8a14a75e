"""Images and labels: finding, downloading, reading and checking them."""
