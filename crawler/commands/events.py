"""``holdfast events``: what happened to the watched pages.

Oldest first. What the kinds mean stands in docs/events.md. With `--new` it lists what was told
since you last asked so, on this machine and as this user; with `--unseen` what nobody has
acknowledged yet.

    holdfast events --archive A --since 3d
    holdfast events --archive A --new
    holdfast events --archive A --site courier --limit 20 --json
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime

from crawler import looked, opening
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
from crawler.listing import event_dict
from crawler.opening import Parts
from storage.catalogue import events
from storage.model import Event

HELP = "list what happened: edits, takedowns, returns"
GROUP = "look"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_archive(parser)
    add_json(parser)
    add_since(parser)
    parser.add_argument("--url", metavar="URL", help="only of this address")
    parser.add_argument("--site", metavar="NAME", help="only of this site")
    parser.add_argument("--new", action="store_true", help="only since you last asked for --new")
    parser.add_argument("--unseen", action="store_true", help="only what nobody has acknowledged")
    add_limit(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print a line for each event, oldest first."""
    own = opening.parts_to_look_at(arguments.archive)
    with own.catalogue.read() as db:
        require_site(db, arguments.site)
        strange = why_nothing(db, arguments.url)
    found = _new(own, arguments) if arguments.new else _listed(own, arguments, arguments.since)
    if arguments.json:
        print_json_lines(event_dict(one) for one in found)
        return 0
    if strange:
        print(escape(strange), file=sys.stderr)
    _print(found)
    return 0


def _new(own: Parts, arguments: argparse.Namespace) -> list[Event]:
    """Return what is new to whoever asks, and remember that it was shown."""
    path = looked.mine()
    before = looked.recall(path, own.archive.root)
    sinces = [one for one in (before.since, arguments.since) if one is not None]
    every = _listed(own, arguments, max(sinces, default=None))
    if arguments.url is None and arguments.site is None and not arguments.unseen:
        # Only who has been shown everything has looked.
        looked.remember(path, own.archive.root, before.after(every))
    return before.new(every)


def _listed(own: Parts, arguments: argparse.Namespace, since: datetime | None) -> list[Event]:
    """Return the events that were asked for; with a limit the newest of them."""
    with own.catalogue.read() as db:
        found = events.listing(
            db,
            since=since,
            url=arguments.url,
            site=arguments.site,
            newest_first=True,
            limit=None if arguments.unseen else arguments.limit,
        )
    if arguments.unseen:
        found = [one for one in found if one.acknowledged_at is None][: arguments.limit]
    return found[::-1]


def _print(found: Sequence[Event]) -> None:
    if is_narrow():
        print_cards(
            [
                f"{clock_text(one.captured_at)}  {one.kind} ({one.severity}, told: {one.alert})",
                one.url,
                one.summary,
                one.id,
            ]
            for one in found
        )
        return
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
