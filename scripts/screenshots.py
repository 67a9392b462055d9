"""Take a picture of every kind of public page: phone and desktop, Kazakh and Russian, light and dark.

    python scripts/screenshots.py [--data FOLDER] [--out shots] [--language kk ru]

Without ``--data`` the made-up city (simulated data) is prepared first, in a temporary folder. The pictures go into an
ignored folder, to be looked at. Needs what scripts/check installs: Chromium, and the packages of requirements-dev.txt.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.browser import public_pages  # noqa: E402
from tests.browser.visits import DESKTOP, PHONE, Visit, browser, served  # noqa: E402

SIZES = {"phone": PHONE, "desktop": DESKTOP}


def take(data: Path, out: Path, languages: list[str]) -> int:
    """Pictures of an installation's pages; returns how many were taken."""
    out.mkdir(parents=True, exist_ok=True)
    taken = 0
    with served(data) as site, browser() as chromium:
        for address in public_pages.samples(data):
            name = re.sub(r"[^a-z0-9]+", "-", address.lower()).strip("-")
            for language in languages:
                for size, pixels in SIZES.items():
                    for scheme in ("light", "dark"):
                        path = public_pages.in_language(address, language)
                        visit = Visit(chromium, site, pixels, path=path, color_scheme=scheme)
                        if public_pages.is_drawn_by_streamlit(address):
                            visit.wait_for_map()
                        picture = out / f"{name}.{language}.{size}.{scheme}.png"
                        visit.page.screenshot(path=str(picture), full_page=True)
                        visit.context.close()
                        taken += 1
    return taken


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, help="data folder of an installation; default: a new made-up city")
    parser.add_argument("--out", type=Path, default=ROOT / "shots")
    parser.add_argument("--language", nargs="+", default=["kk", "ru"], choices=["kk", "ru", "en"])
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        data = asked.data or Path(made)
        if asked.data is None:
            environment = {**os.environ, "RISKMAP_DATA": made}
            subprocess.run([sys.executable, "-m", "riskmap", "demo"], cwd=ROOT, env=environment, check=True)
        taken = take(data, asked.out, asked.language)
    print(f"{taken} pictures in {asked.out}")


if __name__ == "__main__":
    main()
