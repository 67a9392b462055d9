"""What is kept of a photo that somebody sent: its picture alone, drawn anew; no metadata, no name, nothing hidden.

The file is decoded within limits, turned upright, made smaller and encoded as JPEG again, so whatever else it carried
(place, moment and maker of the camera, a preview, a colour profile, another file behind the picture) does not survive.
"""

import hashlib
import io
import struct
import warnings
from contextlib import suppress
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import ClassVar

from PIL import Image, ImageOps, UnidentifiedImageError

from riskmap.errors import FieldFault, UnfitFields

FORMATS = ("JPEG", "PNG", "WEBP")
MEGABYTES = 8
MOST_BYTES = MEGABYTES * 1024 * 1024
"""Of a file as sent; counted before anything is decoded."""
MOST_PIXELS = 50_000_000
"""Of the file as sent; the cameras of telephones stay below. Counted from its head, before anything is decoded."""
LONGEST_SIDE = 1600
SHORTEST_SIDE = 64
"""Of the file as sent: less than that shows nothing."""
QUALITY = 82
FIELD = "photo"
_WHITE = (255, 255, 255)
_ONE_AT_A_TIME = Lock()
"""A large picture takes some 200 MB while it is decoded; of two at once the second one waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A JPEG of our own making and its size in pixels."""

    content: bytes = field(repr=False)
    width: int
    height: int
    suffix: ClassVar[str] = "jpg"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def cleaned(sent: bytes, *, name: str = FIELD) -> Picture:
    """The picture of a file that was sent, drawn anew; ``name`` is the field it came in.

    Raises
    ------
    UnfitFields
        If the file is empty, too large, no JPEG, PNG or WebP, incomplete, or has too many or too few pixels.
    """
    try:
        return _cleaned(sent)
    except UnfitFields as error:
        raise UnfitFields(tuple(replace(fault, field=name) for fault in error.faults)) from error


def _cleaned(sent: bytes) -> Picture:
    if not sent:
        raise _unfit("photo_empty")
    if len(sent) > MOST_BYTES:
        raise _unfit("photo_large", limit=MEGABYTES)
    try:
        with _ONE_AT_A_TIME, warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return _drawn_anew(sent)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _unfit("photo_pixels", limit=MOST_PIXELS // 1_000_000) from error
    except UnfitFields:  # said already, and a ValueError like those below
        raise
    except UnidentifiedImageError as error:
        raise _unfit("photo_kind") from error
    # What Pillow raises for a damaged file depends on the format and on the damage.
    except (OSError, ValueError, SyntaxError, IndexError, KeyError, EOFError, struct.error, MemoryError) as error:
        raise _unfit("photo_damaged") from error


def _drawn_anew(sent: bytes) -> Picture:
    with Image.open(io.BytesIO(sent), formats=FORMATS) as found:
        width, height = found.size
        if width * height > MOST_PIXELS:
            raise _unfit("photo_pixels", limit=MOST_PIXELS // 1_000_000)
        if min(width, height) < SHORTEST_SIDE:
            raise _unfit("photo_small", limit=SHORTEST_SIDE)
        # A JPEG is decoded at half, a quarter or an eighth of its size where that is still large enough.
        found.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
        found.load()
        # Which way is up stands in the metadata; where those are damaged, the picture stays as it lies.
        upright: Image.Image = found
        with suppress(OSError, ValueError, SyntaxError, IndexError, KeyError, EOFError, struct.error):
            upright = ImageOps.exif_transpose(found)
        upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        plain = _on_white(upright)
    made = io.BytesIO()
    plain.save(made, format="JPEG", quality=QUALITY, optimize=True)
    return Picture(content=made.getvalue(), width=plain.width, height=plain.height)


def _on_white(image: Image.Image) -> Image.Image:
    """The picture in three colours on a new sheet, which has nothing but its pixels."""
    sheet = Image.new("RGB", image.size, _WHITE)
    coloured = image.convert("RGBA") if image.has_transparency_data else image.convert("RGB")
    sheet.paste(coloured, mask=coloured if coloured.mode == "RGBA" else None)
    return sheet


def _unfit(fault: str, *, limit: int | None = None) -> UnfitFields:
    return UnfitFields((FieldFault(field=FIELD, fault=fault, limit=limit),))
