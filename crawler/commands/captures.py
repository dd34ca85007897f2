"""``holdfast captures``: what was kept, and what failed.

A line for each exchange, oldest first: pages, each redirect on the way, robots.txt, images and
style sheets. What failed is listed too, with its outcome and reason. With ``--json`` each line says
where its record lies, of what type it is, and for a revisit record which earlier one it stands for.

    holdfast captures --archive A --url https://paper.example/node/7
    holdfast captures --archive A --since 6h --json
"""

import argparse
import sys
from collections import deque
from collections.abc import Iterable, Iterator

from crawler import opening
from crawler.asked import require_site, why_nothing
from crawler.commands import add_archive, add_json, add_limit, add_since
from crawler.console import (
    clock_text,
    escape,
    is_narrow,
    print_cards,
    print_json_lines,
    print_table,
)
from crawler.listing import capture_dict
from crawler.opening import Parts
from storage.catalogue import captures
from storage.model import Capture

HELP = "list what was kept, failed visits with their reason included"
GROUP = "look"

PAGE_ROWS = 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_archive(parser)
    add_json(parser)
    add_since(parser)
    parser.add_argument("--url", metavar="URL", help="only of this address")
    parser.add_argument("--site", metavar="NAME", help="only of this site")
    add_limit(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print a line for each exchange, in the order they were kept."""
    own = opening.parts_to_look_at(arguments.archive)
    with own.catalogue.read() as db:
        require_site(db, arguments.site)
        strange = why_nothing(db, arguments.url)
    rows: Iterable[Capture] = _all(own, arguments)
    if arguments.limit is not None:
        rows = deque(rows, maxlen=arguments.limit)
    if arguments.json:
        print_json_lines(capture_dict(one) for one in rows)
        return 0
    if strange:
        print(escape(strange), file=sys.stderr)
    if is_narrow():
        print_cards(map(_card, rows))
        return 0
    print_table(
        (
            (
                one.captured_at,
                one.status,
                one.outcome.value,
                one.role.value,
                one.url,
                one.reason,
                one.record.file if one.record else None,
                one.record.offset if one.record else None,
            )
            for one in rows
        ),
        ("captured at", "status", "outcome", "role", "url", "reason", "WARC file", "offset"),
    )
    return 0


def _card(one: Capture) -> list[str]:
    status = "" if one.status is None else f"{one.status} "
    where = f"{one.record.file} at {one.record.offset}" if one.record else ""
    head = f"{clock_text(one.captured_at)}  {status}{one.outcome}  {one.role}"
    return [head, one.url, one.reason, where]


def _all(own: Parts, arguments: argparse.Namespace) -> Iterator[Capture]:
    """Yield in pages, so that a listing of millions holds no transaction and little memory."""
    after = 0
    while True:
        with own.catalogue.read() as db:
            part = captures.listing(
                db,
                url=arguments.url,
                site=arguments.site,
                since=arguments.since,
                after_id=after,
                limit=PAGE_ROWS,
            )
        yield from part
        if len(part) < PAGE_ROWS:
            return
        after = part[-1].id
