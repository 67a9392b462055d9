"""Public objects and road accidents with casualties, as their owners deliver them; apart from crime.

Of an object its kind and place are read, of an accident its day and the numbers of people hurt and killed. Sex, age,
names, plates and whatever else a file holds are never read. A delivered number becomes a keyed hash at once.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path

import polars as pl

from geodata import hexgrid, timestamps
from geodata.column_names import NAMES as INCIDENT_NAMES
from geodata.column_names import plain, shown
from geodata.columns import Column, Table
from geodata.coordinates import as_numbers
from geodata.errors import InvalidSurroundings, UnexpectedColumns
from geodata.faults import MEANINGS as PLACE_MEANINGS
from geodata.faults import Fault
from geodata.pseudonym import keyed_hash
from geodata.recognised import RecognisedTable, open_recognised, refuse_without_place
from geodata.regions import region_of_points
from geodata.territory import WORKING_RESOLUTION, Territory


class ObjectKind(StrEnum):
    """What a public object is."""

    CAMERA = "camera"
    LIGHT = "light"
    SIGN = "sign"
    POLICE = "police"
    ACCIDENT = "accident"


PUBLIC_OBJECTS = Table(
    name="public objects",
    meaning="Cameras, lights, signs, police posts and road accidents with casualties as delivered. "
    "Shown only with their owner's word, and accidents in bands alone.",
    columns=(
        Column(name="object_id", dtype=pl.String(), meaning="keyed hash of the owner's number, else of what it is"),
        Column(name="kind", dtype=pl.String(), meaning="camera, light, sign, police or accident"),
        Column(name="lat", dtype=pl.Float64(), meaning="latitude, WGS84", unit="°"),
        Column(name="lng", dtype=pl.Float64(), meaning="longitude, WGS84", unit="°"),
        Column(name="cell", dtype=pl.UInt64(), meaning="H3 cell at the working resolution"),
        Column(name="region_id", dtype=pl.String(), meaning="region that holds it", is_nullable=True),
        Column(name="occurred_on", dtype=pl.Date(), meaning="local day of an accident", is_nullable=True),
        Column(name="casualties", dtype=pl.Int64(), meaning="people hurt or killed in an accident", is_nullable=True),
        Column(name="killed", dtype=pl.Int64(), meaning="of them killed; missing where not told", is_nullable=True),
        Column(name="dated", dtype=pl.Date(), meaning="day whose state the delivery is"),
    ),
)


class ObjectFault(StrEnum):
    """Why a row of public objects is set aside; the first that applies, in this order."""

    RAGGED_ROW = "ragged_row"
    UNKNOWN_KIND = "unknown_kind"
    IMPOSSIBLE_PLACE = "impossible_place"
    OUTSIDE_TERRITORY = "outside_territory"
    NO_PLACE = "no_place"
    IMPOSSIBLE_DATE = "impossible_date"
    IMPOSSIBLE_CASUALTIES = "impossible_casualties"
    NO_CASUALTIES = "no_casualties"


MEANINGS: dict[ObjectFault, str] = {
    ObjectFault.RAGGED_ROW: PLACE_MEANINGS[Fault.RAGGED_ROW],
    ObjectFault.UNKNOWN_KIND: "the kind is missing or none of camera, light, sign, police, accident",
    ObjectFault.NO_PLACE: "there are no coordinates",
    ObjectFault.IMPOSSIBLE_PLACE: "the coordinates are incomplete, swapped, or no place on Earth",
    ObjectFault.OUTSIDE_TERRITORY: PLACE_MEANINGS[Fault.OUTSIDE_TERRITORY],
    ObjectFault.IMPOSSIBLE_DATE: "the day of an accident is missing, unreadable, or after the day of the delivery",
    ObjectFault.IMPOSSIBLE_CASUALTIES: "the number of people hurt or killed is missing or no whole number of 0 to 999",
    ObjectFault.NO_CASUALTIES: "nobody was hurt: only accidents with casualties are taken",
}

NAMES: dict[str, tuple[str, ...]] = {
    "kind": ("kind", "object type", "object kind", "вид объекта", "тип объекта", "объект", "type", "вид", "тип",
             "нысан түрі", "түрі"),
    "number": ("object id", "inventory number", "инвентарный номер", "номер объекта", "accident id", "номер дтп",
               *INCIDENT_NAMES["incident_id"][0], *INCIDENT_NAMES["incident_id"][1], "number", "номер", "код",
               "нөмірі"),
    "occurred_at": (*INCIDENT_NAMES["occurred_at"][0], *INCIDENT_NAMES["occurred_at"][1], "accident date", "дата дтп",
                    *INCIDENT_NAMES["date"][0]),
    "casualties": ("casualties", "number of casualties", "victims", "пострадавшие", "пострадало", "пострадавших",
                   "всего пострадавших", "зардап шеккендер"),
    "injured": ("injured", "ранено", "раненые", "раненых", "жараланғандар", "жарақат алғандар"),
    "killed": ("killed", "deaths", "fatalities", "погибло", "погибшие", "погибших", "қаза тапқандар", "қаза болғандар"),
}  # fmt: skip
"""Names by which columns are known, best first; no other column is read."""

KINDS: dict[ObjectKind, tuple[str, ...]] = {
    ObjectKind.CAMERA: ("camera", "cameras", "cctv", "video camera", "камера", "видеокамера", "камера видеонаблюдения",
                        "бейнекамера"),
    ObjectKind.LIGHT: ("light", "street light", "street lamp", "lamp", "фонарь", "светильник", "опора освещения",
                       "освещение", "шам", "шамшырақ"),
    ObjectKind.SIGN: ("sign", "road sign", "crossing", "знак", "дорожный знак", "пешеходный переход", "белгі",
                      "жол белгісі", "жаяу жүргінші өткелі"),
    ObjectKind.POLICE: ("police", "police post", "полиция", "упп", "участковый пункт полиции", "опорный пункт",
                        "пост полиции", "полиция бекеті"),
    ObjectKind.ACCIDENT: ("accident", "road accident", "crash", "дтп", "дорожно транспортное происшествие", "жко",
                          "жол көлік оқиғасы"),
}  # fmt: skip
"""What a kind may be called in a column of kinds."""

MOST_CASUALTIES = 999
_KIND_OF = {plain(name): str(kind) for kind, names in KINDS.items() for name in names}
_PLACE_FAULTS = {
    Fault.OUTSIDE_TERRITORY.value: ObjectFault.OUTSIDE_TERRITORY.value,
    **{
        fault.value: ObjectFault.IMPOSSIBLE_PLACE.value
        for fault in (Fault.INCOMPLETE_COORDINATES, Fault.IMPOSSIBLE_COORDINATES, Fault.SWAPPED_COORDINATES)
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadObjects:
    """A delivery of public objects as read: ``rows_read`` is accepted + duplicates + set aside.

    ``objects`` is a frame of `PUBLIC_OBJECTS` in order of kind and id; ``set_aside`` has ``line`` and ``fault`` only,
    because what else stands in a faulty row may be personal.
    """

    objects: pl.DataFrame
    set_aside: pl.DataFrame
    rows_read: int
    duplicates: int

    @property
    def kinds(self) -> list[ObjectKind]:
        """The kinds that were accepted, sorted."""
        return [ObjectKind(kind) for kind in sorted(self.objects["kind"].unique())]

    @property
    def faults(self) -> dict[str, int]:
        """Rows set aside by fault, the most frequent first."""
        counted = self.set_aside.group_by("fault").len().sort("len", "fault", descending=[True, False])
        return dict(counted.iter_rows())


def read_objects(
    path: Path, territory: Territory, *, kind: ObjectKind | None, dated: date, today: date, key: bytes
) -> ReadObjects:
    """Read a delivery of public objects or accidents.

    Two rows with the same number of the owner are one object, the later one counts. Without numbers an object is
    known by kind and place, the second at the same place by that too; an accident by day, place and casualties, and
    equal ones are one.

    Parameters
    ----------
    path : CSV, XLSX, Parquet, GeoJSON, GeoPackage or zipped shapefile with a place in each row
    kind : what all rows are; None where a column says it
    dated : day whose state the delivery is
    today : no accident is later
    key : the installation's secret, for ids

    Raises
    ------
    UnreadableFile, UnexpectedColumns
        If the file cannot be read, or lacks the place, the kind, or the day and casualties of accidents.
    InvalidSurroundings
        If not one row can be used.
    """
    table = open_recognised(path, NAMES)
    refuse_without_place(table, "objects")
    if kind is None and "kind" not in table.layout:
        raise UnexpectedColumns(
            f"{path.name} does not say what its objects are; found columns {shown(table.rows.columns)}. Add a column "
            f"kind ({', '.join(ObjectKind)}), or say it for all: --kind KIND."
        )
    if kind is ObjectKind.ACCIDENT:
        _refuse_without_harm(table)
    judged = _judged(table, territory, kind=kind, today=today)
    set_aside = judged.filter(pl.col("fault").is_not_null()).select("line", "fault")
    usable = judged.filter(pl.col("fault").is_null())
    if usable.height == 0:
        counted = set_aside.group_by("fault").len().sort("len", "fault", descending=[True, False])
        told = ", ".join(f"{fault}: {n}" for fault, n in counted.iter_rows()) or "no rows"
        raise InvalidSurroundings(
            f"{path.name}: none of its {judged.height} rows can be used ({told}). Nothing was taken in; check "
            "--territory, --kind and the coordinates."
        )
    objects = _identified(usable, key).with_columns(dated=pl.lit(dated))
    cells = hexgrid.assign_cells(objects["lat"].to_numpy(), objects["lng"].to_numpy(), resolution=WORKING_RESOLUTION)
    objects = objects.with_columns(
        cell=cells, region_id=region_of_points(objects["lat"].to_numpy(), objects["lng"].to_numpy(), territory.regions)
    )
    return ReadObjects(
        objects=PUBLIC_OBJECTS.checked(objects.sort("kind", "object_id")),
        set_aside=set_aside,
        rows_read=judged.height,
        duplicates=usable.height - objects.height,
    )


def merged(held: pl.DataFrame, delivered: pl.DataFrame) -> pl.DataFrame:
    """What holds after a newer delivery of the same source and kind, as `PUBLIC_OBJECTS`.

    Objects: the delivery alone, so that what was taken down is gone. Accidents: those of days the delivery does not
    reach stay; on its days it says everything, and an accident it repeats counts as it says now.
    """
    accidents = pl.col("kind") == ObjectKind.ACCIDENT.value
    days = delivered.filter(accidents)["occurred_on"]
    is_reached = pl.col("occurred_on").is_between(days.min(), days.max()) if days.len() else pl.lit(False)
    others = held.filter(accidents & ~is_reached).join(delivered.select("object_id"), on="object_id", how="anti")
    return PUBLIC_OBJECTS.checked(pl.concat([others, delivered]).sort("kind", "object_id"))


def _judged(table: RecognisedTable, territory: Territory, *, kind: ObjectKind | None, today: date) -> pl.DataFrame:
    """Every row with its kind, place, day, casualties and the first fault that applies."""
    outline = territory.outline
    raw = pl.concat([frame.hstack(table.places(frame, outline).rename(_AT)) for frame in table.frames()])
    given = {name: raw[name] for name in (*_HARM, "number", "occurred_at") if name in table.layout}
    counts = {name: _counts(given[name]) for name in _HARM if name in given}
    frame = raw.select(
        "line",
        "ragged",
        _kinds(raw, kind).alias("kind"),
        number=timestamps.clean_text(given["number"]) if "number" in given else pl.lit(None, pl.String),
        lat="at_lat",
        lng="at_lng",
        place_fault=pl.col("at_fault").replace_strict(_PLACE_FAULTS, default=None, return_dtype=pl.String),
        occurred_on=_days(given["occurred_at"], territory.zone) if "occurred_at" in given else pl.lit(None, pl.Date),
        **{name: counts[name] if name in counts else pl.lit(None, pl.Int64) for name in _HARM},
        is_count=pl.all_horizontal(
            pl.lit(True), *(_is_blank(given[name]) | count.is_not_null() for name, count in counts.items())
        ),
    )
    is_accident = pl.col("kind") == ObjectKind.ACCIDENT.value
    hurt = pl.coalesce("casualties", pl.sum_horizontal("injured", "killed"))
    has_harm = pl.any_horizontal(pl.col(name).is_not_null() for name in _HARM)
    frame = frame.with_columns(
        casualties=pl.when(is_accident & has_harm).then(pl.max_horizontal(hurt, pl.col("killed").fill_null(0))),
        killed=pl.when(is_accident).then("killed"),
        occurred_on=pl.when(is_accident).then("occurred_on"),
    )
    is_unharmed = is_accident & (pl.col("casualties") == 0)
    conditions = {
        ObjectFault.RAGGED_ROW: pl.col("ragged").is_not_null(),
        ObjectFault.UNKNOWN_KIND: pl.col("kind").is_null(),
        ObjectFault.IMPOSSIBLE_PLACE: pl.col("place_fault") == ObjectFault.IMPOSSIBLE_PLACE.value,
        ObjectFault.OUTSIDE_TERRITORY: pl.col("place_fault") == ObjectFault.OUTSIDE_TERRITORY.value,
        ObjectFault.NO_PLACE: pl.col("lat").is_null() | pl.col("lng").is_null(),
        ObjectFault.IMPOSSIBLE_DATE: is_accident & (pl.col("occurred_on").is_null() | (pl.col("occurred_on") > today)),
        ObjectFault.IMPOSSIBLE_CASUALTIES: is_accident & (~pl.col("is_count") | pl.col("casualties").is_null()),
        ObjectFault.NO_CASUALTIES: is_unharmed,
    }
    first = pl.coalesce(
        pl.when(condition.fill_null(value=False)).then(pl.lit(fault.value)) for fault, condition in conditions.items()
    )
    return frame.with_columns(fault=first)


_HARM = ("casualties", "injured", "killed")
_AT = {"lat": "at_lat", "lng": "at_lng", "fault": "at_fault"}


def _identified(usable: pl.DataFrame, key: bytes) -> pl.DataFrame:
    """One row for each object, with its id."""
    spot = pl.format("{};{}", pl.col("lat").round(6), pl.col("lng").round(6))
    is_accident = pl.col("kind") == ObjectKind.ACCIDENT
    event = pl.format("{};{};{}", spot, pl.col("occurred_on"), pl.col("casualties"))
    # Several objects may stand at one place, on one pole: each is told by how many came before it.
    nth = pl.int_range(pl.len()).over("kind", pl.col("lat").round(6), pl.col("lng").round(6))
    identity = (
        pl.when(pl.col("number").is_not_null())
        .then(pl.format("number;{};{}", "kind", "number"))
        .when(is_accident)
        .then(pl.format("event;{};{}", "kind", event))
        .otherwise(pl.format("place;{};{};{}", "kind", spot, nth))
    )
    named = usable.with_columns(identity.alias("identity"))
    ids = keyed_hash(named["identity"], key).alias("object_id")
    return named.with_columns(ids).unique("object_id", keep="last", maintain_order=True)


def _refuse_without_harm(table: RecognisedTable) -> None:
    harm = {"casualties", "injured", "killed"} & set(table.layout)
    if "occurred_at" not in table.layout or not harm:
        lacking = "casualties" if "occurred_at" in table.layout else "a date"
        raise UnexpectedColumns(
            f"{table.path.name} has no column of {lacking}; found {shown(table.rows.columns)}. Accidents need the day "
            "and the number of people hurt: columns date and casualties (or injured and killed)."
        )


def _kinds(raw: pl.DataFrame, kind: ObjectKind | None) -> pl.Series:
    if kind is not None:
        return pl.Series([kind.value]).new_from_index(0, raw.height)
    texts = raw["kind"].cast(pl.String)
    known = {text: _KIND_OF.get(plain(text)) for text in texts.unique().drop_nulls()}
    return texts.replace_strict(known, default=None, return_dtype=pl.String)


def _days(column: pl.Series, zone: str) -> pl.Series:
    """Dates such as 03/04/2026 have the day first, as Kazakhstan writes them, unless the file rules it out."""
    order = timestamps.date_order(column)
    is_month_first = order.month_first and not order.day_first
    date_format = timestamps.MONTH_FIRST if is_month_first else timestamps.DAY_FIRST
    return timestamps.read_moments(column, zone=zone, date_format=date_format).wall.dt.date()


def _counts(column: pl.Series) -> pl.Series:
    numbers = as_numbers(column)
    is_count = numbers.is_finite() & (numbers == numbers.floor()) & numbers.is_between(0, MOST_CASUALTIES)
    return numbers.set(~is_count.fill_null(value=False), None).cast(pl.Int64)


def _is_blank(column: pl.Series) -> pl.Series:
    return column.is_null() if column.dtype.is_numeric() else timestamps.clean_text(column).is_null()
