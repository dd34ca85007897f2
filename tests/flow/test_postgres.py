"""The catalogue on a real PostgreSQL server: the same suite, and writers side by side."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import postgres
import pytest
from catalogues import HOUR, MINUTE, NOW, event, found, visit, watch
from service import ROOT

from storage.catalogue import claims, deliveries, events, hosts, sites, standings, targets, visits
from storage.catalogue.engine import Catalogue, Connection, open_catalogue
from storage.model import Event, Site, Standing

pytestmark = pytest.mark.flow

SUITE = ("captures", "claims", "events", "overview", "payloads", "progress", "targets", "visits")
ROUNDS = 30
"""Turns of each writer in which there was something to write."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres.server() as url:
        yield url


def test_the_suite_of_the_catalogue_passes_on_postgresql(server: str) -> None:
    """Every promise of the queries that is kept on SQLite is kept there too."""
    files = [str(ROOT / "tests" / "unit" / f"test_catalogue_{name}.py") for name in SUITE]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files],
        cwd=ROOT,
        env={**os.environ, postgres.SERVER: server},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    assert " passed" in done.stdout


def tell(db: Connection, told: Event) -> None:
    """Put an event into the digest of the desk, which stays open."""
    later = NOW + 99 * HOUR
    deliveries.enqueue(db, told, alerts=["desk"], at=later, gather=True, joins_after=NOW)


def _work(catalogue: Catalogue, number: int) -> Callable[[int], bool]:
    """Return what a worker does: visits to its host, which lead to pages of all hosts.

    A turn is empty while the others hold every host.
    """
    names = [f"h{one}.example" for one in (2, 0, 1, 7)]

    def step(turn: int) -> bool:
        with catalogue.write() as db:
            # One moment for all, or a lease would run out for who is a turn ahead.
            lent = claims.claim(db, worker=f"w{number}", now=NOW, lease=HOUR, limit=9)
        if lent is None:
            return False
        with catalogue.write() as db:
            for target in lent.targets:
                new = found(*(f"https://{one}/{number}-{turn}" for one in names))
                hosts.hold(db, names)
                at = NOW + turn * MINUTE
                visit(db, target, at=at, claim=lent, next_due_at=NOW)
                for one in targets.add(db, new, site="paper", now=NOW, due_at=NOW):
                    told = event(one, hash((one.url, turn)), at=at)
                    events.put(db, told)
                    tell(db, told)
            claims.release(db, lent, next_ok_at=NOW)
        return True

    return step


def _read(catalogue: Catalogue) -> Callable[[int], bool]:
    """Return what the reader does: events of pages, and when they are looked at next."""

    def step(turn: int) -> bool:
        with catalogue.read() as db:
            unread = visits.unread(db, limit=5)
        for one in unread:
            with catalogue.write() as db:
                hosts.hold_of(db, [one.target_id])
                standings.put(db, Standing(target_id=one.target_id))
                target = targets.one(db, one.target_id)
                assert target is not None
                told = event(target, hash((one.id, "read")), at=one.started_at)
                events.put(db, told)
                tell(db, told)
                targets.plan(db, target.id, NOW)
                visits.mark_read(db, one.id, at=NOW)
        return bool(unread)

    return step


def test_workers_and_the_reader_write_side_by_side(server: str, tmp_path: Path) -> None:
    """Pages that lead to each other's hosts, and a digest all write to: nobody waits crosswise."""
    url = postgres.database(str(tmp_path), at=server)
    faults: list[BaseException] = []
    with closing(open_catalogue(url)) as catalogue:
        with catalogue.write() as db:
            sites.put(db, [Site(name="paper")])
            watch(db, *(f"https://h{number}.example/" for number in range(3)))
        steps = [*(_work(catalogue, number) for number in range(3)), _read(catalogue)]

        def run(step: Callable[[int], bool]) -> None:
            turn = 0
            try:
                while turn < ROUNDS and not faults:
                    turn += step(turn)
            except BaseException as fault:  # noqa: BLE001 - told by the test
                faults.append(fault)

        threads = [threading.Thread(target=run, args=(step,)) for step in steps]
        for one in threads:
            one.start()
        for one in threads:
            one.join(timeout=120)
        assert not any(one.is_alive() for one in threads)
        assert faults == []
        with catalogue.read() as db:
            made = len(visits.listing(db, limit=10_000))
            (digest,) = deliveries.listing(db)
        assert made > ROUNDS
        assert len({one.id for one in digest.events}) == len(digest.events) > ROUNDS
