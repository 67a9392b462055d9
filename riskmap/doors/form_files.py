"""Fields of forms in which a file is chosen, and what is said where its file could not be kept."""

from collections.abc import Sequence

from riskmap.council.request import FieldKind
from riskmap.doors.form_fields import FormField, Typed
from riskmap.doors.visit import Visit
from riskmap.errors import FieldFault, UnfitFields
from riskmap.photos import picture, scan

PHOTOS = "image/jpeg,image/png,image/webp"
"""What browsers offer to choose; telephones turn their own kind into the first of them."""
SCANS = f"application/pdf,{PHOTOS}"


def photo_field(visit: Visit, typed: Typed, *, form_id: str, most: int) -> FormField:
    """The field of a photo, or of several; of a form that comes back it says that the file has to be chosen again."""
    help_text = " ".join(
        [
            visit.text("photo.help"),
            visit.text("photo.help.most", n=most) if most > 1 else "",
            visit.text("photo.help.size", n=picture.MEGABYTES),
        ]
    )
    return _field(visit, typed, picture.FIELD, form_id=form_id, help_text=help_text, accept=PHOTOS, is_many=most > 1)


def scan_field(visit: Visit, typed: Typed, *, form_id: str) -> FormField:
    """The field of the scan of a body's answer."""
    help_text = visit.text("scan.help", n=scan.MEGABYTES)
    return _field(visit, typed, scan.FIELD, form_id=form_id, help_text=help_text, accept=SCANS)


def require_whole(visit: Visit, name: str) -> None:
    """Refuse files that did not fit, before anything is decoded.

    Raises
    ------
    UnfitFields
    """
    if visit.is_cut:
        raise UnfitFields((FieldFault(field=name, fault="photo_large", limit=picture.MEGABYTES),))


def and_files(visit: Visit, written: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """What was written, with a word that chosen files are not kept."""
    again = [(visit.text("photo.file"), visit.text("photo.again"))] if visit.files or visit.is_cut else []
    return [*written, *again]


def _field(
    visit: Visit, typed: Typed, name: str, *, form_id: str, help_text: str, accept: str, is_many: bool = False
) -> FormField:
    fault = typed.fault(name, visit.words)
    if not fault and typed.values and visit.files:
        fault = visit.text("photo.again")
    return FormField(
        name=name,
        element_id=f"{form_id}-{name}",
        kind=FieldKind.LINE,
        label=visit.text(f"council.field.{name}"),
        help=help_text,
        fault=fault,
        accept=accept,
        is_many=is_many,
    )
