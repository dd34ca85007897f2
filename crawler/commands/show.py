"""``holdfast show``: the evidence of an event, or what is kept of a page.

Of an event: both records with file, offset and digest, the looks, every signal with its threshold,
the diff. Of a page: its captures, newest first, and its events.

    holdfast show --archive A 4f6d0c1b2a3948576675849302aabbcc
    holdfast show --archive A https://paper.example/node/7 --at 2026-11-22
"""

import argparse
from collections.abc import Sequence
from datetime import datetime

from crawler import opening
from crawler.commands import add_archive, add_json, parse_end
from crawler.console import (
    clock_text,
    diff_text,
    escape,
    is_narrow,
    json_line,
    print_cards,
    print_table,
)
from crawler.errors import CrawlerError
from crawler.listing import capture_dict, event_dict, iso
from crawler.opening import Parts
from crawler.wording import named
from storage.catalogue import captures, events, targets
from storage.model import Capture, Event

HELP = "show the evidence of an event, or what is kept of a page"
GROUP = "look"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_archive(parser)
    parser.add_argument("what", metavar="EVENT|URL")
    parser.add_argument("--at", type=parse_end, metavar="TIME", help="of a page: up to then")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print an event with its records, signals, looks and diff; or a page's captures."""
    own = opening.parts_to_look_at(arguments.archive)
    with own.catalogue.read() as db:
        event = events.one(db, arguments.what)
    if event is not None:
        return _event(own, event, as_json=arguments.json)
    return _page(own, arguments)


def _event(own: Parts, event: Event, *, as_json: bool) -> int:
    with own.catalogue.read() as db:
        before = _capture(own, event.before_capture_id)
        after = _capture(own, event.capture_id)
        looks = [
            one
            for one in captures.of_target(db, event.target_id, limit=1000)
            if one.visit_id in {look.visit_id for look in event.looks}
        ]
    if as_json:
        records = {
            "before": capture_dict(before) if before else None,
            "after": capture_dict(after) if after else None,
            "look_captures": [capture_dict(one) for one in looks],
        }
        print(json_line({**event_dict(event), **records}))
        return 0
    print(f"{named(event.kind)} ({event.severity}) {escape(event.url)}")
    print(escape(event.summary))
    print(f"seen      {iso(event.captured_at)}")
    if event.confirmed_at is not None:
        print(f"confirmed {iso(event.confirmed_at)}")
    if event.acknowledged_at is not None:
        print(f"seen by a person {iso(event.acknowledged_at)}")
    print()
    sides = (("last good", before), ("this", after))
    _records([(name, one) for name, one in sides if one] + [("look", one) for one in looks])
    signals = [
        (finding.rule, signal.name, signal.value, signal.threshold)
        for finding in event.findings
        for signal in finding.signals
    ]
    if signals:
        print()
        print_table(signals, ("rule", "signal", "value", "held against"))
    if event.looks:
        print()
        print_table(
            ((one.at, one.outcome.value, one.status, one.kind) for one in event.looks),
            ("look at", "outcome", "status", "seen as"),
        )
    if event.diff:
        print()
        print(diff_text(event.diff))
    print()
    print(f"for others: holdfast export dossier --event {escape(event.id)} --output PATH")
    return 0


def _page(own: Parts, arguments: argparse.Namespace) -> int:
    with own.catalogue.read() as db:
        target = targets.by_url(db, arguments.what)
        if target is None:
            raise CrawlerError(f"{arguments.what} is neither an event nor a known page")
        made = [
            one
            for one in captures.of_target(db, target.id, limit=200)
            if arguments.at is None or one.captured_at <= arguments.at
        ]
        told = events.listing(db, url=target.url)
    if arguments.json:
        print(
            json_line(
                {
                    "url": target.url,
                    "captures": [capture_dict(one) for one in made],
                    "events": [event_dict(one) for one in told],
                }
            )
        )
        return 0
    _records([(one.captured_at, one) for one in made])
    if told and is_narrow():
        print()
        print_cards(
            [f"{clock_text(one.captured_at)}  {named(one.kind)}", one.summary, one.id]
            for one in told
        )
    elif told:
        print()
        print_table(
            ((one.captured_at, one.kind, one.summary, one.id) for one in told),
            ("at", "event", "what happened", "id"),
        )
    return 0


def _capture(own: Parts, capture_id: int | None) -> Capture | None:
    if capture_id is None:
        return None
    with own.catalogue.read() as db:
        return captures.one(db, capture_id)


def _card(name: object, one: Capture) -> list[str]:
    status = "" if one.status is None else f"{one.status} "
    label = clock_text(name) if isinstance(name, datetime) else f"{name}, "
    at = "" if isinstance(name, datetime) else clock_text(one.captured_at)
    where = f"{one.record.file} at {one.record.offset}" if one.record else ""
    from_ = f" from {one.address}" if one.address else ""
    head = f"{label}{at}  {status}{one.outcome}{from_}"
    return [head, one.url, one.payload_digest or "", where]


def _records(labelled: Sequence[tuple[object, Capture]]) -> None:
    if is_narrow():
        print_cards(_card(name, one) for name, one in labelled)
        return
    print_table(
        (
            (
                name,
                one.status,
                one.outcome.value,
                one.record.file if one.record else None,
                one.record.offset if one.record else None,
                one.payload_digest,
                one.address,
                one.url,
            )
            for name, one in labelled
        ),
        ("capture", "status", "outcome", "WARC file", "offset", "payload digest", "address", "url"),
    )
