"""``holdfast alerts``: the channels, their deliveries, and a trial.

`alerts test` sends one marked event through every channel, or through those named, and says of
each whether it was taken. It asks no catalogue and leaves nothing in it. Exit status 0 when all
took it, else 1. `alerts deliveries` shows what was sent, what waits for its next try, and what was
given up.

    holdfast alerts test --archive A desk
    holdfast alerts deliveries --archive A --limit 20
"""

import argparse
from datetime import UTC, datetime

from crawler import build, opening
from crawler.commands import add_archive, add_json
from crawler.console import escape, print_json_lines, print_table
from crawler.deliver import trial
from crawler.errors import CrawlerError, DeliveryError
from crawler.listing import iso
from crawler.opening import Parts
from storage.catalogue import deliveries, sites

HELP = "list the alert channels and deliveries, or send a test through each"
GROUP = "care"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands."""
    steps = parser.add_subparsers(dest="step", required=True, metavar="list|deliveries|test")
    listing = steps.add_parser("list", help="show the channels of holdfast.toml")
    sent = steps.add_parser("deliveries", help="show what was sent, what waits, what was given up")
    sent.add_argument("--limit", type=int, default=100, metavar="N", help="only the newest N")
    test = steps.add_parser("test", help="send a test event, clearly marked, through each channel")
    test.add_argument("names", metavar="NAME", nargs="*", help="only these")
    for one in (listing, sent):
        add_json(one)
    for one in (listing, sent, test):
        add_archive(one)


def run(arguments: argparse.Namespace) -> int:
    """Do one step; ``test`` exits 0 only when every channel took the test."""
    own = opening.parts(arguments.archive)
    match arguments.step:
        case "list":
            return _list(own, as_json=arguments.json)
        case "deliveries":
            return _deliveries(own, limit=arguments.limit, as_json=arguments.json)
        case _:
            return _test(own, arguments.names)


def _list(own: Parts, *, as_json: bool) -> int:
    with own.catalogue.read() as db:
        known = {site.name: site for site in [*sites.listing(db), *own.config.sites]}
    used = {
        alert.name: [name for name, site in known.items() if alert.name in site.alerts]
        for alert in own.config.alerts
    }
    if as_json:
        print_json_lines(
            {"name": one.name, "channel": one.channel, "sites": used[one.name]}
            for one in own.config.alerts
        )
        return 0
    print_table(
        ((one.name, one.channel, ", ".join(used[one.name])) for one in own.config.alerts),
        ("alert", "channel", "told of sites"),
    )
    return 0


def _deliveries(own: Parts, *, limit: int, as_json: bool) -> int:
    with own.catalogue.read() as db:
        listed = deliveries.listing(db, limit=limit)
    if as_json:
        print_json_lines(
            {
                "id": one.id,
                "alert": one.alert,
                "state": one.state,
                "events": [event.id for event in one.events],
                "attempts": one.attempts,
                "next_try_at": one.next_try_at,
                "sent_at": one.sent_at,
                "last_error": one.last_error,
            }
            for one in listed
        )
        return 0
    print_table(
        (
            (
                one.alert,
                one.state.value,
                len(one.events),
                one.attempts,
                one.sent_at or one.next_try_at,
                one.last_error,
            )
            for one in listed
        ),
        ("alert", "state", "events", "attempts", "sent or next try", "last error"),
    )
    return 0


def _test(own: Parts, names: list[str]) -> int:
    channels, door = build.channels(own), build.door(own)
    unknown = [name for name in names if name not in channels]
    if unknown:
        there_are = ", ".join(channels) or "none"
        raise CrawlerError(f"there is no alert {unknown[0]!r}; there are: {there_are}")
    failed = 0
    now = datetime.now(UTC)
    for name in names or channels:
        try:
            channels[name].send(trial(name, now=now), door)
        except DeliveryError as fault:
            failed += 1
            print(f"{name}: not taken: {escape(str(fault))}")
        else:
            print(f"{name}: taken at {iso(now)}")
    if not channels:
        print("no [[alert]] is configured; events are only listed (`holdfast events`)")
    return 1 if failed else 0
