"""What can be reviewed: the cells of the newest release, its regions, and the areas its counts speak of."""

import csv

from geodata.errors import InvalidCell
from riskmap.council.places import region_of
from riskmap.errors import UnknownPlace
from riskmap.place_review.rules import ReviewedPlace
from riskmap.release import Area, Release

AREAS_OF_COUNTS = "places.csv"


def locate(release: Release, place_id: str) -> ReviewedPlace:
    """The published place of an id; of a cell inside a published one, that one.

    Raises
    ------
    UnknownPlace
        If the release tells of no such place.
    """
    area = release.area_by_id.get(place_id) or _parent_of(release, place_id)
    if area is not None:
        return _place(release, area, place_id)
    try:
        cell = release.find(place_id.lower()) if release.cells.size else None
    except InvalidCell:
        cell = None
    if cell is None:
        raise UnknownPlace(
            f"{place_id[:40]!r} is no place of release {release.release_id}; expected a cell or an area of it. "
            "Choose one on the map or in the list of areas."
        )
    return _place(release, cell.area, cell.cell_id)


def _parent_of(release: Release, place_id: str) -> Area | None:
    path = release.folder / AREAS_OF_COUNTS
    if not path.is_file():
        return None
    with path.open(encoding="utf-8", newline="") as lines:
        parents = {row["place_id"]: row["parent_id"] for row in csv.DictReader(lines) if row["level"] == "area"}
    return release.area_by_id.get(parents.get(place_id, ""))


def _place(release: Release, area: Area, place_id: str) -> ReviewedPlace:
    return ReviewedPlace(
        territory=release.territory,
        region_id=region_of(release, area),
        area_id=area.area_id,
        place_id=place_id,
        release_id=release.release_id,
        is_simulated=release.is_simulated,
    )
