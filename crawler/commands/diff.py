"""``holdfast diff``: the words that changed.

Removed words stand first, in [-…-], added words in {+…+}; on a terminal they are red and green. Of
an event it is the difference the event was told with, and below it every signal with its value and
what it was held against; of a page it is the last change that is kept.

    holdfast diff --archive A https://paper.example/node/7
    holdfast diff --archive A https://paper.example/node/7 --at 2026-11-22 --side-by-side
"""

import argparse

from crawler import opening
from crawler.changes.diff import Diff, as_text, word_diff
from crawler.columns import print_columns
from crawler.commands import add_archive, add_json, parse_end
from crawler.console import clock_text, diff_text, json_line, print_table
from crawler.errors import CrawlerError
from crawler.history import last_change, said
from crawler.listing import iso
from crawler.opening import Parts
from crawler.sidebyside import rows
from storage.catalogue import captures, events, texts
from storage.model import Event

HELP = "print the words that changed, of an event or of a page's last change"
GROUP = "look"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_archive(parser)
    parser.add_argument("what", metavar="EVENT|URL")
    parser.add_argument("--at", type=parse_end, metavar="TIME", help="the last change before then")
    parser.add_argument(
        "--side-by-side", action="store_true", help="the old text left, the new one right"
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the word diff; removed words ``[-…-]``, added words ``{+…+}``."""
    own = opening.parts_to_look_at(arguments.archive)
    with own.catalogue.read() as db:
        event = events.one(db, arguments.what)
    if event is not None:
        _of_event(own, event, arguments)
    else:
        _of_page(own, arguments)
    return 0


def _of_event(own: Parts, event: Event, arguments: argparse.Namespace) -> None:
    if arguments.json:
        print(json_line({"event": event.id, "url": event.url, "diff": event.diff}))
        return
    if arguments.side_by_side:
        change, heads = _texts(own, event)
        print_columns(rows(change), heads)
    else:
        print(diff_text(event.diff or event.summary))
    signals = [
        (finding.rule, signal.name, signal.value, signal.threshold)
        for finding in event.findings
        for signal in finding.signals
    ]
    if signals:
        print()
        print_table(signals, ("rule", "signal", "value", "held against"))


def _of_page(own: Parts, arguments: argparse.Namespace) -> None:
    before, after, change = last_change(own.catalogue, arguments.what, at=arguments.at)
    text = as_text(change)
    if arguments.json:
        times = {"from": iso(before.captured_at), "to": iso(after.captured_at)}
        print(json_line({"url": arguments.what, **times, "diff": text}))
    elif arguments.side_by_side:
        heads = (clock_text(before.captured_at), clock_text(after.captured_at))
        print_columns(rows(change), heads)
    else:
        print(diff_text(text))


def _texts(own: Parts, event: Event) -> tuple[Diff, tuple[str, str]]:
    """Return the difference of the two texts of an event, and when they were captured."""
    if event.before_capture_id is not None and event.capture_id is not None:
        with own.catalogue.read() as db:
            made = captures.by_ids(db, (event.before_capture_id, event.capture_id))
            old = texts.of_capture(db, event.before_capture_id)
            new = texts.of_capture(db, event.capture_id)
        if old is not None and new is not None:
            before, after = made[event.before_capture_id], made[event.capture_id]
            heads = (clock_text(before.captured_at), clock_text(after.captured_at))
            return word_diff(said(old), said(new)), heads
    raise CrawlerError(
        f"event {event.id} has no two texts that are kept; `holdfast export dossier` reads what "
        "came instead out of its record"
    )
