"""Cut the power at any call of a capture: what the disk may then hold is a sound archive."""

import random
import re
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from calls import Call, calls, without_syncs
from hatching import LONG, Nest, Orders, nest, shim
from pages import Pages
from powercut import Disk, cuts
from readback import faults, read_back, rows

pytestmark = pytest.mark.crash

SEED = 20261122
CUTS = 10_000 if LONG else 24
_VISITED = re.compile(rb"visited .*?outcome=ok url=(\S+)")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shim(tmp_path_factory.mktemp("shim"))


@dataclass(frozen=True, slots=True)
class Cut:
    """What is left of an archive after one power cut."""

    root: Path
    hatch: Nest
    told: Counter[str]
    """How many captures of which page a person was told of before."""

    def hold(self) -> str:
        """Restart, hold the archive to what was told, and say what is in it."""
        self.hatch.restart(self.root)
        wrong, remarks = faults(self.root)
        assert wrong == []
        assert not list(self.root.rglob("*.open"))
        kept = rows(self.root / "catalogue.db")
        for file in {row.file for row in kept}:
            of_file = [row for row in kept if row.file == file and "robots" not in row.url]
            read_back(self.root / file, of_file)
        there = Counter(row.url for row in kept)
        assert self.told <= there, "what a person was told of is lost"
        return f"{len(kept)} rows, remarks {dict(Counter(one.kind.value for one in remarks))}"


def _told(said: list[bytes]) -> Counter[str]:
    return Counter(url.decode() for url in _VISITED.findall(b"".join(said)))


def _log(hatch: Nest, folder: Path, pages: Pages) -> tuple[list[Call], Path, Path]:
    """Capture three pages, one of them known; return the log, the archive, and it as it was."""
    root = hatch.make(folder / "archive", pages.url("/a"), allowed=pages.addresses)
    assert hatch.verb("visit", "--quiet", "--archive", str(root)) == 0, hatch.said
    before = folder / "before"
    more = [pages.url("/b"), pages.url("/c")]
    assert hatch.verb("watch", "add", "--archive", str(root), *more) == 0, hatch.said
    shutil.copytree(root, before)
    orders = Orders(root=str(root), log=str(folder / "log"), data=1)
    assert hatch.verb("visit", "--all", "--archive", str(root), orders=orders) == 0, hatch.said
    return calls(folder / "log"), root, before


def test_the_power_is_cut_at_any_call(tmp_path: Path, library: Path) -> None:
    """Whatever of the unsynced is on the disk, all that was told is, and the rest is in order."""
    chance = random.Random(SEED)
    with Pages(SEED) as pages, nest(tmp_path, library=library) as hatch:
        log, root, before = _log(hatch, tmp_path, pages)
        disk = Disk(root)
        disk.begin(before)
        places = cuts(log)
        chosen = set(chance.sample(places, min(CUTS, len(places)))) | {len(log)}
        print(f"seed {SEED}: {len(chosen)} of {len(places)} cuts")
        for place, call in enumerate(log, start=1):
            disk.follow(call)
            if place not in chosen:
                continue
            lucks = [None, random.Random(place), random.Random(-place)]
            for luck in lucks if LONG else [chance.choice(lucks)]:
                left = tmp_path / "left"
                shutil.rmtree(left, ignore_errors=True)
                disk.write(left, luck)
                came = Cut(left, hatch, _told(disk.said)).hold()
                print(f"{place:5} {'synced only' if luck is None else 'by chance':11} {came}")
        assert sum(_told(disk.said).values()) == 2, "the first visits of two pages are told"


def test_a_disk_that_keeps_no_promise_is_noticed(tmp_path: Path, library: Path) -> None:
    """Without the syncs of WARC files the same cuts leave what is not sound: the test can fail."""
    with Pages(SEED) as pages, nest(tmp_path, library=library) as hatch:
        log, root, before = _log(hatch, tmp_path, pages)
        disk = Disk(root)
        disk.begin(before)
        for call in without_syncs(log, lambda one: ".warc.gz" in one.path):
            disk.follow(call)
        left = tmp_path / "left"
        disk.write(left, None)
        with pytest.raises(AssertionError):
            Cut(left, hatch, _told(disk.said)).hold()
