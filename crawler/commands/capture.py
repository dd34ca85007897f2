"""``holdfast capture``: capture pages now, once.

Redirects are followed, and the images and style sheets of a page are kept beside it. What of them
was missing before is tried at once, and what is missing still is told; `holdfast coverage --url`
lists it. A 404 is a capture. Exit status 0 only when every URL has one, else 1, with a line of
reason for each that has none. If there is no archive in the folder, one is made.

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
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from crawler import amendments, opening, watchlist
from crawler.asked import refused
from crawler.commands import add_archive
from crawler.commands.init import make_archive
from crawler.console import escape
from crawler.errors import CrawlerError
from crawler.fetch.guard import without_password
from crawler.oneoff import OneOff, follow_progress
from crawler.opening import Parts
from storage.archive import Archive
from storage.catalogue import missing, targets, visits
from storage.folders import explain
from storage.journal import By
from storage.model import ANSWERED, Found, FoundBy, Outcome, Site, TargetState, Visit

HELP = "capture pages now, once, with what they need to be shown"
GROUP = "start"

SITE = "captures"
"""Name of the site that pages captured once belong to."""
MOST_TOLD = 5
"""Pages that lack something are named up to so many."""


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
    wrong = {url: reason for url in urls if (reason := refused(url)) is not None}
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
    if not arguments.no_requisites:
        without = {url for url, _ in failed}
        for line in _lacking(own, [url for url in urls if url not in without]):
            print(escape(line), file=sys.stderr)
    return 1 if failed else 0


def _urls(arguments: argparse.Namespace) -> Iterator[str]:
    yield from arguments.urls
    if arguments.file is None:
        return
    try:
        text = arguments.file.read_text("utf-8")
    except OSError as fault:
        raise CrawlerError(
            f"cannot read {arguments.file}: {explain(fault)}; nothing was captured"
        ) from fault
    except UnicodeDecodeError as fault:
        line = fault.object.count(b"\n", 0, fault.start) + 1
        raise CrawlerError(
            f"{arguments.file} is not text in UTF-8 (line {line}); nothing was captured"
        ) from fault
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield line.strip()


def _enter(own: Parts, urls: list[str], *, since: datetime) -> list[int]:
    """Make each URL due now, known ones in their own site, others once."""
    # The site is part of the journal of the watch list; the pages are not: nothing is promised of
    # them beyond this one capture, and that is in the WARC files.
    site = Site(name=SITE, spider="page", every=own.config.defaults.every)
    watchlist.require(own, site, by=By.COMMAND)
    with own.catalogue.write() as db:
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
        missing.due_now(db, ids, at=since)
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
                yield url, f"{made[0].outcome}: {made[0].reason}{_remedy(made[0])}"


def _remedy(visit: Visit) -> str:
    """Return how to allow the address that was refused, if that is what ended the visit."""
    if visit.outcome is not Outcome.BLOCKED_ADDRESS:
        return ""
    try:
        address = ip_address(visit.reason.partition(" ")[0])
        parts = urlsplit(visit.captures[-1].url if visit.captures else visit.url)
        port = parts.port or {"https": 443}.get(parts.scheme, 80)
    except ValueError:
        example = "ADDRESS:PORT"
    else:
        example = f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"
    return (
        f"; if you mean it, allow it with --allow-address {example}, or in allow_addresses of"
        " holdfast.toml"
    )


def _lacking(own: Parts, urls: list[str]) -> Iterator[str]:
    """Yield a line for each captured page that is to be shown without something it needs."""
    told = 0
    with own.catalogue.read() as db:
        for url in urls:
            target = targets.by_url(db, url)
            listed = missing.of_target(db, target.id) if target is not None else []
            # What a service is still fetching has neither a try nor a reason.
            count = sum(bool(one.tries or one.reason) for one in listed)
            if not count:
                continue
            told += 1
            if told > MOST_TOLD:
                yield f"more pages lack something: holdfast coverage --archive {own.archive.root}"
                return
            things = "1 thing it needs is" if count == 1 else f"{count} things it needs are"
            ask = f"holdfast coverage --archive {own.archive.root} --url {url}"
            yield f"{url}: {things} missing: {ask}"
