"""The letter with which a request leaves the council, as DOCX or PDF, from the journal's side of the request alone.

It names the place by its hexagon and district and nobody by name; what is not published about a request is not in it.
Number and day stand once the step was taken, before that their lines are empty, like those for signatures.
"""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from geodata import hexgrid
from riskmap.council.casework import Office, ownership_of
from riskmap.council.request import Action, CouncilRequest, State, civil_day
from riskmap.documents import docx_file, pdf_file
from riskmap.documents.description import Block, Document, Heading, Paragraph, SignatureLine, Table, said
from riskmap.errors import StepNotPossible, UnknownRequest
from riskmap.identity import access, audit
from riskmap.identity.access import Actor, Permission
from riskmap.public import council, evidence, explain
from riskmap.public.evidence import Surroundings
from riskmap.release import Release
from riskmap.sending import ledger
from riskmap.wording import Wording

PASSED_ON = frozenset({State.IN_TRIAGE, State.NOT_OURS})
"""States whose letter passes a request on to whoever is in charge."""

BLANK = "_" * 20


class Form(StrEnum):
    """What kind of file is asked for; also the end of its name."""

    DOCX = "docx"
    PDF = "pdf"


MEDIA_TYPES = {
    Form.DOCX: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    Form.PDF: "application/pdf",
}
WRITERS = {Form.DOCX: docx_file.docx_bytes, Form.PDF: pdf_file.pdf_bytes}


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A letter as a file."""

    name: str
    media_type: str
    content: bytes


def is_possible(request: CouncilRequest) -> bool:
    """Whether there is a letter about a request as it stands."""
    if request.wording is None:
        return False
    return request.state in PASSED_ON | {State.APPROVED} or request.newest("document_number") is not None


def permission_for(request: CouncilRequest) -> Permission:
    return Permission.FORWARD if request.state in PASSED_ON else Permission.SEND


def may_write(actor: Actor, request: CouncilRequest) -> bool:
    """Whether the actor gets the letter of this request."""
    role = access.allowed_role(
        actor, permission_for(request), region_id=request.region_id, ownership=ownership_of(request)
    )
    return role is not None and is_possible(request)


def write(
    office: Office,
    actor: Actor,
    release: Release,
    number: int,
    *,
    form: Form,
    words: Wording,
    proposed_body: str,
    at: datetime,
) -> Letter:
    """The letter of a request; ``letter`` in the audit log names its SHA-256.

    Raises
    ------
    UnknownRequest, NotAllowed
    StepNotPossible
        If the request stands where no letter goes out.
    """
    territory = release.territory
    with office.store.look() as look:
        request = look.requests.find(territory, number)
    if request is None:
        raise UnknownRequest(f"There is no request {territory}-{number}. Look it up in the list of requests.")
    access.require(actor, permission_for(request), region_id=request.region_id, ownership=ownership_of(request))
    if not is_possible(request):
        raise StepNotPossible(
            f"Request {territory}-{number} is {request.state}; a letter goes out once it is taken up and to be passed "
            "on, or once it is approved.",
            state=request.state,
        )
    near = evidence.around(
        release,
        request.place.cell_id,
        words,
        requests=council.requests_of(office.journals, territory),
        leave_out=(number,),
    )
    letter = describe(request, release, near, words, proposed_body=proposed_body, today=civil_day(at))
    content = WRITERS[form](letter)
    with office.store.work() as work:
        audit.record(
            work,
            account_id=actor.account_id,
            action="letter",
            subject=f"request {territory}-{number}",
            details={
                "form": form.value,
                "language": words.language,
                "release": release.release_id,
                "sha256": hashlib.sha256(content).hexdigest(),
            },
            at=at,
        )
        work.commit()
    name = f"letter-{territory}-{number}-{words.language}.{form.value}"
    return Letter(name=name, media_type=MEDIA_TYPES[form], content=content)


def describe(
    request: CouncilRequest,
    release: Release,
    around: Surroundings,
    words: Wording,
    *,
    proposed_body: str,
    today: date,
) -> Document:
    """What the letter says, in one language."""
    is_passed_on = request.state in PASSED_ON
    title = words.text("letter.title.passed_on" if is_passed_on else "letter.title")
    body = request.newest("competent_body" if is_passed_on else "body") or proposed_body
    day = request.newest("document_day")
    head = f"{title}: № {request.number}"
    signers = ("secretary",) if is_passed_on else ("chair", "secretary")
    blocks: list[Block] = [
        Paragraph(text=said(_number_line(request, words, is_passed_on=is_passed_on))),
        Paragraph(text=said(words.text("letter.to", body=body or BLANK), is_strong=True)),
        Heading(text=head, level=0),
        Paragraph(text=said(words.text("letter.lead.passed_on" if is_passed_on else "letter.lead"))),
        _facts(request, release, words),
        Heading(text=words.text("letter.wording"), level=2),
        *_paragraphs(request.wording),
        *([] if is_passed_on else _decision(request, words)),
        *_evidence(request, release, around, words),
        *([] if is_passed_on else _deadline(request, words, today=today)),
        Paragraph(text=said(words.text("legend.note")), is_small=True),
        *(SignatureLine(role=words.text(f"note.sign.{one}")) for one in signers),
    ]
    return Document(
        title=head,
        language=words.language,
        made_on=date.fromisoformat(day) if day else today,
        blocks=tuple(blocks),
        banner=words.text("simulated.banner") if release.is_simulated or request.is_simulated else None,
        footer=words.text("letter.footer", number=str(request.number), place=release.names[words.language]),
    )


def _number_line(request: CouncilRequest, words: Wording, *, is_passed_on: bool) -> str:
    number, day = request.newest("document_number"), request.newest("document_day")
    if is_passed_on or number is None or day is None:
        return words.text("letter.number.empty")
    return words.text("letter.number", number=number, date=date.fromisoformat(day))


def _facts(request: CouncilRequest, release: Release, words: Wording) -> Table:
    area = release.area_by_id.get(request.place.area_id, release.whole)
    lat, lng = hexgrid.centre(request.place.cell_id)
    rows = [
        (words.text("letter.filed_on"), words.date(civil_day(request.submitted_at))),
        (words.text("council.field.kind"), words.text(f"council.kind.{request.kind}")),
        (words.text("letter.district"), explain.area_name(area, words)),
        (words.text("letter.hexagon"), request.place.cell_id),
        (words.text("letter.centre"), f"{lat:.4f}, {lng:.4f}"),
    ]
    return Table(
        head=(words.text("letter.fact"), words.text("letter.value")),
        rows=tuple((said(name), said(text)) for name, text in rows),
        shares=(35, 65),
    )


def _decision(request: CouncilRequest, words: Wording) -> list[Block]:
    decided = next((step for step in reversed(request.steps) if step.action is Action.APPROVE), None)
    if decided is None:
        return []
    return [
        Heading(text=words.text("letter.decision"), level=2),
        Paragraph(text=said(words.text("letter.decided_on", date=civil_day(decided.at)))),
        *_paragraphs(decided.fields["decision_grounds"]),
        Paragraph(text=said(f"{words.text('council.field.expectation')}: {decided.fields['expectation']}")),
    ]


def _evidence(request: CouncilRequest, release: Release, around: Surroundings, words: Wording) -> list[Block]:
    """What the map said when the request was filed, and what is told around the place now."""
    name = explain.area_name(release.area_by_id.get(request.place.area_id, release.whole), words)
    key = explain.CLASS_KEYS[request.place.risk_class]
    return [
        Heading(text=words.text("letter.evidence"), level=2),
        Paragraph(text=said(words.text(f"{key}.long", parent=name))),
        Paragraph(text=said(words.text("letter.evidence.class", release=request.place.release_id)), is_small=True),
        *(Paragraph(text=said(sentence)) for sentence in around.sentences),
        Paragraph(text=said(" ".join(around.sources)), is_small=True),
    ]


def _deadline(request: CouncilRequest, words: Wording, *, today: date) -> list[Block]:
    due_on = ledger.answer_due(request, otherwise=today)
    return [
        Heading(text=words.text("letter.answer"), level=2),
        Paragraph(text=said(words.text("letter.answer.due", date=due_on), is_strong=True)),
        Paragraph(text=said(words.text("council.sent.rule")), is_small=True),
    ]


def _paragraphs(text: str | None) -> list[Block]:
    return [Paragraph(text=said(line)) for line in (text or "").split("\n") if line]
