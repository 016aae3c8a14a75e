"""What the server accepts from its clients, so that none of them can exhaust it."""

MAX_CONNECTIONS = 2_048
MAX_HEAD_BYTES = 2**14
"""Target and headers of a request."""
MAX_BODY_BYTES = 2**24
MAX_JSON_BYTES = 5 * 2**20
"""256 images with 17 digits a pixel have less."""
MAX_JSON_COMMAS = 2**18
"""256 images have 200,703; a short element of a list may need 50 times its text in memory."""
MAX_BUFFERED_BYTES = 2**26
"""Bodies of all requests together."""
MAX_IMAGES = 256
"""Images in a request for predictions."""
MAX_PHOTOS = 16
"""Image files in a request for predictions."""
MAX_FORM_PARTS = 64
"""Fields and image files in a form."""
MAX_PIXELS = 50_000_000
"""Pixels of all image files in a request; few bytes can describe many."""
MAX_WAITING = 256
"""Requests that wait for a thread."""

REQUEST_S = 30.0
"""Time from the first byte of a request to its last."""
IDLE_S = 75.0
"""Time from one request on a connection to the next."""
SEND_S = 30.0
"""Time for a client to read an answer."""
LINGER_S = 2.0
"""Time for a client to read an error before the connection closes; it may still be sending."""
QUEUE_S = 2.0
"""Time in which a request may wait for a thread."""
DRAIN_S = 8.0
"""Time for the requests that are under way when the server is told to stop."""
