"""``holdfast ack``: say that an event was seen.

Listings and pages then show when it was seen. Nothing else changes: an acknowledged event is kept,
and is not told again in any case. An address stands for every event of that page.

    holdfast ack --archive A 4f6d0c1b2a3948576675849302aabbcc
"""

import argparse

from crawler import opening, watchlist
from crawler.commands import add_archive
from storage.journal import By

HELP = "say that events were seen by a person"
GROUP = "watch"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_archive(parser)
    parser.add_argument(
        "what", metavar="EVENT|URL", nargs="+", help="an event's id, or all of a page"
    )


def run(arguments: argparse.Namespace) -> int:
    """Acknowledge events by id, or every event of a page by its address."""
    own = opening.parts(arguments.archive)
    count = watchlist.acknowledge(own, arguments.what, by=By.COMMAND)
    print(f"{count} acknowledged")
    return 0
