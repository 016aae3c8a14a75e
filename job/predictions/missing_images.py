"""Warns if a table seems to have images, but the report has none."""

from job.log import log
from job.predictions.parts import Parts, are_pictures
from job.predictions.roles import find_role
from job.text import IMAGE_KINDS


def warn_of_unread_images(parts: Parts) -> None:
    """Warn if the table of predictions seems to have images that are not read, and say why."""
    if parts.id is not None and (are_named := are_pictures(parts.id)).any():
        row = int(are_named.argmin())
        place = parts.place(row, "id")
        log.warning("%s: %s is not a %s file, so the report has no images", place, parts.id[row], IMAGE_KINDS)
        return
    for name, values in parts.table.columns.items():
        if find_role(name) or values.shape[:1] != (parts.n,):
            continue
        if values.ndim == 1 and are_pictures(values).all():
            log.warning("%s: column %s seems to name pictures; to show them, rename it to path", parts.table.name, name)
            return
        if values.ndim in {3, 4}:
            log.warning("%s: if its array %s has the images, rename it to images", parts.table.name, name)
            return
