"""Undoes the compression of a body."""

import zlib
from dataclasses import replace
from http import HTTPStatus

from job.serving import limits
from job.serving.messages import HttpError, Request, bad_request

CODING = "content-encoding"


def decompress(request: Request) -> Request:
    """Return the request with the body as it was before its compression.

    Raises:
        HttpError: If the body is damaged, too large, or compressed in another way than with gzip or deflate.
    """
    coding = request.headers.get(CODING, "identity").strip().lower()
    if coding == "identity":
        return request
    if coding not in {"gzip", "deflate"}:
        text = f"Content-Encoding is {coding[:40]!r}, but must be gzip, deflate or identity"
        raise HttpError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, text)
    decoder = zlib.decompressobj(zlib.MAX_WBITS | 32)  # either of the two formats
    try:
        body = decoder.decompress(request.body, limits.MAX_BODY_BYTES + 1)
    except zlib.error as error:
        raise bad_request(f"the body is not in the format {coding}") from error
    if len(body) > limits.MAX_BODY_BYTES:
        text = f"the decompressed body has more than {limits.MAX_BODY_BYTES:,} bytes; send less at a time"
        raise HttpError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text)
    if not decoder.eof:
        raise bad_request("the compressed body is not complete")
    return replace(request, body=body)
