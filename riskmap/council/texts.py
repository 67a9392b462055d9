"""What people write: cleaned when it comes in, and looked through for personal details before it is published.

Cleaning is about signs nobody sees. Escaping is the business of whoever shows a text, not of whoever keeps it.
"""

import re
import unicodedata

_LINE_BREAKS = re.compile(r"\r\n?|[\u0085\u2028\u2029\v\f]")
_KEPT_CONTROLS = "\n\t"
_KEPT_FORMATS = "\u200c\u200d"
"""Joiners that some scripts and combined signs need."""
_BLANK_LINES = re.compile(r"\n{3,}")

PERSONAL_DETAILS = {
    "e_mail": re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"),
    "iin": re.compile(r"(?<!\d)\d{12}(?!\d)"),
    "phone": re.compile(r"(?<!\d)(?:\+?7|8)[\s()-]*7?\d{2}(?:[\s()-]*\d){7}(?!\d)"),
    "card": re.compile(r"(?<!\d)(?:\d{4}[ -]?){3}\d{4}(?!\d)"),
    "flat": re.compile(
        r"(?i)\b(?:кв(?:артир[аыуе])?\.?|пәт(?:ер(?:і|дің)?)?\.?|apartment|apt\.?|flat)\s*(?:№\s*)?\d+|\b\d+\s*-?\s*пәтер"
    ),
}
"""Details that point at one person or one home, by the name used in ``council.fault.holds_*``."""


def clean(text: str, *, is_line: bool = False) -> str:
    """Text in one Unicode form without unseen signs (controls, direction overrides), trimmed; a line has no breaks.

    Examples
    --------
    >>> clean("  Lamp \\u202eno\\x00t lit  ")
    'Lamp not lit'
    >>> clean("one\\r\\ntwo", is_line=True)
    'one two'
    """
    text = unicodedata.normalize("NFC", _LINE_BREAKS.sub("\n", text))
    kept = (sign for sign in text if sign in _KEPT_CONTROLS or sign in _KEPT_FORMATS or not _is_unseen(sign))
    lines = ("".join(kept)).split("\n")
    if is_line:
        return " ".join(" ".join(lines).split())
    return _BLANK_LINES.sub("\n\n", "\n".join(line.rstrip() for line in lines)).strip()


def personal_details(text: str) -> list[str]:
    """Names of the kinds of personal detail that a text seems to hold.

    Examples
    --------
    >>> personal_details("Call +7 701 123 45 67")
    ['phone']
    >>> personal_details("12 lamps on 8 poles, 2026-10-31")
    []
    """
    return [name for name, pattern in PERSONAL_DETAILS.items() if pattern.search(text)]


def _is_unseen(sign: str) -> bool:
    # Controls, formats such as direction overrides, lone surrogates, private use, unassigned.
    return unicodedata.category(sign).startswith("C")
