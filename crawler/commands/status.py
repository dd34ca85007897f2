"""``holdfast status``: what a person asks first.

Pages that are suspected or confirmed as lost are listed, with the time of their next look.

    holdfast status --archive A
"""

import argparse
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from crawler import backlog, budget, care, forecast, network, opening
from crawler.commands import add_archive, add_json
from crawler.console import clock_text, escape, json_line, print_table
from crawler.gaps import is_skipped, tell_cause
from crawler.opening import Parts
from crawler.owing import Ledger, ledger
from storage.archive import holder
from storage.catalogue import overview, sites, standings, targets
from storage.catalogue.overview import SiteOverview, Totals
from storage.model import Phase, Standing, Target

HELP = "say how the archive is: what is watched, what is due, what is suspected, what waits"
GROUP = "look"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_archive(parser)
    add_json(parser)


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What the archive is asked for first."""

    archive: Path
    held_by: str | None
    disk_free_bytes: int
    totals: Totals
    sites: list[SiteOverview]
    remarks: tuple[str, ...]
    visits: Ledger
    troubled: list[tuple[Standing, Target]]
    """Suspected and confirmed pages."""


def run(arguments: argparse.Namespace) -> int:
    """Print the state of the archive; with ``--json`` one object."""
    status = _status(opening.parts_to_look_at(arguments.archive))
    if arguments.json:
        print(json_line(_facts(status)))
        return 0
    _print_totals(status)
    _print_ledger(status.visits)
    _print_sites(status.sites)
    if status.troubled:
        print()
        print_table(
            (
                (target.url, standing.phase.value, standing.kind, standing.since, target.due_at)
                for standing, target in status.troubled
            ),
            ("in trouble", "phase", "kind", "since", "next look"),
        )
    return 0


def _status(own: Parts) -> Status:
    now = datetime.now(UTC)
    with own.catalogue.read() as db:
        phases = (Phase.SUSPECT, Phase.CONFIRMED)
        bad = [one for phase in phases for one in standings.by_phase(db, phase)]
        known = ((one, targets.one(db, one.target_id)) for one in bad)
        return Status(
            archive=own.archive.root,
            held_by=holder(own.archive),
            disk_free_bytes=shutil.disk_usage(own.archive.root).free,
            totals=overview.totals(db, now=now),
            sites=overview.site_overviews(db, now=now),
            remarks=(
                *budget.remarks(db, sites.listing(db), now=now),
                *forecast.remarks(db, now=now),
                *care.remarks(own.archive),
                *network.remarks(db),
                *backlog.remarks(db, now=now),
            ),
            visits=ledger(own, now=now),
            troubled=[(one, target) for one, target in known if target is not None],
        )


def _facts(status: Status) -> dict[str, object]:
    totals = status.totals
    return {
        "archive": str(status.archive),
        "held_by": status.held_by,
        "disk_free_bytes": status.disk_free_bytes,
        "totals": {
            "targets": totals.targets,
            "visits": totals.visits,
            "captures": totals.captures,
            "events": totals.events,
            "not_yet_compared": totals.unread_visits,
            "not_yet_compared_since": totals.unread_since_at,
            "deliveries_waiting": totals.pending_deliveries,
            "deliveries_given_up": totals.given_up_deliveries,
            "oldest_due_at": totals.oldest_due_at,
            "outcomes": {one.value: count for one, count in totals.outcomes.items()},
        },
        "remarks": list(status.remarks),
        "visits": _ledger_facts(status.visits),
        "sites": [_site_facts(one) for one in status.sites],
        "troubled": [
            {
                "url": target.url,
                "phase": standing.phase,
                "kind": standing.kind,
                "since": standing.since,
                "looks": len(standing.looks),
                "next_look_at": target.due_at,
            }
            for standing, target in status.troubled
        ],
    }


def _ledger_facts(visits: Ledger) -> dict[str, object]:
    return {
        "planned": visits.planned,
        "made": visits.made,
        "skipped": visits.skipped,
        "missed": visits.missed,
        "not_made": [
            {
                "cause": one.cause.value,
                "result": "skipped" if is_skipped(one.cause) else "missed",
                "because": tell_cause(one.cause),
                "visits": one.visits,
                "first_at": one.since_at,
                "last_at": one.until_at,
                "waiting": one.waiting,
                "waiting_since": one.waiting_since_at,
            }
            for one in visits.causes
        ],
    }


def _site_facts(one: SiteOverview) -> dict[str, object]:
    return {
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


def _print_totals(status: Status) -> None:
    totals = status.totals
    print(f"archive   {escape(str(status.archive))}")
    print(f"service   {escape(status.held_by or 'not running')}")
    print(
        f"kept      {totals.captures} captures in {totals.visits} visits of {totals.targets} "
        f"pages, {totals.events} events"
    )
    since = f" since {clock_text(totals.unread_since_at)}" if totals.unread_since_at else ""
    print(
        f"waiting   {totals.unread_visits} to compare{since}, {totals.pending_deliveries} "
        f"deliveries to send, {totals.given_up_deliveries} given up"
    )
    print(f"disk      {status.disk_free_bytes / 2**30:.1f} GiB free")
    for remark in status.remarks:
        print(f"mind      {escape(remark)}")


def _print_ledger(visits: Ledger) -> None:
    print(
        f"planned   {visits.planned} visits: {visits.made} made, {visits.skipped} skipped, "
        f"{visits.missed} missed"
    )
    for one in visits.causes:
        result = "skipped" if is_skipped(one.cause) else "missed"
        if one.visits:
            since = f", since {clock_text(one.since_at)}" if one.since_at else ""
            print(f"{result:9} {one.visits} visits: {tell_cause(one.cause)}{since}")
        if one.waiting:
            since = f" since {clock_text(one.waiting_since_at)}" if one.waiting_since_at else ""
            print(f"due       {one.waiting} pages wait{since}: {tell_cause(one.cause)}")
    print()


def _print_sites(listed: list[SiteOverview]) -> None:
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
            for one in listed
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
