"""Receipts of marks: 16 digits, the last of which tells a mistyped number from an unknown one, and a picture of them.

A receipt comes from the key of its form, so a form sent twice shows the same one. Of a receipt only a slow, keyed hash
is kept: neither the database nor the database with the installation's key gives the numbers back in a lifetime.
"""

import hashlib
import hmac

import segno

DIGITS = 16
_DAMM = (
    "0317598642",
    "7092154863",
    "4206871359",
    "1750983426",
    "6123045978",
    "3674209581",
    "5869720134",
    "8945362017",
    "9438617205",
    "2581436790",
)
"""Damm (2004), Total anti-symmetrische Quasigruppen: finds every single wrong digit and every swap of neighbours."""
_COST, _BLOCK, _LANES = 2**12, 8, 1
"""Of scrypt: about 10 ms and 4 MB for each attempt."""


def check_digit(digits: str) -> str:
    """The digit that completes a number.

    Examples
    --------
    >>> check_digit("572")
    '4'
    """
    interim = 0
    for digit in digits:
        interim = int(_DAMM[interim][int(digit)])
    return str(interim)


def of_form(secret: bytes, key: str) -> str:
    """The receipt of a form by its idempotency key."""
    digest = hmac.new(secret, f"mark receipt:{key}".encode(), hashlib.sha256).digest()
    digits = f"{int.from_bytes(digest) % 10 ** (DIGITS - 1):0{DIGITS - 1}d}"
    return digits + check_digit(digits)


def read(text: str) -> str | None:
    """The digits of a typed receipt, however they are spaced; None where they are none of ours or mistyped.

    Examples
    --------
    >>> read("1234 5678 9012 3456") is None
    True
    """
    digits = "".join(text.replace("-", " ").split())
    is_number = len(digits) == DIGITS and digits.isascii() and digits.isdecimal()
    return digits if is_number and check_digit(digits) == "0" else None


def kept_hash(secret: bytes, receipt: str) -> str:
    """What is kept of a receipt."""
    salt = hmac.new(secret, b"kept mark receipt", hashlib.sha256).digest()
    return hashlib.scrypt(receipt.encode(), salt=salt, n=_COST, r=_BLOCK, p=_LANES, dklen=32).hex()


def spaced(receipt: str) -> str:
    """A receipt as people read it, in fours."""
    return " ".join(receipt[at : at + 4] for at in range(0, len(receipt), 4))


def picture(text: str) -> str:
    """A text, and nothing else, as a QR code: an SVG element to stand inside a page. For a mark, its digits alone."""
    code = segno.make_qr(text, error="m")
    return str(code.svg_inline(border=4, omitsize=True, dark="#000", light="#fff", svgclass=None, lineclass=None))
