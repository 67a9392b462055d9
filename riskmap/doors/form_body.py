"""Reading what a form sends, without taking in more than fits."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request

from riskmap.doors.refusals import BodyTooLarge, UnreadableForm

MOST_BYTES = 64 * 1024
SIGN_IN_BYTES = MOST_BYTES + 8 * 1024
"""Signing in may carry a whole form along, and the login besides."""
POURED_AWAY_BYTES = 4 * 1024 * 1024
"""A browser shows the answer only when it has sent everything; that much more is read and forgotten."""
MOST_FIELDS = 60
FORM = "application/x-www-form-urlencoded"


async def read(request: Request, *, most_bytes: int = MOST_BYTES) -> dict[str, str]:
    """The fields of a form; of a name that comes twice the last one.

    Raises
    ------
    BodyTooLarge
        If the body is larger than ``most_bytes``; no more than that is ever kept.
    UnreadableForm
        If it is no form, or has too many fields.
    """
    kept, size = bytearray(), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most_bytes:
            kept.clear()
            if size > POURED_AWAY_BYTES:
                break
        else:
            kept += chunk
    if size > most_bytes:
        raise BodyTooLarge(f"The form has more than {most_bytes} bytes; expected at most so many. Shorten the text.")
    if kept and request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise UnreadableForm(f"What was sent is no form; expected {FORM}. Send it from the page.")
    return _fields(bytes(kept))


def _fields(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            body.decode("utf-8", errors="replace"),
            keep_blank_values=True,
            max_num_fields=MOST_FIELDS,
            errors="replace",
        )
    except ValueError as error:
        raise UnreadableForm(f"The form has more than {MOST_FIELDS} fields. Send it from the page.") from error
    return dict(pairs)


def chosen(form: Mapping[str, str], *names: str) -> dict[str, str]:
    """Those of the named fields that the form has."""
    return {name: form[name] for name in names if name in form}
