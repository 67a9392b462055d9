"""Promises of the house, read from its sources: which way imports run, who knows which library, what nobody does."""

import ast
import json
import re
from functools import cache
from pathlib import Path

import pytest

from geodata import columns
from riskmap.public import map_view
from riskmap.settings import SETTINGS

ROOT = Path(__file__).resolve().parents[1]
MOST_LINES = 500
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "misc", "manager", "core"}
LEFT_OVER = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX")) + r")\b")
OUTSIDE_ADDRESS = re.compile(r"""(?:https?|wss?)://[^\s"'`)]+|["'(]//[a-z0-9-]+\.[a-z][^\s"')]*""")
NAMESPACE = "http://www.w3.org/"
"""Not an address: it names SVG."""


@cache
def sources() -> dict[str, Path]:
    """Every module of ours by its dotted name."""
    paths = [ROOT / "app.py", *(p for room in ("geodata", "models", "riskmap") for p in (ROOT / room).rglob("*.py"))]
    return {_dotted(path): path for path in sorted(paths)}


def _dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports(module: str) -> frozenset[str]:
    """Dotted names a module imports, at its head or inside functions; of ours, the module and not the name in it."""
    path = sources()[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            found |= {own if (own := f"{origin}.{alias.name}") in sources() else origin for alias in node.names}
    return frozenset(found)


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def is_in(module: str, *rooms: str) -> bool:
    return any(module == room or module.startswith(f"{room}.") for room in rooms)


def importers_of(*libraries: str) -> set[str]:
    return {module for module in sources() if any(is_in(name, *libraries) for name in imports(module))}


def wrong_imports(room: str, *forbidden: str) -> list[str]:
    return [
        f"{module} imports {name}"
        for module in sources()
        if is_in(module, room)
        for name in sorted(imports(module))
        if is_in(name, *forbidden) and not is_in(name, room)
    ]


def test_the_house_is_read_at_all():
    assert {"app", "geodata.hexgrid", "models.shrinkage", "riskmap.public.api", "riskmap.screens.place"} <= set(
        sources()
    )
    assert "riskmap.public.shelf" in imports("riskmap.public.api")
    assert "h3" in imports("geodata.hexgrid")


@pytest.mark.parametrize(
    ("room", "forbidden"),
    [
        ("geodata", ("models", "riskmap", "app")),
        ("models", ("riskmap", "app")),
        ("riskmap", ("app",)),
        ("riskmap.store", ("riskmap.pipeline", "riskmap.public", "riskmap.screens", "riskmap.assembly", "models")),
        ("riskmap.pipeline", ("riskmap.store", "riskmap.public", "riskmap.screens", "riskmap.assembly")),
        ("riskmap.pipeline", ("riskmap.commands", "riskmap.serving", "riskmap.website")),
        ("riskmap.review", ("riskmap.store", "riskmap.pipeline", "riskmap.screens", "riskmap.assembly")),
        ("riskmap.review", ("riskmap.doors", "riskmap.council", "riskmap.commands", "streamlit", "starlette")),
        ("riskmap.sending", ("riskmap.store", "riskmap.pipeline", "riskmap.screens", "riskmap.assembly")),
        ("riskmap.sending", ("riskmap.doors", "riskmap.commands", "streamlit", "starlette")),
        ("riskmap.screens", ("riskmap.store", "riskmap.pipeline", "riskmap.assembly", "riskmap.ports")),
        ("riskmap.screens", ("riskmap.commands", "riskmap.serving", "riskmap.website")),
        ("riskmap.website", ("riskmap.store", "riskmap.pipeline", "riskmap.assembly", "riskmap.ports")),
        ("riskmap.ports", ("riskmap.store", "riskmap.pipeline", "riskmap.public", "riskmap.screens", "models")),
        ("riskmap.identity", ("riskmap.store", "riskmap.pipeline", "riskmap.public", "riskmap.screens")),
        ("riskmap.identity", ("riskmap.assembly", "riskmap.council")),
        ("riskmap.doors", ("riskmap.store", "riskmap.pipeline", "riskmap.assembly", "riskmap.screens", "streamlit")),
        (
            "riskmap.documents",
            ("geodata", "models", "riskmap.public", "riskmap.release", "riskmap.store", "riskmap.wording"),
        ),
        ("riskmap.release", ("riskmap.store", "riskmap.pipeline", "riskmap.public", "riskmap.ports")),
        ("riskmap.wording", ("geodata", "models", "riskmap.store", "riskmap.pipeline", "riskmap.public")),
        ("riskmap.errors", ("geodata", "models", "riskmap")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_imports_run_one_way(room, forbidden):
    assert any(is_in(module, room) for module in sources())
    assert wrong_imports(room, *forbidden) == []


def test_the_public_room_knows_releases_journals_and_words_and_nothing_else_of_ours():
    allowed = {"riskmap.release", "riskmap.journal", "riskmap.wording", "riskmap.errors"}
    allowed |= {"geodata.hexgrid", "geodata.errors"}
    allowed |= {name for name in sources() if is_in(name, "riskmap.documents")}

    found = {
        f"{module} imports {name}"
        for module in sources()
        if is_in(module, "riskmap.public")
        for name in imports(module)
        if is_in(name, "geodata", "models", "riskmap", "app")
        and name not in allowed | {"riskmap"}
        and not is_in(name, "riskmap.public")
    }

    assert found == set()


def test_nothing_the_public_room_leans_on_can_reach_incidents():
    reached, waiting = set(), [module for module in sources() if is_in(module, "riskmap.public")]
    while waiting:
        module = waiting.pop()
        if module not in reached:
            reached.add(module)
            waiting += [name for name in imports(module) if name in sources()]

    assert not {module for module in reached if is_in(module, "riskmap.store", "riskmap.pipeline", "riskmap.ports")}


@pytest.mark.parametrize(
    ("libraries", "rooms"),
    [
        (("h3", "h3ronpy"), ("geodata.hexgrid",)),
        (("sqlalchemy", "alembic", "sqlite3"), ("riskmap.store", "riskmap.assembly")),
        (("streamlit",), ("app", "riskmap.website", "riskmap.screens")),
        (("streamlit_folium",), ("riskmap.screens",)),
        (("folium", "branca"), ("riskmap.public.map_view",)),
        (("jinja2", "markupsafe"), ("riskmap.public", "riskmap.doors", "riskmap.backtest_report")),
        (("starlette",), ("app", "riskmap.public", "riskmap.doors")),
        (("argon2",), ("riskmap.identity",)),
        (("docx", "fpdf", "fontTools"), ("riskmap.documents",)),
        (("PIL",), ("riskmap.documents", "riskmap.photos.picture")),
        (("icalendar",), ("riskmap.public.place_calendar",)),
        (("dask", "distributed"), ("riskmap.cluster",)),
    ],
    ids=" ".join,
)
def test_a_library_is_known_only_in_its_rooms(libraries, rooms):
    assert {module for module in importers_of(*libraries) if not is_in(module, *rooms)} == set()


@pytest.mark.parametrize("room", ["geodata", "models"])
def test_calculations_know_no_machine_and_no_service(room):
    machine = ("os", "sys", "subprocess", "socket", "random", "time", "urllib", "http")

    assert wrong_imports(room, *machine, "requests", "httpx", "sqlalchemy", "streamlit", "starlette", "folium") == []


@pytest.mark.parametrize("room", ["geodata", "models"])
def test_calculations_read_no_clock_and_no_global_random_state(room):
    found = [
        f"{module}:{node.lineno} calls {ast.unparse(node.func)}"
        for module, path in sources().items()
        if is_in(module, room)
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Call) and _is_hidden_input(node)
    ]

    assert found == []


def _is_hidden_input(call: ast.Call) -> bool:
    """Whether a call reads the clock, or chance that nobody has given."""
    name = ast.unparse(call.func)
    if name.endswith("default_rng"):
        return not call.args and not call.keywords
    is_clock = re.search(r"(^|\.)(datetime\.(now|utcnow|today)|date\.today|time\.(time|monotonic))$", name)
    return bool(is_clock) or (re.fullmatch(r"(np|numpy)\.random\.[a-z_]+", name) is not None)


def test_only_commands_speak_to_the_terminal():
    allowed = {"riskmap.commands", "riskmap.serving"}

    speaking = {
        module
        for module, path in sources().items()
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    }

    assert speaking - allowed == set()
    assert "riskmap.commands" in speaking


def test_every_module_can_be_read_in_one_sitting():
    lines = {module: path.read_text(encoding="utf-8").count("\n") for module, path in sources().items()}

    assert {module: count for module, count in lines.items() if count > MOST_LINES} == {}


def test_no_module_has_a_name_that_says_nothing():
    named = [*sources().values(), *(ROOT / "scripts").glob("*"), *(ROOT / "tests").rglob("*.py")]

    assert [str(path.relative_to(ROOT)) for path in named if path.stem.lower() in EMPTY_NAMES] == []


def test_every_module_says_what_it_is_for():
    silent = [
        module
        for module, path in sources().items()
        if path.name != "__init__.py" and not ast.get_docstring(_tree(path))
    ]

    assert silent == []


def _own_texts() -> list[Path]:
    rooms = [ROOT / name for name in ("geodata", "models", "riskmap", "scripts", "tests", "docs")]
    kinds = {".py", ".js", ".css", ".md", ".po", ".toml", ".csv", ""}
    found = [
        path
        for room in rooms
        for path in room.rglob("*")
        if path.is_file() and path.suffix in kinds and not {"vendor", "__pycache__"} & set(path.parts)
    ]
    return [*found, ROOT / "app.py", ROOT / "pyproject.toml"]


def test_nothing_is_left_for_later_in_a_remark():
    found = []
    for path in _own_texts():
        text = path.read_text(encoding="utf-8", errors="ignore")
        found += [f"{path.relative_to(ROOT)}: {match.group()}" for match in LEFT_OVER.finditer(text)]

    assert found == []


def _outside(text: str) -> list[str]:
    return [found for found in OUTSIDE_ADDRESS.findall(text) if not found.startswith(NAMESPACE)]


def test_an_outside_address_would_be_found():
    assert _outside('fetch("https://tiles.example.org/1.png")') == ["https://tiles.example.org/1.png"]
    assert _outside('<script src="//cdn.example.net/a.js">') == ['"//cdn.example.net/a.js']


def test_our_assets_ask_no_outside_host():
    assets = [path for path in (ROOT / "riskmap" / "assets").glob("*") if path.suffix in {".js", ".css", ".svg"}]

    assert len(assets) >= 3
    assert {path.name: _outside(path.read_text(encoding="utf-8")) for path in assets} == {
        path.name: [] for path in assets
    }


@pytest.mark.parametrize("has_cells", [True, False])
def test_the_rendered_map_asks_no_outside_host(has_cells):
    options = map_view.MapOptions(
        name="toy",
        bounds=(46.2, 70.0, 46.4, 70.4),
        release_url="/releases/toy/2026-11-01-00000000",
        attribution="made up",
        has_cells=has_cells,
    )

    page = map_view.territory_map(options).get_root().render()

    assert _outside(page) == []
    assert "/assets/vendor/leaflet/leaflet.js" in page


def test_the_lock_of_browser_libraries_holds_no_addresses_and_every_checksum():
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))

    libraries = {name: entry for name, entry in lock["packages"].items() if name}

    assert libraries
    assert [name for name, entry in libraries.items() if "resolved" in entry] == []
    assert [name for name, entry in libraries.items() if not entry.get("integrity")] == []


def test_requirements_are_pinned():
    files = [ROOT / name for name in ("requirements.txt", "requirements-dev.txt", "constraints.txt")]

    loose = [
        f"{path.name}: {line}"
        for path in files
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.strip() and not line.lstrip().startswith(("#", "-")) and "==" not in line
    ]

    assert loose == []


@pytest.mark.parametrize(
    "table", [value for value in vars(columns).values() if isinstance(value, columns.Table)], ids=lambda t: t.name
)
def test_every_column_that_crosses_a_border_is_documented(table):
    page = (ROOT / "docs" / "data_format.md").read_text(encoding="utf-8")

    assert [column.name for column in table.columns if not re.search(rf"`{column.name}`", page)] == []


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_is_documented(setting):
    pages = [ROOT / "docs" / "architecture.md", ROOT / "README.md"]

    assert any(setting.name in page.read_text(encoding="utf-8") for page in pages if page.is_file())
