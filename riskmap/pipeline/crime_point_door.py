"""The door of the crime-point service: what of a record may be kept, and in which form.

Case number and record id become keyed hashes. Of the other fields only values of the shape the layout documents pass,
so that a name or a number typed into a code goes no further. Streets, house numbers, internal ids and free text have no
column here at all.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from geodata.pseudonym import keyed_hash

COLUMNS = (
    *("record_hash", "case_hash", "crime_code", "stat", "hard_code", "transgression", "dat_sover_str", "dat_vozb_str"),
    *("reg_code", "city_code", "fe1r29p1_id", "discontinued", "lng", "lat"),
)
"""Columns of a kept record, all text."""

_CODE = re.compile(r"[0-9]{1,8}")
_PIECES = re.compile(r"[0-9]+|[^\W\d_]+|\s+|[^\s]")
_WORDS_OF_ARTICLES = frozenset(
    {
        *("ст", "статья", "ч", "часть", "п", "пп", "пункт", "прим", "ук", "рк"),
        *("бап", "бабы", "бөлік", "бөлігі", "тармақ", "тармағы", "қк", "қр"),
    }
)
_SIGNS_OF_ARTICLES = ".,;()№–-/"
_MOMENT = re.compile(r"[0-9]{1,2}[./-][0-9]{1,2}[./-][0-9]{4}(?:[ T][0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?)?")
_FLAG = re.compile(r"-?[0-9]{1,4}")
_LONGEST = 50
_NO_ID = re.compile(r"[{}0-]*")


def through_the_door(records: Sequence[Mapping[str, Any]], key: bytes) -> tuple[pl.DataFrame, Counter[str]]:
    """Records as they may be kept, and how many values of each field were not of its shape.

    A record without an id of its own is known by case, article and time. Where ``dat_sover_str`` is missing, it is
    written from ``dat_sover``: local wall time as if it were UTC, so no zone is added.
    """
    unfit: Counter[str] = Counter()
    rows = []
    for record in records:
        fit = {name: _fit(record.get(name), is_fit, name, unfit) for name, is_fit in _SHAPES.items()}
        fit["dat_sover_str"] = fit["dat_sover_str"] or _wall_time(record.get("dat_sover"), "%d.%m.%Y %H:%M")
        fit["dat_vozb_str"] = _wall_time(record.get("dat_vozb"), "%d.%m.%Y")
        case, own = (_text(record.get(name)) for name in ("ud", "globalid"))
        told = own
        if _NO_ID.fullmatch(own):
            parts = (case, fit["stat"], fit["dat_sover_str"], None if case else record["object_id"])
            told = "\x1f".join(_text(part) for part in parts)
        lng, lat = _point(record.get("x"), record.get("y"))
        rows.append({**fit, "case_hash": case or None, "record_hash": f"record\x1f{told}", "lng": lng, "lat": lat})
    frame = pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String))
    return frame.with_columns(keyed_hash(frame["record_hash"], key), keyed_hash(frame["case_hash"], key)).select(
        COLUMNS
    ), unfit


def _is_article(text: str) -> bool:
    """Whether a text consists of short numbers, single letters and the words with which articles are cited."""
    return all(
        (len(piece) == 1 and (piece.isalnum() or piece in _SIGNS_OF_ARTICLES))
        or piece.isspace()
        or (piece.isdecimal() and len(piece) <= 4)
        or piece.lower() in _WORDS_OF_ARTICLES
        for piece in _PIECES.findall(text)
    )


_SHAPES: Mapping[str, Callable[[str], object]] = {
    "crime_code": _CODE.fullmatch,
    "stat": _is_article,
    "hard_code": _CODE.fullmatch,
    "transgression": _CODE.fullmatch,
    "dat_sover_str": _MOMENT.fullmatch,
    "reg_code": _CODE.fullmatch,
    "city_code": _CODE.fullmatch,
    "fe1r29p1_id": _CODE.fullmatch,
    "discontinued": _FLAG.fullmatch,
}
"""What a value of each field may look like."""


def _fit(value: object, is_fit: Callable[[str], object], name: str, unfit: Counter[str]) -> str | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = "" if value is None or isinstance(value, bool) else str(value).strip()
    if not text:
        return None
    if len(text) > _LONGEST or not is_fit(text):
        unfit[name] += 1
        return None
    return text


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _wall_time(value: object, pattern: str) -> str | None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        return None
    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=value)).strftime(pattern)
    except OverflowError:
        return None


def _point(x: object, y: object) -> tuple[str | None, str | None]:
    """Longitude and latitude in degrees as text; both missing where one is."""
    told = [float(one) for one in (x, y) if isinstance(one, int | float) and not isinstance(one, bool)]
    if len(told) < 2 or not all(map(math.isfinite, told)):
        return None, None
    return f"{told[0]:.6f}", f"{told[1]:.6f}"
