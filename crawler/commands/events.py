"""``holdfast events``: what happened to the watched pages.

Oldest first. What the kinds mean stands in docs/events.md.

    holdfast events --archive A --since 3d
    holdfast events --archive A --site courier --json
"""

import argparse
import sys

from crawler import opening
from crawler.asked import require_site, why_nothing
from crawler.commands import add_archive, add_json, add_since
from crawler.console import escape, print_json_lines, print_table
from crawler.listing import event_dict
from storage.catalogue import events

HELP = "list what happened: edits, takedowns, returns"
GROUP = "look"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_archive(parser)
    add_json(parser)
    add_since(parser)
    parser.add_argument("--url", metavar="URL", help="only of this address")
    parser.add_argument("--site", metavar="NAME", help="only of this site")


def run(arguments: argparse.Namespace) -> int:
    """Print a line for each event, oldest first."""
    own = opening.parts_to_look_at(arguments.archive)
    with own.catalogue.read() as db:
        require_site(db, arguments.site)
        strange = why_nothing(db, arguments.url)
        found = events.listing(db, since=arguments.since, url=arguments.url, site=arguments.site)
    if arguments.json:
        print_json_lines(event_dict(one) for one in found)
        return 0
    if strange:
        print(escape(strange), file=sys.stderr)
    print_table(
        (
            (
                one.captured_at,
                one.kind,
                one.severity.value,
                one.alert.value,
                one.url,
                one.summary,
                one.id,
            )
            for one in found
        ),
        ("at", "kind", "severity", "told", "url", "what happened", "id"),
    )
    return 0
