"""``holdfast status``: what a person asks first.

Pages that are suspected or confirmed as lost are listed, with the time of their next look.

    holdfast status --archive A
"""

import argparse
import shutil
from datetime import UTC, datetime

from crawler import opening
from crawler.commands import add_archive, add_json
from crawler.console import json_line, print_table
from crawler.listing import iso
from storage.archive import holder
from storage.catalogue import overview, standings, targets
from storage.model import Phase

HELP = "say how the archive is: what is watched, what is due, what is suspected, what waits"
GROUP = "look"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_archive(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the state of the archive; with ``--json`` one object."""
    own = opening.parts_to_look_at(arguments.archive)
    now = datetime.now(UTC)
    with own.catalogue.read() as db:
        sites = overview.site_overviews(db, now=now)
        totals = overview.totals(db, now=now)
        suspects = [
            (standing, targets.one(db, standing.target_id))
            for phase in (Phase.SUSPECT, Phase.CONFIRMED)
            for standing in standings.by_phase(db, phase)
        ]
    running = holder(own.archive)
    if arguments.json:
        facts = {
            "archive": str(own.archive.root),
            "held_by": running,
            "disk_free_bytes": shutil.disk_usage(own.archive.root).free,
            "totals": {
                "targets": totals.targets,
                "visits": totals.visits,
                "captures": totals.captures,
                "events": totals.events,
                "not_yet_compared": totals.unread_visits,
                "deliveries_waiting": totals.pending_deliveries,
                "deliveries_given_up": totals.given_up_deliveries,
                "oldest_due_at": iso(totals.oldest_due_at) if totals.oldest_due_at else None,
                "outcomes": {one.value: count for one, count in totals.outcomes.items()},
            },
            "sites": [
                {
                    "site": one.site,
                    "targets": one.targets,
                    "paused": one.paused,
                    "due_now": one.due_now,
                    "suspects": one.suspects,
                    "confirmed": one.confirmed,
                    "captures": one.captures,
                    "last_visit_at": one.last_visit_at,
                    "next_due_at": one.next_due_at,
                }
                for one in sites
            ],
            "troubled": [
                {
                    "url": target.url,
                    "phase": standing.phase,
                    "kind": standing.kind,
                    "since": standing.since,
                    "looks": len(standing.looks),
                    "next_look_at": target.due_at,
                }
                for standing, target in suspects
                if target is not None
            ],
        }
        print(json_line(facts))
        return 0
    print(f"archive   {own.archive.root}")
    print(f"service   {running or 'not running'}")
    print(
        f"kept      {totals.captures} captures in {totals.visits} visits of {totals.targets} "
        f"pages, {totals.events} events"
    )
    print(
        f"waiting   {totals.unread_visits} to compare, {totals.pending_deliveries} deliveries to "
        f"send, {totals.given_up_deliveries} given up"
    )
    free = shutil.disk_usage(own.archive.root).free
    print(f"disk      {free / 2**30:.1f} GiB free")
    print()
    print_table(
        (
            (
                one.site,
                one.targets,
                one.paused,
                one.due_now,
                one.suspects,
                one.confirmed,
                one.captures,
                one.last_visit_at,
                one.next_due_at,
            )
            for one in sites
        ),
        (
            "site",
            "pages",
            "paused",
            "due",
            "suspected",
            "confirmed",
            "captures",
            "last visit",
            "next visit",
        ),
    )
    if suspects:
        print()
        print_table(
            (
                (target.url, standing.phase.value, standing.kind, standing.since, target.due_at)
                for standing, target in suspects
                if target is not None
            ),
            ("in trouble", "phase", "kind", "since", "next look"),
        )
    return 0
