"""Splits a form with files (multipart/form-data, RFC 7578) into its parts."""

from email.message import Message

from job.serving.messages import bad_request


def read_files(content_type: str, body: bytes) -> list[bytes]:
    """Return the content of each file in a form, whatever its field is called; other fields are left out.

    Raises:
        HttpError: If the body is no such form, or has no file.
    """
    header = Message()
    header["Content-Type"] = content_type
    boundary = header.get_boundary("").encode("latin-1", errors="replace")
    parts = (b"\r\n" + body).split(b"\r\n--" + boundary)
    if not boundary or len(parts) < len(("before", "part", "after")) or not parts[-1].startswith(b"--"):
        raise bad_request("the body is not a complete form (multipart/form-data)")
    files = []
    for part in parts[1:-1]:
        head, separator, content = part.partition(b"\r\n\r\n")
        if separator and b"filename" in head.lower():
            files.append(content)
    if not files:
        raise bad_request('the form has no file; send one, as in `curl --form image=@photo.jpg` or <input type="file">')
    return files
