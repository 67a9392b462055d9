"""Rows of a running delivery leave memory and come back by week, time and id, and become files of the lake."""

import io
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest
from polars.testing import assert_frame_equal

from geodata.columns import INCIDENTS
from geodata.errors import UnexpectedColumns
from riskmap.store import lake_index, lake_rows, staged_rows
from riskmap.store.staged_rows import StagedRows

FIRST_US = 1_735_689_600_000_000  # 1 January 2025, a Wednesday
MINUTE_US = 60_000_000


def _simulated(size: int, *, seed: int, minutes: int = 60 * 24 * 200) -> pl.DataFrame:
    """Seeded rows of some 30 weeks: ids that begin alike, hours with many rows, places, codes and regions missing."""
    drawn = np.random.default_rng(seed)
    moments = pl.Series(FIRST_US + drawn.integers(0, minutes // 60, size) * 60 * MINUTE_US).cast(
        pl.Datetime("us", "UTC")
    )
    is_placed = pl.Series(drawn.random(size) < 0.9)
    place = pl.DataFrame({"lat": drawn.uniform(43, 44, size), "lng": drawn.uniform(76, 77, size)})
    frame = pl.DataFrame(
        {
            "incident_id": [f"{'f' * 14}{number:018x}" for number in drawn.permutation(size) + seed * size],
            "occurred_from": moments,
            "occurred_to": moments.dt.offset_by("1h"),
            "occurred_on": moments.dt.date(),
            "time_zone": ["UTC"] * size,
            "time_precision": pl.Series(["hour", "minute"]).gather(drawn.integers(0, 2, size)),
            "offence_group": pl.Series(["theft", "robbery"]).gather(drawn.integers(0, 2, size)),
            "offence_code": pl.Series(["ст.188 ч.1", None, ""]).gather(drawn.integers(0, 3, size)),
            "lat": place["lat"].zip_with(is_placed, pl.Series([None], dtype=pl.Float64).new_from_index(0, size)),
            "lng": place["lng"].zip_with(is_placed, pl.Series([None], dtype=pl.Float64).new_from_index(0, size)),
            "cell": pl.Series(drawn.integers(1, 2**63, size, dtype=np.uint64)).set(~is_placed, None),
            "region_id": pl.Series([f"{seed}{number}" for number in range(20)]).gather(drawn.integers(0, 20, size)),
            "line": np.arange(1, size + 1),
        }
    )
    return INCIDENTS.checked(frame)


def _staged(folder: Path, batches: list[pl.DataFrame]) -> StagedRows:
    staged = StagedRows(folder)
    for batch in batches:
        staged.add(batch, batch["line"] % 2 == 0)
    return staged


def _frame(rows: pa.Table) -> pl.DataFrame:
    content = io.BytesIO(lake_rows.as_parquet(rows))
    return lake_rows.unpacked(pl.read_parquet(content))


def _nobody_left_out(staged: StagedRows) -> np.ndarray:
    return np.zeros(staged.height, dtype=bool)


@pytest.mark.parametrize("at_once", [1, 400, 250_000])
def test_rows_of_several_batches_come_back_by_week_time_and_id_however_many_weeks_are_read_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
):
    monkeypatch.setattr(staged_rows, "AT_ONCE", at_once)
    batches = [_simulated(size, seed=seed) for seed, size in ((1, 3_000), (2, 1), (3, 2_000))]
    staged = _staged(tmp_path, batches)
    left_out = np.random.default_rng(4).random(staged.height) < 0.1

    found = {week: _frame(rows) for week, rows in staged.by_week(left_out)}

    kept = pl.concat(batches).filter(pl.Series(~left_out))
    week = kept["occurred_on"].dt.strftime("%G-W%V")
    expected = kept.with_columns(week=week).sort("week", "occurred_from", "incident_id")
    assert list(found) == sorted(set(week))
    assert_frame_equal(pl.concat([rows.with_columns(week=pl.lit(name)) for name, rows in found.items()]), expected)


def test_a_week_of_which_every_row_is_left_out_does_not_come(tmp_path: Path):
    batch = _simulated(200, seed=1)
    staged = _staged(tmp_path, [batch])
    first = batch["occurred_on"].dt.strftime("%G-W%V").min()

    weeks = [week for week, _ in staged.by_week((batch["occurred_on"].dt.strftime("%G-W%V") == first).to_numpy())]

    assert weeks
    assert first not in weeks


def test_an_hour_that_comes_twice_at_the_end_of_a_sunday_stays_in_its_weeks(tmp_path: Path):
    sunday, monday = date(2026, 10, 25), date(2026, 10, 26)
    moments = [datetime(2026, 10, 25, 21, minute, tzinfo=UTC) for minute in (0, 30, 40, 50)]
    days = pl.Series([monday, sunday, monday, sunday])
    batch = _simulated(4, seed=1).with_columns(occurred_from=pl.Series(moments), occurred_on=days)
    staged = _staged(tmp_path, [batch.with_columns(pl.col("occurred_from").cast(pl.Datetime("us", "UTC")))])

    found = {week: rows["line"].to_pylist() for week, rows in staged.by_week(_nobody_left_out(staged))}

    assert found == {"2026-W43": [2, 4], "2026-W44": [1, 3]}


def test_rows_asked_for_by_position_are_those_added_there(tmp_path: Path):
    batches = [_simulated(1_000, seed=seed) for seed in (1, 2)]
    staged = _staged(tmp_path, batches)
    wanted = np.array([1_999, 0, 1_000, 17])

    found = staged.gather(wanted)

    added = pl.concat(batches).with_columns(is_keyed=pl.col("line") % 2 == 0, row=pl.int_range(pl.len()))
    assert_frame_equal(found, added[np.sort(wanted)])


def test_rows_asked_for_by_id_are_all_that_have_it_and_no_others_that_begin_alike(tmp_path: Path):
    batch = _simulated(50, seed=1)
    staged = _staged(tmp_path, [batch, batch])

    found = staged.of(batch["incident_id"].head(1))

    assert found["row"].to_list() == [0, 50]


def test_the_file_of_a_week_holds_no_text_of_other_weeks(tmp_path: Path):
    early, late = (_simulated(20, seed=seed, minutes=60 * 24) for seed in (1, 2))
    late = late.with_columns(pl.col("occurred_on").dt.offset_by("4w"))
    staged = _staged(tmp_path, [early, late])

    _, rows = next(staged.by_week(_nobody_left_out(staged)))

    assert set(rows["region_id"].combine_chunks().dictionary.to_pylist()) == set(early["region_id"])
    assert late["region_id"][0].encode() not in lake_rows.as_parquet(rows)


def test_files_of_the_lake_have_the_declared_columns_and_are_read_beside_those_of_earlier_versions(tmp_path: Path):
    batch = _simulated(300, seed=1, minutes=60 * 24)
    staged = _staged(tmp_path, [batch])
    ordered = batch.sort("occurred_from", "incident_id")
    earlier, now = tmp_path / "earlier.parquet", tmp_path / "now.parquet"
    lake_rows.packed(ordered).write_parquet(earlier, compression="zstd")

    now.write_bytes(b"".join(lake_rows.as_parquet(rows) for _, rows in staged.by_week(_nobody_left_out(staged))))

    assert pl.read_parquet_schema(now) == pl.read_parquet_schema(earlier)
    assert all(pyarrow.parquet.read_schema(now).field(name).nullable for name in INCIDENTS.schema)
    assert_frame_equal(lake_rows.read([earlier, now]), pl.concat([ordered, ordered]))


def test_a_staged_file_that_was_cut_short_is_not_read_as_rows(tmp_path: Path):
    staged = _staged(tmp_path, [_simulated(100, seed=1)])
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-1])

    with pytest.raises(OSError, match=path.name):
        list(staged.by_week(_nobody_left_out(staged)))


def test_ids_are_packed_wherever_in_a_column_they_stand():
    ids = _simulated(100, seed=1)["incident_id"]

    packed = lake_index.as_bytes(pl.concat([ids[:3], ids[40:]])[1:])

    assert [one.tobytes().hex() for one in packed] == [*ids[1:3], *ids[40:]]


@pytest.mark.parametrize("text", ["a case number of 32 signs in all", "0" * 31, "0" * 34, None, "g" * 32, "ы" * 16])
def test_a_text_that_is_no_pseudonym_is_not_taken_for_an_id(text: str | None):
    ids = pl.Series("incident_id", ["0" * 32, text], dtype=pl.String)

    with pytest.raises(UnexpectedColumns, match="32 hexadecimal digits"):
        lake_index.as_bytes(ids)
