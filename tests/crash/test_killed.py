"""SIGKILL at any moment while large pages arrive: what was said to be kept is kept."""

import json
import os
import random
import signal
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hatching import LONG, Nest, nest
from pages import Pages
from readback import Row, faults, read_back, rows
from service import wait_for

from storage.archive import holder, open_archive
from storage.catalogue import targets
from storage.catalogue.engine import Catalogue, open_catalogue

pytestmark = pytest.mark.crash

ROUNDS = 200 if LONG else 20
ROUNDS_AN_ARCHIVE = 10
SEED = int(os.environ.get("HOLDFAST_SEED", "20261122"))
HOSTS = 3
SIZES = (2 << 20, 5 << 20)
PATHS = [(f"/large/{number}", number % HOSTS) for number in range(4)]
VISIT = ("visit", "--all", "--quiet")
RUN = ("run", "--quiet", "--listen", "127.0.0.1:0", "--workers", "2")


@dataclass(slots=True)
class Watcher:
    """Note every row from the moment another process can see it, until ``stop``."""

    catalogue: Path
    seen: dict[int, Row] = field(default_factory=dict)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def stop(self) -> dict[int, Row]:
        self._stopped.set()
        self._thread.join()
        return self.seen

    def _look(self) -> None:
        while not self._stopped.wait(0.02):
            self.seen.update((row.id, row) for row in rows(self.catalogue))


@dataclass(slots=True)
class Ordeal:
    """One archive through its rounds."""

    root: Path
    pages: Pages
    hatch: Nest
    listing: Nest
    catalogue: Catalogue
    chance: random.Random
    read: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Files that were read back, with their size and time of change: they never change again."""

    def round(self, words: tuple[str, ...]) -> str:
        """Begin a verb, kill it, restart, hold the archive to what it had said; tell the story."""
        begun_at = datetime.now(UTC)
        self._make_due(begun_at)
        acknowledged = Watcher(self.root / "catalogue.db")
        listed = self._killed(words)
        seen = acknowledged.stop()
        wait_for(lambda: holder(open_archive(self.root)) is None, seconds=10)
        torn = self.hatch.restart(self.root).count("torn bytes")
        kept = {row.id: row for row in rows(self.root / "catalogue.db")}
        assert seen.items() <= kept.items(), "what was acknowledged is lost"
        places = {(row.url, row.file, row.offset) for row in kept.values()}
        assert listed <= places, "what `captures` had listed is lost"
        self._hold_bytes(list(kept.values()))
        self._hold_targets(begun_at)
        return f"{len(seen)} rows seen, {len(listed)} listed, {len(kept)} kept, {torn} torn tails"

    def _make_due(self, at: datetime) -> None:
        with self.catalogue.write() as db:
            targets.make_due(db, [one.id for one in targets.listing(db)], at=at)

    def _killed(self, words: tuple[str, ...]) -> set[tuple[str, str, int]]:
        """Run a verb until a moment that chance gives; return what was listed before its death."""
        before = self.pages.sent_bytes
        pid = self.hatch.begin(words[0], "--archive", str(self.root), *words[1:])
        moment = self.chance.randrange(len(PATHS) * sum(SIZES) // 2)
        listed: set[tuple[str, str, int]] = set()
        if self.chance.random() < 0.5:
            self._wait_grown(moment)  # in the middle of a record, like as not
        else:
            self.pages.wait_sent(before + moment, seconds=5)
            time.sleep(self.chance.random() * 0.2)
            listed = self._listed()
        os.killpg(pid, signal.SIGKILL)
        # 0 where it had done all before its death.
        assert self.hatch.end() in (-signal.SIGKILL, 0), self.hatch.said
        return listed

    def _listed(self) -> set[tuple[str, str, int]]:
        """Return what `captures` lists for programs at this moment."""
        assert self.listing.verb("captures", "--json", "--archive", str(self.root)) == 0
        found = [json.loads(line) for line in self.listing.said.splitlines()]
        return {
            (one["url"], one["warc_file"], one["warc_offset"]) for one in found if one["warc_file"]
        }

    def _wait_grown(self, size: int) -> None:
        """Wait until a growing file is of this size, or as long as a run may take."""
        give_up_at = time.monotonic() + 2
        while time.monotonic() < give_up_at:
            for path in self.root.glob("warc/*/*/*.open"):
                with suppress(FileNotFoundError):
                    if path.stat().st_size >= size:
                        return

    def _hold_bytes(self, kept: list[Row]) -> None:
        assert not list(self.root.rglob("*.open")), "a file is still open after the restart"
        wrong, _ = faults(self.root)
        assert wrong == []
        pages_kept = [row for row in kept if "/large/" in row.url]
        for row in pages_kept:
            if row.outcome == "ok":
                assert row.digest in self.pages.digests[urlsplit(row.url).path], row
        for path in self.root.rglob("*.warc.gz"):
            name = path.relative_to(self.root).as_posix()
            now = (path.stat().st_size, path.stat().st_mtime_ns)
            assert self.read.setdefault(name, now) == now, f"{name} changed after it was closed"
            if self.read[name] is now:
                read_back(path, [row for row in kept if row.file == name])

    def _hold_targets(self, since: datetime) -> None:
        now = datetime.now(UTC)
        with self.catalogue.read() as db:
            for one in targets.listing(db):
                visited = one.last_visit_at is not None and one.last_visit_at >= since
                due = one.due_at is not None and one.due_at <= now
                assert visited or due, f"{one.url} is neither visited nor due"


@pytest.mark.parametrize("part", range(ROUNDS // ROUNDS_AN_ARCHIVE))
def test_nothing_acknowledged_is_lost_when_killed(tmp_path: Path, part: int) -> None:
    """After each kill: all that was said is there, nothing else is said, every target is served."""
    chance = random.Random(SEED + part)
    print(f"seed {SEED}, part {part}")
    with Pages(SEED + part, hosts=HOSTS, sizes=SIZES) as pages:
        (tmp_path / "other").mkdir()
        with nest(tmp_path) as hatch, nest(tmp_path / "other") as listing:
            urls = [pages.url(path, host=host) for path, host in PATHS]
            root = hatch.make(tmp_path / "archive", *urls, allowed=pages.addresses)
            catalogue = open_catalogue(open_archive(root))
            ordeal = Ordeal(root, pages, hatch, listing, catalogue, chance)
            try:
                for number in range(ROUNDS_AN_ARCHIVE):
                    words = RUN if number % 3 == 2 else VISIT
                    print(f"round {number} of {words[0]}: {ordeal.round(words)}")
            finally:
                catalogue.close()
            assert hatch.verb("verify", "--archive", str(root), "--json") == 0, hatch.said
            assert hatch.verb("visit", "--archive", str(root), "--quiet") == 0, hatch.said
            assert hatch.verb("verify", "--archive", str(root)) == 0, hatch.said
            assert ": 0 faults" in hatch.said
