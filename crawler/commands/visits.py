"""``holdfast visits``: the ledger of visits.

Oldest first. A visit is one attempt to fetch a target; it may have made several captures, or none
that succeeded.

    holdfast visits --archive A --since 1d --limit 50
"""

import argparse
import sys

from crawler import opening
from crawler.asked import require_site, why_nothing
from crawler.commands import add_archive, add_json, add_since
from crawler.console import escape, print_json_lines, print_table
from crawler.listing import visit_dict
from storage.catalogue import visits

HELP = "list the visits: when they were due, when they were made, how they ended"
GROUP = "look"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_archive(parser)
    add_json(parser)
    add_since(parser)
    parser.add_argument("--url", metavar="URL", help="only of this target")
    parser.add_argument("--site", metavar="NAME", help="only of this site")
    parser.add_argument("--limit", type=int, metavar="N", help="only the newest N")


def run(arguments: argparse.Namespace) -> int:
    """Print a line for each visit, oldest first."""
    own = opening.parts_to_look_at(arguments.archive)
    with own.catalogue.read() as db:
        require_site(db, arguments.site)
        strange = why_nothing(db, arguments.url)
        newest_first = visits.listing(
            db,
            site=arguments.site,
            url=arguments.url,
            since=arguments.since,
            limit=arguments.limit,
        )
    made = newest_first[::-1]
    if arguments.json:
        print_json_lines(visit_dict(one) for one in made)
        return 0
    if strange:
        print(escape(strange), file=sys.stderr)
    print_table(
        (
            (one.due_at, one.started_at, one.outcome.value, one.status, one.url, one.reason)
            for one in made
        ),
        ("due", "started", "outcome", "status", "url", "reason"),
    )
    return 0
