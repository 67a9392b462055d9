"""Commands that draw from services of others: ``fetch kgp`` asks the official crime-point service."""

import argparse
from dataclasses import asdict
from datetime import date
from typing import Any

import numpy as np

from riskmap import explaining
from riskmap.command_line import Context, Report, delivery_lines, opened
from riskmap.pipeline import crime_point_feed
from riskmap.pipeline.crime_point_feed import OVERLAP_DAYS, FeedReport
from riskmap.pipeline.crime_point_service import Request
from riskmap.pipeline.feature_service import FeatureService, Patience, layer_address
from riskmap.wording import Wording

_FIELDS_SHOWN = 10


def add_commands(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", shared: argparse.ArgumentParser
) -> None:
    """Add ``fetch kgp`` to the command line; ``shared`` holds the options of every command."""
    sources = commands.add_parser("fetch", help="draw from a service").add_subparsers(required=True, metavar="SERVICE")
    help_text = "fetch a city's records from the official crime-point service and deliver what is new"
    kgp = sources.add_parser("kgp", parents=[shared], help=help_text, description=help_text)
    kgp.set_defaults(run=_kgp)
    kgp.add_argument("--url", required=True, metavar="URL", help="address of the layer; you settle its terms of use")
    kgp.add_argument("--city", required=True, metavar="CODE", help="city_code: four digits such as 1975")
    kgp.add_argument("--since", type=_day, metavar="YYYY-MM-DD", help="default: what changed since the last fetch")
    kgp.add_argument("--until", type=_day, metavar="YYYY-MM-DD")
    kgp.add_argument("--territory", default="auto", metavar="NAME|auto", help="default: where the last fetch went")
    kgp.add_argument("--pause", type=_seconds, default=1.0, metavar="SECONDS", help="rest between two calls")
    kgp.add_argument("--overlap", type=_days, default=OVERLAP_DAYS, metavar="DAYS", help="asked for again by a refresh")
    kgp.add_argument("--no-deliver", action="store_true", help="only make the file")


def _kgp(options: argparse.Namespace, context: Context) -> Report:
    address = layer_address(options.url)
    Request(city=options.city, since=options.since, until=options.until)
    service = FeatureService(
        address=address,
        patience=_patience(options),
        # Only how long to wait is left to chance; installations that were refused together should not return together.
        rng=np.random.default_rng(int(context.now.timestamp() * 1e6)),
    )
    try:
        with opened(context) as store:
            report = crime_point_feed.keep_current(
                store,
                service,
                data=context.settings.data,
                city=options.city,
                since=options.since,
                until=options.until,
                territory_name=None if options.no_deliver else options.territory,
                layouts=explaining.known_layouts(context.settings),
                overlap_days=options.overlap,
                now=context.now,
                progress=context.progress,
            )
    finally:
        service.close()
    return Report(lines=_lines(report, context.words), data=_data(report))


def _patience(options: argparse.Namespace) -> Patience:
    return Patience(pause_s=options.pause)


def _lines(report: FeedReport, words: Wording) -> list[str]:
    fetched, changes, request = report.fetched, report.changes, report.request
    return [
        *([words.text("cli.fetch.discarded")] if report.has_discarded else []),
        *([words.text("cli.fetch.resumed", n=fetched.resumed)] if fetched.resumed else []),
        *(words.text(f"cli.fetch.started_over.{reason}") for reason in fetched.started_over),
        *([words.text("cli.fetch.refresh", day=request.registered_from)] if request.registered_from else []),
        words.text("cli.fetch.records", city=request.city, n=fetched.rows.height),
        *([words.text("cli.fetch.repeated", n=fetched.repeated)] if fetched.repeated else []),
        "  " + words.text("cli.fetch.new", n=changes.new),
        "  " + words.text("cli.fetch.changed", n=changes.changed),
        "  " + words.text("cli.fetch.struck_off", n=changes.struck_off),
        *(["  " + words.text("cli.fetch.along", n=changes.along)] if changes.along else []),
        *(words.text("cli.fetch.unfit", field=name, n=count) for name, count in sorted(fetched.unfit.items())),
        *([_unknown_fields(fetched.unknown_fields, words)] if fetched.unknown_fields else []),
        *_delivery_lines(report, words),
    ]


def _delivery_lines(report: FeedReport, words: Wording) -> list[str]:
    delivery = report.delivery
    if report.held == 0:
        return [words.text("cli.fetch.no_records", city=report.request.city)]
    if report.file is None:
        return [words.text("cli.fetch.nothing_new")]
    if delivery is None:
        return [words.text("cli.fetch.not_delivered", file=str(report.file))]
    return delivery_lines(delivery, words)


def _unknown_fields(names: tuple[str, ...], words: Wording) -> str:
    return words.text("cli.fetch.unknown_fields", names=", ".join(name[:40] for name in names[:_FIELDS_SHOWN]))


def _data(report: FeedReport) -> dict[str, Any]:
    fetched, changes = report.fetched, report.changes
    return {
        "fetch_id": fetched.fetch_id,
        "request": asdict(report.request),
        "is_refresh": report.is_refresh,
        "records": fetched.rows.height,
        "pages": fetched.pages,
        "pages_resumed": fetched.resumed,
        "repeated": fetched.repeated,
        "started_over": list(fetched.started_over),
        "unfit": dict(fetched.unfit),
        "unknown_fields": list(fetched.unknown_fields),
        "new": changes.new,
        "changed": changes.changed,
        "struck_off": changes.struck_off,
        "along": changes.along,
        "held": report.held,
        "file": None if report.file is None else str(report.file),
        "delivery": None if report.delivery is None else asdict(report.delivery),
    }


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day; expected YYYY-MM-DD such as 2024-01-01") from None


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds; expected 0 to 3600, such as 1.5")
    return seconds


def _days(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text[:6]) > 3650:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days; expected 0 to 3650")
    return int(text)
