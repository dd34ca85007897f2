"""``holdfast watch``: the watch list.

Without --site just these pages are watched, in a site named after their host. With --site they are
the start pages of a site: its articles are found from there by links, sitemaps and feeds, and new
ones go on being found. `watch add` makes the archive if there is none. A page that is removed keeps
its captures and events.

    holdfast watch add --archive A https://paper.example/node/7
    holdfast watch add --archive A --every 6h --site courier https://courier.example/
    holdfast watch list --archive A --site courier
    holdfast watch pause --archive A --site courier
"""

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

from crawler import opening
from crawler.asked import refused, require_site
from crawler.commands import add_archive, add_json
from crawler.commands.init import make_archive
from crawler.configuration.sections import check_site_name
from crawler.console import escape, print_json_lines, print_table
from crawler.errors import CrawlerError
from crawler.fetch.guard import AddressGuard, refused_address, without_password
from crawler.listing import target_dict
from crawler.opening import Parts
from crawler.revisit.calendar import check_every
from storage.archive import Archive, holder
from storage.catalogue import sites, targets
from storage.catalogue.engine import Connection
from storage.model import Found, FoundBy, Site, Target, TargetState

HELP = "add pages and sites to the watch list, list, pause, resume or remove them"
GROUP = "start"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a step does to targets: of which states, to which state, and the word for it."""

    of: frozenset[TargetState]
    to: TargetState
    told: str


CHANGES = {
    "remove": Change(
        of=frozenset({TargetState.ACTIVE, TargetState.PAUSED}),
        to=TargetState.REMOVED,
        told="removed; what was kept stays",
    ),
    "pause": Change(of=frozenset({TargetState.ACTIVE}), to=TargetState.PAUSED, told="paused"),
    "resume": Change(of=frozenset({TargetState.PAUSED}), to=TargetState.ACTIVE, told="resumed"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands and their options."""
    steps = parser.add_subparsers(
        dest="step", required=True, metavar="add|list|remove|pause|resume"
    )
    add = steps.add_parser("add", help="watch these pages, or with --site a site from its starts")
    add_archive(add)
    add.add_argument("--every", type=_every, metavar="auto|6h|'cron …'", help="how often to look")
    add.add_argument(
        "--site", type=_site_name, metavar="NAME", help="find the pages of a site from these"
    )
    add.add_argument("urls", metavar="URL", nargs="+")
    listing = steps.add_parser("list", help="show what is watched")
    add_archive(listing)
    add_json(listing)
    listing.add_argument("--site", type=_site_name, metavar="NAME")
    for step, meaning in (
        ("remove", "watch no longer; what was kept stays"),
        ("pause", "make no visits until resumed"),
        ("resume", "visit again"),
    ):
        one = steps.add_parser(step, help=meaning)
        add_archive(one)
        one.add_argument("--site", type=_site_name, metavar="NAME", help="all pages of a site")
        one.add_argument("urls", metavar="URL", nargs="*")


def run(arguments: argparse.Namespace) -> int:
    """Do one step on the watch list."""
    if arguments.step == "add" and not Archive(arguments.archive.absolute()).config.exists():
        make_archive(arguments.archive)
    own = opening.parts(arguments.archive)
    if arguments.step == "add":
        return _add(own, arguments)
    if arguments.step == "list":
        return _list(own, arguments)
    return _set_state(own, arguments)


def _add(own: Parts, arguments: argparse.Namespace) -> int:
    guard = AddressGuard(own.config.network.allow_addresses)
    for url in arguments.urls:
        if (reason := refused(url)) is not None:
            shown = without_password(url)
            raise CrawlerError(f"{shown} cannot be watched: {reason}; nothing was added")
        if (reason := refused_address(url, guard)) is not None:
            print(
                f"{escape(url)} will not be visited: {escape(reason)}; name it in allow_addresses "
                "of holdfast.toml if it is to be",
                file=sys.stderr,
            )
    if holder(own.archive) is None:  # else the service has its own reading of holdfast.toml
        opening.publish_sites(own)
    now = datetime.now(UTC)
    found_by = FoundBy.START if arguments.site else FoundBy.USER
    new = 0
    with own.catalogue.write() as db:
        for name, urls in _by_site(arguments).items():
            starts = [url for url in urls if not _is_of_another(db, name, url)]
            discover = bool(arguments.site)
            if starts:
                _enter_site(db, own, name, starts, every=arguments.every, discover=discover)
            found = [Found(url=url, found_by=found_by) for url in urls]
            added = targets.add(db, found, site=name, now=now, due_at=now, every=arguments.every)
            new += len(added) + _revive(db, urls, at=now)
            if arguments.every is not None:
                ids = [one.id for url in urls if (one := targets.by_url(db, url)) is not None]
                targets.set_schedule(db, ids, arguments.every)
                targets.make_due(db, ids, at=now)
    known = len(set(arguments.urls)) - new
    already = f", {known} watched already" if known else ""
    changed = ", their schedule changed" if known and arguments.every is not None else ""
    print(f"{new} added{already}{changed}")
    return 0


def _is_of_another(db: Connection, name: str, url: str) -> bool:
    """Tell whether a page is watched in another site, where it stays."""
    known = targets.by_url(db, url)
    watched = known is not None and known.state in (TargetState.ACTIVE, TargetState.PAUSED)
    return known is not None and watched and known.site != name


def _by_site(arguments: argparse.Namespace) -> dict[str, list[str]]:
    """Return the URLs by the site they are to belong to: the one named, else that of their host."""
    grouped: dict[str, list[str]] = {}
    for url in dict.fromkeys(arguments.urls):
        grouped.setdefault(arguments.site or host_site(url), []).append(url)
    return grouped


def host_site(url: str) -> str:
    """Return the name of the site that single pages of a host belong to."""
    parts = urlsplit(url)
    port = f"-{parts.port}" if parts.port else ""
    plain = re.sub(r"[^a-z0-9.-]+", "-", f"{parts.hostname or ''}{port}".lower()).strip(".-")
    return plain[:80].rstrip(".-") or "pages"


def _enter_site(
    db: Connection,
    own: Parts,
    name: str,
    urls: Sequence[str],
    *,
    every: str | None,
    discover: bool,
) -> None:
    """Make the site if there is none; one added by command learns its new start pages."""
    known = sites.one(db, name)
    if known is None:
        fresh = Site(
            name=name,
            start=tuple(urls) if discover else (),
            spider="site" if discover else "page",
            every=every or own.config.defaults.every,
        )
        sites.put(db, [opening.following(own.config.defaults, fresh)])
    elif discover and not known.from_file:
        start = tuple(dict.fromkeys([*known.start, *urls]))
        spider = "site" if known.spider == "page" else known.spider
        sites.put(db, [replace(known, start=start, spider=spider)])


def _list(own: Parts, arguments: argparse.Namespace) -> int:
    with own.catalogue.read() as db:
        require_site(db, arguments.site)
        listed = [
            one
            for one in targets.listing(db, site=arguments.site)
            if one.state in (TargetState.ACTIVE, TargetState.PAUSED)
        ]
        schedules = {site.name: site.every for site in sites.listing(db)}
    if arguments.json:
        print_json_lines(
            {**target_dict(one), "every": one.every or schedules.get(one.site)} for one in listed
        )
        return 0
    print_table(
        [
            (
                one.url,
                one.site,
                one.every or schedules.get(one.site),
                one.state.value,
                one.due_at,
                one.last_visit_at,
                one.last_outcome.value if one.last_outcome else None,
            )
            for one in listed
        ],
        ("url", "site", "every", "state", "next visit", "last visit", "outcome"),
    )
    return 0


def _set_state(own: Parts, arguments: argparse.Namespace) -> int:
    if not arguments.urls and arguments.site is None:
        raise CrawlerError("name the pages, or a whole site with --site; nothing was changed")
    change = CHANGES[arguments.step]
    with own.catalogue.write() as db:
        require_site(db, arguments.site)
        chosen = [_watched(db, url) for url in dict.fromkeys(arguments.urls)]
        if arguments.site is not None:
            chosen += targets.listing(db, site=arguments.site)
        changed = {one.id for one in chosen if one.state in change.of}
        targets.set_state(db, sorted(changed), change.to)
    print(f"{len(changed)} {change.told}")
    return 0


def _watched(db: Connection, url: str) -> Target:
    target = targets.by_url(db, url)
    if target is None:
        raise CrawlerError(f"{url} is not on the watch list; nothing was changed")
    return target


def _revive(db: Connection, urls: Sequence[str], *, at: datetime) -> int:
    """Watch again what was removed or captured once only; return how many that were."""
    known = [one for url in urls if (one := targets.by_url(db, url)) is not None]
    ids = [one.id for one in known if one.state in (TargetState.REMOVED, TargetState.ONCE)]
    targets.set_state(db, ids, TargetState.ACTIVE)
    targets.make_due(db, ids, at=at)
    return len(ids)


def _every(text: str) -> str:
    try:
        return check_every(text)
    except ValueError as fault:
        raise argparse.ArgumentTypeError(str(fault)) from fault


def _site_name(text: str) -> str:
    try:
        return check_site_name(text)
    except ValueError as fault:
        raise argparse.ArgumentTypeError(str(fault)) from fault
