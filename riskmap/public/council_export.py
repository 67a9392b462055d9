"""All requests of a council as a table for people who calculate: CSV in UTF-8, opened safely by spreadsheets."""

import csv
import io
import re

from riskmap.journal import PublicRequest
from riskmap.public import council, page
from riskmap.public.council import Council
from riskmap.wording import Wording

BYTE_ORDER_MARK = "\ufeff"
"""Without it, spreadsheets take Kazakh and Russian letters for another encoding."""

_UNSEEN = r"[\s\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]*"
_FORMULA = re.compile(rf"{_UNSEEN}[=+\-@\uff1d\uff0b\uff0d\uff20]|[^\S\t\r\n]*[\t\r\n\0]")
"""What makes a spreadsheet calculate instead of show: a formula's first signs, in either width, and controls."""

STEP_FIELDS = tuple(name for name in council.FIELDS if name not in {"wording", "earlier_request"})


def table(found: Council, words: Wording) -> bytes:
    """The table with its header in the language of ``words``; one row per request, by number. Days are YYYY-MM-DD."""
    out = io.StringIO(newline="")
    out.write(BYTE_ORDER_MARK)
    writer = csv.writer(out)
    writer.writerow(_header(words))
    for request in sorted(found.requests, key=lambda one: one.number):
        writer.writerow([harmless(value) for value in _row(found, request, words)])
    return out.getvalue().encode()


def harmless(text: str) -> str:
    """A text that a spreadsheet shows as it is and never calculates.

    Examples
    --------
    >>> harmless("=1+1"), harmless(" @SUM(A1)"), harmless("12 lamps")
    ("'=1+1", "' @SUM(A1)", '12 lamps')
    """
    return f"'{text}" if _FORMULA.match(text) else text


def _header(words: Wording) -> list[str]:
    return [
        words.text("council.csv.number"),
        words.text("council.field.kind"),
        words.text("council.csv.state"),
        words.text("council.csv.area"),
        words.text("council.csv.cell"),
        words.text("council.csv.submitted_on"),
        words.text("council.csv.changed_on"),
        words.text("council.csv.supporters"),
        words.text("council.csv.wording"),
        *(words.text(f"council.field.{name}") for name in STEP_FIELDS),
        words.text("council.csv.outcome"),
        words.text("council.csv.clock"),
        words.text("council.csv.due_on"),
        words.text("council.csv.due_body"),
        words.text("council.csv.merged_into"),
        words.text("council.csv.evidence"),
        words.text("council.csv.release"),
        words.text("council.csv.simulated"),
        words.text("council.csv.page"),
    ]


def _row(found: Council, request: PublicRequest, words: Wording) -> list[str]:
    newest = {name: text for step in request.steps for name, text in step.fields.items()}
    newest |= {name: council.written(name, newest[name], words) for name in council.CHOICES & newest.keys()}
    return [
        str(request.number),
        words.text(f"council.kind.{request.kind}"),
        words.text(f"council.state.{request.state}"),
        found.area_name(request.area_id, words),
        request.cell_id,
        request.submitted_on.isoformat(),
        request.changed_on.isoformat(),
        str(request.supporters),
        request.wording or "",
        *(newest.get(name, "") for name in STEP_FIELDS),
        (council.outcome(request, words) or ("",))[0],
        words.text(f"council.clock.{request.clock.kind}") if request.clock else "",
        request.clock.due_on.isoformat() if request.clock else "",
        request.clock.body or "" if request.clock else "",
        str(request.merged_into or ""),
        council.evidence(found, request, words)[0],
        request.release_id,
        words.text("council.csv.yes" if request.is_simulated else "council.csv.no"),
        page.address(f"/council/{found.territory}/{request.number}", lang=words.language),
    ]
