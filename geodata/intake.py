"""Raw rows → accepted incidents and quarantined rows with their faults; finds duplicates.

Every row of a batch is either accepted or quarantined; no column of the delivery but time, place and category goes
further. An incident's id does not depend on the delivery: the source's own id if it has one, else time, place and
category. Where the moment is known to the hour, equal rows are victims or articles of one case and collapse; where it
is known only to the day, the month or a window, or where there is no place, equal rows are real and are numbered.
"""

import hashlib
import json
from dataclasses import dataclass
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
from geodata.sources import LINE, RAGGED, REPEAT, Source, with_repeats
from geodata.territory import WORKING_RESOLUTION

__all__ = ["MEANINGS", "Examined", "Fault", "Rules", "drop_duplicates", "examine"]

EMPTY_CATEGORY = "(empty)"
"""Name under which rows without a category are counted."""

_COLLAPSING = ("minute", "hour")
_TRUE_TEXTS = ("true", "t", "yes", "y", "1", "1.0", "да", "иә")
_FOUND_LENGTH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a delivery is held against.

    ``zone`` is the IANA zone of its clock; ``latest_day`` the local day of delivery, the last that may occur;
    ``outline`` the territory (longitude first), None where every place on Earth is taken.
    """

    zone: str
    latest_day: date
    earliest_day: date = date(2000, 1, 1)
    outline: shapely.Geometry | None = None
    mapping: Mapping | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """One batch, sorted: `INCIDENTS`, `QUARANTINE`, and how often each unknown category was met."""

    accepted: pl.DataFrame
    quarantined: pl.DataFrame
    unknown_categories: dict[str, int]


def examine(batch: pl.DataFrame, source: Source, rules: Rules) -> Examined:
    """Sort the rows of one batch into incidents and quarantined rows; none is lost.

    Parameters
    ----------
    batch : a frame from ``source.batches()``

    Returns
    -------
    Examined
        ``accepted`` and ``quarantined`` have together as many rows as the batch.
    """
    layout = source.layout
    times = source.windows(batch, rules.zone)
    places = source.places(batch, rules.outline)
    fault = _first_fault(batch, times, places, rules)
    is_accepted = fault.is_null()
    quarantined = _quarantine(batch.filter(~is_accepted), fault.drop_nulls(), source)

    batch = batch if REPEAT in batch.columns else with_repeats(batch, layout, _NONE_SEEN)[0]
    batch, times, places = (frame.filter(is_accepted) for frame in (batch, times, places))
    group, code = _offences(batch, layout, rules)
    accepted = pl.DataFrame(
        [
            _incident_ids(batch, times, places, code, source),
            times["occurred_from"],
            times["occurred_to"],
            times["occurred_on"],
            pl.Series("time_zone", [rules.zone], dtype=pl.String).new_from_index(0, batch.height),
            times["time_precision"],
            group,
            code,
            places["lat"],
            places["lng"],
            _cells(places),
            batch[LINE],
        ]
    )
    return Examined(
        accepted=INCIDENTS.checked(accepted),
        quarantined=QUARANTINE.checked(quarantined),
        unknown_categories=_unknown(group, code) if source.has_category else {},
    )


def drop_duplicates(incidents: pl.DataFrame, known_ids: pl.Series) -> tuple[pl.DataFrame, int]:
    """Keep the first row of each incident that is not known yet.

    Parameters
    ----------
    incidents : accepted rows of one delivery, as declared in `INCIDENTS`
    known_ids : ids that are in the lake already

    Returns
    -------
    kept : frame
        In the order delivered.
    duplicates : int
        Rows left out.
    """
    first = incidents.unique("incident_id", keep="first", maintain_order=True)
    known = pl.DataFrame({"incident_id": known_ids.cast(pl.String)})
    kept = first.join(known, on="incident_id", how="anti", maintain_order="left")
    return kept, incidents.height - kept.height


_NONE_SEEN = pl.DataFrame(schema={"key": pl.UInt64, "times": pl.Int64})


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


def _quarantine(rows: pl.DataFrame, fault: pl.Series, source: Source) -> pl.DataFrame:
    """The faulty rows with what was found in them, for the operator."""
    if rows.is_empty():
        return QUARANTINE.empty()
    time_columns = [source.layout[name] for name in TIME_COLUMNS if name in source.layout]
    place_columns = [source.layout[name] for name in PLACE_COLUMNS if name in source.layout]
    delivered = rows.drop(LINE, RAGGED, REPEAT, *source.hidden, strict=False)
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
    return group.alias("offence_group"), code.alias("offence_code")


def _unknown(group: pl.Series, code: pl.Series) -> dict[str, int]:
    unknown = code.filter(group == UNCLASSIFIED).fill_null(EMPTY_CATEGORY).value_counts(sort=True, name="times")
    return {printable(name, most=100): times for name, times in unknown.iter_rows()}


def _cells(places: pl.DataFrame) -> pl.Series:
    placed = places.with_row_index("row").drop_nulls("lat")
    cells = hexgrid.assign_cells(placed["lat"].to_numpy(), placed["lng"].to_numpy(), resolution=WORKING_RESOLUTION)
    empty = pl.Series("cell", [None], dtype=pl.UInt64).new_from_index(0, places.height)
    return empty.scatter(placed["row"], pl.Series(cells, dtype=pl.UInt64)) if cells.size else empty


def _incident_ids(
    batch: pl.DataFrame, times: pl.DataFrame, places: pl.DataFrame, code: pl.Series, source: Source
) -> pl.Series:
    """32 hexadecimal digits of a SHA-256; places count to a millionth of a degree, categories without case."""
    key = source.key or tuple(source.layout[name] for name in ("incident_id",) if name in source.layout)
    parts = pl.DataFrame([timestamps.clean_text(batch[name]) for name in key])
    own = parts.select(pl.concat_str("*", separator="\x1f")).to_series() if key else code.clear(batch.height)
    micro_lat, micro_lng = ((places[name] * 1e6).round(0).cast(pl.Int64) for name in ("lat", "lng"))
    told = pl.DataFrame(
        {
            "own": own,
            "from": times["occurred_from"].to_physical(),
            "to": times["occurred_to"].to_physical(),
            "lat": micro_lat,
            "lng": micro_lng,
            "category": code.fill_null("").str.to_lowercase(),
            "repeat": batch[REPEAT],
            "precision": times["time_precision"],
        }
    )
    is_one_case = pl.col("precision").is_in(_COLLAPSING) & pl.col("lat").is_not_null()
    number = pl.when(is_one_case).then(pl.lit("")).otherwise(pl.col("repeat").cast(pl.String))
    place = [pl.col(name).cast(pl.String).fill_null("") for name in ("lat", "lng")]
    by_content = pl.concat_str("from", "to", *place, "category", number, separator="\x1f")
    keys = told.select(pl.coalesce(pl.lit("id\x1f") + pl.col("own"), by_content).alias("key"))["key"]
    return pl.Series(
        "incident_id", [hashlib.sha256(key.encode()).hexdigest()[:32] for key in keys.to_list()], dtype=pl.String
    )
