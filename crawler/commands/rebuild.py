"""Make the catalogue anew from the WARC files, watch.jsonl and holdfast.toml.

For a catalogue that was deleted or is damaged. Pages, captures, visits, events, texts and what is
suspected are again as they were; only the numbers of rows may be others. The old catalogue is never
destroyed: it is moved aside as catalogue.db.before-TIME. A service must be stopped first. What
breaks off changes nothing and may be begun again.

Places of WARC files from which nothing can be read are named and passed over; the exit status is 1
then, and all else is rebuilt. docs/rebuild.md says what cannot be made again.

    holdfast rebuild --archive A
    holdfast rebuild --archive A --json
"""

import argparse
import contextlib
import os
import sys
from collections.abc import Callable
from dataclasses import asdict

from crawler import care, config
from crawler.commands import EXIT_ERROR, add_archive, add_json
from crawler.console import escape, json_line, progress
from crawler.deliver import make_channel
from crawler.rebuild import Rebuilt, Watcher, rebuild
from crawler.wording import counted
from storage.archive import hold, open_archive, require_room
from storage.errors import StorageError
from storage.warc.history import Damage
from storage.warc.recovery import recover

HELP = "make the catalogue anew from the WARC files"
GROUP = "care"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_archive(parser)
    add_json(parser)
    parser.add_argument(
        "--jobs",
        metavar="N",
        type=_jobs,
        default=os.cpu_count() or 1,
        help="how many pages are read for their text at once (default: one for each processor)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Make the catalogue, say what it came to, and fail if anything could not be read."""
    archive = open_archive(arguments.archive)
    loaded = config.load(archive.config, environ=os.environ, make_channel=make_channel)
    with hold(archive, note="holdfast rebuild"), contextlib.ExitStack() as bars:
        require_room(archive)
        busy = recover(archive).busy
        if busy:
            raise StorageError(
                f"{busy[0]} is still written by a process of before; nothing was changed, "
                "try again in a moment"
            )
        made = rebuild(archive, loaded, watcher=_watcher(bars), jobs=arguments.jobs)
        bars.close()
        for sentence in care.tend_files(archive):  # the index of what has none
            print(escape(sentence), file=sys.stderr)
    print(json_line(asdict(made)) if arguments.json else _sum(made))
    return EXIT_ERROR if made.damaged else 0


def _watcher(bars: contextlib.ExitStack) -> Watcher:
    def begin(title: str, total: int) -> Callable[[str], None]:
        bars.close()  # the one before has come to its end
        return bars.enter_context(progress(total, title=title))

    def damage(one: Damage) -> None:
        print(escape(f"{one.file}:{one.offset}: {one.message}"), file=sys.stderr)

    return Watcher(begin=begin, damage=damage)


def _jobs(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= 1024):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of processes from 1 to 1024")
    return int(text)


def _sum(made: Rebuilt) -> str:
    things = (
        counted(made.targets, "page"),
        counted(made.visits, "visit"),
        counted(made.captures, "capture"),
        counted(made.events, "event"),
        counted(made.texts, "text"),
    )
    lines = [f"rebuilt from {counted(made.files, 'WARC file')}: {', '.join(things)}"]
    if made.unread:
        lines.append(f"{counted(made.unread, 'visit')} not yet compared: the next run does it")
    if made.unclaimed or made.unfinished:
        lines.append(
            f"left out, as before: {counted(made.unclaimed, 'exchange')} of no visit, "
            f"{counted(made.unfinished, 'visit')} that a crash cut short"
        )
    if made.damaged:
        lines.append(
            f"{counted(made.damaged, 'place')} could not be read (named above): what lay there is "
            "missing; holdfast verify --repair takes it from a copy, then rebuild again"
        )
    if made.old:
        lines.append(f"the catalogue of before is kept as {made.old}")
    return "\n".join(map(escape, lines))
