"""``holdfast plan``: what the budget buys, before it is spent.

Of each site, by kind of page: how many pages there are, how often they are looked at, after what
time a change is seen, what share of the versions is captured before the next, and how long a loss
stays unseen. Then what the days ahead will cost: visits, the share of the budget, room on the disk.

    holdfast plan --archive A --days 30
"""

import argparse
from datetime import UTC, datetime, timedelta

from crawler import opening
from crawler.commands import add_archive, add_json
from crawler.console import escape, json_line, print_table
from crawler.durations import tell_duration
from crawler.errors import CrawlerError
from crawler.forecast import Forecast, Share, forecast

HELP = "say what the budget buys: delays, coverage and load of each site, and room on the disk"
GROUP = "look"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_archive(parser)
    add_json(parser)
    parser.add_argument(
        "--days", metavar="N", type=int, default=30, help="days to look ahead (default: 30)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the plan of every site; with ``--json`` an object a line."""
    own = opening.parts_to_look_at(arguments.archive)
    if arguments.days < 1:
        raise CrawlerError("--days must be 1 or more")
    for site in forecast(own, now=datetime.now(UTC), days=arguments.days):
        if arguments.json:
            print(json_line(_facts(site)))
        else:
            _print(site)
    return 0


def _print(site: Forecast) -> None:
    share = site.visits_a_day / site.budget_per_day
    print(
        f"site {escape(site.site)}: {site.visits_a_day:.0f} of {site.budget_per_day} visits a day"
        f" ({share:.0%}), a fetch costs {site.price:.3g} edits"
    )
    print_table(
        (
            (
                one.role,
                one.pages,
                _length(one.interval),
                round(one.visits_a_day, 1),
                round(one.changes_a_day, 2),
                _length(one.edit_delay),
                f"{one.captured:.0%}",
                _length(one.loss_delay),
            )
            for one in site.shares
        ),
        (
            "kind",
            "pages",
            "every",
            "visits a day",
            "changes a day",
            "seen after",
            "captured",
            "loss seen after",
        ),
    )
    size = site.bytes_a_day * site.days / 2**20
    left = f", room for {site.days_of_room:.0f} days" if site.days_of_room is not None else ""
    visits = f"about {site.visits_a_day * site.days:.0f} visits"
    print(f"in {site.days} days: {visits}, {size:.0f} MiB{left}")
    for remark in site.remarks:
        print(f"mind      {escape(remark)}")
    print()


def _length(days: float | None) -> str:
    return "" if days is None else tell_duration(timedelta(days=days))


def _facts(site: Forecast) -> dict[str, object]:
    return {
        "site": site.site,
        "days": site.days,
        "price": site.price,
        "budget_per_day": site.budget_per_day,
        "visits_a_day": site.visits_a_day,
        "bytes_a_day": site.bytes_a_day,
        "days_of_room": site.days_of_room,
        "remarks": list(site.remarks),
        "pages": [_share_facts(one) for one in site.shares],
    }


def _share_facts(one: Share) -> dict[str, object]:
    return {
        "kind": one.role,
        "pages": one.pages,
        "interval_days": one.interval,
        "visits_a_day": one.visits_a_day,
        "changes_a_day": one.changes_a_day,
        "edit_delay_days": one.edit_delay,
        "captured": one.captured,
        "loss_delay_days": one.loss_delay,
    }
