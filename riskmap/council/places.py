"""Where a request may stand: the cells that the newest release of its territory covers."""

from geodata.errors import InvalidCell
from models.risk_class import RiskClass
from riskmap.council.request import Place
from riskmap.errors import OutsideCouncil
from riskmap.release import Area, Release

EVIDENCE_GROUP = "all"


def locate(release: Release, cell_id: str) -> Place:
    """The published cell that is, or holds, the given one, with its region and what the release says of it.

    Raises
    ------
    OutsideCouncil
        If the release does not cover the place, or the text names no cell.
    """
    try:
        cell = release.find(cell_id)
    except InvalidCell as error:
        raise OutsideCouncil(f"{cell_id[:40]!r} is no place. Choose one on the map.") from error
    if cell is None:
        raise OutsideCouncil(
            f"Cell {cell_id} lies outside {release.territory}, as release {release.release_id} covers it. "
            "Choose a place inside, or ask the council of that place."
        )
    return Place(
        territory=release.territory,
        region_id=region_of(release, cell.area),
        area_id=cell.area.area_id,
        cell_id=cell.cell_id,
        release_id=release.release_id,
        risk_class=int(cell.classes.get(EVIDENCE_GROUP, RiskClass.TOO_LITTLE)),
    )


def region_of(release: Release, area: Area) -> str:
    """Region id of an area, as roles are held in it."""
    return release.territory if area.area_id == release.whole.area_id else f"{release.territory}/{area.area_id}"
