"""Every column that crosses a border: its type, unit and meaning. docs/data_format.md is generated from here.

In frames a cell is an unsigned 64-bit number named ``cell``; in exported text it is hexadecimal and named ``cell_id``.
"""

from dataclasses import dataclass

import polars as pl

from geodata.errors import UnexpectedColumns


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: missing values are allowed only where ``is_nullable``."""

    name: str
    dtype: pl.DataType
    meaning: str
    unit: str = ""
    is_nullable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The columns of a frame that crosses a package border, in order."""

    name: str
    meaning: str
    columns: tuple[Column, ...]

    @property
    def schema(self) -> pl.Schema:
        return pl.Schema({column.name: column.dtype for column in self.columns})

    def empty(self) -> pl.DataFrame:
        return pl.DataFrame(schema=self.schema)

    def checked(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame's declared columns in order, once their names, types and missing values are as declared.

        Raises
        ------
        UnexpectedColumns
            Naming the table, what was found and what was expected.
        """
        found = frame.schema
        for column in self.columns:
            if column.name not in found:
                raise UnexpectedColumns(f"{self.name}: column {column.name} is missing; found {', '.join(found)}.")
            if found[column.name] != column.dtype:
                raise UnexpectedColumns(
                    f"{self.name}: column {column.name} is {found[column.name]}; expected {column.dtype}."
                )
            if not column.is_nullable and frame[column.name].null_count():
                raise UnexpectedColumns(f"{self.name}: column {column.name} has missing values; none are allowed.")
        return frame.select(column.name for column in self.columns)


_UTC = pl.Datetime("us", "UTC")

INCIDENTS = Table(
    name="incidents",
    meaning="Accepted incidents, one row each, as kept in the incident lake. Never published.",
    columns=(
        Column(
            name="incident_id",
            dtype=pl.String(),
            meaning="keyed hash of the source's key, else of time, place and group",
        ),
        Column(name="occurred_from", dtype=_UTC, meaning="start of the window in which it happened", unit="UTC"),
        Column(name="occurred_to", dtype=_UTC, meaning="end of that window; equal to the start when known", unit="UTC"),
        Column(name="occurred_on", dtype=pl.Date(), meaning="local calendar day of occurred_from"),
        Column(name="time_zone", dtype=pl.String(), meaning="IANA zone of the place"),
        Column(name="time_precision", dtype=pl.String(), meaning="minute, hour, day, month or interval"),
        Column(name="offence_group", dtype=pl.String(), meaning="public grouping, see the table of offence groups"),
        Column(name="offence_code", dtype=pl.String(), meaning="classification as delivered", is_nullable=True),
        Column(
            name="lat", dtype=pl.Float64(), meaning="latitude, WGS84; missing: no place", unit="°", is_nullable=True
        ),
        Column(
            name="lng", dtype=pl.Float64(), meaning="longitude, WGS84; missing: no place", unit="°", is_nullable=True
        ),
        Column(name="cell", dtype=pl.UInt64(), meaning="H3 cell at the working resolution", is_nullable=True),
        Column(name="region_id", dtype=pl.String(), meaning="region of the place; missing: none", is_nullable=True),
        Column(name="line", dtype=pl.Int64(), meaning="line (CSV) or row (Parquet) of the delivery, from 1"),
    ),
)

QUARANTINE = Table(
    name="quarantined rows",
    meaning="Rows set aside with the reason. Visible to the operator and the data steward; never published.",
    columns=(
        Column(name="line", dtype=pl.Int64(), meaning="line (CSV) or row (Parquet) of the delivery, from 1"),
        Column(name="fault", dtype=pl.String(), meaning="kind of fault, see the table of faults"),
        Column(name="found", dtype=pl.String(), meaning="the value that was found, at most 200 characters"),
        Column(name="row", dtype=pl.String(), meaning="the columns of the row that are read, as delivered, as JSON"),
    ),
)

PLACES = Table(
    name="places",
    meaning="Cells a territory covers, at the working resolution: no incident there differs from no coverage.",
    columns=(
        Column(name="cell", dtype=pl.UInt64(), meaning="H3 cell at the working resolution"),
        Column(name="region_id", dtype=pl.String(), meaning="region or district that holds the middle of the cell"),
        Column(name="kind", dtype=pl.String(), meaning="residential, centre, market, park, industry or unknown"),
        Column(name="residents", dtype=pl.Int64(), meaning="residents; missing where unknown", is_nullable=True),
        Column(name="addresses", dtype=pl.Int64(), meaning="postal addresses; missing where unknown", is_nullable=True),
    ),
)

REGIONS = Table(
    name="regions",
    meaning="Regions and districts of a territory; outlines stand beside them as GeoJSON.",
    columns=(
        Column(name="region_id", dtype=pl.String(), meaning="KATO code, else a code of the territory's own"),
        Column(name="name_kk", dtype=pl.String(), meaning="name in Kazakh"),
        Column(name="name_ru", dtype=pl.String(), meaning="name in Russian"),
        Column(name="name_en", dtype=pl.String(), meaning="name in English"),
        Column(name="zone", dtype=pl.String(), meaning="IANA zone of its civil time"),
        Column(name="residents", dtype=pl.Int64(), meaning="residents; missing where unknown", is_nullable=True),
        Column(name="official_count", dtype=pl.Int64(), meaning="official total of offences", is_nullable=True),
    ),
)

EXPECTED_INCIDENTS = Table(
    name="expected incidents",
    meaning="What a score run says of each cell, region and the whole territory. For planners; never public.",
    columns=(
        Column(name="area_kind", dtype=pl.String(), meaning="cell, region or territory"),
        Column(name="area_id", dtype=pl.String(), meaning="cell_id, region_id or the territory's name"),
        Column(name="offence_group", dtype=pl.String(), meaning="offence group, or all"),
        Column(name="horizon_days", dtype=pl.Int64(), meaning="how far ahead is scored", unit="days"),
        Column(name="expected_incidents", dtype=pl.Float64(), meaning="mean count over the horizon"),
        Column(name="low", dtype=pl.Int64(), meaning="lower end of the 90 % interval of the count"),
        Column(name="high", dtype=pl.Int64(), meaning="upper end of the 90 % interval of the count"),
    ),
)

HOTSPOT_MARKS = Table(
    name="hotspot marks",
    meaning=(
        "What a score run says of each cell beside its expected incidents: how lasting its place on the list is. "
        "No counts: a reviewer needs none, and a count of one or two points at a case. For reviewers; never public."
    ),
    columns=(
        Column(name="area_id", dtype=pl.String(), meaning="cell_id"),
        Column(name="offence_group", dtype=pl.String(), meaning="offence group, or all"),
        Column(
            name="stability",
            dtype=pl.Float64(),
            meaning="share of the last monthly refits that named the cell among the top 5 %; missing: too few refits",
            is_nullable=True,
        ),
        Column(
            name="is_repeat_place",
            dtype=pl.Boolean(),
            meaning="whether incidents came back there in the last 365 days, more often than to other such places",
        ),
    ),
)

CELL_REASONS = Table(
    name="cell reasons",
    meaning=(
        "What sets the forecast of a cell apart from the average of its territory, from the model itself: the themes "
        "that contribute most, strongest first. Association, never cause. For reviewers; never public."
    ),
    columns=(
        Column(name="area_id", dtype=pl.String(), meaning="cell_id"),
        Column(name="offence_group", dtype=pl.String(), meaning="offence group, or all"),
        Column(
            name="reasons",
            dtype=pl.List(
                pl.Struct({"theme": pl.String(), "presence": pl.String(), "factor": pl.Float64()}),
            ),
            meaning=(
                "up to three reasons: what it is about, whether there is `more` or `fewer` of it, and how many times "
                "the forecast is that of a place average in it; empty where nothing stands out"
            ),
        ),
    ),
)

OFFICIAL_TOTALS = Table(
    name="official totals",
    meaning="Lines of section 1 of the registered-offence form 1-М, as an operator loaded them; see `totals load`.",
    columns=(
        Column(
            name="region_id", dtype=pl.String(), meaning="region, or the territory's name for the form of the whole"
        ),
        Column(name="year", dtype=pl.Int64(), meaning="year the form covers, as the operator said"),
        Column(name="line", dtype=pl.Int64(), meaning="number of the line in the form"),
        Column(
            name="kind",
            dtype=pl.String(),
            meaning="article, attempt (beside article 99), of_which (in the article already), or total",
        ),
        Column(name="article", dtype=pl.String(), meaning="article of the Criminal Code", is_nullable=True),
        Column(name="in_proceedings", dtype=pl.Int64(), meaning="offences whose cases were in proceedings"),
        Column(name="registered", dtype=pl.Int64(), meaning="offences registered in the year"),
        Column(name="victims_women", dtype=pl.Int64(), meaning="registered offences against women"),
        Column(name="victims_minors", dtype=pl.Int64(), meaning="registered offences against minors"),
    ),
)

PUBLIC_COUNTS = Table(
    name="public counts",
    meaning="Every count a release tells, and every one it hides: an absent row does not exist. File counts.csv.",
    columns=(
        Column(
            name="kind", dtype=pl.String(), meaning="quarter, month, year_group, hours, band or sensitive: the table"
        ),
        Column(name="place_id", dtype=pl.String(), meaning="territory, region_id, area of the year, or cell_id"),
        Column(name="offence_group", dtype=pl.String(), meaning="offence group, or all"),
        Column(name="period", dtype=pl.String(), meaning="2024, 2024-Q1 or 2024-03"),
        Column(
            name="part_of_day", dtype=pl.String(), meaning="of hours: part of the day; else missing", is_nullable=True
        ),
        Column(name="low", dtype=pl.Int64(), meaning="least the count may be; missing: hidden", is_nullable=True),
        Column(name="high", dtype=pl.Int64(), meaning="most the count may be; as low: exact", is_nullable=True),
    ),
)

COUNTED = Table(
    name="what a release was counted from",
    meaning=(
        "True counts behind each release: later records of a period that is published wait, so that no two releases "
        "can be subtracted. For the next release and the attack; never public."
    ),
    columns=(
        Column(name="cell", dtype=pl.UInt64(), meaning="working cell; missing: sensitive", is_nullable=True),
        Column(name="region_id", dtype=pl.String(), meaning="of sensitive incidents; else missing", is_nullable=True),
        Column(name="offence_group", dtype=pl.String(), meaning="offence group"),
        Column(name="month", dtype=pl.Date(), meaning="first day of the month"),
        Column(
            name="part_of_day", dtype=pl.String(), meaning="night, morning, day, evening or unknown", is_nullable=True
        ),
        Column(name="count", dtype=pl.Int64(), meaning="incidents"),
    ),
)

PUBLIC_PLACES = Table(
    name="public places",
    meaning="What the counts of a release speak of. File places.csv.",
    columns=(
        Column(name="place_id", dtype=pl.String(), meaning="the territory's name, region_id, or area of one year"),
        Column(name="level", dtype=pl.String(), meaning="territory, region or area"),
        Column(name="parent_id", dtype=pl.String(), meaning="what it is a part of", is_nullable=True),
        Column(
            name="year", dtype=pl.Int64(), meaning="calendar year of an area; missing: every year", is_nullable=True
        ),
        Column(name="cells", dtype=pl.String(), meaning="cell_ids of an area, with ; between them", is_nullable=True),
    ),
)

PUBLIC_CROSSWALK = Table(
    name="crosswalk of areas",
    meaning="Where the cells of one year's areas went in the next. File crosswalk.csv.",
    columns=(
        Column(name="place_id", dtype=pl.String(), meaning="area of a year"),
        Column(name="year", dtype=pl.Int64(), meaning="that year"),
        Column(name="next_place_id", dtype=pl.String(), meaning="area of the next year"),
        Column(name="shared_cells", dtype=pl.Int64(), meaning="published cells they share"),
    ),
)

PUBLIC_RESIDENTS = Table(
    name="residents of areas",
    meaning="How many people live in each area whose cells are those of this release. File residents.csv.",
    columns=(
        Column(name="place_id", dtype=pl.String(), meaning="area of a year"),
        Column(name="residents", dtype=pl.Int64(), meaning="people who live there, rounded to tens"),
    ),
)

PUBLIC_OFF_MAP = Table(
    name="what is not on the map",
    meaning="Offences without a place, or found by the police themselves, of whole years. File off_map.csv.",
    columns=(
        Column(name="year", dtype=pl.Int64(), meaning="calendar year"),
        Column(name="place_id", dtype=pl.String(), meaning="territory, region_id, or unknown: region not known"),
        Column(
            name="offence_group",
            dtype=pl.String(),
            meaning="offence group, or no_place: of the map's groups, delivered without a place",
        ),
        Column(name="count", dtype=pl.Int64(), meaning="0 or at least ten; missing: hidden", is_nullable=True),
    ),
)

BACKTEST_RESULTS = Table(
    name="backtest results",
    meaning=(
        "What every model was worth in every past window, one row a number, written by `backtest --territory NAME "
        "--out DIR`. For the operator, not for the public. File backtest.parquet."
    ),
    columns=(
        Column(name="territory", dtype=pl.String(), meaning="name of the territory"),
        Column(name="offence_group", dtype=pl.String(), meaning="offence group; all: all together"),
        Column(name="resolution", dtype=pl.Int64(), meaning="H3 level of the cells"),
        Column(name="horizon_days", dtype=pl.Int64(), meaning="length of the window", unit="days"),
        Column(name="window_start", dtype=pl.Date(), meaning="first day of the window; nothing from it on was known"),
        Column(name="model", dtype=pl.String(), meaning="contender or baseline"),
        Column(
            name="metric",
            dtype=pl.String(),
            meaning="incidents, off_support, expected_incidents, poisson_deviance, or hit_rate, pai, pei at a coverage",
        ),
        Column(
            name="value",
            dtype=pl.Float64(),
            meaning="the metric in that window; missing: undefined, as without an incident",
            is_nullable=True,
        ),
    ),
)
