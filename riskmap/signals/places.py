"""Where a mark may stand: a cell that the newest release covers, or one of its districts; never anything finer."""

from geodata.errors import InvalidCell
from riskmap.council.places import region_of
from riskmap.errors import UnknownPlace
from riskmap.release import Area, Release
from riskmap.signals.rules import MarkedPlace


def districts(release: Release) -> list[Area]:
    """Areas to choose from; the whole territory where it has none."""
    return [area for area in release.areas if area.area_id != release.whole.area_id] or [release.whole]


def locate(release: Release, place_id: str) -> MarkedPlace:
    """The published cell that is, or holds, the given one, or the district of an id.

    Raises
    ------
    UnknownPlace
        If the release covers no such place.
    """
    area = release.area_by_id.get(place_id)
    if area is not None and area in districts(release):
        return _place(release, area, area.area_id)
    try:
        cell = release.find(place_id.lower()) if release.cells.size else None
    except InvalidCell:
        cell = None
    if cell is None:
        raise UnknownPlace(
            f"{place_id[:40]!r} is no place of release {release.release_id}; expected a cell or a district of it. "
            "Choose one on the map or in the list."
        )
    return _place(release, cell.area, cell.cell_id)


def _place(release: Release, area: Area, place_id: str) -> MarkedPlace:
    return MarkedPlace(
        territory=release.territory,
        region_id=region_of(release, area),
        area_id=area.area_id,
        place_id=place_id,
        is_simulated=release.is_simulated,
    )
