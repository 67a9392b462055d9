"""The place a request is about, on the pages of whoever signed in: its map, and what the map said of it."""

from dataclasses import dataclass

from riskmap.council.request import Place
from riskmap.doors import desk
from riskmap.doors.visit import Visit
from riskmap.public import council, evidence, explain, map_view, place_map
from riskmap.public.evidence import Surroundings
from riskmap.release import Release


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceView:
    """``page_map`` is the map around the place; ``class_name`` and ``sentence`` are the words of its class then.

    ``around`` is what is told around it now.
    """

    district: str
    page_map: str
    class_code: int
    class_name: str
    sentence: str
    release_id: str
    swatches: str
    around: Surroundings


def of_place(visit: Visit, release: Release, place: Place, *, number: int | None = None) -> PlaceView:
    """A place as the newest release draws it, with the class it had when request ``number`` was filed."""
    words, key = visit.words, explain.CLASS_KEYS[place.risk_class]
    district = desk.area_name(visit, release, place.area_id)
    cell = place_map.shown_cell(release, place.cell_id)
    state = place_map.state(
        release,
        words,
        cell=cell,
        fly_to=place_map.surroundings(cell),
        marks=place_map.marks(release, [place.cell_id], words),
    )
    return PlaceView(
        district=district,
        page_map=map_view.page_map(place_map.options(release, base=visit.base_map), state),
        class_code=place.risk_class,
        class_name=words.text(key),
        sentence=words.text(f"{key}.long", parent=district),
        release_id=place.release_id,
        swatches=map_view.swatch_css(),
        around=evidence.around(
            release,
            place.cell_id,
            words,
            requests=council.requests_of(visit.doors.settings.journals, release.territory),
            leave_out=(number,) if number else (),
        ),
    )
