"""Minutes of a meeting as PDF and DOCX, from the journal alone: numbers of votes, never whose they were."""

from riskmap.documents import docx_file, pdf_file
from riskmap.documents.description import Block, Document, Heading, Paragraph, SignatureLine, Table, said
from riskmap.journal import PublicDecision, PublicMeeting
from riskmap.public import area_news, council, meeting_pages
from riskmap.public.council import Council
from riskmap.wording import Wording

FORMS = {
    "pdf": ("application/pdf", pdf_file.pdf_bytes),
    "docx": ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", docx_file.docx_bytes),
}
SIGNED_BY = ("chair", "secretary")


def has_minutes(meeting: PublicMeeting) -> bool:
    """Whether a meeting has been opened: one that was only called has a notice alone."""
    return meeting.present is not None


def file(found: Council, meeting: PublicMeeting, words: Wording, *, form: str, link: str) -> tuple[str, bytes]:
    """Media type and bytes of the minutes; ``KeyError`` for a form that is neither ``pdf`` nor ``docx``."""
    media_type, write = FORMS[form]
    return media_type, write(describe(found, meeting, words, link=link))


def describe(found: Council, meeting: PublicMeeting, words: Wording, *, link: str) -> Document:
    """The minutes as a description; ``link`` is the address of the meeting's page."""
    place = found.release.names[words.language]
    title = f"{words.text('council.meeting.minutes')}. {area_news.meeting_title(meeting, words)}"
    blocks: list[Block] = [
        Heading(text=title, level=0),
        Paragraph(text=said(f"{place}. {area_news.meeting_when(meeting, words)}", is_strong=True)),
        Paragraph(text=said(words.text(f"council.meeting.stage.{meeting.stage}"))),
        *_unfinished(meeting, words),
        Paragraph(text=said(words.text("note.machine.how")), is_small=True),
        _written(words.text("council.meeting.quorum", quorum=meeting.quorum, members=meeting.members)),
        _written(words.text("council.meeting.present", n=meeting.present or 0)),
        _written(words.text("council.minutes.names")),
        Heading(text=words.text("council.meeting.agenda")),
        _written(words.text("council.meeting.rule")),
        *(block for one in meeting.agenda for block in _question(found, meeting, one.request, words, link=link)),
        Heading(text=words.text("council.minutes.corrections")),
        *_corrections(found, meeting, words),
        Heading(text=words.text("note.sign.title")),
        *(SignatureLine(role=words.text(f"note.sign.{one}")) for one in SIGNED_BY),
        Paragraph(text=said(words.text("council.minutes.public", link=link)), is_small=True),
    ]
    return Document(
        title=title,
        language=words.language,
        made_on=meeting.changed_on,
        blocks=tuple(blocks),
        machine_mark=words.text("note.machine"),
        banner=words.text("simulated.banner") if meeting.is_simulated or found.release.is_simulated else None,
        footer=title,
    )


def _unfinished(meeting: PublicMeeting, words: Wording) -> list[Block]:
    if meeting.stage == "closed":
        return []
    return [Paragraph(text=said(words.text("council.minutes.open"), is_strong=True))]


def _question(found: Council, meeting: PublicMeeting, number: int, words: Wording, *, link: str) -> list[Block]:
    asked = found.find(number)
    place = next(one for one in meeting.agenda if one.request == number)
    reckoned = words.text(
        "council.meeting.reckoned",
        supporters=place.supporters,
        evidence=place.evidence,
        days=place.days,
        weight=place.weight,
    )
    blocks: list[Block] = [Heading(text=_name(found, number, words), level=2)]
    if asked is not None and asked.wording:
        blocks.append(Paragraph(text=said(asked.wording)))
    blocks.append(_written(reckoned))
    in_force = next((one for one in meeting_pages.decisions(meeting, number) if one.is_in_force), None)
    blocks += _decision(in_force, words) if in_force else [_written(words.text("council.meeting.undecided"))]
    if asked is not None:
        address = link.replace(f"/meetings/{meeting.number}", f"/{number}")
        blocks.append(Paragraph(text=said(address), is_small=True))
    return blocks


def _decision(decision: PublicDecision, words: Wording) -> list[Block]:
    verdict = words.text(f"council.meeting.verdict.{decision.verdict}")
    rows = tuple((said(label), said(text)) for label, text in meeting_pages.fields(decision, words))
    head = (words.text("council.meeting.in_force"), f"{verdict}, {words.date(decision.on)}")
    return [_written(_votes(decision, words)), Table(head=head, rows=rows, shares=(30, 70))]


def _corrections(found: Council, meeting: PublicMeeting, words: Wording) -> list[Block]:
    """Every version that is no longer in force, with what took its place and why."""
    blocks: list[Block] = []
    for one in (one for one in meeting.decisions if not one.is_in_force):
        verdict = words.text(f"council.meeting.verdict.{one.verdict}")
        told = [f"{label}: {text}" for label, text in meeting_pages.fields(one, words)]
        earlier = words.text("council.meeting.earlier")
        blocks += [
            Heading(text=f"{_name(found, one.request, words)}. {earlier}, {words.date(one.on)}", level=2),
            Paragraph(text=said(verdict, is_strong=True)),
            _written(_votes(one, words)),
            *(Paragraph(text=said(line), is_listed=True) for line in told),
        ]
    return blocks or [_written(words.text("council.minutes.no_corrections"))]


def _votes(decision: PublicDecision, words: Wording) -> str:
    votes = decision.votes
    return words.text(
        "council.meeting.votes",
        in_favour=votes["for"],
        against=votes["against"],
        abstained=votes["abstained"],
        conflict=votes["conflict"],
    )


def _name(found: Council, number: int, words: Wording) -> str:
    asked = found.find(number)
    return council.title(asked, words) if asked else f"№ {number}"


def _written(text: str) -> Paragraph:
    return Paragraph(text=said(text), is_machine_written=True)
