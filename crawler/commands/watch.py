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
import sys

from crawler import opening, watchlist
from crawler.asked import require_site
from crawler.commands import add_archive, add_json
from crawler.commands.init import make_archive
from crawler.configuration.sections import check_site_name
from crawler.console import escape, print_json_lines, print_table
from crawler.errors import CrawlerError
from crawler.fetch.guard import AddressGuard, refused_address
from crawler.listing import target_dict
from crawler.opening import Parts
from crawler.revisit.calendar import check_every
from storage.archive import Archive, holder
from storage.catalogue import sites, targets
from storage.journal import By, Verb
from storage.model import TargetState

HELP = "add pages and sites to the watch list, list, pause, resume or remove them"
GROUP = "start"


TOLD = {
    Verb.REMOVE: "removed; what was kept stays",
    Verb.PAUSE: "paused",
    Verb.RESUME: "resumed",
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
    if arguments.step == "list":
        return _list(opening.parts_to_look_at(arguments.archive), arguments)
    own = opening.parts(arguments.archive)
    return _add(own, arguments) if arguments.step == "add" else _move(own, arguments)


def _add(own: Parts, arguments: argparse.Namespace) -> int:
    if holder(own.archive) is None:  # else the service has its own reading of holdfast.toml
        opening.publish_sites(own)
    added = watchlist.add(
        own, arguments.urls, site=arguments.site, every=arguments.every, by=By.COMMAND
    )
    guard = AddressGuard(own.config.network.allow_addresses)
    for url in arguments.urls:
        if (reason := refused_address(url, guard)) is not None:
            print(
                f"{escape(url)} will not be visited: {escape(reason)}; name it in allow_addresses "
                "of holdfast.toml if it is to be",
                file=sys.stderr,
            )
    already = f", {added.known} watched already" if added.known else ""
    changed = ", their schedule changed" if added.known and arguments.every is not None else ""
    print(f"{added.new} added{already}{changed}")
    return 0


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


def _move(own: Parts, arguments: argparse.Namespace) -> int:
    if not arguments.urls and arguments.site is None:
        raise CrawlerError("name the pages, or a whole site with --site; nothing was changed")
    verb = Verb(arguments.step)
    moved = watchlist.move(own, verb, arguments.urls, site=arguments.site, by=By.COMMAND)
    print(f"{moved} {TOLD[verb]}")
    return 0


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
