"""``holdfast mute``: keep watching a page, but tell nobody.

Events of a muted page are kept and listed like all others; no delivery is made for them, and none
is made later for what happened meanwhile. An event stands for its page.

    holdfast mute --archive A https://paper.example/node/7
    holdfast mute --archive A --off https://paper.example/node/7
"""

import argparse

from crawler import opening
from crawler.commands import add_archive
from crawler.errors import CrawlerError
from storage.catalogue import events, targets

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
    with own.catalogue.write() as db:
        chosen = set()
        for one in arguments.what:
            event = events.one(db, one)
            target = targets.by_url(db, event.url if event is not None else one)
            if target is None:
                raise CrawlerError(f"{one} is neither a watched page nor an event; nothing changed")
            chosen.add(target.id)
        targets.mute(db, sorted(chosen), not arguments.off)
    print(f"{len(chosen)} {'told again' if arguments.off else 'muted'}")
    return 0
