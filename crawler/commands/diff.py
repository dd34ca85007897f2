"""``holdfast diff``: the words that changed.

Removed words stand in [-…-], added words in {+…+}; on a terminal they are red and green. Of an
event it is the difference the event was told with; of a page it is the last change that is kept.

    holdfast diff --archive A https://paper.example/node/7
    holdfast diff --archive A https://paper.example/node/7 --at 2026-11-22
"""

import argparse

from crawler import opening
from crawler.changes.diff import as_text
from crawler.commands import add_archive, add_json, parse_end
from crawler.console import diff_text, json_line
from crawler.history import last_change
from crawler.listing import iso
from storage.catalogue import events

HELP = "print the words that changed, of an event or of a page's last change"
GROUP = "look"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_archive(parser)
    parser.add_argument("what", metavar="EVENT|URL")
    parser.add_argument("--at", type=parse_end, metavar="TIME", help="the last change before then")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the word diff; removed words ``[-…-]``, added words ``{+…+}``."""
    own = opening.parts_to_look_at(arguments.archive)
    with own.catalogue.read() as db:
        event = events.one(db, arguments.what)
    if event is not None:
        facts: dict[str, object] = {"event": event.id, "url": event.url, "diff": event.diff}
        text = event.diff or event.summary
    else:
        before, after, change = last_change(own.catalogue, arguments.what, at=arguments.at)
        text = as_text(change)
        facts = {
            "url": arguments.what,
            "from": iso(before.captured_at),
            "to": iso(after.captured_at),
            "diff": text,
        }
    print(json_line(facts) if arguments.json else diff_text(text))
    return 0
