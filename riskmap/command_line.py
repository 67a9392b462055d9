"""What the commands share: what each one gets, what it hands back, and the store it opens."""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from riskmap import assembly
from riskmap.errors import ExitStatus
from riskmap.pipeline import territories
from riskmap.pipeline.deliveries import DeliveryReport
from riskmap.ports import Store
from riskmap.settings import Settings
from riskmap.wording import Wording


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What every command gets: settings, the moment it started, its words and how it shows progress."""

    settings: Settings
    now: datetime
    words: Wording
    progress: Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a command says when it is done: lines for people and one object for programs, and how it ends."""

    lines: list[str]
    data: dict[str, Any]
    status: ExitStatus = ExitStatus.DONE


@contextmanager
def opened(context: Context) -> Iterator[Store]:
    """The installation's store, made on the first use; an existing one is never changed without ``migrate``."""
    if not assembly.is_set_up(context.settings):
        assembly.migrate(context.settings)
    store = assembly.open_store(context.settings)
    try:
        territories.ensure_kazakhstan(store)
        yield store
    finally:
        store.close()


def delivery_lines(report: DeliveryReport, words: Wording) -> list[str]:
    """What became of a delivery's rows, a line each, and the commands that come next."""
    return [
        words.text("cli.deliver.summary", file=report.file_name, territory=report.territory),
        words.text("cli.deliver.rows_read", n=report.rows_read),
        words.text("cli.deliver.accepted", n=report.accepted),
        "  " + words.text("cli.deliver.without_place", n=report.without_place),
        *(["  " + words.text("cli.deliver.corrected", n=report.corrected)] if report.corrected else []),
        words.text("cli.deliver.duplicates", n=report.duplicates),
        *([words.text("cli.deliver.withdrawn", n=report.withdrawn)] if report.withdrawn else []),
        words.text("cli.deliver.quarantined", n=report.quarantined),
        *(
            "  " + words.text("cli.deliver.fault", fault=words.text(f"fault.{fault}"), n=count)
            for fault, count in sorted(report.faults.items())
        ),
        *(
            words.text("cli.deliver.unknown_category", category=category, n=count)
            for category, count in sorted(report.unknown_categories.items())
        ),
        *([words.text("cli.deliver.to_correct_again", n=report.to_correct_again)] if report.to_correct_again else []),
        *([words.text("cli.deliver.id", id=report.delivery_id)] if report.quarantined else []),
        *(words.text("cli.next_step", command=f"python -m riskmap {command}") for command in _next_steps(report)),
    ]


def _next_steps(report: DeliveryReport) -> Iterator[str]:
    if report.quarantined:
        yield f"quarantine export --delivery {report.delivery_id} --to rows.csv"
    if report.accepted or report.withdrawn:
        yield f"release --territory {report.territory}"


def day(text: str) -> date:
    """An option that is a calendar day."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day; expected YYYY-MM-DD such as 2026-11-01") from None


def positive(text: str) -> int:
    """An option that is a whole number above zero."""
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 65535")
    return int(text)
