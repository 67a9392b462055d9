"""The secret of an installation: what turns case numbers into pseudonyms that nobody else can compute.

It lies beside the data, readable by its owner alone. Back it up apart from them; without it a record delivered again
is no longer known as the same.
"""

import secrets
from pathlib import Path

from riskmap.disk import writing_to
from riskmap.errors import DamagedStore

NAME = "installation.key"
_BYTES = 32


def load(data: Path) -> bytes:
    """The key, 32 bytes; it is made when it is first asked for.

    Raises
    ------
    CannotWrite
        If it has to be made and cannot.
    DamagedStore
        If the file is not a key: a new one would make every known record a stranger.
    """
    path = data / NAME
    if not path.exists():
        _make(path)
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        key = b""
    if len(key) != _BYTES:
        raise DamagedStore(
            f"{NAME} in the data folder cannot be read as a key; expected {2 * _BYTES} hexadecimal digits. Restore it "
            "from a backup."
        )
    return key


def _make(path: Path) -> None:
    """Two processes may start at once: the first file to be linked is the key of both."""
    beside = path.with_name(f".{NAME}.{secrets.token_hex(4)}")
    with writing_to(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.touch(mode=0o600)
        try:
            beside.write_text(secrets.token_hex(_BYTES) + "\n", encoding="ascii")
            path.hardlink_to(beside)
        except FileExistsError:
            pass
        finally:
            beside.unlink(missing_ok=True)
