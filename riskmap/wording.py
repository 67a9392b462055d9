"""Every text a person reads, in Kazakh, Russian and English, with numbers and dates written the local way.

Catalogues are gettext files, ``locale/<language>/LC_MESSAGES/riskmap.po``, with keys such as ``class.1.long`` as
msgid. They are compiled into memory when a language is first asked for; nothing compiled is kept on disk. There is no
silent fallback: a key that is missing, or a placeholder left without a value, is an error at once.
"""

import datetime
import gettext
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import NoReturn

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from riskmap.errors import RiskMapError

LANGUAGES = ("kk", "ru", "en")
DEFAULT_LANGUAGE = "kk"

NO_BREAK_SPACE = "\u00a0"
EN_DASH = "\u2013"
MINUS = "\u2212"

Value = str | int | datetime.date

_LOCALE = Path(__file__).parent / "locale"
_MARKS = {"kk": (NO_BREAK_SPACE, ","), "ru": (NO_BREAK_SPACE, ","), "en": (",", ".")}
_KAZAKH_MONTHS_IN = (
    "қаңтардағы",
    "ақпандағы",
    "наурыздағы",
    "сәуірдегі",
    "мамырдағы",
    "маусымдағы",
    "шілдедегі",
    "тамыздағы",
    "қыркүйектегі",
    "қазандағы",
    "қарашадағы",
    "желтоқсандағы",
)


class UnknownText(RiskMapError, LookupError):
    """No text of this key stands in the catalogue of a language."""


@dataclass(frozen=True, slots=True)
class Wording:
    """Texts, numbers and dates of one language; use the shared one of `in_language`.

    Raises
    ------
    ValueError
        If the language is none of `LANGUAGES`.
    """

    language: str

    def __post_init__(self) -> None:
        if self.language not in LANGUAGES:
            raise ValueError(f"There are no texts in {self.language!r}; there are in {', '.join(LANGUAGES)}.")

    def text(self, key: str, /, **values: Value) -> str:
        """The text of ``key`` with its placeholders filled.

        A text is put in as it is, a whole number as `number` writes it (a ``year`` without grouping), a day as
        `date`. Values the text has no placeholder for are ignored.

        Raises
        ------
        UnknownText
            If the catalogue has no such key.
        TypeError
            If a placeholder has no value, or a value is of another type.
        """
        return self._filled(key, _catalogue(self.language).gettext(key), values)

    def plural(self, key: str, n: int, /, **values: Value) -> str:
        """The form of ``key`` that goes with ``n``, which also fills the placeholder ``n``; errors as in `text`."""
        return self._filled(key, _catalogue(self.language).ngettext(key, key, n), {"n": n, **values})

    def number(self, x: float, digits: int = 0) -> str:
        """A number with ``digits`` decimals and grouped thousands: 12 345,6 in kk and ru, 12,345.6 in en.

        Raises
        ------
        ValueError
            If ``x`` is not finite; say in words that there is no number.
        """
        if not math.isfinite(x):
            raise ValueError(f"{x} cannot be written as a number; use a text that says there is none.")
        grouping, decimal = _MARKS[self.language]
        whole, _, decimals = f"{abs(x):,.{digits}f}".partition(".")
        written = whole.replace(",", grouping) + (decimal + decimals if decimals else "")
        is_below_zero = x < 0 and any(digit in "123456789" for digit in written)
        return MINUS + written if is_below_zero else written

    def range(self, lo: float, hi: float, digits: int = 0) -> str:
        """Two numbers with an en dash and no spaces between them: 11–28."""
        return f"{self.number(lo, digits)}{EN_DASH}{self.number(hi, digits)}"

    def date(self, d: datetime.date) -> str:
        """A day as dd.mm.yyyy, in all three languages."""
        return f"{d.day:02}.{d.month:02}.{d.year:04}"

    def date_locative(self, d: datetime.date) -> str:
        """A day as it stands in "data as of": «2026 жылғы 1 шілдедегі» in kk, as `date` in ru and en."""
        if self.language == "kk":
            return f"{d.year} жылғы {d.day} {_KAZAKH_MONTHS_IN[d.month - 1]}"
        return self.date(d)

    def first_and_last_day(self, start: datetime.date, end_exclusive: datetime.date) -> tuple[str, str]:
        """First and last day of a half-open period, both as `date`.

        Raises
        ------
        ValueError
            If the period holds no day.
        """
        if end_exclusive <= start:
            raise ValueError(f"The period from {start} to before {end_exclusive} holds no day.")
        return self.date(start), self.date(end_exclusive - datetime.timedelta(days=1))

    def period(self, start: datetime.date, end_exclusive: datetime.date) -> str:
        """A half-open period by its first and last day: 01.10.2025–30.09.2026; a single day stands alone."""
        first, last = self.first_and_last_day(start, end_exclusive)
        return first if first == last else f"{first}{EN_DASH}{last}"

    def _filled(self, key: str, template: str, values: Mapping[str, Value]) -> str:
        written = {name: self._written(key, name, value) for name, value in values.items()}
        try:
            return template.format_map(written)
        except KeyError as missing:
            raise TypeError(
                f"The text {key!r} needs a value for {{{missing.args[0]}}}; given: {', '.join(values) or 'none'}."
            ) from None

    def _written(self, key: str, name: str, value: Value) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, datetime.date):
            return self.date(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value) if name == "year" else self.number(value)
        raise TypeError(
            f"The text {key!r} got {value!r} for {{{name}}}; give a text, a whole number or a day "
            "(a fraction through number())."
        )


@cache
def in_language(language: str) -> Wording:
    """The texts of a language; its catalogue is read once, however often they are asked for."""
    return Wording(language)


def language_or_default(text: str | None) -> str:
    """The language meant by a code such as ``ru`` or ``ru-KZ`` from an address or a browser; Kazakh if none is."""
    code = (text or "").strip().lower().replace("_", "-").partition("-")[0]
    return code if code in LANGUAGES else DEFAULT_LANGUAGE


class _NothingElse(gettext.NullTranslations):
    """Ends the search for a text with an error, where gettext would show the key itself."""

    def __init__(self, language: str) -> None:
        super().__init__()
        self._language = language

    def gettext(self, message: str) -> NoReturn:
        raise UnknownText(
            f"There is no text {message!r} in {self._language}. Add it to locale/<language>/LC_MESSAGES/riskmap.po "
            "in all three languages."
        )

    def ngettext(self, msgid1: str, _msgid2: str, _n: int) -> NoReturn:
        self.gettext(msgid1)


@cache
def _catalogue(language: str) -> gettext.GNUTranslations:
    with (_LOCALE / language / "LC_MESSAGES" / "riskmap.po").open("rb") as file:
        texts = read_po(file, locale=language, abort_invalid=True)
    compiled = BytesIO()
    write_mo(compiled, texts)
    compiled.seek(0)
    catalogue = gettext.GNUTranslations(compiled)
    catalogue.add_fallback(_NothingElse(language))
    return catalogue
