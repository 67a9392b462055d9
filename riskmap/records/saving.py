"""A record as a new file: nothing that is there is written over."""

from pathlib import Path

from riskmap import disk
from riskmap.documents import docx_file, pdf_file
from riskmap.documents.description import Document
from riskmap.errors import CannotWrite, InvalidOptions

WRITERS = {".docx": docx_file.docx_bytes, ".pdf": pdf_file.pdf_bytes}


def require_suffix(path: Path, *others: str) -> str:
    """The ending of a file name, once it is one that can be written.

    Raises
    ------
    InvalidOptions
        If it is none of .docx, .pdf and the others.
    """
    known = (*WRITERS, *others)
    suffix = path.suffix.lower()
    if suffix not in known:
        raise InvalidOptions(f"--out {path.name!r} ends with {path.suffix!r}; expected one of {', '.join(known)}.")
    return suffix


def document(path: Path, described: Document) -> None:
    """Write a document; errors as in `new_file`."""
    new_file(path, WRITERS[path.suffix.lower()](described))


def new_file(path: Path, content: bytes) -> None:
    """Write a file that is not there yet.

    Raises
    ------
    InvalidOptions
        If something of that name is there.
    CannotWrite
        If the folder cannot be written.
    """
    try:
        disk.write_synced(path, content)
    except FileExistsError as error:
        raise InvalidOptions(f"{path} is there already; expected a new file. Choose another --out name.") from error
    except OSError as error:
        raise CannotWrite(
            f"{path} cannot be written: {error.strerror or error}. Choose a folder that exists and that this user may "
            "write to."
        ) from error
