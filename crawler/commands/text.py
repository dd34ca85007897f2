"""``holdfast text``: an article as it was kept.

With --at it is the article of the last good capture before that time. With --slots all texts of
the page are listed, each with the slot it stands in, and whether it is watched as article, known
as noise, or stands beside: by such names ``ignore_slots`` is written.

    holdfast text --archive A https://paper.example/node/7 --at 2026-11-22T13:00Z
    holdfast text --archive A https://paper.example/node/7 --slots
"""

import argparse
import sys
from collections.abc import Iterable
from dataclasses import asdict

from crawler import opening
from crawler.commands import add_archive, add_json, parse_end
from crawler.console import escape, json_line, print_json_lines, print_table
from crawler.history import article_at
from crawler.listing import iso
from crawler.slotted import Slotted, slotted
from storage.model import Article, Block

HELP = "print an article as it was kept, as Markdown"
GROUP = "look"

MARKS = {"heading": "## ", "quote": "> ", "item": "- ", "caption": "*", "code": "    "}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_archive(parser)
    parser.add_argument("url", metavar="URL")
    parser.add_argument("--at", type=parse_end, metavar="TIME", help="as it was then")
    parser.add_argument(
        "--slots", action="store_true", help="list all texts of the page with their slots"
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the article of the capture nearest before the time; with ``--json`` all its fields."""
    own = opening.parts_to_look_at(arguments.archive)
    capture, article = article_at(own.catalogue, arguments.url, at=arguments.at)
    if arguments.slots:
        _print_slots(slotted(own, capture, article), as_json=arguments.json)
        return 0
    if arguments.json:
        fields = {**asdict(article), "text": article.text, "captured_at": iso(capture.captured_at)}
        print(json_line(fields))
        return 0
    for line in markdown(article):
        print("\n".join(escape(part) for part in line.split("\n")))
    print(f"kept {iso(capture.captured_at)} from {escape(capture.url)}", file=sys.stderr)
    return 0


def _print_slots(found: Iterable[Slotted], *, as_json: bool) -> None:
    if as_json:
        print_json_lines(asdict(one) for one in found)
        return
    print_table(((one.taken, one.slot, one.text) for one in found), ("taken as", "slot", "text"))


def markdown(article: Article) -> list[str]:
    """Return the article as Markdown, an item a paragraph with an empty line behind it."""
    head = [f"# {article.title}"] if article.title else []
    about = " · ".join([*article.byline, *([article.published] if article.published else [])])
    parts = [*head, *([about] if about else []), *(_block(one) for one in article.blocks)]
    return [f"{part}\n" for part in parts]


def _block(block: Block) -> str:
    mark = MARKS.get(block.kind, "")
    return f"{mark}{block.text}{'*' if block.kind == 'caption' else ''}"
