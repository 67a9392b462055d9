"""Write docs/data_format.md from the code: columns, names, groups, faults, release files.

python scripts/write_data_format.py          writes the page
python scripts/write_data_format.py --check  exits 1 when the page is out of date
"""

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path

import polars as pl

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

import data_format_layouts as layouts  # noqa: E402
import data_format_outlines as outlines  # noqa: E402
import data_format_places as places  # noqa: E402
import data_format_scorecard as scorecard  # noqa: E402

from geodata import (  # noqa: E402
    columns,
    criminal_code,
    divisions,
    faults,
    layout,
    offences,
    public_objects,
    surroundings,
    survey_answers,
)
from geodata.columns import Table  # noqa: E402
from models.risk_class import RiskClass  # noqa: E402
from riskmap import journal, release, wording  # noqa: E402
from riskmap.council import request  # noqa: E402
from riskmap.pipeline import publication  # noqa: E402
from riskmap.place_review import rules  # noqa: E402
from riskmap.records import council_export, export_tables  # noqa: E402
from riskmap.records.export_tables import Shelf  # noqa: E402
from riskmap.signals import rules as signal_rules  # noqa: E402

PAGE = ROOT / "docs" / "data_format.md"

EXAMPLE = """\
incident_id,occurred_at,category,lat,lng
A-1,2026-03-01 14:30,theft,46.30112,70.19874
A-2,2026-03-01 23:05,robbery,46.28840,70.19442
A-3,2026-03-02,burglary,46.30938,70.13902
A-4,2026-03-02 09:15,fraud,,
"""
AREA_FIELDS = {
    "area_id": "territory's name, or the code of the region or district",
    "kind": "`territory`, `district` (counted here) or `region` (official totals)",
    "names": "names under `kk`, `ru`, `en`",
    "residents": "residents, where known",
    "total": "incidents of all mappable groups on covered cells in the period",
    "by_group": "counts of the last complete calendar year by offence group, where they may be told and are not 0",
    "by_group_year": "that year",
    "rate_low": "lower end of the likely range (5 %) of incidents per 10 000 residents and year",
    "rate_high": "upper end of it (95 %)",
    "change": "`down`, `up`, `none` or `too_little`, against the same dates a year earlier",
    "comparison": "`clear_lower`, `maybe_lower`, `none`, `maybe_higher`, `clear_higher`: a district to the whole",
    "official_count": "official total, where the territory has official totals",
    "official_rate": "the same per 10 000 residents",
    "reasons": "what sets the forecast of all offences for a typical place of a district apart from the territory's: "
    "up to three, each with `theme`, `presence` (`more` or `fewer` of it) and `effect` (`higher` or `lower`)",
}
MANIFEST = {
    "format": "version of this layout; this program reads and writes the one named above",
    "release_id": "name of the folder: `as_of`, a hash of the content, `-simulated` where it is",
    "territory": "short name of the territory",
    "names": "its names under `kk`, `ru`, `en`",
    "is_simulated": "true for made-up data; `areas.json`, both GeoJSON files and `scorecard.json` repeat it",
    "as_of": "first day the release does not know of; of a release of official totals, the day they are dated",
    "published_at": "when it was first written (UTC); not part of the hash",
    "attributions": "licences of extracts whose names of places are told",
    "objects": "public objects shown: `kind`, `count` (of accidents the hexagons), `year` of accidents, `owner` and "
    "`said_on`, the day of the owner's word, `dated`, `licence`; empty where nobody said so",
    "origin": "where outlines, names and numbers come from, under `kk`, `ru`, `en`",
    "official": "what official totals count: `year`, `measure`, `source`, `dated`; empty where there are none",
    "official_steps": "six edges of the five steps of official rates; empty where there are none",
    "working_resolution": "H3 resolution at which incidents are counted",
    "predecessor": "release before this one; null for the first. What it tells of a period stands in this one too",
    "change": "why this release: `first`, `new_periods`, `same_periods`, `corrected`, or `withdrawn.` and the reason",
    "corrected": "`year` that is corrected, and how many `areas` changed and are `waiting`; null in other releases",
    "what_changed": "the same as a sentence under `kk`, `ru`, `en`; not part of the hash",
    "coarser": "what is not told since a release was withdrawn: `what` `below` which place in which `year`",
    "counts": "`periods` counts.csv tells of, and which of them are `new`; null in a release without cells",
    "attack": "protected counts before publication: `targets`, and how many were known `exact` or `within_one`",
    "period": "`from` (first day) and `to` (day after the last) of the counts; null in a release without cells",
    "record_from": "first day of the continuous record",
    "groups": "offence groups that have a `classes-*.bin`, the most frequent first after `all`",
    "has_rates": "false where residents are unknown: classes then compare incidents for each cell, not rates",
    "public_resolutions": "H3 resolutions found in `cells.bin`",
    "class_rule": "`sure`, `likely`, `margin`, `least_expected`: when a class is given; `counts_in_bands_of`: "
    "all that classes are told of a count",
    "similar": "what similar places are: `within` a region or the territory, `residents_bands` of density, `reference`",
    "disclosure": "thresholds: `least_residents`, `least_addresses`, `most_of_one_spot` of a cell, `least_count`, "
    "`least_sensitive`, "
    "`least_of_group` and the width of `bands` of counts.csv",
    "model": "`name`, `run_id` and the settings chosen for each group",
    "served": "for each group `level` (`smoothed`, `long_run`, `untested`) and its own period `from`, `to`",
    "deliveries": "ids of the deliveries counted: hashes, no file names",
    "bounds": "south, west, north, east of the cells, in degrees; without cells, of the outlines",
    "outline_bounds": "the same of the territory's outlines",
    "centre": "latitude and longitude of the middle",
    "files": "for each other file its `bytes` and `sha256`",
}
"""Entries of a manifest; tests/test_docs.py compares them with that of the made-up city."""

SCORECARD = {
    "offence_group": "group, or `all`",
    "resolution": "H3 resolution of the test",
    "horizon_days": "length of a test window",
    "model": "`eb` is the one that may be served; the others are baselines",
    "n_windows": "test windows",
    "hit_rate": "share of incidents in the riskiest 1, 2, 5 and 10 % of cells",
    "pai": "that share divided by the share of area; 1 is chance",
    "pei": "PAI divided by the best possible one",
    "poisson_deviance": "mean per cell, lower is better; 3 % of a flat map is mixed into every forecast first",
    "calibration_slope": "1 is calibrated, below 1 overconfident; taken on the forecast as served",
}
FILES = {
    "manifest.json": "identity, period, rules and checksums",
    "cells.bin": "the published cells; absent in a release of official totals, as are the next two and the scorecard",
    "areas.bin": "for each cell the area that holds it",
    "classes-GROUP.bin": "for each cell its class, one file for each offence group",
    "areas.json": "areas with the numbers disclosure control allows",
    "counts.csv": "every count that is told and every one that is hidden, see [public counts](#public-counts)",
    "places.csv": "what the counts speak of, see [public places](#public-places)",
    "crosswalk.csv": "where areas change from one year to the next, see [crosswalk of areas](#crosswalk-of-areas)",
    "gazetteer.csv": "names of streets, quarters and settlements; `other_names` and `cells` parted by semicolons, "
    "`place_id` where only the region is known",
    "off_map.csv": "offences without a place, by region, see [what is not on the map](#what-is-not-on-the-map)",
    "survey.csv": "where people were asked, how safe they feel, see [survey answers](#survey-answers); "
    "the share of fewer than 30 people is missing",
    "residents.csv": "where residents are known, those of each area, see [residents of areas](#residents-of-areas)",
    "areas.geojson": "outlines; properties `area_id`, `names` and `step` (1 to 5 of official rates, or null)",
    "basemap.geojson": "lines and areas drawn under the hexagons, with property `kind`; where the territory has one",
    "objects.geojson": "where an owner said so, public objects: for each `kind` and `region_id` a MultiPoint with its "
    "`count`, rounded to four decimals; road accidents as hexagons with `cell`, `year` and the band `low` to `high`",
    "scorecard.json": "the backtest: `models` holds a line for each offence group and model, `monthly` past forecasts",
}
SURVEY_TEXT = """\
### Files of survey answers

CSV, Parquet or XLSX for `survey load`, one row for each region, sex, year and question. A row that cannot be used is
refused with its line, what was found and what was expected; rows that contradict each other are all refused. What a
source said of a year earlier gives way to a newer delivery; two waves of one year are two sources.
"""
CLASS_MEANINGS = {
    RiskClass.CLEARLY_LOWER: "clearly lower than similar places",
    RiskClass.MAYBE_LOWER: "may be lower",
    RiskClass.NO_CLEAR_DIFFERENCE: "no clear difference",
    RiskClass.MAYBE_HIGHER: "may be higher",
    RiskClass.CLEARLY_HIGHER: "clearly higher",
    RiskClass.TOO_LITTLE: "grey: too little data",
    RiskClass.PROTECTED: "grey: not shown, to protect people",
}

INTRODUCTION = """\
# Data format

<!-- Written by scripts/write_data_format.py. Change the code or that script, not this page. -->

What goes in, what is kept, and what comes out. Words are explained in the [glossary](glossary.md), reasons in
[decisions](decisions.md).

## 1. A file of incidents

One row is one incident. What a file is, is told by its content:

- **CSV**: comma, semicolon, tab or bar; UTF-8, UTF-16 or an older Cyrillic or Western encoding; plain or
  gzip-compressed.
- **Parquet**, plain or gzip-compressed.
- **XLSX**: one sheet; the header is its first row that is not empty, or stands below title lines in the first 30
  rows. Where several sheets hold incidents the file is
  refused until a mapping file says which. The official form 1-М is answered as what it is: totals, for `totals load`.
- **GeoJSON**, or the JSON answer of an Esri map service; plain or gzip-compressed. Points become places.
- **GeoPackage**: one layer of points. Whether its moments are UTC has to be said (`clock`): the format calls all of
  them so.
- **Shapefile of points, CSV or GeoJSON in a ZIP archive** (`sheet` picks one of several); other files in the archive
  are left aside. Archives with links, with names that lead out of them, or that unpack into more than 1 GB are refused.

A smallest complete example:
"""
COLUMNS_TEXT = """\
A file needs `lat`, `lng` (or `x`, `y`) and one of `occurred_at`, `date`, `occurred_from`, `year`. The rest may be
absent. Of an accepted row nothing is kept but time, place, category and a hash as its id, whatever other columns hold.
A row set aside is kept in the quarantine of the installation so that it can be corrected: it too with only the columns
that are read, and without those its layout drops.

`python -m riskmap deliver --explain FILE` says what would be made of a file and why, and stores nothing. For a file
that no layout fits it writes a draft of one, to be completed.

### Recognised column names

Case, spaces, hyphens, underscores and dots do not matter. Names after "else" are looked for only when the ones before
are absent. Where two columns answer to one name the file is refused until a mapping file says which is meant.
"""
RULES_TEXT = """\
### How values are read

- **Dates**: `2026-03-01`, `01.03.2026`, `3/1/2026`, `2026-03`, with or without a time, AM/PM and an offset from UTC.
  Whether 03/04 is March or April is decided once for the whole file by its telling dates; where none tells, the file is
  refused until a mapping file says it. Dates before 1 January 2000 or after the day of delivery are faults.
- **Time zone**: `--timezone`, else the mapping file, else the file's layout, else the territory's. A new territory
  takes its zone from the coordinates when none is given.
- **Precision**: minute, hour, day or month, the coarser of what the file says and what the text carries. Where every
  time is midnight (in at least 10 rows), only the day is taken as known. An incident belongs to the local day on which
  its window starts; one known only by month gets a day of that month from its id.
- **Places**: degrees, decimal point or comma; metres or feet of a coordinate system that the file or its layout
  names. No coordinates, or 0 and 0, is *no place*: accepted and counted, not on the map. A point up to 0.01° outside
  the outline counts as inside.
- **Duplicates**: with an id column (that does not merely number the rows), rows of one id are one incident. Without
  one, rows equal in time, place and category are one incident where the moment is known to the minute or hour;
  otherwise they are different incidents. The same incident in a later, overlapping file is recognised.
- **Categories**: see [offence groups](#2-offence-groups). A file none of whose categories is known is refused.
"""
GROUPS_TEXT = """\
## 2. Offence groups

Only mappable groups stand on the map and in `all`: they have a place, are reported by victims, and are not sensitive.
The others are kept in the incident lake and shown nowhere yet. `geodata/tables/offence_categories.csv` maps {n}
categories (Russian and Kazakh names from the Criminal Code, police.uk, several North American publishers); a mapping
file goes before it. Where a category mixes groups or its group is in doubt, `is_certain` is false there.
"""
ARTICLES_TEXT = """\
### Articles of the Criminal Code

In a delivery whose time zone is one of Kazakhstan, a category may also be an article of its Criminal Code or an
official title. Read are `188`, `188-1`, `ст.188 ч.3`, `ст. 188 ч. 3 п. 2 УК РК`, `ч. 3 ст. 188`, `188-бап 3-бөлік`,
`ҚР ҚК 188-бабының 3-бөлігі`, and the four digits of the official service (`1880`, `1881` for 188-1, `0990` for 99).
Latin letters that look Cyrillic, kinds of dashes and an attempt (`ст. 24 ч. 3` in front) do not matter. A code that
names no article or several is unknown: kept, counted and reported, never guessed.

`geodata/tables/offences_kz.csv` holds {articles} articles and {parts} parts of theirs:

| column | meaning |
| --- | --- |
| `article`, `part` | numbers; an empty part means all parts |
| `crime_code` | the article as the official service writes it |
| `title_ru`, `title_kk` | official title, where our sources have it |
| `offence_group` | group of the article; its parts share it |
| `is_certain` | false where the group is in doubt or the severity was not read: {uncertain} rows |
| `severity` | {severities}; empty where not known or where parts differ: known in {severe} rows |
| `severity_basis` | {severity_bases} |
| `harm_days` | weight: longest sanction in days, life as {life}; derived, not official: known in {harmful} rows |
| `harm_basis` | {harm_bases} |
| `valid_from`, `valid_to` | first and last day of validity, where known |
| `source`, `remark` | where the row comes from; what to bear in mind |
"""
KEPT_TEXT = """\
## 4. What an installation keeps

Frames with these columns cross the borders between packages and are checked there. None of them is public.
"""
RELEASE_TEXT = """\
## 5. A release

The only data the public sees: the folder `RISKMAP_DATA/releases/TERRITORY/RELEASE_ID/`, written once and never changed.
`latest.json` beside the folders names the newest. Each file is served at `/releases/TERRITORY/RELEASE_ID/FILE`, those
of older releases too. JSON is UTF-8. In a simulated release the id ends in `-simulated`.
"""
JOURNAL_TEXT = f"""\
## 6. A journal

What the public sees of a council's requests: the folder `RISKMAP_DATA/journals/TERRITORY/JOURNAL_ID/`, written whole
after each public change; the {journal.KEPT} newest stay. It is checked like a release. `manifest.json` holds `format`,
`kind` (`{journal.KIND}`), `territory`, `as_of`, `is_simulated`, `files`, and `audit_head`: position and hash of the
last line of the audit log, against which `check-audit` compares the log. Beside the folders of all territories stands
`{journal.HEADS}` (`{journal.HEADS_HEADER}`): number of lines and last hash of the log at the last change of each day,
served at `/privacy/{journal.HEADS}`. Lines of earlier days never change. `{journal.REQUESTS}` holds `requests`, by
number. It is served as pages under `/council/` and by the [API](architecture.md#api), never as a folder.

No name, no account and no word of a requester is in it ([what is published](council_workflow.md)).
"""
REVIEW_TEXT = f"""\
`{journal.REVIEWS}`, where any place was reviewed, holds `reviews`, by number. Neither what was doubted nor by how many
people is in it. The page of open data and the map show them.
"""
REVIEW_FIELDS = {
    "number": "number of the review in its territory",
    "place_id": "H3 cell or area that was doubted",
    "area_id": "area of the release then that holds it",
    "asked_on": "day of the first ask, civil time of Kazakhstan",
    "due_on": f"last day for the answer, {rules.ANSWER_WITHIN_DAYS} working days later",
    "answered_on": "day of the answer, or null",
    "outcome": ", ".join(f"`{outcome}`" for outcome in rules.Outcome) + ", or null",
    "reasons": "the public reason, in `kk` and `ru`",
    "role": "role of whoever answered, or null",
}
MARK_TEXT = f"""\
`{journal.MARKS}`, where anything was marked in a quarter that is over, holds `quarters`, each with its name (`2026-Q3`)
and `counts`: lists of `area_id`, category and number of anonymous marks. A number is never below
{signal_rules.FEWEST_TOLD}; of several marks from one network in a day one counts; there are no sums over areas or
categories. A quarter is told once and stays as it was told. Categories:
{", ".join(f"`{category}`" for category in signal_rules.Category)}.
"""
REQUEST_FIELDS = {
    "number": "number of the request in its territory",
    "kind": ", ".join(f"`{kind}`" for kind in request.RequestKind),
    "state": "one of the states of the [workflow](council_workflow.md#steps)",
    "is_open": "whether something is still to be done",
    "cell_id": "H3 cell of the release it was filed against",
    "area_id": "area of that release that holds the cell",
    "release_id": "that release",
    "risk_class": "class of all offences together in it then, 1 to 7 as above",
    "submitted_on": "day it was filed, civil time of Kazakhstan",
    "changed_on": "day of its last step",
    "supporters": "people behind it besides the requester, those of requests merged into it included",
    "wording": "what it asks, in the words the secretary published; null until it is taken up",
    "merged_into": "number of the earlier request, or null",
    "is_simulated": "whether it belongs to the made-up city",
    "steps": "history: `action`, `state` it led to, day `on`, published `fields`",
    "clock": "the date that counts now, left out where there is none: `kind` (`legal`, `own`, `promised`), `due_on`, "
    "`body` (null: the council itself), `is_extended` and `is_notice_late` of the law's term",
    "photos": "photos that the secretary has checked, left out where there is none: `sha256`, which names the file "
    "served at `/council/TERRITORY/photos/SHA256.jpg`, `caption`, `width`, `height`, `sent_with` (`mark`, `request`, "
    "`dispute`), `sent_on`",
}
MEETING_TEXT = f"""\
`{journal.MEETINGS}`, where any meeting was called, holds `meetings`, by number. Who was present and who voted how is
not in it.
"""
COMMENT_FIELDS = {
    "request": "number of the request",
    "number": "number among the comments of the request",
    "role": "role of whoever said it",
    "on": "day, civil time of Kazakhstan",
    "text": "what was said, or null where it is not shown",
    "reason": "why it is not shown, or null: `personal`, `insult`, `accusation`, `advertising`, `off_topic`, "
    "`repeated`",
}
COMMENT_TEXT = f"""
`{journal.COMMENTS}`, where anything was said, holds `comments`, by request and number. Whose they are, and what waits
for the secretary or was taken back, is not in it.
"""
MEETING_FIELDS = {
    "number": "number within the territory",
    "stage": "`called`, `open` or `closed`",
    "day": "day of the meeting",
    "time": "its time there",
    "place": "where it is held",
    "members": "members of the council when it was called",
    "quorum": "members that have to be present",
    "present": "members present, or null before it is opened",
    "notices": "notices given so far; the newest counts",
    "changed_on": "day of its last entry",
    "is_simulated": "whether it belongs to the made-up city",
    "agenda": "questions in order: `request`, and `supporters`, `evidence`, `days` and `weight` it was ordered by",
    "decisions": "all versions: `request`, `verdict`, day `on`, numbers of `votes`, `fields`, `is_in_force`",
}

EXPORT_TEXT = f"""\
## 7. A council's export

`export-council` writes a new folder: `{council_export.ABOUT}` (format {council_export.FORMAT}, territory, moment, head
of the audit log, rows of each table), `{council_export.DICTIONARY}` (this list), `{council_export.SUMS}` (SHA-256 of
every other file), and each table as CSV and JSON in `{Shelf.PUBLIC}/` or `{Shelf.RESTRICTED}/`. What stands in
`{Shelf.RESTRICTED}/` is for the council alone. In CSV a text that a spreadsheet would calculate begins with an
apostrophe; JSON holds every text unchanged. Moments are in UTC.
"""


def page() -> str:
    """The whole page as Markdown."""
    return (
        "\n".join([*_delivery(), *_groups(), *_faults(), *_kept(), *_release(), *_journal(), *_export()]).rstrip()
        + "\n"
    )


def _export() -> list[str]:
    lines = [EXPORT_TEXT]
    for table in export_tables.TABLES:
        rows = [(_code(column.name), column.type, column.meaning) for column in table.columns]
        lines += [f"`{table.shelf}/{table.name}`\n", *_table(("column", "type", "meaning"), rows)]
    return lines


def _delivery() -> list[str]:
    recognised = [(_code(name), layouts.CANONICAL[name], _tiers(tiers)) for name, tiers in layout.NAMES.items()]
    return [
        INTRODUCTION,
        _block("csv", EXAMPLE),
        COLUMNS_TEXT,
        *_table(("column", "meaning", "recognised names"), recognised),
        RULES_TEXT,
        layouts.TEXT,
        *_table(("entry", "meaning"), _named(layouts.MAPPING_KEYS)),
        _block("toml", layouts.EXAMPLE_MAPPING),
        layouts.MARKS_TEXT,
        *_table(("entry", "meaning"), _named(layouts.MARKS)),
        layouts.SHIPPED_TEXT,
        *_table(("name", "files of", "known by"), layouts.shipped()),
    ]


def _groups() -> list[str]:
    words = wording.in_language("en")
    rows = [
        (
            _code(group.code),
            words.text(f"group.{group.code}"),
            _yes(group.has_place),
            _yes(group.is_reported_by_victims),
            _yes(group.is_sensitive),
            _yes(group.is_mappable),
        )
        for group in offences.OFFENCE_GROUPS
    ]
    head = ("code", "name", "has a place", "reported by victims", "sensitive", "mappable")
    return [GROUPS_TEXT.format(n=len(offences.category_table())), *_table(head, rows), _articles()]


def _articles() -> str:
    rows = criminal_code.articles().values()
    return ARTICLES_TEXT.format(
        articles=sum(not row.part for row in rows),
        parts=sum(bool(row.part) for row in rows),
        uncertain=sum(not row.is_certain for row in rows),
        severities=", ".join(map(_code, criminal_code.SEVERITIES)),
        severe=sum(row.severity is not None for row in rows),
        harmful=sum(row.harm_days is not None for row in rows),
        life=criminal_code.DAYS_OF_LIFE,
        severity_bases="; ".join(f"{_code(basis)}: {text}" for basis, text in criminal_code.SEVERITY_BASES.items()),
        harm_bases="; ".join(f"{_code(basis)}: {text}" for basis, text in criminal_code.HARM_BASES.items()),
    )


def _faults() -> list[str]:
    rows = [(_code(fault.value), faults.MEANINGS[fault]) for fault in faults.Fault]
    return [
        "## 3. Faults\n\nA faulty row is set aside with the first fault that applies, in this order:\n",
        *_table(("fault", "meaning"), rows),
    ]


def _kept() -> list[str]:
    tables = (
        columns.INCIDENTS,
        columns.QUARANTINE,
        columns.PLACES,
        columns.REGIONS,
        columns.EXPECTED_INCIDENTS,
        columns.HOTSPOT_MARKS,
        columns.CELL_REASONS,
        columns.OFFICIAL_TOTALS,
        survey_answers.SURVEY_ANSWERS,
        surroundings.SURROUNDINGS,
        surroundings.SURROUNDING_SOURCES,
        public_objects.PUBLIC_OBJECTS,
        divisions.DIVISIONS,
        columns.COUNTED,
        columns.PUBLIC_COUNTS,
        columns.PUBLIC_PLACES,
        columns.PUBLIC_CROSSWALK,
        columns.PUBLIC_RESIDENTS,
        columns.PUBLIC_OFF_MAP,
        columns.BACKTEST_RESULTS,
    )
    properties = [(_code(name), ", ".join(map(_code, names))) for name, names in outlines.PROPERTY_NAMES.items()]
    return [
        KEPT_TEXT,
        *(line for table in tables for line in _declared(table)),
        outlines.text(),
        *_table(("column", "recognised properties, best first"), properties),
        SURVEY_TEXT,
        *_table(("column", "recognised names, best first"), _known_as(survey_answers.NAMES)),
        *_table(("question", "the share of those who"), _named(survey_answers.QUESTION_MEANINGS)),
        places.INTRODUCTION,
        *_table(("column", "recognised names, best first"), places.names()),
        places.FEATURES,
        *_table(("feature", "tags"), places.features()),
        places.FAULTS,
        *_table(("fault", "meaning"), places.faults()),
    ]


def _known_as(names: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    return [(_code(name), ", ".join(map(_code, known))) for name, known in names.items()]


def _declared(table: Table) -> list[str]:
    rows = [(_code(c.name), _type(c.dtype), c.unit, "yes" if c.is_nullable else "no", c.meaning) for c in table.columns]
    head = ("column", "type", "unit", "missing allowed", "meaning")
    return [f"### {table.name.capitalize()}\n\n{table.meaning}\n", *_table(head, rows)]


def _release() -> list[str]:
    area = [(_code(field.name), AREA_FIELDS[field.name]) for field in fields(release.Area)]
    classes = [(str(int(code)), CLASS_MEANINGS[code]) for code in RiskClass]
    return [
        RELEASE_TEXT,
        *_table(("file", "holds"), _named(FILES)),
        _layouts(),
        *_table(("class", "meaning"), classes),
        f"### manifest.json (format {release.FORMAT})\n\n"
        "A release of official totals lacks `record_from`, `class_rule`, `similar`, `disclosure`, `attack`, "
        "`model` and `deliveries`.\n",
        *_table(("entry", "meaning"), _named(MANIFEST)),
        "### areas.json\n\n"
        "`areas` holds the territory first, then its regions or districts. A value is null where it is not known or "
        "may not be\npublished ([why](decisions.md#public-counts-quarters-first)). Every number is also in "
        "counts.csv.\n",
        *_table(("field", "meaning"), area),
        "### scorecard.json\n",
        *_table(("field", "meaning"), _scorecard()),
        scorecard.INTRODUCTION,
        *_table(("field of a group", "meaning"), _named(scorecard.GROUP)),
        *_table(("field of a window", "meaning"), _named(scorecard.WINDOW)),
    ]


def _journal() -> list[str]:
    rows = [(_code(field.name), REQUEST_FIELDS[field.name]) for field in fields(journal.PublicRequest)]
    reviews = [(_code(field.name), REVIEW_FIELDS[field.name]) for field in fields(journal.PublicReview)]
    heads = ("field", "meaning")
    meetings = [(_code(field.name), MEETING_FIELDS[field.name]) for field in fields(journal.PublicMeeting)]
    comments = [(_code(field.name), COMMENT_FIELDS[field.name]) for field in fields(journal.PublicComment)]
    told = [
        REVIEW_TEXT,
        *_table(heads, reviews),
        MEETING_TEXT,
        *_table(heads, meetings),
        COMMENT_TEXT,
        *_table(heads, comments),
        MARK_TEXT,
    ]
    return [JOURNAL_TEXT, *_table(heads, rows), *told]


def _layouts() -> str:
    return f"""\
### Binary files

Numbers are little-endian and follow one another without gaps; n is the number of cells.

| file | bytes | content |
|---|---|---|
| `cells.bin` | 4 | `{release.CELLS_MAGIC.decode()}` |
| | 4 | n, unsigned 32-bit |
| | 8 × n | H3 cell numbers, unsigned 64-bit, ascending; resolutions may be mixed |
| `areas.bin` | 2 × n | position in `areas` of areas.json, unsigned 16-bit; {release.NO_AREA}: none |
| `classes-GROUP.bin` | n | class, unsigned 8-bit |

Cells form one partition: none lies inside another. A cell that is not listed, and has no listed parent, is not covered.
"""


def _scorecard() -> list[tuple[str, str]]:
    """One line a field; the same metric at several coverages is one line."""
    named: dict[str, list[str]] = {}
    for name in publication.SCORECARD:
        metric = name.rpartition("_")[0] if name.rpartition("_")[2].isdecimal() else name
        named.setdefault(metric, []).append(_code(name))
    return [(", ".join(names), SCORECARD[metric]) for metric, names in named.items()]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [*("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines), ""]


def _named(meanings: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(_code(name), meaning) for name, meaning in meanings.items()]


def _tiers(tiers: Sequence[Sequence[str]]) -> str:
    if not tiers:
        return "none: only where a layout or mapping says so"
    return "; else ".join(", ".join(tier) for tier in tiers)


def _block(language: str, text: str) -> str:
    return f"```{language}\n{text}```\n"


def _code(text: str) -> str:
    return f"`{text}`"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _type(dtype: pl.DataType) -> str:
    if isinstance(dtype, pl.List) and isinstance(dtype.inner, pl.Struct):
        return f"list of ({', '.join(part.name for part in dtype.inner.fields)})"
    return f"datetime ({dtype.time_zone})" if isinstance(dtype, pl.Datetime) else str(dtype).lower()


def main(arguments: Sequence[str] | None = None, *, target: Path = PAGE) -> int:
    """Write the page, or with ``--check`` say whether it is current; returns the exit status."""
    parser = argparse.ArgumentParser(description="Write docs/data_format.md from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the page is out of date")
    given = parser.parse_args(arguments)
    wanted = page()
    found = target.read_text(encoding="utf-8") if target.is_file() else ""
    if given.check and found != wanted:
        print(f"{target.name} is out of date. Run python scripts/write_data_format.py.", file=sys.stderr)
        return 1
    if not given.check:
        target.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
