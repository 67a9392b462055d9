"""The map as a folium map whose drawing is done by riskmap/assets/h3canvas.js, without any outside address.

What is fixed for a release (its address, bounds, palette) stands in the script folium generates; what changes while
a person looks (language, offence group, selection) travels beside it through `state_script`. The generated script
stays identical from one rerun to the next, so Streamlit never loads the map again.

In a screen::

    st.html(map_view.state_script(state), unsafe_allow_javascript=True)
    picked = st_folium(
        map_view.territory_map(options),
        key=map_view.map_key(options),
        returned_objects=["cell", "area"],
        use_container_width=True,
        height=640,
    )

``picked`` holds ``cell`` (hexadecimal text or None), ``area`` (its id or None) and ``n``, which grows with each press.
Import streamlit_folium inside the script Streamlit runs, never in the module that builds the server.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import folium
from branca.element import MacroElement
from folium.template import Template
from folium.utilities import camelize

from riskmap.public import static_files
from riskmap.public.base_map import BaseFile

ASSETS = Path(__file__).parents[1] / "assets"
SCRIPTS = {
    "leaflet": "/assets/vendor/leaflet/leaflet.js",
    "h3": "/assets/vendor/h3-js/h3-js.umd.js",
    "h3canvas": "/assets/h3canvas.js",
    "maplayers": "/assets/maplayers.js",
}
STYLES = {"leaflet_css": "/assets/vendor/leaflet/leaflet.css", "h3canvas_css": "/assets/h3canvas.css"}

Bounds = tuple[float, float, float, float]
"""South, west, north, east in degrees."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """Colours of one theme.

    ``classes`` follow the risk classes 1 to 7, ``steps`` the five steps of an area's rate. How well
    they are told apart stands in docs/accessibility.md; ``tests/riskmap/test_palette.py`` measures it.
    """

    ground: str
    classes: tuple[str, ...]
    pattern: str
    grey_pattern: str
    steps: tuple[str, ...]
    cell_line: str
    edge: str
    area_line: str
    halo: str
    selection: str
    mark: str
    water: str
    park: str
    street: str
    railway: str


LIGHT = Palette(
    ground="#fbfaf7",
    classes=("#2b5c8a", "#9fc3dd", "#f1efe9", "#e8b86b", "#9c5a0b", "#d9d9d6", "#d9d9d6"),
    pattern="rgba(255,255,255,.42)",
    grey_pattern="#8b8f92",
    steps=("#f7f1e4", "#ebcb90", "#d19d49", "#a9691b", "#6f3a05"),
    cell_line="rgba(29,39,51,.20)",
    edge="#bdb9ae",
    area_line="#55616e",
    halo="#ffffff",
    selection="#1d2733",
    mark="#0b5fa5",
    water="#dbe6ea",
    park="#e8ede0",
    street="#d3d0c8",
    railway="#b4b2ac",
)
DARK = Palette(
    ground="#14191f",
    classes=("#8fc7f7", "#3f77a8", "#3a4048", "#96661c", "#f6bd5f", "#565b61", "#565b61"),
    pattern="rgba(20,25,31,.40)",
    grey_pattern="#9aa1a8",
    steps=("#33363b", "#5d4a2c", "#8c652a", "#c18e3c", "#ffd083"),
    cell_line="rgba(10,13,17,.55)",
    edge="#6a727b",
    area_line="#a9b3bd",
    halo="#0b0e12",
    selection="#ffffff",
    mark="#9accf5",
    water="#1b2a33",
    park="#1b241f",
    street="#2e3740",
    railway="#3d4751",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MapOptions:
    """What a map shows for as long as it is not loaded again.

    ``release_url`` is the folder of the release as the browser asks for it, without a closing slash; ``attribution``
    is plain text. ``tile_url`` is a template such as ``/tiles/{z}/{x}/{y}.png`` or None, ``base_file`` a file of
    vector tiles, ``base_attribution`` whose work these are. ``objects`` are kinds of public objects with their number.
    """

    name: str
    bounds: Bounds
    release_url: str
    attribution: str
    has_cells: bool = True
    has_areas: bool = True
    has_basemap: bool = True
    is_simulated: bool = False
    tile_url: str | None = None
    base_file: BaseFile | None = None
    base_attribution: str = ""
    objects: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A sign on one cell: something is known there beyond its class, ``count`` times.

    ``lat`` and ``lng`` are the cell's centre in degrees; ``text`` is added to the words of the cell. The picture is
    for the eye alone and catches no press. Its shape follows ``kind``: open, decided or done.
    """

    lat: float
    lng: float
    cell: str
    count: int
    text: str
    kind: str = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class MapState:
    """What may change under a person's eyes without loading the map again.

    ``labels`` are texts in the language shown: ``1`` to ``7`` name the risk classes, ``step1`` to ``step5`` the steps
    of an area's rate, ``unknown`` an area without a step, ``not_covered`` a press beside the cells; ``loading``,
    ``failed``, ``zoom_in``, ``zoom_out``, ``map`` (name of the map for screen readers), ``keys`` (how to use it by
    keyboard), ``simulated`` (the word across the picture), ``attribution`` (in place of the options' one). A missing
    one is left out of the picture. Labels of `MapOptions.objects` are ``object_KIND``. The view moves to
    ``fly_to`` when the map loads and whenever ``fly_count`` changes.
    """

    name: str
    language: str
    labels: Mapping[str, str]
    group: str = "all"
    cell: str | None = None
    area: str | None = None
    fly_to: Bounds | None = None
    fly_count: int = 0
    marks: tuple[Mark, ...] = ()


class RiskFoliumMap(folium.Map):
    """A folium map that needs Leaflet only, from our own server."""

    # folium's own template forbids zooming the page and writes a <style> for classes we do not use.
    _template = Template(
        """
        {% macro html(this, kwargs) %}
            <div class="folium-map" id={{ this.get_name()|tojson }} ></div>
        {% endmacro %}
        {% macro script(this, kwargs) %}
            var {{ this.get_name() }} = L.map(
                {{ this.get_name()|tojson }}, {center: {{ this.location|tojson }}, ...{{ this.options|tojavascript }}}
            );
        {% endmacro %}
        """
    )

    def __init__(self, **options: Any) -> None:
        super().__init__(tiles=None, **options)
        self.default_js = [(name, static_files.versioned(url, root=ASSETS)) for name, url in SCRIPTS.items()]
        self.default_css = [(name, static_files.versioned(url, root=ASSETS)) for name, url in STYLES.items()]


class H3Canvas(MacroElement):
    """The layer of riskmap/assets/h3canvas.js: cells, areas, basemap, selection, keyboard and words."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
            riskmapH3Canvas({{ this._parent.get_name() }}, {{ this.settings }});
        {% endmacro %}
        """
    )

    def __init__(self, options: MapOptions) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name = "H3Canvas"
        self.settings = _script_json(_with_palettes(options))


def territory_map(options: MapOptions) -> folium.Map:
    """The map of one release, with ids that depend on the options only.

    Examples
    --------
    >>> options = MapOptions(
    ...     name="toy", bounds=(51.0, 71.2, 51.3, 71.6), release_url="/releases/toy/2026-01-01-00000000",
    ...     attribution="Made up")
    >>> territory_map(options).get_root().render() == territory_map(options).get_root().render()
    True
    """
    behaviour = _leaflet_options(options)
    view = RiskFoliumMap(location=_centre(options), **behaviour)
    # folium hands these two to its tile layer only, and there is none.
    view.options |= {name: behaviour[name] for name in ("min_zoom", "max_zoom")}
    fingerprint = _fingerprint(options)
    layer = H3Canvas(options)
    for element, role in ((view.get_root(), "f"), (view, "a"), (layer, "b")):
        element._id = f"{fingerprint}{role}"
    view.add_child(layer)
    return view


def map_key(options: MapOptions) -> str:
    """Key for ``st_folium``: another one for other options, so that the component is loaded anew only then."""
    return f"map-{options.name}-{_fingerprint(options)}"


def in_steps(palette: Palette) -> Palette:
    """The palette with its five steps, of one hue, in the place of the classes 1 to 5, without their patterns."""
    return replace(palette, classes=(*palette.steps, *palette.classes[5:]), pattern="transparent")


def page_map(options: MapOptions, state: MapState, *, light: Palette = LIGHT, dark: Palette = DARK) -> str:
    """All that riskmap/assets/council_map.js needs to show the same map on a page without Streamlit, as JSON.

    It belongs into an attribute and is escaped there like any other text.
    """
    leaflet = {camelize(name): value for name, value in _leaflet_options(options).items() if name != "zoom_start"}
    leaflet |= {"center": _centre(options), "zoom": _leaflet_options(options)["zoom_start"]}
    return json.dumps(
        {"leaflet": leaflet, "options": _with_palettes(options, light, dark), "state": asdict(state)},
        sort_keys=True,
        ensure_ascii=False,
    )


def state_script(state: MapState) -> str:
    """The script that hands the state to the map, for ``st.html(..., unsafe_allow_javascript=True)``.

    The page keeps the newest state of each map by its name and says so by the event ``riskmap:state``; the map reads
    it when it loads and whenever it changes, in whatever order the two arrive.
    """
    return (
        "<script>(function (state) {"
        "window.riskmapMapState = window.riskmapMapState || {};"
        "window.riskmapMapState[state.name] = state;"
        'window.dispatchEvent(new CustomEvent("riskmap:state", {detail: state.name}));'
        f"}})({_script_json(asdict(state))});</script>"
    )


def swatch(code: int, *, is_step: bool = False) -> str:
    """A small inline picture of a class (1 to 7) or, with ``is_step``, of a step (1 to 5), for legends and lists.

    It has no name of its own: write the word beside it. Its colours follow the theme through `swatch_css`.
    """
    kind = "step" if is_step else "class"
    return f'<span class="rm-swatch rm-{kind}-{code}" aria-hidden="true"></span>'


def swatch_css() -> str:
    """Style rules for `swatch` in both themes, with the same patterns as on the map."""
    rules = [
        ".rm-swatch{display:inline-block;width:1.25rem;height:1.25rem;border-radius:.2rem;vertical-align:-.25rem;"
        "border:1px solid rgba(85,97,110,.55);box-sizing:border-box;print-color-adjust:exact}",
        *_swatch_rules(LIGHT),
        "@media (prefers-color-scheme: dark){" + "".join(_swatch_rules(DARK)) + "}",
    ]
    return "".join(rules)


def _swatch_rules(palette: Palette) -> list[str]:
    thin = "repeating-linear-gradient({angle}deg,{ink} 0 1.2px,transparent 1.2px 5px)"
    patterns = {
        1: thin.format(angle=135, ink=palette.pattern),
        5: thin.format(angle=45, ink=palette.pattern),
        6: f"radial-gradient(circle,{palette.grey_pattern} 1.1px,transparent 1.4px) 0 0/7px 7px",
        7: thin.format(angle=135, ink=palette.grey_pattern),
    }
    classes = [
        f".rm-class-{code}{{background:{patterns[code] + ',' if code in patterns else ''}{colour}}}"
        for code, colour in enumerate(palette.classes, start=1)
    ]
    return classes + [f".rm-step-{code}{{background:{c}}}" for code, c in enumerate(palette.steps, start=1)]


def _leaflet_options(options: MapOptions) -> dict[str, Any]:
    """How any page's map behaves, as folium names it."""
    return {
        "zoom_start": 10 if options.has_cells else 4,
        "min_zoom": 3,
        "max_zoom": 17 if options.has_cells else 10,
        # Areas are drawn sharply at any fraction of a level. Half levels let a city fill a phone's width; tiles of
        # cells are then painted for the level above and shown smaller, so they stay sharp too.
        "zoom_snap": 0.5 if options.has_cells else 0.25,
        "fade_animation": False,
        "zoom_control": False,
        "keyboard": False,
        "scroll_wheel_zoom": False,
        "box_zoom": False,
    }


def _centre(options: MapOptions) -> list[float]:
    south, west, north, east = options.bounds
    return [(south + north) / 2, (west + east) / 2]


def _with_palettes(options: MapOptions, light: Palette = LIGHT, dark: Palette = DARK) -> dict[str, Any]:
    return {**asdict(options), "palettes": {"light": asdict(light), "dark": asdict(dark)}}


def _fingerprint(options: MapOptions) -> str:
    return hashlib.sha256(_script_json(asdict(options)).encode()).hexdigest()[:20]


def _script_json(value: Mapping[str, Any]) -> str:
    """JSON that is safe inside a script element: no ``</script>``, no ``<!--``, no line separators of JavaScript."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
