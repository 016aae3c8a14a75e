"""What the server accepts from its clients, so that none of them can exhaust it."""

MAX_CONNECTIONS = 2_048
MAX_HEAD_BYTES = 2**14
"""Target and headers of a request."""
MAX_BODY_BYTES = 2**24
MAX_JSON_BYTES = 5 * 2**20
"""256 images with 17 digits a pixel have less."""
MAX_BUFFERED_BYTES = 2**26
"""Bodies of all requests together."""
MAX_IMAGES = 256
"""Images in a request for predictions."""
MAX_PHOTOS = 16
"""Image files in a request for predictions."""
MAX_PIXELS = 50_000_000
"""Of an image file, in which few bytes can describe many pixels."""
MAX_WAITING = 256
"""Requests that wait for a thread."""

REQUEST_S = 30.0
"""From the first byte of a request to its last."""
IDLE_S = 75.0
"""From one request on a connection to the next."""
SEND_S = 30.0
"""For a client to take an answer."""
LINGER_S = 2.0
"""For a client to read an error before the connection closes, although it is still sending."""
QUEUE_S = 2.0
"""For a request to wait for a thread."""
DRAIN_S = 8.0
"""For what is under way when the server is told to stop."""
