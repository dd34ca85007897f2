"""Let every call fail that a capture makes on its files, one after another, and restart."""

import random
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from calls import Call, calls
from hatching import LONG, Nest, Orders, Suffers, nest, shim
from pages import Pages
from readback import faults, read_back, rows

from storage.archive import open_archive
from storage.catalogue import targets
from storage.catalogue.engine import open_catalogue

pytestmark = pytest.mark.crash

SEED = 20261122
FAULTS = (Suffers.IO_ERROR, Suffers.NO_SPACE, Suffers.SHORT, Suffers.TORN, Suffers.KILL)
SIZES = (1_100_000, 1_200_000)
"""A page of this size is more than one write."""
MOST_CALLS = 1000
ENDS = (0, 1, 78, -9)
"""Done, refused in a sentence, without configuration, killed: all else is a fault of ours."""
GOES_ON, DIES_AT_THE_NEXT, DIES_SOON = 0, 1, 4
"""How long the process lives with a fault: to its own end, or so many calls."""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shim(tmp_path_factory.mktemp("shim"))


@dataclass(frozen=True, slots=True)
class Bench:
    """An archive with one capture, to be copied for each fault."""

    folder: Path
    base: Path
    pages: Pages
    hatch: Nest

    @property
    def url(self) -> str:
        return self.pages.url("/page")

    def suffer(self, nth: int, kind: Suffers, lives: int) -> tuple[Call, str] | None:
        """Have one capture suffer, restart, and hold the archive to it; None when nothing did.

        Return which call it was, and what came of the capture.
        """
        root = self.folder / "broken"
        log = self.folder / "log"
        log.unlink(missing_ok=True)
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(self.base, root)
        kill_after = lives if kind in (Suffers.IO_ERROR, Suffers.NO_SPACE, Suffers.SHORT) else 0
        orders = Orders(root=str(root), log=str(log), nth=nth, kind=kind, kill_after=kill_after)
        words = ("capture", "--archive", str(root), self.url)
        status = self.hatch.verb(*words, orders=orders)
        said = self.hatch.said
        hit = next((call for call in calls(log) if call.mark == "F"), None)
        if hit is None:
            return None
        came = self._held(root, status=status, said=said)
        return hit, f"{_ended(status)}, {came}"

    def _held(self, root: Path, *, status: int, said: str) -> str:
        """Restart the archive and say what is there of the capture: all of it, or nothing."""
        assert status in ENDS, f"{status}: {said}"
        mended = self.hatch.restart(root)
        assert "Traceback" not in mended, mended
        wrong, remarks = faults(root)
        assert wrong == [], said
        assert not list(root.rglob("*.open")), "a file is open after the restart"
        kept = [row for row in rows(root / "catalogue.db") if row.url == self.url]
        if status == 0:
            assert "1 of 1 captured" in said, said
            assert len(kept) == 2, "it was told to be kept, and is not"
        for file in {row.file for row in kept}:
            read_back(root / file, [row for row in kept if row.file == file])
        if len(kept) == 1:
            self._is_due(root)
        told = Counter(one.kind.value for one in remarks)
        return f"{'all' if len(kept) == 2 else 'nothing'} kept {dict(told) or ''}"

    def _is_due(self, root: Path) -> None:
        """Hold a page that was not captured to be due, if it was taken down that it should be."""
        catalogue = open_catalogue(open_archive(root))
        try:
            with catalogue.read() as db:
                (target,) = targets.listing(db)
                asked = target.due_at is not None and target.due_at <= datetime.now(UTC)
                assert asked or target.due_at == self.planned(self.base)
        finally:
            catalogue.close()

    def planned(self, root: Path) -> datetime | None:
        """Return when the page was due before anybody asked for it."""
        catalogue = open_catalogue(open_archive(root))
        try:
            with catalogue.read() as db:
                (target,) = targets.listing(db)
                return target.due_at
        finally:
            catalogue.close()


def _ended(status: int) -> str:
    return "killed" if status == -9 else f"ended with {status}"


@pytest.fixture
def bench(tmp_path: Path, library: Path) -> Iterator[Bench]:
    with Pages(SEED, sizes=SIZES) as pages, nest(tmp_path, library=library) as hatch:
        base = hatch.make(tmp_path / "base", pages.url("/page"), allowed=pages.addresses)
        assert hatch.verb("visit", "--quiet", "--archive", str(base)) == 0, hatch.said
        yield Bench(tmp_path, base, pages, hatch)


def _plan(nth: int, what: Call | None) -> list[tuple[Suffers, int]]:
    """Return which faults the n-th call suffers: in the long form all, else one after another."""
    if LONG:
        lives = (GOES_ON, DIES_AT_THE_NEXT, DIES_SOON)
        told = [(kind, life) for kind in FAULTS[:3] for life in lives]
        return [*told, (Suffers.TORN, 0), (Suffers.KILL, 0)]
    # To live on with a fault takes a second: only with every other one of the WARC files.
    lives_on = what is not None and ".warc.gz" in what.path and nth % 2 == 0
    life = GOES_ON if lives_on else DIES_AT_THE_NEXT
    return [(FAULTS[nth % len(FAULTS)], life)]


def test_a_capture_is_whole_or_not_there_whatever_fails(bench: Bench) -> None:
    """Each call fails, is short, torn, or the last: the restart finds all of it or nothing."""
    log = bench.folder / "first"
    root = bench.folder / "whole"
    shutil.copytree(bench.base, root)
    orders = Orders(root=str(root), log=str(log))
    words = ("capture", "--archive", str(root), bench.url)
    assert bench.hatch.verb(*words, orders=orders) == 0, bench.hatch.said
    usual = [call for call in calls(log) if call.mark == "E"]
    broke = _all_calls(bench, usual)
    print(f"{len(broke)} faults in {len(usual)} calls")
    assert len(broke) >= (len(usual) if LONG else len(usual) // 4)
    for came in ("all kept", "nothing kept"):
        assert any(came in one for one in broke), f"never: {came}"


def _all_calls(bench: Bench, usual: list[Call]) -> list[str]:
    broke = []
    chance = random.Random(SEED)
    for nth in range(1, MOST_CALLS):
        call = usual[nth - 1] if nth <= len(usual) else None
        if call is not None and not LONG and chance.random() < _passed_over(call, nth, len(usual)):
            continue
        hits = [(*one, bench.suffer(nth, *one)) for one in _plan(nth, call)]
        for kind, life, hit in hits:
            if hit is not None:
                name = Path(hit[0].path).name[-24:]
                broke.append(
                    f"{nth:4} {hit[0].what:8} {name:24} {kind.name.lower():9} +{life}: {hit[1]}"
                )
                print(broke[-1], flush=True)
        if all(hit is None for _, _, hit in hits):
            break
    return broke


def _passed_over(call: Call, nth: int, count: int) -> float:
    """Return how likely a call is left to the long form: one of many, or one after the capture."""
    if call.what == "pwrite" and call.path.endswith("-wal"):
        return 0.85
    return 0.5 if nth > count * 0.6 else 0.0
