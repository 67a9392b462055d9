"""The scan of a body's answer: a PDF as it came, or a picture drawn anew, for those who read casework.

A PDF is never opened here: its beginning, its end and its size are looked at, and it leaves only as a file to save.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import date

from riskmap.council.clocks import ANSWERS
from riskmap.errors import FieldFault, UnfitFields
from riskmap.photos import picture

FIELD = "scan"
STEPS = ANSWERS
"""Steps that a scan may come with."""
PDF, JPEG = "pdf", "jpg"
MEDIA_TYPES = {PDF: "application/pdf", JPEG: "image/jpeg"}
MEGABYTES = 8
MOST_BYTES = MEGABYTES * 1024 * 1024
_BEGINNINGS = (b"%PDF-1.", b"%PDF-2.")
_END, _WITHIN = b"%%EOF", 1024
"""The mark of a PDF's end stands in so many of its last bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanFile:
    """What is kept of a file that was sent."""

    content: bytes = field(repr=False)
    suffix: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """The scan of the answer in one step of a request; ``position`` counts its steps from 1."""

    territory: str
    request_number: int
    position: int
    sha256: str
    suffix: str
    size_bytes: int
    kept_on: date


def checked(sent: bytes) -> ScanFile:
    """The file, once it is a PDF or a picture that fits.

    Raises
    ------
    UnfitFields
    """
    if not sent:
        raise _unfit("photo_empty")
    if len(sent) > MOST_BYTES:
        raise _unfit("photo_large", limit=MEGABYTES)
    if sent.startswith(_BEGINNINGS):
        if _END not in sent[-_WITHIN:]:
            raise _unfit("scan_damaged")
        return ScanFile(content=sent, suffix=PDF)
    try:
        made = picture.cleaned(sent, name=FIELD)
    except UnfitFields as error:
        if any(fault.fault == "photo_kind" for fault in error.faults):
            raise _unfit("scan_kind") from error
        raise
    return ScanFile(content=made.content, suffix=JPEG)


def _unfit(fault: str, *, limit: int | None = None) -> UnfitFields:
    return UnfitFields((FieldFault(field=FIELD, fault=fault, limit=limit),))
