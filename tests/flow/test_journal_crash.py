"""The journal of the watch list under real processes: at once, killed, and on a full disk."""

import json
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from service import begun, holdfast, rows

from crawler import opening
from storage.archive import Archive, create
from storage.catalogue import targets
from storage.journal import draft, read

pytestmark = pytest.mark.flow

ROOT = Path(__file__).parents[2]
BEGIN = """
import os, signal, sys
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from crawler import opening, watchlist
from storage.archive import Archive
from storage.journal import By, Entry, Verb, WatchedTarget, held
from storage.model import FoundBy, TargetState

NOW = datetime(2026, 11, 5, 6, 0, tzinfo=UTC)

def said(url):
    target = WatchedTarget(
        url=url, site="a", state=TargetState.ACTIVE, found_by=FoundBy.USER, found_at=NOW
    )
    return Entry(at=NOW, by=By.COMMAND, verb=Verb.WATCH, targets=(target,))

def append(archive, *entries):
    with held(archive) as book:
        book.append(entries)
        if book.fresh:
            book.place()
"""


def program(text: str, *words: object) -> subprocess.Popen[bytes]:
    """Start a program of our own rooms in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", BEGIN + textwrap.dedent(text), *map(str, words)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Make an empty archive."""
    return create(tmp_path / "archive")


def listed(archive: Archive) -> dict[str, str]:
    """Return what is watched, and its state."""
    found = rows("watch", "list", "--archive", str(archive.root))
    return {str(one["url"]): str(one["state"]) for one in found}


def publish(archive: Archive) -> None:
    """Begin as a service or a one-off command does."""
    own = opening.parts(archive.root)
    opening.publish_sites(own)
    own.catalogue.close()


def by_name(archive: Archive) -> Iterator[tuple[str, str]]:
    for one in read(archive):
        _, _, _, name, number = one.targets[0].url.split("/")
        yield name, number


def test_processes_that_append_at_once_mix_nothing(archive: Archive) -> None:
    """Four processes make the first journal together; each line is whole, each pair together."""
    text = """
        name, archive = sys.argv[1], Archive(Path(sys.argv[2]))
        sys.stdout.write("ready"); sys.stdout.flush(); sys.stdin.read(1)
        for number in range(25):
            base = f"https://a.example/{name}"
            append(archive, said(f"{base}/{number}"), said(f"{base}/+"))
    """
    writers = [program(text, name, archive.root) for name in "abcd"]
    for one in writers:
        assert one.stdout is not None
        assert one.stdout.read(5) == b"ready"
    for one in writers:
        assert one.stdin is not None
        one.stdin.write(b"g")
        one.stdin.flush()
    assert [one.communicate(timeout=60)[1] for one in writers] == [b""] * 4
    reading = read(archive)
    assert len(list(reading)) == 200
    assert reading.damaged == 0
    order = list(by_name(archive))
    for name in "abcd":
        own = [number for who, number in order if who == name]
        assert own == [text for n in range(25) for text in (str(n), "+")]
    pairs = zip(order[::2], order[1::2], strict=True)
    assert all(one[0] == two[0] and two[1] == "+" for one, two in pairs)
    assert not draft(archive).exists()


def test_commands_at_once_lose_nothing(archive: Archive) -> None:
    """Several commands change the list of one archive; all of it is there, in both places."""
    publish(archive)
    page = "https://paper.example/{}"
    words = ("--archive", str(archive.root))
    with (
        begun("watch", "add", *words, page.format(1)) as one,
        begun("watch", "add", *words, "--site", "courier", page.format(2)) as two,
        begun("watch", "add", *words, page.format(3)) as three,
    ):
        assert [process.wait(60) for process in (one, two, three)] == [0, 0, 0]
    before = listed(archive)
    assert sorted(before) == [page.format(number) for number in (1, 2, 3)]
    for path in archive.root.glob("catalogue.db*"):
        path.unlink()
    publish(archive)
    assert listed(archive) == before


def test_a_single_capture_is_no_promise(archive: Archive) -> None:
    """The site of single captures is in the journal, their pages are not; nor is what is due."""
    words = ("--archive", str(archive.root))
    holdfast("watch", "add", *words, "http://127.0.0.1:9/watched")
    said = [one.verb.value for one in read(archive)]
    holdfast("capture", *words, "http://127.0.0.1:9/once", expect=1)
    holdfast("visit", *words, "--all")
    added = list(read(archive))[len(said) :]
    assert [site.name for one in added for site in one.sites] == ["captures"]
    assert not any(one.targets for one in added)


def test_an_append_that_finds_no_room_leaves_the_file_as_it_was(archive: Archive) -> None:
    """A full disk, here a limit on the size of files, undoes the lines that were written."""
    text = """
        import resource
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        archive = Archive(Path(sys.argv[1]))
        append(archive, said("https://a.example/a/1"))
        before = archive.watch_journal.read_bytes()
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) * 10 + 7, -1))
        try:
            append(archive, *[said("https://a.example/a/2")] * 50)
        finally:
            sys.stdout.write(str(archive.watch_journal.read_bytes() == before))
    """
    out, err = program(text, archive.root).communicate(timeout=60)
    assert out == b"True"
    assert b"the watch list was not changed" in err


def test_a_kill_between_journal_and_catalogue_is_mended_at_the_next_start(
    archive: Archive,
) -> None:
    """SIGKILL after the line is synced and before the transaction ends: the line counts."""
    page = "https://paper.example/node/7"
    holdfast("watch", "add", "--archive", str(archive.root), page)
    text = """
        class Dying:
            def __init__(self, real):
                self.real = real
            @contextmanager
            def write(self):
                with self.real.write() as db:
                    yield db
                    os.kill(os.getpid(), signal.SIGKILL)
        from dataclasses import replace
        own = opening.parts(Path(sys.argv[1]))
        own = replace(own, catalogue=Dying(own.catalogue))
        watchlist.move(own, Verb.PAUSE, [sys.argv[2]], site=None, by=By.COMMAND)
    """
    killed = program(text, archive.root, page)
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert listed(archive) == {page: "active"}
    assert [one.verb.value for one in read(archive)] == ["site", "watch", "pause"]
    publish(archive)
    assert listed(archive) == {page: "paused"}


def test_kills_at_random_moments_lose_nothing_that_was_said(archive: Archive) -> None:
    """What was answered is there after a start, in the catalogue as in one that is made anew."""
    text = """
        own = opening.parts(Path(sys.argv[1]))
        for number in range(int(sys.argv[2]), 10_000_000):
            url = f"https://paper.example/a/{number}"
            watchlist.add(own, [url], site=None, every=None, by=By.COMMAND)
            if number % 3 == 0:
                watchlist.move(own, Verb.REMOVE, [url], site=None, by=By.COMMAND)
            print(number, flush=True)
    """
    chance = random.Random(4)
    answered: list[int] = []
    for turn in range(8):
        child = program(text, archive.root, (turn + 1) * 1_000_000)
        assert child.stdout is not None
        answered.append(int(child.stdout.readline()))
        time.sleep(chance.uniform(0, 0.15))  # the moment of the kill is what is drawn
        child.kill()
        rest, _ = child.communicate(timeout=60)
        answered += map(int, rest.splitlines())
    torn = archive.watch_journal.read_bytes()
    archive.watch_journal.write_bytes(torn + torn[:50])
    publish(archive)
    wanted = {f"https://paper.example/a/{one}" for one in answered if one % 3}
    gone = {f"https://paper.example/a/{one}" for one in answered if one % 3 == 0}
    after = everything(archive)
    assert wanted <= {url for url, state in after.items() if state == "active"}
    assert gone <= {url for url, state in after.items() if state == "removed"}
    assert read_damage(archive) == 0
    for path in archive.root.glob("catalogue.db*"):
        path.unlink()
    publish(archive)
    assert everything(archive) == after


def everything(archive: Archive) -> dict[str, str]:
    """Return every target with its state, the removed ones too."""
    own = opening.parts(archive.root)
    with own.catalogue.read() as db:
        found = {one.url: one.state.value for one in targets.listing(db)}
    own.catalogue.close()
    return found


def read_damage(archive: Archive) -> int:
    reading = read(archive)
    lines = archive.watch_journal.read_bytes().splitlines()
    assert len(list(reading)) == sum(json.loads(line)["version"] == 1 for line in lines[:-1])
    return reading.damaged + reading.newer
