"""Several records of one incident: which row stands, and which gives way to it.

The rules, in order:

1. Within one delivery, rows with one id are victims or articles of one case: the gravest offence stands (severity of
   the Criminal Code), else the first row; the others are duplicates.
2. A row whose id the lake holds already is a duplicate where it says the same, or where the id was made of what it
   says. Where the source's own key is the same and time, place or offence are other, it is a correction: the row
   received last stands and the earlier one is struck out.
3. A record that the publisher struck off strikes out the row held of it, unless the same delivery holds it alive too.
4. A file that is read anew keeps its place in this order: rows that later deliveries struck out stay struck out, and
   none of its rows strikes out a row received later. Corrected rows of its quarantine were read as the file was, so
   they are withdrawn together with that reading, and what they struck out stands again.

A row struck out stays in its file, and the catalogue says by which delivery and why.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import polars as pl

from geodata.criminal_code import article_of
from riskmap.lake_ports import Staging, Strike, StrikeReason
from riskmap.ports import Delivery, Store

SEVERITIES = ("misdemeanour", "minor", "medium", "grave", "especially_grave")
"""Classes of the Criminal Code, the gravest last."""

_NOW = datetime.max.replace(tzinfo=UTC)
_TOLD = ("occurred_from", "occurred_to", "time_precision", "lat", "lng", "offence_group", "offence_code")
"""What a record says: where one of these differs, it is another version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What becomes of a delivery's rows: positions of ``duplicates``, how many ``corrected`` an earlier one."""

    duplicates: tuple[int, ...]
    corrected: int
    strikes: tuple[Strike, ...]


def settle(
    store: Store,
    staging: Staging,
    struck: pl.Series,
    *,
    territory: str,
    delivery_id: str,
    replaced: str | None,
    replays: Sequence[str] = (),
) -> Settled:
    """Compare a delivery's rows with one another and with the lake; nothing is changed.

    Parameters
    ----------
    struck : ids of the records the publisher struck off
    replaced : the earlier reading of the same file, which will no longer count
    replays : deliveries of rows corrected under that reading, which will no longer count either
    """
    twice = _equal_rows(staging.equals())
    with store.look() as look:
        received = _received(look.deliveries.all(territory))
        kept_out = look.strikes.of_delivery(replaced) if replaced else []
        made = look.strikes.by_delivery(replaced) if replaced else []
    ours = received.get(replaced or "", _NOW)
    reasons = {one.incident_id: one for one in kept_out if one.by_delivery_id not in (replaced, delivery_id, *replays)}
    carried = _weeks(staging.of(_ids(reasons)), twice)

    known = staging.known(struck, without=[delivery_id, replaced or "", *replays])
    held = known.held.with_columns(
        is_later=pl.Series([received[name] > ours for name in known.held["delivery_id"]], dtype=pl.Boolean)
    )
    fresh = known.staged.filter(~pl.col("row").is_in(twice) & ~pl.col("incident_id").is_in(list(reasons)))
    met = fresh.join(held, on="incident_id", how="inner", suffix="_held")
    is_same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_held")) for name in _TOLD)
    is_duplicate = ~pl.col("is_keyed") | is_same | pl.col("is_later")
    duplicates = met.filter(is_duplicate)["row"].unique()
    corrections = met.filter(~is_duplicate & ~pl.col("row").is_in(duplicates.to_list()))

    alive = staging.of(struck)["incident_id"]
    off = held.filter(
        pl.col("incident_id").is_in(struck.to_list())
        & ~pl.col("incident_id").is_in(alive.to_list())
        & ~pl.col("is_later")
    )

    def strikes(rows: pl.DataFrame, reason: StrikeReason) -> list[Strike]:
        named = rows.select("incident_id", "delivery_id", "week").unique(maintain_order=True)
        return [
            Strike(territory=territory, by_delivery_id=delivery_id, reason=reason, **row)
            for row in named.iter_rows(named=True)
        ]

    again = [
        Strike(
            territory=territory,
            incident_id=incident_id,
            delivery_id=delivery_id,
            week=week,
            by_delivery_id=reasons[incident_id].by_delivery_id,
            reason=reasons[incident_id].reason,
        )
        for incident_id, week in carried.items()
    ]
    # What the earlier reading struck out has no row that counts, so it is not met above.
    named = {
        StrikeReason.CORRECTED: set(staging.of(_ids(one.incident_id for one in made))["incident_id"]),
        StrikeReason.WITHDRAWN: set(struck) - set(alive),
    }
    upheld = [
        replace(one, by_delivery_id=delivery_id)
        for one in made
        if one.incident_id in named[one.reason] and one.delivery_id not in replays
    ]
    return Settled(
        duplicates=tuple(sorted({*twice, *duplicates.to_list()})),
        corrected=corrections["row"].n_unique() + sum(one.reason is StrikeReason.CORRECTED for one in upheld),
        strikes=(*strikes(corrections, StrikeReason.CORRECTED), *strikes(off, StrikeReason.WITHDRAWN), *again, *upheld),
    )


def _ids(ids: Iterable[str]) -> pl.Series:
    return pl.Series("incident_id", list(ids), dtype=pl.String)


def _equal_rows(equals: pl.DataFrame) -> list[int]:
    """Positions of rows that give way to another row of the same delivery."""
    several = equals.filter(pl.col("incident_id").is_duplicated())
    if several.is_empty():
        return []
    ordered = several.with_columns(gravity=_gravity(several["offence_code"])).sort(
        "incident_id", "gravity", "row", descending=[False, True, False]
    )
    return ordered.filter(~pl.col("incident_id").is_first_distinct())["row"].to_list()


def _gravity(code: pl.Series) -> pl.Series:
    """Position of each offence's severity in `SEVERITIES`; -1 where the Criminal Code's table does not tell."""
    rank: dict[str, int] = {}
    for name in code.drop_nulls().unique():
        article = article_of(name)
        rank[name] = SEVERITIES.index(article.severity) if article and article.severity else -1
    return code.replace_strict(rank, default=-1, return_dtype=pl.Int8)


def _weeks(rows: pl.DataFrame, left_out: list[int]) -> Mapping[str, str]:
    standing = rows.filter(~pl.col("row").is_in(left_out))
    weeks = standing["occurred_on"].dt.strftime("%G-W%V")
    return dict(zip(standing["incident_id"], weeks, strict=True))


def _received(deliveries: Sequence[Delivery]) -> Mapping[str, datetime]:
    """When the content of each delivery was received first, however often it was read since."""
    first: dict[str, datetime] = {}
    for one in deliveries:
        first[one.sha256] = min(one.received_at, first.get(one.sha256, one.received_at))
    return {one.delivery_id: first[one.sha256] for one in deliveries}
