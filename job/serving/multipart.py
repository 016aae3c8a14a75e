"""Splits a form with files (multipart/form-data, RFC 7578) into its parts."""

import re
from email.message import Message
from http import HTTPStatus

from job.serving import limits
from job.serving.messages import HttpError, bad_request

FILE = re.compile(rb";\s*filename\*?\s*=", re.IGNORECASE)
"""What the headers of a file have, and those of other fields lack."""


def read_files(content_type: str, body: bytes) -> list[bytes]:
    """Return the content of each file in a form, whatever its field is called; other fields are left out.

    Raises:
        HttpError: If the body is no such form, has no file, or has too many parts.
    """
    header = Message()
    header["Content-Type"] = content_type
    boundary = header.get_boundary("").encode("latin-1", errors="replace")
    parts = (b"\r\n" + body).split(b"\r\n--" + boundary, limits.MAX_FORM_PARTS + 1)[1:]
    if len(parts) > limits.MAX_FORM_PARTS:
        text = f"the form may have at most {limits.MAX_FORM_PARTS} parts; send fewer at a time"
        raise HttpError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text)
    if not boundary or not parts or not parts.pop().startswith(b"--"):
        raise bad_request("the body is not a complete form (multipart/form-data)")
    heads_and_contents = [part.partition(b"\r\n\r\n") for part in parts]
    files = [content for head, separator, content in heads_and_contents if separator and FILE.search(head)]
    if not files:
        raise bad_request('the form has no file; send one, as in `curl --form image=@photo.jpg` or <input type="file">')
    return files
