"""Reading what a form sends, without taking in more than fits."""

from collections.abc import AsyncGenerator, Mapping
from urllib.parse import parse_qsl

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from riskmap.doors.refusals import BodyTooLarge, FileTooLarge, UnreadableForm

MOST_BYTES = 64 * 1024
SIGN_IN_BYTES = MOST_BYTES + 8 * 1024
"""Signing in may carry a whole form along, and the login besides."""
POURED_AWAY_BYTES = 4 * 1024 * 1024
"""A browser shows the answer only when it has sent everything; that much more is read and forgotten."""
MOST_FIELDS = 60
FILE_MEGABYTES = 8
FILE_BYTES = FILE_MEGABYTES * 1024 * 1024
"""A form with a file, everything together; who has more of it uses the command line."""
FORM = "application/x-www-form-urlencoded"
FORM_WITH_FILE = "multipart/form-data"


async def read(request: Request, *, most_bytes: int = MOST_BYTES) -> dict[str, str]:
    """The fields of a form; of a name that comes twice the last one.

    Raises
    ------
    BodyTooLarge
        If the body is larger than ``most_bytes``; no more than that is ever kept.
    UnreadableForm
        If it is no form, or has too many fields.
    """
    kept = await _body(request, most_bytes)
    if kept is None:
        raise BodyTooLarge(f"The form has more than {most_bytes} bytes; expected at most so many. Shorten the text.")
    if kept and _kind(request) != FORM:
        raise UnreadableForm(f"What was sent is no form; expected {FORM}. Send it from the page.")
    return _fields(kept)


async def read_with_file(request: Request, *, most_bytes: int = FILE_BYTES) -> tuple[dict[str, str], bytes | None]:
    """The fields of a form and the content of its one file; None where none was chosen.

    Nothing of the file reaches a disk here, and its name is not taken in.

    Raises
    ------
    FileTooLarge
        If the body is larger than ``most_bytes``; no more than that is ever kept.
    UnreadableForm
        If it is no such form, or has too many fields or files.
    """
    kept = await _body(request, most_bytes)
    if kept is None:
        raise FileTooLarge(f"The form has more than {most_bytes} bytes; expected at most so many. Send less at once.")
    if _kind(request) != FORM_WITH_FILE:
        raise UnreadableForm(f"What was sent is no form; expected {FORM_WITH_FILE}. Send it from the page.")

    async def pieces() -> AsyncGenerator[bytes, None]:
        yield kept

    parser = MultiPartParser(request.headers, pieces(), max_files=1, max_fields=MOST_FIELDS, max_part_size=MOST_BYTES)
    parser.spool_max_size = most_bytes + 1
    try:
        parts = await parser.parse()
    except (MultiPartException, ValueError) as error:
        raise UnreadableForm("The parts of the form cannot be told apart. Send it from the page.") from error
    fields = {name: text for name, text in parts.multi_items() if isinstance(text, str)}
    files = [part for _, part in parts.multi_items() if isinstance(part, UploadFile)]
    try:
        return fields, (await files[0].read() or None) if files else None
    finally:
        await parts.close()


async def _body(request: Request, most_bytes: int) -> bytes | None:
    """The whole body; None where it is larger than that."""
    kept, size = bytearray(), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most_bytes:
            kept.clear()
            if size > max(POURED_AWAY_BYTES, 2 * most_bytes):
                break
        else:
            kept += chunk
    return bytes(kept) if size <= most_bytes else None


def _kind(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


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
