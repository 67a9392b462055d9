"""The command that writes the public pages as text."""

import argparse
from dataclasses import asdict

from riskmap import site
from riskmap.command_line import Context, Report


def add_commands(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", shared: argparse.ArgumentParser
) -> None:
    """Add ``site`` to the command line; ``shared`` holds the options of every command."""
    text = "write the public pages as text, to be copied to any file server"
    command = commands.add_parser("site", parents=[shared], help=text, description=text)
    command.set_defaults(run=_site)
    command.add_argument("--home", metavar="ADDRESS", help="the site's own address, for links that leave the text")


def _site(options: argparse.Namespace, context: Context) -> Report:
    made = site.refresh(context.settings, now=context.now, home=options.home)
    key = "cli.site.done" if made.is_new else "cli.site.same"
    line = context.words.text(key, folder=str(context.settings.site), n=made.files)
    return Report(data=asdict(made), lines=[line])
