"""The list as a file to take away: CSV, GeoJSON or a workbook, each with what it is and what it does not mean on top.

No text of a file is ever calculated by a spreadsheet. Names in the GeoJSON are code, so that programs find them; the
words around the numbers are in the reviewer's language in all three.
"""

import csv
import hashlib
import io
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum

from openpyxl import Workbook
from openpyxl.utils import get_column_letter

from geodata import hexgrid
from riskmap.identity.access import Actor
from riskmap.ports import Store
from riskmap.public import reasons_text
from riskmap.public.council_export import BYTE_ORDER_MARK
from riskmap.review import hotspots
from riskmap.review.hotspots import Board, Choice, Place
from riskmap.spreadsheet import MOST_SIGNS_OF_TITLE, plain, text_cell
from riskmap.wording import Wording

COLUMNS = (
    "rank",
    "cell_id",
    "lat",
    "lng",
    "district_id",
    "district",
    "expected",
    "low",
    "high",
    "stability",
    "repeat_place",
    "severity",
    "reasons",
    "simulated",
)
"""Ends of the catalogue keys ``hotspots.column.*``."""
WIDTHS = {"cell_id": 18, "district": 28, "district_id": 14, "reasons": 80}
DEFAULT_WIDTH = 13
Value = str | int | float | None


class Form(StrEnum):
    """What kind of file is asked for; also the end of its name."""

    CSV = "csv"
    GEOJSON = "geojson"
    XLSX = "xlsx"


MEDIA_TYPES = {
    Form.CSV: "text/csv; charset=utf-8",
    Form.GEOJSON: "application/geo+json",
    Form.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A file with its name and kind; ``content`` is None where nothing has been scored."""

    name: str
    media_type: str
    content: bytes | None


def export(
    store: Store, actor: Actor, territory: str, choice: Choice, *, form: Form, words: Wording, at: datetime
) -> Exported:
    """The hotspots of a choice as a file; ``hotspots_export`` in the audit log names its SHA-256.

    Raises
    ------
    NotAllowed, UnknownFilter, UnknownTerritoryName
        As `hotspots.look`.
    """
    board = hotspots.gather(store, actor, territory, choice)
    media_type = MEDIA_TYPES[form]
    if board is None:
        hotspots.note(store, actor, "hotspots_export", territory, {"run": "none", "form": form.value}, at=at)
        return Exported(name="", media_type=media_type, content=None)
    content = WRITERS[form](board, words)
    told = {"form": form.value, "language": words.language, "sha256": hashlib.sha256(content).hexdigest()}
    hotspots.note(store, actor, "hotspots_export", territory, {**board.asked, **told}, at=at)
    parts = ["hotspots", territory, board.choice.group, f"{board.horizon_days}d", board.run.as_of.isoformat()]
    if board.choice.district:
        parts.insert(2, "".join(sign if sign.isascii() and sign.isalnum() else "-" for sign in board.choice.district))
    simulated = ["simulated"] if board.territory.is_simulated else []
    return Exported(name=f"{'-'.join([*parts, *simulated])}.{form.value}", media_type=media_type, content=content)


def about(board: Board, words: Wording) -> list[str]:
    """What a file holds, of when, made how, and what it does not mean; one sentence or two in a line."""
    run, choice = board.run, board.choice
    place = board.territory.names.of(words.language)
    district = board.districts[choice.district].of(words.language) if choice.district else None
    start, end = board.period
    return [
        *([words.text("simulated.banner")] if board.territory.is_simulated else []),
        words.text("hotspots.about.title", place=place),
        words.text("hotspots.people"),
        words.text("hotspots.about.data", date_loc=words.date_locative(run.as_of), period=words.period(start, end)),
        words.text("hotspots.about.model", model=board.model, version=run.version, run=run.run_id),
        words.text(f"hotspots.served.{board.served}"),
        words.text(
            "hotspots.about.filter",
            group=words.text(f"group.{choice.group}"),
            district=district or words.text("hotspots.filter.all_districts"),
            days=board.horizon_days,
        ),
        words.text("hotspots.rule"),
        words.text("hotspots.rule.range"),
        words.text("hotspots.rule.stability"),
        words.text("hotspots.rule.repeat"),
        *severity_lines(board, words),
        words.text("reason.note"),
        words.text("hotspots.about.not"),
        words.text("hotspots.about.excluded"),
    ]


def severity_lines(board: Board, words: Wording) -> list[str]:
    """What the second index means and how much of the record it rests on; nothing where it is not shown."""
    if not board.has_severity:
        return []
    told = board.run.details["severity"]
    share = 100 * told["weighed"] / told["incidents"]
    return [words.text("hotspots.rule.severity", percent=words.number(share))]


def reasons(one: Place, words: Wording) -> list[str]:
    """Why a place has its expected number, a sentence or two each; nothing where the run does not say."""
    if one.reasons is None:
        return []
    told = reasons_text.of_cell(one.reasons, words)
    # The note that these are associations closes each list of the text, and stands once on top of a file.
    return list(told[:-1]) if one.reasons else list(told)


def as_csv(board: Board, words: Wording) -> bytes:
    """A line each of `about`, an empty one, the header, the places. Decimals have a point."""
    out = io.StringIO(newline="")
    out.write(BYTE_ORDER_MARK)
    writer = csv.writer(out)
    for line in about(board, words):
        writer.writerow([plain(line)])
    writer.writerow([])
    writer.writerow(_header(words))
    for row in _rows(board, words):
        writer.writerow([plain(value) if isinstance(value, str) else value for value in row])
    return out.getvalue().encode()


def as_workbook(board: Board, words: Wording) -> bytes:
    """A workbook of one sheet in the same order; numbers are numbers, every text is marked as text."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(title=_sheet_title(words))
    lines = about(board, words)
    for position, name in enumerate(COLUMNS):
        sheet.column_dimensions[get_column_letter(position + 1)].width = WIDTHS.get(name, DEFAULT_WIDTH)
    sheet.freeze_panes = f"A{len(lines) + 3}"
    for line in lines:
        sheet.append([text_cell(sheet, line)])
    sheet.append([])
    sheet.append([text_cell(sheet, name, is_bold=True) for name in _header(words)])
    for row in _rows(board, words):
        sheet.append([text_cell(sheet, value) if isinstance(value, str) else value for value in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def as_geojson(board: Board, words: Wording) -> bytes:
    """The hexagons as features; ``about`` and the run stand beside them."""
    run, (start, end) = board.run, board.period
    collection = {
        "type": "FeatureCollection",
        "about": about(board, words),
        "is_simulated": board.territory.is_simulated,
        "territory": board.territory.name,
        "as_of": run.as_of.isoformat(),
        "model": board.model,
        "model_version": run.version,
        "run_id": run.run_id,
        "offence_group": board.choice.group,
        "horizon_days": board.horizon_days,
        "period": {"from": start.isoformat(), "to": end.isoformat()},
        "features": [_feature(one, board, words) for one in board.hotspots],
    }
    return json.dumps(collection, ensure_ascii=False, separators=(",", ":")).encode()


WRITERS = {Form.CSV: as_csv, Form.GEOJSON: as_geojson, Form.XLSX: as_workbook}


def _header(words: Wording) -> list[str]:
    return [words.text(f"hotspots.column.{name}") for name in COLUMNS]


def _rows(board: Board, words: Wording) -> list[list[Value]]:
    simulated = _yes_or_no(board.territory.is_simulated, words)
    rows: list[list[Value]] = []
    for one in board.hotspots:
        lat, lng = hexgrid.centre(one.cell_id)
        rows.append(
            [
                one.rank,
                one.cell_id,
                round(lat, 5),
                round(lng, 5),
                one.district_id,
                board.districts[one.district_id].of(words.language),
                round(one.count.expected, 3),
                one.count.low,
                one.count.high,
                None if one.stability is None else round(one.stability, 3),
                _yes_or_no(one.is_repeat_place, words),
                _severity(one),
                " ".join(reasons(one, words)),
                simulated,
            ]
        )
    return rows


def _feature(one: Place, board: Board, words: Wording) -> dict[str, object]:
    ring = [[round(lng, 6), round(lat, 6)] for lat, lng in hexgrid.boundary(one.cell_id)]
    return {
        "type": "Feature",
        "id": one.cell_id,
        "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
        "properties": {
            "rank": one.rank,
            "cell_id": one.cell_id,
            "district_id": one.district_id,
            "district": board.districts[one.district_id].of(words.language),
            "expected_incidents": round(one.count.expected, 3),
            "low": one.count.low,
            "high": one.count.high,
            "stability": None if one.stability is None else round(one.stability, 3),
            "is_repeat_place": one.is_repeat_place,
            "severity_index": _severity(one),
            "reasons": None if one.reasons is None else [asdict(why) | {"effect": why.effect} for why in one.reasons],
            "reasons_text": reasons(one, words),
            "is_simulated": board.territory.is_simulated,
        },
    }


def _severity(one: Place) -> float | None:
    return None if one.severity is None else round(one.severity, 2)


def _yes_or_no(told: bool | None, words: Wording) -> str:
    return "" if told is None else words.text("hotspots.yes" if told else "hotspots.no")


def _sheet_title(words: Wording) -> str:
    return words.text("hotspots.title")[:MOST_SIGNS_OF_TITLE]
