"""``holdfast capture``: capture pages now, once.

Redirects are followed, and the images and style sheets of a page are kept beside it. A 404 is a
capture. Exit status 0 only when every URL has one, else 1, with a line of reason for each that has
none. If there is no archive in the folder, one is made.

A FILE for --from holds one URL a line; empty lines and lines that begin with # are passed over.
Pages that are not on the watch list belong to the site "captures" and are visited this once.

While a service runs on the archive it makes the visits and this command follows them. Its visits
go by holdfast.toml, so --ignore-robots, --allow-address and --no-requisites are refused then.

    holdfast capture --archive A https://paper.example/node/7
    holdfast capture --archive A --from addresses.txt --no-requisites
"""

import argparse
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from crawler import amendments, opening
from crawler.commands import add_archive
from crawler.commands.init import make_archive
from crawler.console import escape
from crawler.errors import CrawlerError
from crawler.fetch.guard import refused_url, without_password
from crawler.oneoff import OneOff, follow_progress
from crawler.opening import Parts
from storage.archive import Archive
from storage.catalogue import sites, targets, visits
from storage.model import ANSWERED, Found, FoundBy, Site, TargetState

HELP = "capture pages now, once, with what they need to be shown"
GROUP = "start"

SITE = "captures"
"""Name of the site that pages captured once belong to."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_archive(parser)
    parser.add_argument("urls", metavar="URL", nargs="*")
    parser.add_argument("--from", dest="file", type=Path, metavar="FILE", help="a URL a line")
    parser.add_argument(
        "--ignore-robots", action="store_true", help="do not ask robots.txt; you answer for it"
    )
    parser.add_argument(
        "--allow-address",
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="a private address that may be visited (address, address:port or CIDR)",
    )
    parser.add_argument(
        "--no-requisites", action="store_true", help="keep the pages without images and styles"
    )


def run(arguments: argparse.Namespace) -> int:
    """Capture every URL; 0 only when each has a capture, a 404 included."""
    urls = list(dict.fromkeys(_urls(arguments)))
    if not urls:
        raise CrawlerError("no URL was given: name some, or a file of them with --from FILE")
    if not Archive(arguments.archive.absolute()).config.exists():
        make_archive(arguments.archive)
    own = opening.parts(arguments.archive)
    since = datetime.now(UTC)
    wrong = {url: reason for url in urls if (reason := refused_url(url)) is not None}
    right = [url for url in urls if url not in wrong]
    if right:
        with follow_progress(len(right), title="capturing") as tell:
            OneOff(
                own=own,
                enter=lambda: _enter(own, right, since=since),
                since=since,
                relooks=False,
                tell=tell,
                allow=tuple(arguments.allow_address),
                amend=amendments.amend(
                    ignore_robots=arguments.ignore_robots, no_requisites=arguments.no_requisites
                ),
            ).run()
    failed = [*wrong.items(), *_failed(own, right, since=since)]
    for url, reason in failed:
        print(f"not captured: {escape(without_password(url))}: {escape(reason)}", file=sys.stderr)
    print(f"{len(urls) - len(failed)} of {len(urls)} captured in {arguments.archive}")
    return 1 if failed else 0


def _urls(arguments: argparse.Namespace) -> Iterator[str]:
    yield from arguments.urls
    if arguments.file is None:
        return
    try:
        text = arguments.file.read_text("utf-8")
    except (OSError, UnicodeError) as fault:
        raise CrawlerError(
            f"cannot read {arguments.file}: {fault}; nothing was captured"
        ) from fault
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield line.strip()


def _enter(own: Parts, urls: list[str], *, since: datetime) -> list[int]:
    """Make each URL due now, known ones in their own site, others once."""
    defaults = own.config.defaults
    site = Site(name=SITE, spider="page", every=defaults.every)
    with own.catalogue.write() as db:
        if sites.one(db, SITE) is None:
            sites.put(db, [opening.following(defaults, site)])
        found = [Found(url=url, found_by=FoundBy.USER) for url in urls]
        targets.add(
            db,
            [one for one in found if targets.by_url(db, one.url) is None],
            site=SITE,
            now=since,
            due_at=since,
            state=TargetState.ONCE,
        )
        known = [one for url in urls if (one := targets.by_url(db, url)) is not None]
        revived = [one.id for one in known if one.state is TargetState.REMOVED]
        targets.set_state(db, revived, TargetState.ONCE)
        awake = [one for one in known if one.state is not TargetState.PAUSED]
        ids = [one.id for one in awake]
        targets.make_due(db, ids, at=since)
    return ids


def _failed(own: Parts, urls: list[str], *, since: datetime) -> Iterator[tuple[str, str]]:
    """Yield what has no capture since then, each with its reason."""
    with own.catalogue.read() as db:
        for url in urls:
            target = targets.by_url(db, url)
            made = visits.listing(db, url=url, since=since, limit=1)
            if target is not None and target.state is TargetState.PAUSED:
                yield url, "it is paused on the watch list; resume it first"
            elif not made:
                yield url, "it was not visited; it stays due"
            elif made[0].outcome not in ANSWERED:
                yield url, f"{made[0].outcome}: {made[0].reason}"
