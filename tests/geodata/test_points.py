from datetime import date

import h3
import polars as pl
import pytest

from geodata import hexgrid, points
from geodata.errors import InvalidCell, UnexpectedColumns, UnreadableFile

HEADER = "occurred_at,time_precision,category,location_type,lat,lon"


def file_of(folder, *rows, header=HEADER):
    path = folder / "points.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def test_every_way_to_write_a_time_is_read_and_the_rest_is_counted(tmp_path):
    path = file_of(
        tmp_path,
        "2024-03-02 14:30:00,minute,Theft,Shop,43.24,76.89",
        "2024-03-03T14:30,minute,Theft,Shop,43.24,76.89",
        "2024-03-04,day,Theft,Shop,43.24,76.89",
        "someday,minute,Theft,Shop,43.24,76.89",
        ",minute,Theft,Shop,43.24,76.89",
        "2024-03-05 10:00:00,minute,Theft,Shop,,76.89",
        "2024-03-06 10:00:00,minute,Theft,Shop,143.24,76.89",
    )

    found = points.read_points(path)

    assert found.frame["occurred_on"].to_list() == [date(2024, 3, 2), date(2024, 3, 3), date(2024, 3, 4)]
    assert (found.rows_read, found.without_time, found.without_place, found.duplicates) == (7, 2, 2, 0)


def test_victims_of_one_incident_collapse_only_where_the_moment_is_known(tmp_path):
    exact = "2024-03-02 14:30:00,minute,Theft,Shop,43.24,76.89"
    by_month = "2024-03-01,month,Theft,Shop,43.24,76.89"

    found = points.read_points(file_of(tmp_path, exact, exact, by_month, by_month))

    assert found.frame.height == 3
    assert found.duplicates == 1


def test_parquet_without_optional_columns_is_read_and_the_order_of_rows_moves_nothing(tmp_path):
    rows = [(f"2024-03-0{day} 00:00:00", "Theft", 43.2 + day / 100, 76.9) for day in (5, 1, 3)]
    frames = [pl.DataFrame(order, schema=points.NEEDED, orient="row") for order in (rows, rows[::-1])]
    found = []
    for number, frame in enumerate(frames):
        frame.write_parquet(tmp_path / f"{number}.parquet")
        found.append(points.read_points(tmp_path / f"{number}.parquet").frame)

    assert found[0].equals(found[1])
    assert found[0]["premise"].null_count() == 3


def test_a_month_counts_when_it_is_over_and_is_spread_over_its_days(tmp_path):
    rows = [f"2024-02-01,month,Theft,,43.{n:03},76.89" for n in range(290)]
    given = points.read_points(file_of(tmp_path, *rows)).frame

    half_way = points.known_before(given, date(2024, 2, 20))
    over = points.known_before(given, date(2024, 3, 1))

    assert half_way.height == 0
    assert over["occurred_on"].n_unique() == 29
    assert over["occurred_on"].value_counts()["count"].max() <= 12


def test_a_later_row_does_not_move_the_day_of_an_earlier_month(tmp_path):
    early = [f"2024-02-01,month,Theft,,43.{n:03},76.89" for n in range(50)]
    late = [f"2024-03-01,month,Theft,,43.{n:03},76.89" for n in range(50)]

    alone = points.known_before(points.read_points(file_of(tmp_path, *early)).frame, date(2024, 3, 1))
    together = points.known_before(points.read_points(file_of(tmp_path, *late, *early)).frame, date(2024, 3, 1))

    assert alone.equals(together)


def test_cells_of_another_resolution_no_cells_and_an_empty_list_are_refused(tmp_path):
    path = tmp_path / "cells.csv"
    fine, coarse = h3.latlng_to_cell(43.24, 76.89, 9), h3.latlng_to_cell(43.24, 76.89, 8)

    for cells, message in (([fine, coarse], coarse), ([fine, "street"], "street"), ([], "no cell")):
        path.write_text("\n".join(["cell", *cells]) + "\n")
        with pytest.raises(InvalidCell, match=message):
            points.read_cells(path, resolution=9)
    path.write_text(f"cell\n{fine}\n{fine}\n")
    assert hexgrid.cell_ids(points.read_cells(path, resolution=9)) == [fine]


@pytest.mark.parametrize("row", ["2018-01-01,0", "2018-01-01,month", "1.1.2018,30", ",30"])
def test_a_window_that_is_none_is_named(tmp_path, row):
    path = tmp_path / "windows.csv"
    path.write_text(f"window_start,horizon\n2018-01-01,7\n{row}\n")

    with pytest.raises(UnexpectedColumns, match="row 2"):
        points.read_windows(path)


def test_a_missing_column_and_a_file_that_is_no_table_are_told(tmp_path):
    with pytest.raises(UnexpectedColumns, match="lacks category"):
        points.read_points(file_of(tmp_path, "2024-01-01,1,2", header="occurred_at,lat,lon"))
    picture = tmp_path / "picture.csv"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe\x00")
    with pytest.raises(UnreadableFile, match="neither CSV"):
        points.read_points(picture)
    with pytest.raises(UnreadableFile, match="cannot be read"):
        points.read_points(tmp_path / "absent.csv")
