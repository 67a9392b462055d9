"""The form of a notice that personal data got out: what the program knows is filled in, the rest are lines to write on.

The Law on Personal Data (№ 94-V, article 25) asks the owner of a database to tell the authorised body within one
working day of finding a breach; people concerned are told by the rules of order № 481/НҚ of 9 August 2024.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from geodata import working_days
from riskmap.council.request import civil_day
from riskmap.documents.description import Block, Document, Heading, Paragraph, SignatureLine, Table, said
from riskmap.wording import Wording

WORKING_DAYS_TO_TELL = 1
BLANK = "_" * 60
PARTS = ("what", "when", "data", "people", "consequences", "measures", "told")
"""Ends of the catalogue keys ``breach.part.*`` and ``breach.ask.*``, in their order."""
LINES = 3


def tell_by(found_on: date) -> date:
    """The day by which the authorised body is told of a breach found on a day.

    Examples
    --------
    >>> tell_by(date(2026, 11, 27))
    datetime.date(2026, 11, 30)
    """
    return working_days.add(found_on, WORKING_DAYS_TO_TELL)


def describe(found_on: date, head: Mapping[str, Any], words: Wording, *, contact: str | None, at: datetime) -> Document:
    """The notice; ``head`` is the audit log's, so that the lines which tell of the breach cannot be changed unseen."""
    title = words.text("breach.title")
    facts = [
        ("breach.to", BLANK[:30]),
        ("breach.owner", contact or BLANK[:30]),
        ("breach.responsible", BLANK[:30]),
        ("breach.found_on", words.date(found_on)),
        ("breach.tell_by", words.date(tell_by(found_on))),
        ("breach.made_on", words.date(civil_day(at))),
        ("breach.audit_lines", words.number(head["position"])),
        ("breach.audit_hash", str(head["hash"])),
    ]
    blocks: list[Block] = [
        Heading(text=title, level=0),
        Paragraph(text=said(words.text("breach.law"))),
        Table(
            head=(words.text("breach.column.what"), words.text("breach.column.told")),
            rows=tuple((said(words.text(key)), said(value)) for key, value in facts),
            shares=(35, 65),
        ),
    ]
    for number, part in enumerate(PARTS, start=1):
        blocks.append(Heading(text=f"{number}. {words.text(f'breach.part.{part}')}", level=2))
        blocks.append(Paragraph(text=said(words.text(f"breach.ask.{part}")), is_small=True))
        blocks += [Paragraph(text=said(BLANK)) for _ in range(LINES)]
    blocks.append(SignatureLine(role=words.text("breach.signed")))
    return Document(title=title, language=words.language, made_on=found_on, blocks=tuple(blocks), footer=title)
