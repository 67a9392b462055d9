"""Reading what a form sends, without taking in more than fits."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl

from python_multipart.multipart import parse_options_header
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
MOST_FILES = 20
"""A form with more is not taken apart; how many of them are wanted, its use case says."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What a form sent: fields, and contents of the files that were chosen.

    ``is_cut`` says that more came than fits: fields that stand before the files are there, some files are not.
    """

    fields: dict[str, str] = field(default_factory=dict)
    files: tuple[bytes, ...] = field(default=(), repr=False)
    is_cut: bool = False


async def read_with_file(request: Request, *, most_bytes: int = FILE_BYTES) -> Body:
    """The fields of a form and the content of its one file; none where none was chosen.

    Nothing of the file reaches a disk here, and its name is not taken in.

    Raises
    ------
    FileTooLarge
        If the body is larger than ``most_bytes``; no more than that is ever kept.
    UnreadableForm
        If it is no such form, or has too many fields or files.
    """
    kept, is_whole = await _beginning(request, most_bytes)
    if not is_whole:
        raise FileTooLarge(f"The form has more than {most_bytes} bytes; expected at most so many. Send less at once.")
    if _kind(request) != FORM_WITH_FILE:
        raise UnreadableForm(f"What was sent is no form; expected {FORM_WITH_FILE}. Send it from the page.")
    return await _parts(request, kept, most_files=1)


async def read_with_photos(request: Request, *, most_bytes: int) -> Body:
    """A form that may have files: of one that is too large its fields are kept, so that nothing written is lost.

    A form without files, which is sent on after signing in, is read like any other.

    Raises
    ------
    BodyTooLarge
        If a form without files has more than `MOST_BYTES`.
    UnreadableForm
        If it is no form, or has too many fields or files.
    """
    if _kind(request) != FORM_WITH_FILE:
        return Body(fields=await read(request))
    kept, is_whole = await _beginning(request, most_bytes)
    if not is_whole:
        # Ended where it was cut, so that what stands before can be told apart.
        _, told = parse_options_header(request.headers["content-type"])
        kept += b"\r\n--" + told.get(b"boundary", b"") + b"--\r\n"
    return replace(await _parts(request, kept, most_files=MOST_FILES), is_cut=not is_whole)


async def _parts(request: Request, kept: bytes, *, most_files: int) -> Body:
    async def pieces() -> AsyncGenerator[bytes, None]:
        yield kept

    parser = MultiPartParser(
        request.headers, pieces(), max_files=most_files, max_fields=MOST_FIELDS, max_part_size=MOST_BYTES
    )
    parser.spool_max_size = len(kept) + 1
    try:
        parts = await parser.parse()
    except (MultiPartException, ValueError) as error:
        raise UnreadableForm("The parts of the form cannot be told apart. Send it from the page.") from error
    try:
        files = [(part, await part.read()) for _, part in parts.multi_items() if isinstance(part, UploadFile)]
    finally:
        await parts.close()
    return Body(
        fields={name: text for name, text in parts.multi_items() if isinstance(text, str)},
        # A field of a file in which none was chosen comes without a name and empty.
        files=tuple(content for part, content in files if part.filename or content),
    )


async def _body(request: Request, most_bytes: int) -> bytes | None:
    """The whole body; None where it is larger than that."""
    kept, is_whole = await _beginning(request, most_bytes)
    return kept if is_whole else None


async def _beginning(request: Request, most_bytes: int) -> tuple[bytes, bool]:
    """The body up to so many bytes, and whether that is all of it."""
    kept, size = bytearray(), 0
    async for chunk in request.stream():
        kept += chunk[: max(0, most_bytes - size)]
        size += len(chunk)
        if size > max(POURED_AWAY_BYTES, 2 * most_bytes):
            break
    return bytes(kept), size <= most_bytes


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
