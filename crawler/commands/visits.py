"""``holdfast visits``: the ledger of visits.

Oldest first. A visit is one attempt to fetch a target; it may have made several captures, or none
that succeeded. Visits that were planned and not made stand in the line of the visit that came at
last; with --gaps they are listed themselves, those still due included, each with its reason. So a
gap is never mistaken for a page that did not change.

    holdfast visits --archive A --since 1d --limit 50
    holdfast visits --archive A https://paper.example/print/7
    holdfast visits --archive A --gaps --json
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from crawler import opening
from crawler.asked import require_site, why_nothing
from crawler.commands import add_archive, add_json, add_since
from crawler.console import escape, print_json_lines, print_table
from crawler.errors import CrawlerError
from crawler.gaps import is_skipped, tell_cause
from crawler.listing import gap_dict, visit_dict
from crawler.opening import Parts
from crawler.owing import owed_gaps
from storage.catalogue import gaps, visits
from storage.catalogue.gaps import Gap
from storage.model import NOT_ASKED, Visit

HELP = "list the visits: when they were due, when they were made, how they ended, what was missed"
GROUP = "look"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_archive(parser)
    add_json(parser)
    add_since(parser)
    parser.add_argument("page", metavar="URL", nargs="?", help="only of this target")
    parser.add_argument("--url", metavar="URL", help="the same")
    parser.add_argument("--site", metavar="NAME", help="only of this site")
    parser.add_argument("--limit", type=int, metavar="N", help="only the newest N")
    parser.add_argument(
        "--gaps", action="store_true", help="list the planned visits that were not made, and why"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print a line for each visit or gap, oldest first."""
    own = opening.parts_to_look_at(arguments.archive)
    if arguments.page and arguments.url and arguments.page != arguments.url:
        raise CrawlerError("two pages were named; name one")
    url = arguments.page or arguments.url
    with own.catalogue.read() as db:
        require_site(db, arguments.site)
        strange = why_nothing(db, url)
    if strange and not arguments.json:
        print(escape(strange), file=sys.stderr)
    if arguments.gaps:
        _print_gaps(_all_gaps(own, arguments, url), as_json=arguments.json)
        return 0
    _print_visits(own, arguments, url)
    return 0


def _print_visits(own: Parts, arguments: argparse.Namespace, url: str | None) -> None:
    narrow = {"site": arguments.site, "url": url, "since": arguments.since}
    with own.catalogue.read() as db:
        made = visits.listing(db, **narrow, limit=arguments.limit)[::-1]
        before = gaps.of_visits(db, [one.id for one in made])
    if arguments.json:
        print_json_lines(_facts(one, before.get(one.id, ())) for one in made)
        return
    print_table(
        (
            (
                one.due_at,
                one.started_at,
                one.outcome.value,
                one.status,
                one.url,
                "; ".join([*([one.reason] if one.reason else []), *_told(before.get(one.id, ()))]),
            )
            for one in made
        ),
        ("due", "started", "outcome", "status", "url", "reason"),
    )
    if url is not None and (owed := owed_gaps(own, now=datetime.now(UTC), url=url)):
        print()
        _print_gaps(owed, as_json=False)


def _facts(visit: Visit, before: Sequence[Gap]) -> dict[str, object]:
    return {
        **visit_dict(visit),
        "result": "skipped" if visit.outcome in NOT_ASKED else "made",
        "planned": 1 + sum(one.visits for one in before),
        "skipped": sum(one.visits for one in before if is_skipped(one.cause)),
        "missed": sum(one.visits for one in before if not is_skipped(one.cause)),
        "not_made": [gap_dict(one) for one in before],
    }


def _told(before: Sequence[Gap]) -> Iterator[str]:
    for one in before:
        result = "skipped" if is_skipped(one.cause) else "missed"
        yield f"{one.visits} {result} before: {tell_cause(one.cause)}"


def _all_gaps(own: Parts, arguments: argparse.Namespace, url: str | None) -> list[Gap]:
    with own.catalogue.read() as db:
        over = gaps.listing(
            db, site=arguments.site, url=url, since=arguments.since, limit=arguments.limit
        )
    owed = owed_gaps(own, now=datetime.now(UTC), url=url, site=arguments.site)
    both = [*over, *owed]
    return both if arguments.limit is None else both[-arguments.limit :]


def _print_gaps(listed: Sequence[Gap], *, as_json: bool) -> None:
    if as_json:
        print_json_lines(gap_dict(one) for one in listed)
        return
    print_table(
        (
            (
                one.first_at,
                one.last_at if one.visit_id is not None else None,
                one.visits,
                "skipped" if is_skipped(one.cause) else "missed",
                one.url,
                tell_cause(one.cause),
            )
            for one in listed
        ),
        ("since", "until", "visits", "", "url", "because"),
    )
