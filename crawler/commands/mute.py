"""``holdfast mute``: keep watching a page, but tell nobody.

Events of a muted page are kept and listed like all others; no delivery is made for them, and none
is made later for what happened meanwhile. An event stands for its page.

    holdfast mute --archive A https://paper.example/node/7
    holdfast mute --archive A --off https://paper.example/node/7
"""

import argparse

from crawler import opening, watchlist
from crawler.commands import add_archive
from storage.journal import By

HELP = "keep watching pages, but tell nobody (--off: tell again)"
GROUP = "watch"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_archive(parser)
    parser.add_argument("what", metavar="EVENT|URL", nargs="+", help="a page, or an event of it")
    parser.add_argument("--off", action="store_true", help="tell again")


def run(arguments: argparse.Namespace) -> int:
    """Mute the pages, each named by its address or by one of its events."""
    own = opening.parts(arguments.archive)
    count = watchlist.mute(own, arguments.what, off=arguments.off, by=By.COMMAND)
    print(f"{count} {'told again' if arguments.off else 'muted'}")
    return 0
