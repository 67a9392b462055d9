"""One case of the corpus of hostile and broken files, and the rows of a sound table to spoil."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

HEADER = "occurred_at,category,lat,lng"
CATEGORIES = ("theft", "robbery", "fraud", "hooliganism")

REPORTED = "reported"
"""The file is taken in; every row is accounted for."""
EITHER = "either"
"""Refused or taken in, as chance has it (a file that changes while it is read)."""
UNREADABLE, COLUMNS = "unreadable_file", "unexpected_columns"
ELSEWHERE, CATEGORY = "territory_does_not_fit", "unknown_categories"
LAYOUT = "invalid_mapping"
"""The refusals, as ``--json`` names them."""

Make = Callable[[Path, random.Random], Path]
"""Writes a file into a folder and says where; the random numbers are the case's own and the same in every run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A file and what has to become of it.

    ``outcome`` is `REPORTED`, `EITHER` or the refusal. ``meanwhile`` is done to the file over and over while it is
    read. Where ``is_layout``, the file is given with ``--mapping`` beside a sound table.
    """

    family: str
    name: str
    make: Make
    outcome: str
    meanwhile: Callable[[Path], None] | None = None
    is_layout: bool = False

    def __str__(self) -> str:
        return f"{self.family}: {self.name}"

    def write(self, folder: Path) -> Path:
        """Write the file into an empty folder."""
        return self.make(folder, random.Random(str(self)))


def of_bytes(content: bytes | Callable[[random.Random], bytes], file_name: str = "delivery.csv") -> Make:
    """Writes these bytes."""

    def make(folder: Path, chance: random.Random) -> Path:
        path = folder / file_name
        path.write_bytes(content(chance) if callable(content) else content)
        return path

    return make


def of_text(text: str, file_name: str = "delivery.csv") -> Make:
    """Writes this text in UTF-8."""
    return of_bytes(text.encode("utf-8", "surrogatepass"), file_name)


def later(build: Callable[[], Make]) -> Make:
    """Writes a file whose content is large and is made only when it is needed."""

    def make(folder: Path, chance: random.Random) -> Path:
        return build()(folder, chance)

    return make


def sound_rows(count: int, *, seed: int = 20261123) -> Iterator[str]:
    """Rows of a table that nothing is wrong with, in and about Almaty; no two are one incident."""
    chance = random.Random(seed)
    for number in range(count):
        moment = (
            f"2026-{1 + number // 672 % 9:02}-{1 + number // 24 % 28:02} {number % 24:02}:{chance.randrange(60):02}"
        )
        at = f"{43.15 + chance.random() / 5:.6f},{76.8 + chance.random() / 5:.6f}"
        yield f"{moment},{CATEGORIES[number % 4]},{at}"


def table(*rows: str, header: str = HEADER, sound: int = 3, end: str = "\n") -> str:
    """A delimited text: header, some sound rows, then the rows given."""
    return end.join([header, *sound_rows(sound), *rows]) + end


def spoilt(whole: bytes, chance: random.Random) -> bytes:
    """The bytes with about one in 400 changed by chance, but not the first and last four."""
    content = bytearray(whole)
    for _ in range(1 + len(content) // 400):
        content[chance.randrange(4, len(content) - 4)] = chance.randrange(256)
    return bytes(content)


def cut_off(share: int) -> Callable[[bytes, random.Random], bytes]:
    """Cuts bytes off after so many percent."""

    def cut(whole: bytes, _: random.Random) -> bytes:
        return whole[: len(whole) * share // 100]

    return cut


def one_of_each(family: str, cases: dict[str, tuple[Make, str]]) -> list[Case]:
    """Cases of a family by their names."""
    return [Case(family=family, name=name, make=make, outcome=outcome) for name, (make, outcome) in cases.items()]
