"""``holdfast visit``: make visits now, with their re-looks, and end when all are compared.

This is the service without the service, for a machine that is not always on. It ends when every
visit is compared and every suspicion is decided, so a page that looks bad keeps it waiting for the
whole of `confirm`; Ctrl-C leaves those looks due. While a service runs on the archive it makes the
visits and this command follows them. What pages named here by their URL were missing is tried at
once.

    holdfast visit --archive A
    holdfast visit --archive A --all --quiet
"""

import argparse
import sys
from datetime import UTC, datetime

from crawler import opening
from crawler.commands import add_archive
from crawler.console import set_up_logging
from crawler.errors import CrawlerError
from crawler.oneoff import OneOff, follow_progress
from crawler.opening import Parts
from storage.catalogue import missing, overview, progress, targets
from storage.model import Target, TargetState

HELP = "make the visits that are due now (or all, or these) and compare them"
GROUP = "watch"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_archive(parser)
    parser.add_argument("--all", action="store_true", help="visit every watched page now")
    parser.add_argument("--quiet", action="store_true", help="print nothing but problems")
    parser.add_argument("urls", metavar="URL", nargs="*", help="visit these (default: what is due)")


def run(arguments: argparse.Namespace) -> int:
    """Visit, look again where a page is suspected, compare; 0 when all that was asked is done."""
    if arguments.all and arguments.urls:
        raise CrawlerError(
            "--all visits every watched page: give it alone, or name pages; nothing was visited"
        )
    set_up_logging("WARNING" if arguments.quiet else "INFO", sys.stderr)
    own = opening.parts(arguments.archive)
    since = datetime.now(UTC)
    ids: list[int] | None = None

    def enter() -> list[int] | None:
        nonlocal ids
        wanted = [one.id for one in _wanted(own, arguments, since=since)]
        with own.catalogue.write() as db:
            targets.make_due(db, wanted, at=since)
            if arguments.urls:
                missing.due_now(db, wanted, at=since)
        ids = wanted if arguments.urls else None
        return ids

    with follow_progress(_total(own, arguments), title="visiting") as tell:
        OneOff(own=own, enter=enter, since=since, relooks=True, tell=tell).run()
    with own.catalogue.read() as db:
        made = progress.of_run(db, since=since, now=datetime.now(UTC), ids=ids)
    print(f"{made.visited} visited and compared" if made.visited else "nothing was due")
    return 0


def _total(own: Parts, arguments: argparse.Namespace) -> int:
    """Return about how many visits there will be, for the bar; more may be found meanwhile."""
    if arguments.urls:
        return len(arguments.urls)
    with own.catalogue.read() as db:
        known = overview.totals(db, now=datetime.now(UTC)).targets
        return known if arguments.all else targets.count_due(db, now=datetime.now(UTC))


def _wanted(own: Parts, arguments: argparse.Namespace, *, since: datetime) -> list[Target]:
    with own.catalogue.read() as db:
        watched = targets.listing(db, state=TargetState.ACTIVE)
    if arguments.all:
        return watched
    if not arguments.urls:
        return [one for one in watched if one.due_at is not None and one.due_at <= since]
    by_url = {one.url: one for one in watched}
    strange = [url for url in arguments.urls if url not in by_url]
    if strange:
        raise CrawlerError(
            f"{strange[0]} is not watched, nothing was visited; add it with `holdfast watch add`, "
            "or keep it once with `holdfast capture`"
        )
    return [by_url[url] for url in dict.fromkeys(arguments.urls)]
