"""Journals for tests, with sensible defaults. Everything asked for in them is made up."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from riskmap import journal
from riskmap.journal import PublicRequest, PublicStep
from tests.release_builder import fine_and_coarse_cells

CELL = f"{int(fine_and_coarse_cells()[1]):x}"
"""A cell of resolution 9 of `tests.release_builder.a_release`, in its district d1."""
RELEASE_ID = "2026-11-01-00000000-simulated"
FIRST_DAY = date(2026, 9, 1)
LAST_DAY = date(2026, 10, 15)


def a_step(action: str, state: str, on: date = LAST_DAY, **fields: str) -> PublicStep:
    return PublicStep(action=action, state=state, on=on, fields=fields)


def a_request(number: int = 1, **changes: Any) -> PublicRequest:
    """A request for lighting that has been taken up; any field can be changed."""
    wording = changes.get("wording", "Екі шам жанбайды.")
    taken_up = [a_step("take_up", "in_triage", wording=wording)] if wording is not None else []
    values: dict[str, Any] = {
        "number": number,
        "kind": "lighting",
        "state": "in_triage" if taken_up else "submitted",
        "is_open": True,
        "cell_id": CELL,
        "area_id": "d1",
        "release_id": RELEASE_ID,
        "risk_class": 4,
        "submitted_on": FIRST_DAY,
        "changed_on": LAST_DAY if taken_up else FIRST_DAY,
        "supporters": 3,
        "wording": wording,
        "merged_into": None,
        "is_simulated": True,
        "steps": (a_step("submit", "submitted", FIRST_DAY), *taken_up),
    }
    return PublicRequest(**values | changes)


def write_journal(
    root: Path,
    *requests: PublicRequest,
    territory: str = "toy",
    audit_head: Mapping[str, Any] | None = None,
    is_simulated: bool = True,
) -> str:
    """Publish these requests as the journal of a territory; returns its id."""
    return journal.write(
        root,
        territory,
        requests,
        as_of=max((request.changed_on for request in requests), default=LAST_DAY),
        is_simulated=is_simulated,
        audit_head=audit_head or {"number": 1, "line_sha256": "0" * 64},
    )
