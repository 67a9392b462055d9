"""The command about survey answers: ``survey load`` takes in a file of shares by region and sex."""

import argparse
from dataclasses import asdict
from pathlib import Path

from riskmap.command_line import Context, Report, day, opened
from riskmap.pipeline import survey

REFUSED_SHOWN = 20


def add_commands(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", shared: argparse.ArgumentParser
) -> None:
    """Add ``survey load`` to the command line; ``shared`` holds the options of every command."""
    actions = commands.add_parser("survey", help="survey answers").add_subparsers(required=True, metavar="ACTION")
    help_text = "take in survey answers on how safe people feel, by region and sex"
    load = actions.add_parser("load", parents=[shared], help=help_text, description=help_text)
    load.set_defaults(run=_load)
    load.add_argument("file", type=Path, metavar="FILE")
    load.add_argument("--territory", default="kazakhstan", metavar="NAME")
    load.add_argument("--source", required=True, metavar="TEXT", help="who asked")
    load.add_argument("--dated", type=day, required=True, metavar="YYYY-MM-DD", help="day whose state it is")
    load.add_argument("--simulated", action="store_true", help="sample data: nobody was asked")


def _load(options: argparse.Namespace, context: Context) -> Report:
    with opened(context) as store:
        loaded = survey.load(
            store,
            options.file,
            territory_name=options.territory,
            source=options.source,
            dated=options.dated,
            now=context.now,
            is_simulated=options.simulated,
        )
    words, read, territory = context.words, loaded.read, loaded.territory
    answers = read.answers
    is_simulated = bool(answers["is_simulated"].all())
    lines = [
        words.text("cli.survey.loaded", territory=territory.names.of(words.language), n=answers.height),
        *([words.text("cli.survey.unchanged")] if loaded.is_unchanged else []),
        *([words.text("cli.survey.simulated")] if is_simulated else []),
        *([words.text("cli.survey.replaced", n=loaded.replaced)] if loaded.replaced else []),
        *([words.text("cli.survey.repeated", n=read.repeated)] if read.repeated else []),
        *([words.text("cli.survey.refused", n=len(read.refused))] if read.refused else []),
        *(
            words.text(
                "cli.survey.refused_row", line=one.line, column=one.column, found=one.found, expected=one.expected
            )
            for one in read.refused[:REFUSED_SHOWN]
        ),
    ]
    if len(read.refused) > REFUSED_SHOWN:
        lines.append(words.text("cli.survey.more", n=len(read.refused) - REFUSED_SHOWN))
    data = {
        "territory": territory.name,
        "accepted": answers.height,
        "regions": answers["region_id"].n_unique(),
        "years": sorted(answers["year"].unique().to_list()),
        "questions": sorted(answers["question"].unique().to_list()),
        "is_simulated": is_simulated,
        "is_unchanged": loaded.is_unchanged,
        "replaced": loaded.replaced,
        "repeated": read.repeated,
        "refused": [asdict(one) for one in read.refused],
    }
    return Report(lines=lines, data=data)
