"""Measure for Prometheus: every number is taken from the catalogue and the health when asked.

Nothing is counted in memory, so that a restart loses no count and several processes need no
merging. All names begin with ``holdfast_``; each is described where it is made.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from crawler.health import Health
from crawler.owing import Ledger
from storage.catalogue.overview import SiteOverview, Totals
from storage.model import BY_RULE

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one scrape is made from."""

    totals: Totals
    sites: Sequence[SiteOverview]
    ledger: Ledger
    health: Health
    started_at: datetime
    now: datetime


class Meter(Collector):
    """Take one reading for each scrape and give it the form Prometheus knows."""

    def __init__(self, read: Callable[[], Reading]) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        """Read once and return all metrics of that reading."""
        reading = self._read()
        yield from _service(reading)
        yield from _workers(reading.health)
        yield from _road(reading)
        yield from _ledger(reading.ledger)
        yield from _deliveries(reading.totals)
        yield from _sites(reading.sites)


def exposition(read: Callable[[], Reading]) -> bytes:
    """Return the text of one scrape."""
    registry = CollectorRegistry(auto_describe=False, support_collectors_without_names=True)
    registry.register(Meter(read))
    return generate_latest(registry)


def _service(reading: Reading) -> Iterator[Metric]:
    health = reading.health
    yield _gauge("healthy", "1 while every promise to the archive is kept, else 0.", health.ok)
    yield _gauge("problems", "Problems that want a person's eye now.", len(health.problems))
    yield _gauge(
        "start_time_seconds",
        "Time the service was started, in seconds since 1970.",
        reading.started_at.timestamp(),
    )
    yield _gauge("reader_up", "1 while the reader of captures runs, else 0.", health.reader_alive)
    yield _gauge("scheduler_up", "1 while the scheduler runs, else 0.", health.scheduler_alive)
    if health.last_tick_at is not None:
        yield _gauge(
            "last_tick_timestamp_seconds",
            "Time of the scheduler's last tick, in seconds since 1970.",
            health.last_tick_at.timestamp(),
        )
    yield _gauge("disk_free_bytes", "Room left on the disk of the archive.", health.disk_free_bytes)


def _workers(health: Health) -> Iterator[Metric]:
    up = GaugeMetricFamily(
        "holdfast_worker_up", "1 while the worker runs, else 0.", labels=["worker"]
    )
    restarts = CounterMetricFamily(
        "holdfast_worker_restarts",
        "Times the worker was started again since the service was started.",
        labels=["worker"],
    )
    for worker in health.workers:
        up.add_metric([worker.name], worker.alive)
        restarts.add_metric([worker.name], worker.restarts)
    yield up
    yield restarts


def _road(reading: Reading) -> Iterator[Metric]:
    totals = reading.totals
    yield _gauge("targets", "Targets that are watched.", totals.targets)
    yield _counter("visits", "Visits in the catalogue.", totals.visits)
    yield _counter("captures", "Captures in the catalogue.", totals.captures)
    yield _counter("events", "Events in the catalogue.", totals.events)
    yield _gauge("unread_visits", "Visits that wait to be compared.", totals.unread_visits)
    waits = reading.now - totals.unread_since_at if totals.unread_since_at else None
    yield _gauge(
        "unread_seconds",
        "How long the visit that has waited longest waits to be compared; 0 when none does.",
        max(0.0, waits.total_seconds()) if waits else 0.0,
    )
    late = reading.now - totals.oldest_due_at if totals.oldest_due_at else None
    yield _gauge(
        "lateness_seconds",
        "How long the target that has waited longest is overdue; 0 when none is.",
        max(0.0, late.total_seconds()) if late else 0.0,
    )
    outcomes = CounterMetricFamily(
        "holdfast_visit_outcomes",
        "Visits in the catalogue by their outcome.",
        labels=["outcome"],
    )
    for outcome, number in totals.outcomes.items():
        outcomes.add_metric([outcome.value], number)
    yield outcomes


def _ledger(ledger: Ledger) -> Iterator[Metric]:
    yield _counter("visits_planned", "Planned visits that are over.", ledger.planned)
    left_out = CounterMetricFamily(
        "holdfast_visits_not_made",
        "Planned visits that were skipped (somebody wants it so) or missed, by their cause.",
        labels=["result", "cause"],
    )
    waiting = GaugeMetricFamily(
        "holdfast_visits_waiting",
        "Pages whose visit is due and not made.",
        labels=["cause"],
    )
    for one in ledger.causes:
        result = "skipped" if one.cause in BY_RULE else "missed"
        left_out.add_metric([result, one.cause.value], one.visits)
        waiting.add_metric([one.cause.value], one.waiting)
    yield left_out
    yield waiting


def _deliveries(totals: Totals) -> Iterator[Metric]:
    family = GaugeMetricFamily(
        "holdfast_deliveries",
        "Deliveries that are not sent: pending ones are tried again, given_up ones are not.",
        labels=["state"],
    )
    family.add_metric(["pending"], totals.pending_deliveries)
    family.add_metric(["given_up"], totals.given_up_deliveries)
    yield family


def _sites(sites: Sequence[SiteOverview]) -> Iterator[Metric]:
    numbers: tuple[tuple[str, str, Callable[[SiteOverview], int]], ...] = (
        ("site_targets", "Targets of the site.", lambda one: one.targets),
        ("site_due", "Targets of the site whose visit is due.", lambda one: one.due_now),
        ("site_suspects", "Targets of the site under suspicion.", lambda one: one.suspects),
        ("site_confirmed", "Targets of the site confirmed as lost.", lambda one: one.confirmed),
        ("site_captures", "Captures of the site.", lambda one: one.captures),
    )
    for name, meaning, number in numbers:
        family = GaugeMetricFamily(f"holdfast_{name}", meaning, labels=["site"])
        for one in sites:
            family.add_metric([one.site], number(one))
        yield family


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(f"holdfast_{name}", meaning, value=value)


def _counter(name: str, meaning: str, value: float) -> Metric:
    return CounterMetricFamily(f"holdfast_{name}", meaning, value=value)
