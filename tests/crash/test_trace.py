"""Watch the calls of a capture: bytes before rows, rows before words, and no name in the air."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from calls import Call, calls, without_syncs
from hatching import Nest, Orders, nest, shim
from ordering import Judge
from pages import Pages
from readback import rows
from service import wait_for

pytestmark = pytest.mark.crash


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shim(tmp_path_factory.mktemp("shim"))


def _before(hatch: Nest, folder: Path, pages: Pages, *, every: str = "1h") -> tuple[Path, Path]:
    """Make an archive with one visit, and a copy of it as it was before what is watched."""
    root = hatch.make(folder / "archive", pages.url("/a"), allowed=pages.addresses, every=every)
    assert hatch.verb("visit", "--quiet", "--archive", str(root)) == 0, hatch.said
    shutil.copytree(root, folder / "before")
    return root, folder / "before"


def _judged(log: list[Call], root: Path, before: Path) -> Judge:
    judge = Judge(root, before.parent / "scratch")
    judge.begin(before)
    judge.hold(log)
    return judge


def test_a_row_is_written_after_its_bytes_and_told_after_that(
    tmp_path: Path, library: Path
) -> None:
    """The calls of `capture` are in order, and each doctored log of them is seen through."""
    with Pages(1) as pages, nest(tmp_path, library=library) as hatch:
        root, before = _before(hatch, tmp_path, pages)
        orders = Orders(root=str(root), log=str(tmp_path / "log"), data=1)
        urls = [pages.url(path) for path in ("/b", "/c", "/a")]
        assert hatch.verb("capture", "--archive", str(root), *urls, orders=orders) == 0, hatch.said
        assert len([row for row in rows(root / "catalogue.db") if row.url in urls]) == 4
    log = calls(tmp_path / "log")
    judge = _judged(log, root, before)
    assert judge.faults == []
    assert judge.commits >= 2
    assert judge.renames >= 1
    assert judge.told >= 1
    assert judge.events >= 1
    for said, doctored in _doctored(log, root):
        faults = _judged(doctored, root, before).faults
        assert any(said in fault for fault in faults), f"not seen: {said}"
    late = [
        fault
        for doctored in _synced_late(log, lambda one: ".warc.gz" in one.path)
        for fault in _judged(doctored, root, before).faults
    ]
    assert any("is committed before byte" in fault for fault in late)


def test_the_service_keeps_the_order_too(tmp_path: Path, library: Path) -> None:
    """Two workers and a reader, looked at together: no row before its bytes, no name unsynced."""
    with Pages(2, hosts=2) as pages, nest(tmp_path, library=library) as hatch:
        root, before = _before(hatch, tmp_path, pages)
        more = [pages.url(f"/{number}", host=number % 2) for number in range(12)]
        shutil.rmtree(before)
        assert hatch.verb("watch", "add", "--archive", str(root), *more) == 0, hatch.said
        shutil.copytree(root, before)
        orders = Orders(root=str(root), log=str(tmp_path / "log"), data=1)
        words = ("--archive", str(root), "--listen", "127.0.0.1:0", "--workers", "2")
        pid = hatch.begin("run", *words, orders=orders)
        try:
            wait_for(lambda: len(rows(root / "catalogue.db")) >= 2 + 12 + 2, seconds=30)
        finally:
            os.kill(pid, signal.SIGTERM)
        assert hatch.end() == 0, hatch.said
    judge = _judged(calls(tmp_path / "log"), root, before)
    assert judge.faults == []
    assert judge.commits >= 4
    assert judge.renames >= 1
    assert len({call.process for call in calls(tmp_path / "log")}) >= 3


def _doctored(log: list[Call], root: Path) -> list[tuple[str, list[Call]]]:
    """Return logs of processes that forgot something, and what is to be said of each."""

    def of_warc(call: Call) -> bool:
        return ".warc.gz" in call.path

    def of_folder(call: Call) -> bool:
        return Path(call.path).is_dir() and "/warc/" in call.path

    def of_wal(call: Call) -> bool:
        return call.path.endswith("-wal")

    last = next(place for place, call in enumerate(log) if call.what == "rename")
    return [
        ("is committed before byte", without_syncs(log, of_warc)),
        ("is renamed with", without_syncs(log, of_warc)),
        ("is committed before the name", without_syncs(log, of_folder)),
        ("was never synced", [*log[:last], *without_syncs(log[last:], of_folder)]),
        ("before all of it is safe", without_syncs(log, of_wal)),
        ("an event is committed before", without_syncs(log, lambda one: "notes" in one.path)),
    ]


def _synced_late(log: list[Call], which: Callable[[Call], bool]) -> Iterator[list[Call]]:
    """Have one sync after the other return only when all else is done.

    One that another has made good before the row was written harms nothing.
    """
    for begun, entered in enumerate(log):
        if entered.what != "fsync" or entered.mark == "X" or not which(entered):
            continue
        kept = list(log)
        ended = next(
            place
            for place, one in enumerate(kept)
            if place > begun and one.mark == "X" and one.thread == entered.thread
        )
        # By another thread, so that those between keep their own order.
        late = replace(kept[ended], thread=-1)
        kept[begun] = replace(entered, thread=-1)
        del kept[ended]
        yield [*kept, late]
