"""The council's journal as JSON for the public API: codes for programs, words for people."""

from riskmap.journal import PublicRequest, PublicStep
from riskmap.public import council, page
from riskmap.public.council import Council
from riskmap.wording import Wording


def describe(found: Council, words: Wording) -> dict[str, object]:
    """A council with all its requests, newest change first; ``journal_id`` is null where nothing was asked yet."""
    listed = council.chosen(found, council.Choice())
    return {**_head(found), "requests": [_request(found, request, words) for request in listed]}


def describe_request(found: Council, request: PublicRequest, words: Wording) -> dict[str, object]:
    """One request with the journal it was read from."""
    return {**_head(found), "request": _request(found, request, words)}


def _head(found: Council) -> dict[str, object]:
    journal = found.journal
    return {
        "territory": found.territory,
        "journal_id": journal.journal_id if journal else None,
        "as_of": journal.as_of.isoformat() if journal else None,
        "is_simulated": journal.is_simulated if journal else found.release.is_simulated,
    }


def _request(found: Council, request: PublicRequest, words: Wording) -> dict[str, object]:
    heading, sentence = council.evidence(found, request, words)
    return {
        "number": request.number,
        "kind": {"code": request.kind, "name": words.text(f"council.kind.{request.kind}")},
        "state": {"code": request.state, "name": words.text(f"council.state.{request.state}")},
        "is_open": request.is_open,
        "is_simulated": request.is_simulated,
        "cell": request.cell_id,
        "area": {"area_id": request.area_id, "name": found.area_name(request.area_id, words)},
        "submitted_on": request.submitted_on.isoformat(),
        "changed_on": request.changed_on.isoformat(),
        "supporters": request.supporters,
        "wording": request.wording,
        "merged_into": request.merged_into,
        "outcome": _outcome(request, words),
        "due": _due(request, words),
        "evidence": {"release": request.release_id, "heading": heading, "sentence": sentence},
        "steps": [_step(step, words) for step in request.steps],
        "page": page.address(f"/council/{found.territory}/{request.number}", lang=words.language),
    }


def _outcome(request: PublicRequest, words: Wording) -> dict[str, object] | None:
    told = council.outcome(request, words)
    return None if told is None else {"code": request.state, "sentence": told[0]}


def _due(request: PublicRequest, words: Wording) -> dict[str, object] | None:
    """The date that counts now, whose date it is, and the body that has to act; null there means the council."""
    clock = request.clock
    if clock is None:
        return None
    return {
        "clock": {"code": clock.kind, "name": words.text(f"council.clock.{clock.kind}")},
        "on": clock.due_on.isoformat(),
        "body": clock.body,
        "is_extended": clock.is_extended,
    }


def _step(step: PublicStep, words: Wording) -> dict[str, object]:
    return {
        "action": {"code": step.action, "name": words.text(f"council.step.{step.action}")},
        "state": {"code": step.state, "name": words.text(f"council.state.{step.state}")},
        "on": step.on.isoformat(),
        "fields": [
            {"code": name, "name": words.text(f"council.field.{name}"), "text": _read(name, text, words)}
            for name, text in step.fields.items()
        ],
    }


def _read(name: str, text: str, words: Wording) -> str:
    """Days stay as programs read them."""
    return council.written(name, text, words) if name in council.CHOICES else text
