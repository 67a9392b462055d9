"""The folium map and its script: local, steady between reruns, and safe to embed."""

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskmap.public import map_view
from riskmap.public.map_view import MapOptions, MapState

OPTIONS = MapOptions(
    name="toy",
    bounds=(47.9, 66.9, 48.2, 67.2),
    release_url="/releases/toy/2026-11-01-00000000",
    attribution="Ойдан құрастырылған деректер",
)
STATE = MapState(name="toy", language="kk", labels={"map": "Карта"})


def rendered(options: MapOptions) -> str:
    return map_view.territory_map(options).get_root().render()


def told(script: str) -> dict[str, object]:
    """The state inside the script, as a browser would read it."""
    found = re.search(r"\}\)\((\{.*\})\);</script>$", script, re.DOTALL)
    assert found, script
    state = json.loads(found[1])
    assert isinstance(state, dict)
    return state


def test_the_same_options_give_the_same_page_so_that_a_rerun_does_not_load_the_map_again():
    assert rendered(OPTIONS) == rendered(OPTIONS)


def test_a_new_release_gives_the_map_another_key_so_that_it_is_loaded_again():
    newer = replace(OPTIONS, release_url="/releases/toy/2026-12-01-00000000")

    assert map_view.map_key(newer) != map_view.map_key(OPTIONS)


def test_the_page_of_the_map_asks_no_foreign_address():
    page = rendered(OPTIONS)

    assert re.findall(r"(?:https?:)?//[\w.-]+", page) == []


def test_every_script_and_style_of_the_page_is_a_local_asset():
    page = rendered(OPTIONS)

    addresses = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(addresses) == len(map_view.SCRIPTS) + len(map_view.STYLES)
    assert all(address.startswith("/assets/") for address in addresses)


def test_a_tile_address_reaches_the_map_only_when_it_is_set():
    with_tiles = replace(OPTIONS, tile_url="/tiles/{z}/{x}/{y}.png")

    assert "/tiles/{z}/{x}/{y}.png" in rendered(with_tiles)
    assert "/tiles/" not in rendered(OPTIONS)


def test_an_attribution_cannot_end_the_script_it_stands_in():
    hostile = replace(OPTIONS, attribution="</script><script>alert(1)</script><!--")

    assert "alert(1)</script>" not in rendered(hostile)
    assert "<!--" not in rendered(hostile)


def test_the_state_carries_what_the_map_needs_to_change_without_loading():
    mark = map_view.Mark(lat=48.0, lng=67.0, cell="8921538000fffff", count=2, text="2")
    state = replace(
        STATE, group="theft", cell="8921538000fffff", fly_to=(48.0, 67.0, 48.1, 67.1), fly_count=2, marks=(mark,)
    )

    assert told(map_view.state_script(state)) == {
        "name": "toy",
        "language": "kk",
        "labels": {"map": "Карта"},
        "group": "theft",
        "cell": "8921538000fffff",
        "area": None,
        "fly_to": [48.0, 67.0, 48.1, 67.1],
        "fly_count": 2,
        "marks": [{"lat": 48.0, "lng": 67.0, "cell": "8921538000fffff", "count": 2, "text": "2", "kind": "open"}],
    }


@given(st.text())
def test_any_text_reaches_the_map_unchanged_and_cannot_leave_its_script(text):
    script = map_view.state_script(replace(STATE, labels={"map": text}))

    body = script.removeprefix("<script>").removesuffix("</script>")
    assert "<" not in body
    assert told(script)["labels"] == {"map": text}


@pytest.mark.parametrize("palette", [map_view.LIGHT, map_view.DARK], ids=["light", "dark"])
def test_a_theme_has_seven_classes_and_five_different_steps(palette):
    assert len(palette.classes) == 7
    assert len(set(palette.classes[:5])) == 5
    assert len(set(palette.steps)) == 5


@pytest.mark.parametrize("palette", [map_view.LIGHT, map_view.DARK], ids=["light", "dark"])
def test_steps_go_steadily_from_the_ground_towards_the_strongest_colour_so_that_grey_print_shows_their_order(palette):
    brightness = [sum(w * int(c[i : i + 2], 16) for w, i in ((0.3, 1), (0.6, 3), (0.1, 5))) for c in palette.steps]

    assert brightness == sorted(brightness, reverse=palette is map_view.LIGHT)


def test_legend_and_map_take_their_colours_from_one_place():
    css = map_view.swatch_css()

    for palette in (map_view.LIGHT, map_view.DARK):
        assert all(colour in css for colour in (*palette.classes, *palette.steps))
