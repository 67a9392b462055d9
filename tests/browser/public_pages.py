"""One address of each kind of public page of an installation, to be looked at and judged."""

from pathlib import Path

from riskmap import site
from riskmap.public import area_facts, page, shelf
from riskmap.settings import Settings


def samples(data: Path) -> list[str]:
    """Addresses without a language: the front door, maps, and of each kind of page one or two."""
    settings = Settings.from_environment({"RISKMAP_DATA": str(data)})
    found = ["front", f"/?place={page.COUNTRY}"]
    listed = site.addresses(settings)
    found += [address for address in listed if address.count("/") == 1]
    for one in shelf.all_latest(settings.releases):
        book = area_facts.book(one)
        own = [address for address in listed if address.split("/")[2:3] == [one.territory]]
        found += [address for address in own if address.count("/") == 2]
        asked = sorted(address for address in own if address.startswith(f"/council/{one.territory}/"))
        found += asked[:1] + [address for address in asked if address.endswith("/decisions")]
        if one.cells.size:
            found.append(f"/?place={one.territory}&view=hexagons")
            areas = [place.place_id for place in book.places.values() if place.year == book.year]
            pair = sorted(areas)[:2]
            found += [f"/area/{one.territory}/{area}" for area in pair[:1]]
            found.append(f"/compare/{one.territory}?a={pair[0]}&b={pair[-1]}")
        found += [f"/area/{one.territory}/{area.area_id}" for area in one.areas if area.kind != "territory"][:1]
        found += [f"/embed/{one.territory}", f"/data/{one.territory}/{one.release_id}"]
    return list(dict.fromkeys(found))


def in_language(address: str, language: str) -> str:
    """The path and query of a sample in a language."""
    if address == "front":
        return f"/{language}"
    return f"{address}{'&' if '?' in address else '?'}lang={language}"


def is_drawn_by_streamlit(address: str) -> bool:
    return address.startswith("/?")
