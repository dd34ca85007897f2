"""What fails on the machine: each fault is told as the documentation says, and goes by."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from behaviours import message
from papers import article
from server import Site
from service import COMMAND, ROOT, Service, holdfast, listing, rows, verb, wait_for

from storage.catalogue import stoppages, targets
from storage.catalogue.engine import open_catalogue

pytestmark = pytest.mark.flow

PAGE = ROOT / "docs" / "when-things-go-wrong.md"
CONFIGURATION = """
[archive]
operator = "Test"
contact = "mailto:test@example.org"

[network]
allow_addresses = {allowed}

[defaults]
every = "1h"
delay = "0.01s"
requisites = false
confirm = ["0.1s", "0.1s"]
down_after = "0.1s"
"""


def documented(fault: str) -> tuple[str, str]:
    """Return what the documentation says is said of a fault, and with which status."""
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if cells[0] == fault:
            return cells[1], cells[2]
    raise AssertionError(f"{fault} is not in {PAGE.name}")


def is_said(fault: str, text: str) -> bool:
    """Say whether a line of the text is the documented sentence."""
    sentence, _ = documented(fault)
    pattern = ".*".join(map(re.escape, sentence.split("…")))
    return any(re.search(pattern, line) for line in text.splitlines())


def holds(fault: str, done: subprocess.CompletedProcess[str]) -> None:
    """Hold a verb that met a fault to the documented sentence and status."""
    sentence, status = documented(fault)
    said = f"{done.stdout}{done.stderr}"
    assert is_said(fault, said), f"{sentence}\n{said}"
    assert str(done.returncode) == status, done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as running:
        running.pages["/page"] = article("The herring")
        yield running


@pytest.fixture
def archive(tmp_path: Path, site: Site) -> Path:
    folder = tmp_path / "archive"
    holdfast("init", str(folder))
    configure(folder, site)
    return folder


def configure(archive: Path, site: Site, more: str = "") -> None:
    text = CONFIGURATION.format(allowed=json.dumps([site.address])) + more
    (archive / "holdfast.toml").write_text(text)


def inside(script: str, folder: Path, *spaces: str) -> tuple[str, ...]:
    """Return what to put before a command so that it runs in name spaces made by a script."""
    before = ("unshare", "--map-root-user", *spaces, "sh", "-ec", f'{script}; exec "$@"')
    able = shutil.which("unshare") is not None
    if (
        not able
        or subprocess.run(
            [*before, str(folder), "true"], capture_output=True, check=False
        ).returncode
    ):
        pytest.skip("this machine lets us make no name spaces of our own")
    return (*before, str(folder))


def capture(archive: Path, *urls: str, before: tuple[str, ...] = ()):
    return verb("capture", "--archive", str(archive), *urls, before=before)


def limited(**limits: int) -> tuple[str, ...]:
    """Return what to put before a command so that the system allows it less."""
    program = (
        "import os, resource, sys\n"
        "for name, value in zip(*[iter(sys.argv[2].split())] * 2):\n"
        "    resource.setrlimit(getattr(resource, name), (int(value), int(value)))\n"
        "os.execvp(sys.argv[3], sys.argv[3:])\n"
    )
    told = " ".join(f"RLIMIT_{name.upper()} {value}" for name, value in limits.items())
    return (sys.executable, "-c", program, "-", told)


SMALL_DISK = 'mount -t tmpfs -o size=80m none "$0"; cp -r "$0.kept/." "$0"'


def test_a_full_disk_at_the_start(archive: Path, site: Site) -> None:
    """Nothing is asked of a server; with room it goes on."""
    shutil.copytree(archive, f"{archive}.kept")
    fill = 'head -c 40000000 /dev/zero >"$0/rest"'
    done = capture(
        archive, site.url("/page"), before=inside(f"{SMALL_DISK}; {fill}", archive, "--mount")
    )
    holds("the disk is full at the start", done)
    assert site.log == []
    room = f'{SMALL_DISK}; {fill}; rm "$0/rest"'
    assert (
        capture(archive, site.url("/page"), before=inside(room, archive, "--mount")).returncode == 0
    )


def test_a_disk_that_fills_while_the_service_runs(archive: Path, site: Site) -> None:
    """Captures pause, the ledger knows the time, and they go on when there is room."""
    configure(
        archive,
        site,
        f'[[site]]\nname = "paper"\nstart = ["{site.url("/page")}"]\nevery = "0.3s"\n',
    )
    shutil.copytree(archive, f"{archive}.kept")
    before = inside(SMALL_DISK, archive, "--mount")
    log_file = archive.parent / "service.log"
    words = [*before, *COMMAND, "run", "--archive", str(archive), "--listen", "127.0.0.1:0"]
    fault = "the disk fills while the service runs"
    with (
        log_file.open("wb") as log,
        subprocess.Popen(
            [*words, "--workers", "1"],
            stderr=log,
            stdout=log,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        ) as process,
    ):
        try:
            site.wait_for("/page", 2)
            rest = Path(f"/proc/{process.pid}/root{archive}/rest")
            rest.write_bytes(bytes(40_000_000))
            wait_for(lambda: is_said(fault, log_file.read_text()))
            rest.unlink()
            before_room = site.requests("/page")
            site.wait_for("/page", before_room + 2)
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=20) == 0
    assert "there is room on the disk again, captures go on" in log_file.read_text()
    assert "Traceback" not in log_file.read_text()


def test_a_read_only_archive_is_listed_and_not_written(archive: Path, site: Site) -> None:
    """Every listing works on read-only media; nothing is captured there."""
    page = site.url("/page")
    holdfast("watch", "add", "--archive", str(archive), page)
    holdfast("visit", "--archive", str(archive))
    kept = site.log
    bind = 'mount --bind "$0" "$0"; mount -o remount,bind,ro "$0"'
    before = inside(bind, archive, "--mount")
    holds("the archive is read-only", capture(archive, page, before=before))
    assert site.log == kept
    for words in (
        ("status",),
        ("captures", "--json"),
        ("visits", "--json"),
        ("visits", "--gaps"),
        ("events",),
        ("watch", "list"),
        ("coverage",),
        ("text", page),
        ("show", page),
        ("explain", page),
        ("verify",),
    ):
        done = verb(words[0], *_with(words, archive), before=before)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
    assert page in verb("captures", "--archive", str(archive), before=before).stdout
    assert capture(archive, page).returncode == 0


def _with(words: tuple[str, ...], archive: Path) -> tuple[str, ...]:
    step = words[1:2] if words[0] == "watch" else ()
    return (*step, "--archive", str(archive), *words[1 + len(step) :])


def test_limits_on_the_size_of_files(archive: Path, site: Site) -> None:
    """A page, a WARC file and a catalogue that may not grow: told, and kept when they may."""
    large, half = message(os.urandom(3_000_000)), message(os.urandom(700_000))
    site.pages |= {"/large": large, "/half": half, "/other": message(os.urandom(700_000))}
    urls = [site.url(path) for path in ("/page", "/large", "/half", "/other")]
    assert capture(archive, urls[0]).returncode == 0
    done = capture(archive, urls[1], before=limited(fsize=2_000_000))
    holds("no file may be as large as a page", done)
    done = capture(archive, *urls[2:], before=limited(fsize=1_000_000))
    holds("no file may be as large as a WARC file gets", done)
    done = capture(archive, urls[0], before=limited(fsize=20_000))
    holds("no file may be as large as the catalogue", done)
    assert capture(archive, *urls).returncode == 0
    assert "0 faults" in holdfast("verify", "--archive", str(archive))


def test_too_few_open_files_and_too_little_memory(archive: Path, site: Site) -> None:
    """Both are told before a server is asked; a soft limit alone is lifted by itself."""
    page = site.url("/page")
    holds("too few open files are allowed", capture(archive, page, before=limited(nofile=40)))
    done = capture(archive, page, before=limited(data=70_000_000))
    holds("too little memory is allowed", done)
    assert site.log == []
    soft = ("sh", "-ec", 'ulimit -S -n 40; exec "$@"', "-")
    assert capture(archive, page, before=soft).returncode == 0


def test_a_clock_that_shows_less_than_the_archive(archive: Path, site: Site) -> None:
    """What was planned by a clock that was years ahead is planned anew, within its schedule."""
    page = site.url("/page")
    holdfast("watch", "add", "--archive", str(archive), page)
    holdfast("visit", "--archive", str(archive))
    ahead = datetime.now(UTC) + timedelta(days=1000)
    catalogue = open_catalogue(archive / "catalogue.db")
    with catalogue.write() as db:
        stoppages.beat(db, at=ahead)
        (target,) = targets.listing(db)
        targets.plan(db, target.id, ahead)
    catalogue.close()
    service = Service(archive=archive).start()
    fault = "the clock shows less than the archive"
    try:
        wait_for(lambda: is_said(fault, service.log()))
        (one,) = rows("watch", "list", "--archive", str(archive))
        due_at = datetime.fromisoformat(one["due_at"])
        assert datetime.now(UTC) < due_at < datetime.now(UTC) + timedelta(hours=2)
    finally:
        assert service.end() == 0


def an_hour_passes(archive: Path) -> None:
    """Have the visits so far be an hour old: answers of this minute show that a network is well."""
    with sqlite3.connect(archive / "catalogue.db") as db:
        for name in ("started_at", "finished_at"):
            db.execute(f"UPDATE visits SET {name} = datetime({name}, '-1 hour') || '.000000'")
    db.close()


def test_our_own_network_is_down(archive: Path, site: Site) -> None:
    """Without any network no page is called gone, whatever the looks agree on."""
    page = site.url("/page")
    with Site() as other:
        other.pages["/page"] = article("The mole")
        allowed = json.dumps([site.address, other.address])
        text = CONFIGURATION.format(allowed=allowed)
        (archive / "holdfast.toml").write_text(text)
        name = other.url("/page").replace("127.0.0.1", "localhost")
        holdfast("watch", "add", "--archive", str(archive), page, name)
        holdfast("visit", "--archive", str(archive), "--all")
        assert {one["outcome"] for one in listing("visits", archive)} == {"ok"}
        an_hour_passes(archive)
        cut = inside(":", archive, "--net")
        done = verb("visit", "--archive", str(archive), "--all", before=cut)
        assert "Traceback" not in done.stderr
        assert listing("events", archive) == []
        said = holdfast("status", "--archive", str(archive))
        assert is_said("our own network is down", said), said
        holdfast("visit", "--archive", str(archive), "--all")
    assert listing("events", archive) == []
    (status,) = listing("status", archive)
    assert status["troubled"] == []
    assert not is_said("our own network is down", holdfast("status", "--archive", str(archive)))


def test_a_damaged_and_a_deleted_catalogue(archive: Path, site: Site) -> None:
    """Each verb points to rebuild, and nothing is made in place of what is gone."""
    page = site.url("/page")
    assert capture(archive, page).returncode == 0
    catalogue = archive / "catalogue.db"
    good = catalogue.read_bytes()
    verbs = (("status",), ("capture", page), ("run", "--listen", "127.0.0.1:0"))
    damaged = good[:4096] + os.urandom(len(good) - 4096)
    for fault, data in (
        ("the catalogue is damaged", damaged),
        ("the catalogue is no catalogue", b"no catalogue" * 1000),
        ("the catalogue was deleted", None),
    ):
        catalogue.unlink()
        if data is not None:
            catalogue.write_bytes(data)
        for words in verbs:
            holds(fault, verb(*words, "--archive", str(archive)))
        if data is None:
            assert not catalogue.exists()
        else:
            assert catalogue.read_bytes() == data
            for beside in archive.glob("catalogue.db-*"):
                beside.unlink()
        if data is None:
            catalogue.write_bytes(good)
    assert capture(archive, page).returncode == 0


@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_a_catalogue_that_is_lost_while_the_service_runs(
    archive: Path, site: Site, how: str
) -> None:
    """The service says so within seconds and ends; what it had captured is rebuilt."""
    page = site.url("/page")
    fault = f"the catalogue was {how} while the service ran"
    configure(archive, site, f'[[site]]\nname = "paper"\nstart = ["{page}"]\n')
    service = Service(archive=archive).start()
    wait_for(lambda: len(listing("captures", archive, "--url", page)) == 2)  # the first visit's two
    catalogue = archive / "catalogue.db"
    if how == "deleted":
        catalogue.unlink()
    else:
        copy = archive / "copy.db"
        with closing(sqlite3.connect(catalogue)) as one, closing(sqlite3.connect(copy)) as other:
            one.backup(other)
        copy.rename(catalogue)
    try:
        assert str(service.process.wait(timeout=60)) == documented(fault)[1]
    finally:
        service.process.kill()
    assert is_said(fault, service.log())
    assert "Traceback" not in service.log()
    assert not (archive / "catalogue.db-wal").exists()
    assert list(archive.glob("catalogue.db-wal.before-*"))
    assert not list(archive.rglob("*.open"))
    if how == "deleted":
        holds("the catalogue was deleted", verb("status", "--archive", str(archive)))
        holdfast("rebuild", "--archive", str(archive))
    assert [one["url"] for one in listing("captures", archive, "--url", page)] == [page, page]
    again = Service(archive=archive).start()
    assert again.end() == 0


@pytest.mark.parametrize("fault", ["a WARC file was cut", "a WARC file is missing"])
def test_a_warc_file_that_is_cut_or_missing(archive: Path, site: Site, fault: str) -> None:
    """Reading it says so; the page is kept whole again when it comes the next time."""
    page = site.url("/page")
    assert capture(archive, page).returncode == 0
    file = archive / listing("captures", archive)[-1]["warc_file"]
    if "cut" in fault:
        os.truncate(file, file.stat().st_size // 2)
    else:
        file.unlink()
    holds(fault, verb("verify", "--archive", str(archive)))
    assert capture(archive, page).returncode == 0
    newest = listing("captures", archive)[-1]
    assert newest["record_type"] == "response"


def test_two_instances_and_a_stale_lock(archive: Path, site: Site) -> None:
    """A second service ends with 75; after kill -9 the next one starts, whatever file is there."""
    gate = site.url("/page")
    configure(archive, site, f'[[site]]\nname = "paper"\nstart = ["{gate}"]\nevery = "0.2s"\n')
    service = Service(archive=archive).start()
    site.wait_for("/page", 3)
    holds(
        "another service has the archive",
        verb("run", "--archive", str(archive), "--listen", "127.0.0.1:0"),
    )
    service.end(signal.SIGKILL)
    assert (archive / "lock").exists()
    wait_for(lambda: not _is_held(archive))
    seen = site.requests("/page")
    again = Service(archive=archive).start()
    try:
        site.wait_for("/page", seen + 2)
        assert is_said("the lock file of a killed service is there", again.log()), again.log()
    finally:
        assert again.end() == 0
    (status,) = listing("status", archive)
    counted = status["visits"]
    assert counted["planned"] == counted["made"] + counted["skipped"] + counted["missed"]
    assert counted["missed"] > 0
    assert "not_running" in {one["cause"] for one in counted["not_made"]}
    with sqlite3.connect(archive / "catalogue.db") as db:
        (made,) = db.execute("SELECT count(*) FROM visits").fetchone()
    db.close()
    assert counted["made"] == made


def _is_held(archive: Path) -> bool:
    (status,) = listing("status", archive)
    return status["held_by"] is not None
