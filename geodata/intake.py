"""Raw rows → accepted incidents, quarantined rows with their faults, and records the publisher struck off.

Every row of a batch is accepted, quarantined or withdrawn; no column of the delivery but time, place, category and key
goes further. An incident's id does not depend on the delivery: a keyed hash of the source's own key if it has one,
else of time, place and offence group. Where the moment is known to the hour, rows equal in these are victims or
articles of one case and collapse; where it is known only to the day, the month or a window, or where there is no
place, equal rows are real and are numbered.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import polars as pl
import shapely

from geodata import hexgrid, timestamps
from geodata.column_names import PLACE_COLUMNS, TIME_COLUMNS
from geodata.columns import INCIDENTS, QUARANTINE
from geodata.criminal_code import ZONES_OF_THE_CODE
from geodata.faults import MEANINGS, Fault
from geodata.layout import Layout, Mapping, printable
from geodata.offences import DOMESTIC, MAPPABLE_CODES, UNCLASSIFIED, UNSPECIFIED, group_of
from geodata.pseudonym import keyed_hash
from geodata.region_index import RegionIndex
from geodata.sources import KEY_HASH, LINE, RAGGED, Source
from geodata.territory import WORKING_RESOLUTION

__all__ = ["MEANINGS", "Examined", "Fault", "Numbering", "Rules", "examine"]

EMPTY_CATEGORY = "(empty)"
"""Name under which rows without a category are counted."""

MOST_CODE = 200
"""Signs of a category that are kept; a longer text is none."""

_COLLAPSING = ("minute", "hour")
_TRUE_TEXTS = ("true", "t", "yes", "y", "1", "1.0", "да", "иә")
_FALSE_TEXTS = ("false", "f", "no", "n", "0", "0.0", "нет", "жоқ")
_LONG_NUMBER = r"[0-9]{6,}"
_FOUND_LENGTH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a delivery is held against.

    ``zone`` is the IANA zone of its clock; ``latest_day`` the local day of delivery, the last that may occur;
    ``outline`` is the territory (longitude first) or makes it, None where every place on Earth is taken; ``regions``
    are its regions, asked first;
    ``key`` the installation's secret, with which ids are made.
    """

    zone: str
    latest_day: date
    earliest_day: date = date(2000, 1, 1)
    outline: shapely.Geometry | Callable[[], shapely.Geometry] | None = None
    regions: RegionIndex | None = None
    mapping: Mapping | None = None
    key: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """One batch, sorted.

    ``accepted`` is declared in `INCIDENTS`, and ``is_keyed`` says which of its ids are of the source's own key;
    ``quarantined`` in `QUARANTINE`; ``withdrawn`` rows of the batch said that their record was struck off, and
    ``struck`` holds the ids of those that can be told; ``unknown_categories`` how often each was met.
    """

    accepted: pl.DataFrame
    is_keyed: pl.Series
    quarantined: pl.DataFrame
    withdrawn: int
    struck: pl.Series
    unknown_categories: dict[str, int]


@dataclass(slots=True)
class Numbering:
    """How often each id was met in the batches so far."""

    _seen: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema={"key": pl.UInt64, "times": pl.Int64}))

    def number(self, ids: pl.Series) -> pl.Series:
        """How many equal ids came before each one."""
        key = pl.DataFrame({"key": ids.hash(seed=0)})
        here = key.with_columns(here=pl.int_range(pl.len()).over("key"))
        before = here.join(self._seen, on="key", how="left", maintain_order="left")
        counts = key.group_by("key").agg(times=pl.len().cast(pl.Int64))
        self._seen = pl.concat([self._seen, counts]).group_by("key").agg(pl.col("times").sum())
        return before["here"].cast(pl.Int64) + before["times"].fill_null(0)


def examine(batch: pl.DataFrame, source: Source, rules: Rules, numbering: Numbering | None = None) -> Examined:
    """Sort the rows of one batch; none is lost.

    Parameters
    ----------
    batch : a frame from ``source.batches()``
    numbering : carried from batch to batch of one delivery

    Returns
    -------
    Examined
        Accepted, quarantined and withdrawn rows are together as many as the batch has.
    """
    numbering = numbering or Numbering()
    times = source.windows(batch, rules.zone)
    places = source.places(batch, None if rules.regions else _outline(rules))
    cells = _cells(places)
    region_id, places = _regions(places, source, batch, rules)
    group, code = _offences(batch, source.layout, rules)
    fault = _first_fault(batch, times, places, rules)
    is_off = _is_withdrawn(batch, source.layout)
    own = _own_ids(batch, source, rules)

    is_usable = fault.is_null()
    told = pl.DataFrame(
        [
            times["occurred_from"],
            times["occurred_to"],
            times["occurred_on"],
            pl.Series("time_zone", [rules.zone], dtype=pl.String).new_from_index(0, batch.height),
            times["time_precision"],
            group,
            code,
            places["lat"],
            places["lng"],
            cells,
            region_id,
            batch[LINE],
            own.alias("own"),
        ]
    )
    is_standing = is_usable if is_off is None else is_usable & ~is_off
    accepted = told if is_standing.all() else told.filter(is_standing)
    is_keyed = accepted["own"].is_not_null()
    accepted = accepted.with_columns(incident_id=_ids(accepted, rules.key, numbering))
    struck, withdrawn = pl.Series("incident_id", [], dtype=pl.String), 0
    if is_off is not None:
        withdrawn = int(is_off.sum())
        off = told.filter(is_off & (is_usable | own.is_not_null()))
        struck = _ids(off, rules.key, None)
    is_faulty = ~is_usable if is_off is None else ~is_usable & ~is_off
    return Examined(
        accepted=INCIDENTS.checked(accepted),
        is_keyed=is_keyed,
        quarantined=QUARANTINE.checked(
            _quarantine(batch.filter(is_faulty), fault.filter(is_faulty), own.filter(is_faulty), source)
        ),
        withdrawn=withdrawn,
        struck=struck,
        unknown_categories=_unknown(accepted["offence_group"], accepted["offence_code"]) if source.has_category else {},
    )


def _outline(rules: Rules) -> shapely.Geometry | None:
    return rules.outline() if callable(rules.outline) else rules.outline


def _regions(places: pl.DataFrame, source: Source, batch: pl.DataFrame, rules: Rules) -> tuple[pl.Series, pl.DataFrame]:
    """Region of each place; the outline is asked only of places that no region holds."""
    if rules.regions is None:
        return pl.Series("region_id", [None], dtype=pl.String).new_from_index(0, places.height), places
    lat, lng = (places[name].to_numpy() for name in ("lat", "lng"))
    regions = rules.regions.region_of(lat, lng).alias("region_id")
    stray = regions.is_null() & (places["lat"].is_not_null() | places["fault"].is_not_null())
    if stray.any():
        judged = source.places(batch.filter(stray), _outline(rules))
        places = places.with_columns(fault=places["fault"].scatter(stray.arg_true(), judged["fault"]))
    return regions, places


def _is_withdrawn(batch: pl.DataFrame, layout: Layout) -> pl.Series | None:
    """Which rows say that their record was struck off; None where the file says nothing of the kind."""
    if "is_withdrawn" not in layout:
        return None
    said = timestamps.clean_text(batch[layout["is_withdrawn"]]).str.to_lowercase()
    return said.is_not_null() & ~said.is_in(_FALSE_TEXTS).fill_null(value=True)


def _first_fault(batch: pl.DataFrame, times: pl.DataFrame, places: pl.DataFrame, rules: Rules) -> pl.Series:
    day_after = datetime.combine(rules.latest_day + timedelta(days=1), datetime.min.time())
    end = timestamps.to_utc(pl.Series([day_after], dtype=pl.Datetime("us")), rules.zone)[0]
    is_late_end = (pl.col("time_precision") == "interval") & (pl.col("occurred_to") > end)
    return times.with_columns(ragged=batch[RAGGED], place_fault=places["fault"]).select(
        fault=pl.when(pl.col("ragged").is_not_null())
        .then(pl.lit(Fault.RAGGED_ROW.value))
        .when(pl.col("fault").is_not_null())
        .then("fault")
        .when(pl.col("occurred_on") < rules.earliest_day)
        .then(pl.lit(Fault.DATE_TOO_EARLY.value))
        .when((pl.col("occurred_on") > rules.latest_day) | is_late_end)
        .then(pl.lit(Fault.FUTURE_DATE.value))
        .otherwise("place_fault")
    )["fault"]


def _quarantine(rows: pl.DataFrame, fault: pl.Series, own: pl.Series, source: Source) -> pl.DataFrame:
    """The faulty rows with what was found in them, for the steward."""
    if rows.is_empty():
        return QUARANTINE.empty()
    time_columns = [source.layout[name] for name in TIME_COLUMNS if name in source.layout]
    place_columns = [source.layout[name] for name in PLACE_COLUMNS if name in source.layout]
    delivered = rows.drop(LINE, RAGGED, *source.hidden, strict=False)
    if source.hidden:
        delivered = delivered.with_columns(own.alias(KEY_HASH))
    as_json = json.JSONEncoder(ensure_ascii=False, default=str).encode
    found, kept = [], []
    for row, why, ragged in zip(delivered.iter_rows(named=True), fault, rows[RAGGED], strict=True):
        if why == Fault.RAGGED_ROW:
            found.append(printable(ragged, most=_FOUND_LENGTH))
            kept.append(as_json({RAGGED: ragged}))
            continue
        telling = place_columns if why.endswith("coordinates") or why == Fault.OUTSIDE_TERRITORY else time_columns
        said = ", ".join(f"{name} {'' if row[name] is None else row[name]}" for name in telling if name in row)
        found.append(printable(said, most=_FOUND_LENGTH))
        kept.append(as_json(row))
    return pl.DataFrame(
        [rows[LINE], fault.alias("fault"), pl.Series("found", found), pl.Series("row", kept)],
    )


def _offences(batch: pl.DataFrame, layout: Layout, rules: Rules) -> tuple[pl.Series, pl.Series]:
    """Offence group and category as delivered."""
    mapping = rules.mapping
    if "category" in layout:
        code = timestamps.clean_text(batch[layout["category"]])
        # The same number is another offence in another country's code.
        has_articles = rules.zone in ZONES_OF_THE_CODE
        categories = mapping.categories if mapping else None
        group = group_of(code, categories, has_articles=has_articles)
        if "category_otherwise" in layout:
            second = timestamps.clean_text(batch[layout["category_otherwise"]])
            is_known = group != UNCLASSIFIED
            group = group.zip_with(is_known, group_of(second, categories, has_articles=has_articles))
            code = code.zip_with(code.is_not_null(), second)
    else:
        code = pl.Series([None], dtype=pl.String).new_from_index(0, batch.height)
        constant = mapping.offence_group if mapping and mapping.offence_group else UNSPECIFIED
        group = pl.Series([constant]).new_from_index(0, batch.height)
    if "is_domestic" in layout:
        # A category such as battery would carry it onto the map, where no sensitive offence may stand.
        said = timestamps.clean_text(batch[layout["is_domestic"]]).str.to_lowercase()
        is_domestic = said.is_in(_TRUE_TEXTS).fill_null(value=False)
        group = group.set(is_domestic & group.is_in(sorted(MAPPABLE_CODES)), DOMESTIC)
    if (code.str.len_bytes() > MOST_CODE).any():
        code = code.str.slice(0, MOST_CODE)
    # Where a publisher wrote a number of a document or a telephone among the categories, it stays at the door.
    is_unknown = group == UNCLASSIFIED
    if is_unknown.any():
        code = code.str.replace_all(_LONG_NUMBER, "#").zip_with(is_unknown, code)
    return group.alias("offence_group"), code.alias("offence_code")


def _unknown(group: pl.Series, code: pl.Series) -> dict[str, int]:
    unknown = code.filter(group == UNCLASSIFIED).fill_null(EMPTY_CATEGORY).value_counts(sort=True, name="times")
    return {printable(name, most=100): times for name, times in unknown.iter_rows()}


def _cells(places: pl.DataFrame) -> pl.Series:
    placed = places.with_row_index("row").filter(pl.col("lat").is_not_null() & pl.col("fault").is_null())
    cells = hexgrid.assign_cells(placed["lat"].to_numpy(), placed["lng"].to_numpy(), resolution=WORKING_RESOLUTION)
    empty = pl.Series("cell", [None], dtype=pl.UInt64).new_from_index(0, places.height)
    return empty.scatter(placed["row"], pl.Series(cells, dtype=pl.UInt64)) if cells.size else empty


def _own_ids(batch: pl.DataFrame, source: Source, rules: Rules) -> pl.Series:
    """Pseudonym of each row's own key; missing where the source gives none, or a part of it is empty."""
    if "incident_hash" in source.layout:
        return timestamps.clean_text(batch[source.layout["incident_hash"]])
    key = source.key or tuple(source.layout[name] for name in ("incident_id",) if name in source.layout)
    if not key:
        return pl.Series([None], dtype=pl.String).new_from_index(0, batch.height)
    parts = pl.DataFrame([timestamps.clean_text(batch[name]) for name in key])
    joined = parts.to_series() if parts.width == 1 else parts.select(pl.concat_str("*", separator="\x1f")).to_series()
    return keyed_hash(joined, rules.key, label="id")


def _ids(told: pl.DataFrame, key: bytes, numbering: Numbering | None) -> pl.Series:
    """Id of each row; places count to a millionth of a degree, unknown categories without case."""
    is_known = told["own"].is_not_null()
    if is_known.all():
        return told["own"].alias("incident_id")
    rest = told.filter(~is_known)
    micro = [(pl.col(name) * 1e6).round(0).cast(pl.Int64).cast(pl.String).fill_null("") for name in ("lat", "lng")]
    kind = pl.when(pl.col("offence_group") == UNCLASSIFIED).then(pl.col("offence_code").str.to_lowercase())
    content = rest.select(
        pl.concat_str(
            pl.col("occurred_from").to_physical(),
            pl.col("occurred_to").to_physical(),
            *micro,
            pl.coalesce(kind, "offence_group"),
            separator="\x1f",
        )
    ).to_series()
    ids = keyed_hash(content, key)
    is_real = ~(rest["time_precision"].is_in(_COLLAPSING) & rest["lat"].is_not_null())
    if numbering is not None and is_real.any():
        at = is_real.arg_true()
        equal = ids.gather(at)
        number = numbering.number(equal)
        later = number > 0
        again = keyed_hash(equal.filter(later) + "\x1f" + number.filter(later).cast(pl.String), key)
        ids = ids.scatter(at.filter(later), again)
    if not is_known.any():
        return ids.alias("incident_id")
    return told["own"].scatter((~is_known).arg_true(), ids).alias("incident_id")
