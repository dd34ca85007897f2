"""``holdfast coverage``: what of a site is known, held and missing.

Of each site: its pages, those that are held with at least one good capture, those never had; and of
what pages need to be shown, the different addresses that are held and those that are missing.

With --url the list of what one page is missing: what it is, how the last try ended and why, and
from when on it is tried again: at the next visit of the page after that time. What has a time under
"held" was had before, so that the page can be shown with the bytes of then.

    holdfast coverage --archive A --site courier
    holdfast coverage --archive A --url https://paper.example/node/7
"""

import argparse
from datetime import datetime

from crawler import opening
from crawler.asked import require_site
from crawler.commands import add_archive, add_json
from crawler.console import print_json_lines, print_table
from crawler.errors import CrawlerError
from crawler.opening import Parts
from storage.catalogue import missing, targets
from storage.catalogue.missing import Coverage
from storage.model import Missing

HELP = "say what of a site is known, held and missing, and what a page is missing to be shown"
GROUP = "look"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_archive(parser)
    add_json(parser)
    parser.add_argument("--site", metavar="NAME", help="only of this site")
    parser.add_argument("--url", metavar="URL", help="what this page is missing")


def run(arguments: argparse.Namespace) -> int:
    """Print a line a site, or a line for each requisite that a page is missing."""
    own = opening.parts_to_look_at(arguments.archive)
    if arguments.url is not None:
        _print_page(own, arguments.url, as_json=arguments.json)
        return 0
    with own.catalogue.read() as db:
        require_site(db, arguments.site)
        sites = missing.coverage(db, site=arguments.site)
    if arguments.json:
        print_json_lines(_site_facts(one) for one in sites)
        return 0
    print_table(
        (
            (one.site, one.targets, one.held, one.never_had, one.requisites, one.missing)
            for one in sites
        ),
        ("site", "pages", "held", "never had", "requisites held", "missing"),
    )
    return 0


def _print_page(own: Parts, url: str, *, as_json: bool) -> None:
    with own.catalogue.read() as db:
        target = targets.by_url(db, url)
        if target is None:
            raise CrawlerError(f"{url!r} is not known; `holdfast watch list` shows what is")
        listed = missing.of_target(db, target.id)
        held = missing.held_at(db, [one.url for one in listed])
    if as_json:
        print_json_lines(_missing_facts(one, held.get(one.url)) for one in listed)
        return
    if not listed:
        visited = target.last_visit_at is not None
        print("nothing is missing" if visited else "nothing is known of it: it was not visited yet")
        return
    print_table(
        (
            (
                one.url,
                one.kind.value,
                one.outcome.value if one.outcome is not None else "not asked",
                one.status,
                one.tries,
                one.next_try_at,
                held.get(one.url),
                one.reason,
            )
            for one in listed
        ),
        ("missing", "kind", "outcome", "status", "tries", "next try", "held", "reason"),
    )


def _site_facts(one: Coverage) -> dict[str, object]:
    return {
        "site": one.site,
        "targets": one.targets,
        "held": one.held,
        "never_had": one.never_had,
        "requisites": one.requisites,
        "missing": one.missing,
    }


def _missing_facts(one: Missing, held_at: datetime | None) -> dict[str, object]:
    return {
        "url": one.url,
        "site": one.site,
        "kind": one.kind,
        "via": one.via,
        "outcome": one.outcome,
        "status": one.status,
        "reason": one.reason,
        "tries": one.tries,
        "since": one.since_at,
        "next_try_at": one.next_try_at,
        "held_at": held_at,
    }
