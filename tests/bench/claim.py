"""Measure what it costs to claim due work, beside a window query over the same rows.

    python tests/bench/claim.py [--rows 1000000] [--hosts 5000]

A catalogue of so many targets on so many hosts, a fifth of them due, with intervals of five minutes
to two weeks, is made in a temporary folder. 100 due targets, of each of 100 hosts that which is
latest for its interval, are then claimed in one transaction that is synced; and the first due are
asked for with ROW_NUMBER() OVER (PARTITION BY host ORDER BY queue_at), which only reads. One JSON
line: milliseconds of both (the best of three), the rows, and what 100 transactions of one claim
take, which is mostly the disk.
"""

import argparse
import json
import random
import sqlite3
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from storage.catalogue import claims
from storage.catalogue.engine import Catalogue, open_catalogue
from storage.catalogue.pace import pace_of
from storage.model import Claim

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CLAIMS = 100
ROUNDS = 3
WINDOW = """
SELECT id, url, host, queue_at FROM (
    SELECT id, url, host, queue_at,
           ROW_NUMBER() OVER (PARTITION BY host ORDER BY queue_at) AS place
    FROM targets WHERE queue_at <= ?
) WHERE place = 1 ORDER BY queue_at LIMIT ?
"""


def fill(path: Path, *, rows: int, hosts: int) -> None:
    """Write targets and the queues of their hosts, as the catalogue keeps them."""
    chance = random.Random(1)
    db = sqlite3.connect(path)
    db.execute("PRAGMA synchronous=OFF")

    def target(number: int) -> tuple[str, str, str, str, int]:
        host = f"host-{number % hosts}.example"
        due_at = NOW + timedelta(seconds=chance.uniform(-86_400, 4 * 86_400))
        interval = timedelta(minutes=5) * 2 ** chance.uniform(0, 12)
        times = (f"{one:%Y-%m-%d %H:%M:%S.%f}" for one in (due_at, due_at - interval))
        return f"https://{host}/{number}", host, *times, pace_of(interval)

    db.executemany(
        "INSERT INTO targets (site, url, host, state, found_by, found_at, muted, due_at, queue_at,"
        " last_visit_at, pace) VALUES ('paper', ?, ?, 'active', 'link',"
        " '2026-01-01 00:00:00.000000', 0, ?3, ?3, ?4, ?5)",
        (target(number) for number in range(rows)),
    )
    db.execute(
        "INSERT INTO hosts (host, head_due_at, fence)"
        " SELECT host, MIN(queue_at), 0 FROM targets GROUP BY host"
    )
    db.execute("ANALYZE")
    db.commit()
    db.close()


def claim_ms(catalogue: Catalogue, worker: str, *, together: bool) -> float:
    """Return the milliseconds that it takes to claim the first due target of 100 hosts."""
    began = time.perf_counter()
    got: list[Claim | None] = []
    for _ in range(1 if together else CLAIMS):
        with catalogue.write() as db:
            got += [
                claims.claim(db, worker=worker, now=NOW, lease=timedelta(hours=1), limit=1)
                for _ in range(CLAIMS if together else 1)
            ]
    took = (time.perf_counter() - began) * 1000
    hosts = {one.host for one in got if one is not None and one.targets}
    if len(hosts) != CLAIMS:
        raise SystemExit(f"{len(hosts)} hosts were claimed, not {CLAIMS}")
    with catalogue.write() as db:
        for one in got:
            if one is not None:
                claims.release(db, one, next_ok_at=NOW)
    return took


def window_ms(path: Path) -> float:
    """Return the milliseconds of a window query for the same targets."""
    db = sqlite3.connect(path)
    began = time.perf_counter()
    got = db.execute(WINDOW, (f"{NOW:%Y-%m-%d %H:%M:%S.%f}", CLAIMS)).fetchall()
    took = (time.perf_counter() - began) * 1000
    db.close()
    if len(got) != CLAIMS:
        raise SystemExit(f"the window query found {len(got)} targets, not {CLAIMS}")
    return took


def main() -> None:
    """Print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--hosts", type=int, default=5_000)
    asked = parser.parse_args()
    with TemporaryDirectory(prefix="holdfast-claim-") as folder:
        path = Path(folder, "catalogue.db")
        catalogue = open_catalogue(path)
        fill(path, rows=asked.rows, hosts=asked.hosts)
        claimed, apart = (
            min(claim_ms(catalogue, f"worker-{one}", together=together) for one in range(ROUNDS))
            for together in (True, False)
        )
        asked_for = min(window_ms(path) for _ in range(ROUNDS))
        catalogue.close()
    figures = {"claim_ms": round(claimed, 2), "window_ms": round(asked_for, 2), "rows": asked.rows}
    more = {"ratio": round(claimed / asked_for, 4), "claims_apart_ms": round(apart, 2)}
    print(json.dumps(figures | more))


if __name__ == "__main__":
    main()
