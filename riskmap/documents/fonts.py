"""The one font of documents and pictures: the site's own Noto Sans (OFL-1.1), its web subsets joined into one file.

The subsets hold every letter of Kazakh, Russian and English. Kerning and other layout tables are left out.
"""

import tempfile
from functools import cache
from io import BytesIO
from pathlib import Path

from fontTools.merge import Merger
from fontTools.ttLib import TTFont

from riskmap.errors import MissingFont

FAMILY = "Noto Sans"
FOLDER = Path(__file__).parents[1] / "assets" / "vendor" / "noto-sans"
SUBSETS = ("latin", "cyrillic", "cyrillic-ext")
REGULAR, STRONG = 400, 600
FIXED = 3_786_825_600
"""Day written into the joined font, in seconds since 1904: 1 January 2024."""
LAYOUT = ("GSUB", "GPOS", "GDEF", "STAT", "gasp", "prep")


@cache
def font_bytes(weight: int, *, folder: Path = FOLDER) -> bytes:
    """A TrueType font of a weight, 400 or 600.

    Raises
    ------
    MissingFont
        If the browser libraries have not been placed.
    """
    paths = [folder / f"{subset}-{weight}.woff2" for subset in SUBSETS]
    absent = [path.name for path in paths if not path.is_file()]
    if absent:
        raise MissingFont(f"The font {', '.join(absent)} is not in {folder}. Run scripts/setup, which places it.")
    with tempfile.TemporaryDirectory() as beside:
        parts = [_plain(path, Path(beside)) for path in paths]
        joined = Merger().merge(parts)
        joined.recalcTimestamp = False
        joined["head"].created = joined["head"].modified = FIXED
        written = BytesIO()
        joined.save(written)
    return written.getvalue()


def _plain(path: Path, folder: Path) -> str:
    """A subset as TrueType without layout tables, which cannot be joined."""
    font = TTFont(path, recalcTimestamp=False)
    font.flavor = None
    for table in LAYOUT:
        if table in font:
            del font[table]
    target = folder / f"{path.stem}.ttf"
    font.save(target)
    return str(target)
