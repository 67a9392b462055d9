"""What docs/data_format.md says of columns, mapping files and layouts; a part of scripts/write_data_format.py."""

from geodata import publisher_layouts

CANONICAL = {
    "occurred_at": "date and time in one column, or the date alone",
    "occurred_from": "start of the window in which it happened",
    "occurred_to": "end of that window",
    "date": "date; alone it is read as `occurred_at`",
    "time": "time of day, beside `date`",
    "time_precision": "minute, hour, day, month or interval, where the file says so for each row",
    "category": "kind of offence; see [offence groups](#2-offence-groups)",
    "incident_id": "the source's own number of the incident",
    "lat": "latitude in degrees, WGS84",
    "lng": "longitude in degrees, WGS84",
    "is_domestic": "true, yes, 1, да or иә: an otherwise mappable offence counts as `domestic`",
    "is_withdrawn": "anything but 0, false, no, нет, жоқ: the publisher struck the record off",
    "incident_hash": "the pseudonym this installation gave the incident; stands in tables of quarantined rows",
    "x": "easting in the file's coordinate system; geometry of a file stands for it",
    "y": "northing in that system",
    "year": "year, where a date stands in parts",
    "month": "month from 1 to 12, beside `year`",
    "day": "day of the month, beside `year`",
    "hour": "hour from 0 to 23, beside `year`",
    "minute": "minute, beside `year`",
    "category_otherwise": "broader kind of offence, used where `category` is empty or not known",
}
MAPPING_KEYS = {
    "name": "name of a layout; one with a name says everything: no column is then told by its own name",
    "title": "whose files these are, for people",
    "recognised_by": "what a layout is recognised by, see below",
    "columns": "canonical name = column in the file; an empty text says that there is none, whatever its name",
    "key": "list of columns that identify an incident together, instead of `incident_id`; only their hash is kept",
    "drop": 'list of columns dropped at the door: they reach neither incidents nor quarantine; `"*"` is all not used',
    "categories": "category as delivered = offence group",
    "offence_group": "group of every row, where the file has no category column",
    "time_zone": "IANA zone of the file's times",
    "date_format": "`day first`, `month first`, `epoch ms`, `epoch s`, or a strptime pattern such as `%d/%m/%Y %H:%M`",
    "clock": "`local` (default), `utc`: times without an offset are UTC, `local written as utc`: an offset is ignored",
    "precision": "the finest that is known: `minute`, `hour`, `day` or `month`, whatever the values look like",
    "midnight": "`time` (default), or `day`: a clock at exactly 00:00 says that no hour was recorded",
    "coordinate_system": "what `x` and `y` are measured in: `EPSG:` or `ESRI:` and a number",
    "decimal": "`.` or `,`; with `,` points and spaces only group digits",
    "encoding": "encoding of a CSV, where it is misread",
    "separator": "comma, semicolon, bar or tab",
    "sheet": "sheet of a workbook, or layer of a GeoPackage or zipped shapefile",
}
MARKS = {
    "columns": "columns that are all in the file",
    "without": "columns that are not in the file",
    "bounds": "west, south, east, north, in the file's own coordinates: the middle of its first places lies within",
}
EXAMPLE_MAPPING = """\
time_zone = "Asia/Almaty"
date_format = "day first"

[columns]
occurred_at = "when"
category = "what"
lat = "north"
lng = "east"

[categories]
"Cat A" = "theft"
"Cat B" = "burglary"
"""
TEXT = """\
### Layouts and mapping files

A layout says how the files of one publisher are to be read. It is a TOML file: those below come with the program, an
operator's own lie in `RISKMAP_DATA/layouts` and go before them. A file has the layout whose marks it fits; of several
the one with the most columns among its marks. `--layout NAME` or `--layout FILE` says which.

A mapping file given with `--mapping` has the same entries, without name and marks: it says what the names in a file do
not tell, or completes the layout the file is recognised by. Every entry may be left out.
"""
MARKS_TEXT = """\
`[recognised_by]` holds the marks of a layout:
"""
SHIPPED_TEXT = """\
### Layouts that come with the program
"""


def shipped() -> list[tuple[str, str, str]]:
    """A line for each layout that comes with the program."""
    return [
        (f"`{found.name}`", found.title or "", ", ".join(f"`{name}`" for name in found.recognised_by.columns))
        for found in publisher_layouts.shipped()
        if found.recognised_by
    ]
