"""``holdfast export``: take something out of the archive, for others.

A dossier holds all that is known of one event: both captures, every look and what the pages need
to be shown, in a WARC file of its own; the diff, the certificates, and HOW-TO-VERIFY.txt, which
names standard tools. See docs/dossier.md.

    holdfast export dossier --archive A --event 4f6d0c1b2a3948576675849302aabbcc --output takedown
    holdfast export dossier --archive A --event 4f6d0c1b2a3948576675849302aabbcc --output edit.zip
"""

import argparse
import os
import sys
from dataclasses import replace
from typing import Protocol, cast

from crawler import config, exports, opening, plugins
from crawler.commands import add_archive
from crawler.config import Config
from crawler.console import escape
from crawler.errors import ConfigError
from crawler.exports import Exported
from crawler.opening import Parts

HELP = "take out what others are to have: the dossier of an event"
GROUP = "keep"


class Export(Protocol):
    """What a file of ``crawler/exports`` offers."""

    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options of this kind."""

    def run(self, own: Parts, arguments: argparse.Namespace) -> Exported:
        """Make it, and say what came of it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the kinds, each with its own options."""
    made = plugins.modules(exports)
    names = [name.replace("_", "-") for name in made]
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="|".join(names))
    for name, module in zip(names, made.values(), strict=True):
        export = cast("Export", module)
        kind = kinds.add_parser(name, help=export.HELP)
        add_archive(kind)
        export.add_arguments(kind)
        kind.set_defaults(export=export)


def run(arguments: argparse.Namespace) -> int:
    """Make what was asked for; the archive is only read. Exit 1 when something was left out."""
    own = opening.parts_to_look_at(arguments.archive)
    export: Export = arguments.export
    made = export.run(replace(own, config=_words(own)), arguments)
    print(escape(made.told))
    for one in made.left_out:
        print(f"not in it: {escape(one)}", file=sys.stderr)
    return 1 if made.left_out else 0


def _words(own: Parts) -> Config:
    """Return who keeps the archive; a configuration that is wrong keeps nothing from going out."""
    try:
        return config.load(own.archive.config, environ=os.environ)
    except ConfigError:
        return own.config
