"""Write docs/model_card.md in Kazakh, Russian and English, with the numbers of docs/model_results.json.

python scripts/write_model_card.py          writes the page
python scripts/write_model_card.py --check  exits 1 when the page is out of date

The numbers are written by ``scripts/bench_risk_model.py --write``; without them the card says that there are none.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from riskmap import model_terms, wording  # noqa: E402
from riskmap.public import model_card  # noqa: E402
from riskmap.public.model_card import Section, Table  # noqa: E402

PAGE = ROOT / "docs" / "model_card.md"
RESULTS = ROOT / "docs" / "model_results.json"
CONTACT = "`RISKMAP_CONTACT`"
"""In this document no installation is meant, so the setting stands in the place of its value."""

HEAD = """\
# Модель паспорты · Паспорт модели · Model card

<!-- Written by scripts/write_model_card.py. Change the code, the catalogues or the results, not this page. -->
"""


def page(results: Path = RESULTS) -> str:
    """The whole document."""
    found = model_card.read_results(results)
    parts = [HEAD]
    for language in wording.LANGUAGES:
        words = wording.in_language(language)
        parts += [f"## {words.text(f'language.{language}').capitalize()}\n", f"{words.text('modelcard.intro')}\n"]
        for section in model_card.sections(words, model_terms.current(), found, contact=CONTACT):
            parts += _section(section)
    return "\n".join(parts)


def _section(section: Section) -> Iterator[str]:
    yield f"### {section.title}\n"
    yield from (f"{paragraph}\n" for paragraph in section.paragraphs)
    if section.items:
        yield "\n".join(f"- {item}" for item in section.items) + "\n"
    if section.table:
        yield _table(section.table)


def _table(table: Table) -> str:
    lines = [table.heads, ("---",) * len(table.heads), *table.rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def main(arguments: Sequence[str] | None = None, *, target: Path = PAGE, results: Path = RESULTS) -> int:
    """Write the page, or with ``--check`` say whether it is current; returns the exit status."""
    parser = argparse.ArgumentParser(description="Write docs/model_card.md from the catalogues and the results.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the page is out of date")
    given = parser.parse_args(arguments)
    wanted = page(results)
    found = target.read_text(encoding="utf-8") if target.is_file() else ""
    if given.check and found != wanted:
        print(f"{target.name} is out of date. Run python scripts/write_model_card.py.", file=sys.stderr)
        return 1
    if not given.check:
        target.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
