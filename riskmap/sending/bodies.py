"""Which body is in charge of what: a table by kind of request and KATO code, the longest code first.

The table that comes with the program names the akimat and the police of each region, by general competence; a file of
the installation, ``bodies/TERRITORY.csv`` in its data folder, stands above it. It is a proposal in a form: the
secretary writes the name that goes out.
"""

import csv
import io
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from riskmap.council.request import CouncilRequest, RequestKind
from riskmap.errors import InvalidSetting

TABLE = Path(__file__).with_name("bodies.csv")
FOLDER = "bodies"
COLUMNS = ("kinds", "kato", "body_kk", "body_ru", "body_en", "source", "checked_on")


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A body in charge of kinds of requests where codes begin with ``kato``; everywhere where it is empty."""

    kinds: frozenset[RequestKind]
    kato: str
    names: tuple[str, str, str]
    """Its name in kk, ru and en."""
    source: str
    checked_on: str

    def name(self, language: str) -> str:
        return self.names[("kk", "ru", "en").index(language)]


def in_charge(data: Path, request: CouncilRequest) -> Body | None:
    """The body in charge of a request; None where no table names one.

    Raises
    ------
    InvalidSetting
        If the installation's own table cannot be read.
    """
    code = request.place.area_id if request.place.area_id.isdecimal() else ""
    own = data / FOLDER / f"{request.territory}.csv"
    for path in (own, TABLE):
        if not path.is_file():
            continue
        fitting = [
            one
            for one in read(path.read_text(encoding="utf-8-sig"), path.name)
            if request.kind in one.kinds and code.startswith(one.kato)
        ]
        if fitting:
            return max(fitting, key=lambda one: len(one.kato))
    return None


@lru_cache(maxsize=32)
def read(text: str, name: str) -> tuple[Body, ...]:
    """The rows of a table.

    Raises
    ------
    InvalidSetting
        If a column is missing, a kind is none of ours, a code is no number, or a name is empty or too long.
    """
    reader = csv.DictReader(io.StringIO(text))
    missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
    if missing:
        raise InvalidSetting(f"{name} has no column {', '.join(missing)}; expected {','.join(COLUMNS)}. Add it.")
    return tuple(_body(row, f"{name} line {reader.line_num}") for row in reader)


def _body(row: dict[str, str | None], where: str) -> Body:
    told = {column: (row.get(column) or "").strip() for column in COLUMNS}
    kinds = told["kinds"].split()
    known = [kind.value for kind in RequestKind]
    if not kinds or set(kinds) - set(known):
        raise InvalidSetting(f"{where}: kinds are {told['kinds']!r}; expected some of {' '.join(known)}. Correct it.")
    if told["kato"] and not (told["kato"].isascii() and told["kato"].isdecimal()):
        raise InvalidSetting(f"{where}: kato is {told['kato']!r}; expected the first digits of a code. Correct it.")
    names = (told["body_kk"], told["body_ru"], told["body_en"])
    if not all(0 < len(one) <= 200 for one in names):
        raise InvalidSetting(f"{where}: a name is empty or longer than 200 signs; expected three names. Correct it.")
    return Body(
        kinds=frozenset(map(RequestKind, kinds)),
        kato=told["kato"],
        names=names,
        source=told["source"],
        checked_on=told["checked_on"],
    )
