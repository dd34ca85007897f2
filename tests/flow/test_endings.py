"""How it ends: on a signal in the middle of anything, and when a part of it dies."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from behaviours import Behaviour, Part, Pause, message
from papers import article
from receivers import full_receiver
from server import Site
from service import COMMAND, ROOT, Service, holdfast, listing, rows, wait_for

from crawler.deliver import trial
from storage.archive import holder, open_archive
from storage.catalogue import deliveries, events
from storage.catalogue.engine import open_catalogue

pytestmark = pytest.mark.flow

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
"""

HELD_UP = """
[[site]]
name = "stalled"
start = ["{stalled}"]

[[site]]
name = "full"
start = ["{full}"]

[[site]]
name = "slow"
start = ["{slow}"]
delay = "1h"

[[alert]]
name = "desk"
channel = "webhook"
url = "{hook}"
timeout = "60s"
"""

ENDS_WITHIN = 10.0
Processes = dict[int, str]
"""Process id → when it was started, which tells it from a later one of the same number."""


@pytest.fixture
def other() -> Iterator[Site]:
    with Site() as running:
        yield running


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "archive"
    holdfast("init", str(folder))
    return folder


def configure(archive: Path, *allowed: str, more: str = "") -> None:
    text = CONFIGURATION.format(allowed=json.dumps(allowed)) + more
    (archive / "holdfast.toml").write_text(text)


def gated(gate: threading.Event) -> Behaviour:
    """Return a page that comes when the gate is opened."""

    def parts() -> Iterator[Part]:
        while not gate.is_set():
            yield Pause(seconds=0.02)
        yield message()

    return Behaviour(parts=parts)


# --- processes ----------------------------------------------------------------------------------


def stat(pid: int) -> list[str]:
    """Return what proc(5) says of a process from its state on; nothing when it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text.rpartition(")")[2].split()


def family(pid: int) -> Processes:
    """Return a process and all it started, directly or not."""
    known = {int(one.name): stat(int(one.name)) for one in Path("/proc").glob("[0-9]*")}
    found = {pid}
    while more := {one for one, says in known.items() if says and int(says[1]) in found} - found:
        found |= more
    return {one: known[one][19] for one in found if known.get(one)}


def living(known: Processes) -> list[int]:
    """Return which of the processes are still there."""
    return [
        pid
        for pid, began in known.items()
        if (says := stat(pid)) and says[0] != "Z" and says[19] == began
    ]


def words(pid: int) -> str:
    """Return the command line of a process."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def of_kind(process: int, *parts: str) -> list[int]:
    """Return the processes under one whose command line has these parts."""
    return [pid for pid in family(process) if all(part in words(pid) for part in parts)]


def extractors(process: int) -> list[int]:
    """Return the children that read articles."""
    return of_kind(process, "--multiprocessing-fork")


@dataclass(slots=True)
class Run:
    """A verb in a terminal of its own, so that Ctrl-C reaches all that a terminal's would."""

    process: "subprocess.Popen[bytes]"
    archive: Path
    log_file: Path

    def log(self) -> str:
        return self.log_file.read_text()

    def ends_well(self, how: signal.Signals, *, status: int) -> None:
        """Send SIGTERM to the process, or Ctrl-C to its group, and hold its end to all promises."""
        known = family(self.process.pid)
        began = time.monotonic()
        if how is signal.SIGINT:
            os.killpg(self.process.pid, how)
        else:
            self.process.send_signal(how)
        assert self.process.wait(timeout=60) == status, self.log()
        assert time.monotonic() - began < ENDS_WITHIN, self.log()
        wait_for(lambda: not living(known), seconds=1)
        assert "Traceback" not in self.log(), self.log()
        assert "ERROR" not in self.log(), self.log()
        assert holder(open_archive(self.archive)) is None
        assert list(self.archive.rglob("*.open")) == []


@contextmanager
def running(
    archive: Path, *verb: str, command: tuple[str, ...] = COMMAND, cwd: Path = ROOT
) -> Iterator[Run]:
    """Start a verb on an archive; what is still there at the end is killed."""
    log_file = archive.parent / "run.log"
    with (
        log_file.open("wb") as log,
        subprocess.Popen(
            [*command, verb[0], "--archive", str(archive), *verb[1:]],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            start_new_session=True,
        ) as process,
    ):
        try:
            yield Run(process, archive, log_file)
        finally:
            process.kill()


SERVICE = ("run", "--listen", "127.0.0.1:0", "--workers", "1")


# --- what holds it up ---------------------------------------------------------------------------


def owe_a_delivery(archive: Path) -> None:
    """Write an event that the alert "desk" is to be told at once."""
    now = datetime.now(UTC)
    catalogue = open_catalogue(open_archive(archive))
    with catalogue.write() as db:
        event = replace(trial("desk", now=now).events[0], id="owed")
        events.put(db, event)
        deliveries.enqueue(db, event, alerts=["desk"], at=now, gather=False)
    catalogue.close()


def dials(port: int) -> bool:
    """Say whether a connection to a port of the loopback is in the making (02: SYN_SENT)."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    # Those that filled the backlog hang as well: they are there before.
    return sum(row[2].endswith(f":{port:04X}") and row[3] == "02" for row in rows) > 1


@contextmanager
def held_up(archive: Path, site: Site, other: Site, *verb: str) -> Iterator[Run]:
    """Run a verb until it hangs in a page, a connect, a host's delay; a service in an alert too."""
    gate = threading.Event()
    site.pages["/stalled"] = gated(gate)
    with ExitStack() as ends:
        ends.callback(gate.set)
        hook = ends.enter_context(socket.create_server(("127.0.0.1", 0)))
        full = ends.enter_context(full_receiver())
        hook_port = hook.getsockname()[1]
        more = HELD_UP.format(
            stalled=site.url("/stalled"),
            full=f"http://127.0.0.1:{full}/",
            slow=other.url("/page"),
            hook=f"http://127.0.0.1:{hook_port}/",
        )
        allowed = (site.address, other.address, f"127.0.0.1:{full}", f"127.0.0.1:{hook_port}")
        configure(archive, *allowed, more=more)
        if verb == SERVICE:
            owe_a_delivery(archive)
        run = ends.enter_context(running(archive, *verb))
        site.wait_for("/stalled")
        other.wait_for("/robots.txt")
        wait_for(lambda: dials(full))
        if verb == SERVICE:
            hook.settimeout(30)
            ends.enter_context(hook.accept()[0])
        yield run


# --- the claims ---------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_service_that_hangs_everywhere_ends_in_time(
    archive: Path, site: Site, other: Site, how: signal.Signals
) -> None:
    """Page, connect, delay and webhook hang: 0 within ten seconds, and what was due stays due."""
    with held_up(archive, site, other, *SERVICE) as run:
        run.ends_well(how, status=0)
    assert "skipped" not in run.log()
    (owed,) = rows("alerts", "deliveries", "--archive", str(archive))
    assert (owed["events"], owed["state"], owed["attempts"]) == (["owed"], "pending", 0)


def test_a_one_off_that_hangs_everywhere_ends_in_time(
    archive: Path, site: Site, other: Site
) -> None:
    """Ctrl-C ends ``visit`` as soon, with the status of what was interrupted."""
    with held_up(archive, site, other, "visit") as run:
        run.ends_well(signal.SIGINT, status=130)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_service_that_has_just_begun_ends_in_time(archive: Path, how: signal.Signals) -> None:
    """In the first moment of its children they end with it, without a word."""
    configure(archive)
    with running(archive, *SERVICE) as run:
        wait_for(lambda: len(of_kind(run.process.pid, "crawler.child")) == 2)
        run.ends_well(how, status=0)


def test_nothing_outlives_a_killed_service(archive: Path, site: Site) -> None:
    """A second after SIGKILL all children and their children are gone, without a complaint."""
    site.pages["/read"] = article("An article")
    configure(archive, site.address)
    with running(archive, *SERVICE) as run:
        wait_for(lambda: holder(open_archive(archive)))
        wait_for(lambda: "service started" in run.log())
        holdfast("capture", "--archive", str(archive), site.url("/read"))
        known = family(run.process.pid)
        # The service, a worker, the reader, its extractor, and the tracker of their semaphores.
        assert len(known) == 5, [words(pid) for pid in known]
        run.process.kill()
        wait_for(lambda: not living(known), seconds=1)
    assert "leaked" not in run.log()
    assert "Traceback" not in run.log()
    assert holder(open_archive(archive)) is None


def test_a_service_killed_while_its_children_begin_starts_again_at_once(archive: Path) -> None:
    """A child is bound to the life of its parent before it imports anything: it holds up nobody."""
    configure(archive)
    for _ in range(2):
        with running(archive, *SERVICE) as run:
            # Both as processes of their own: they have their command line once they run.
            wait_for(lambda run=run: len(of_kind(run.process.pid, "crawler.child")) == 2)
            run.process.kill()
            run.process.wait()
    with running(archive, *SERVICE) as run:
        wait_for(lambda: run.process.poll() is not None or "service started" in run.log())
        run.process.terminate()
        assert run.process.wait(timeout=60) == 0, run.log()


def test_a_killed_worker_leaves_a_closed_file_and_a_successor(archive: Path, site: Site) -> None:
    """Its file is closed, a torn end set aside and told; half a configuration stops nobody."""
    gate = threading.Event()
    site.pages["/stalled"] = gated(gate)
    configure(archive, site.address)
    holdfast("watch", "add", "--archive", str(archive), site.url("/stalled"))
    with running(archive, *SERVICE) as run:
        site.wait_for("/stalled")
        wait_for(lambda: list(archive.rglob("*-worker-1-*.open")))
        (left,) = archive.rglob("*-worker-1-*.open")
        with left.open("ab") as file:
            file.write(b"\x1f\x8b\x08 torn")
        configuration = archive / "holdfast.toml"
        configuration.write_text(configuration.read_text() + "\n[[si")
        (worker,) = of_kind(run.process.pid, "crawler.child", "worker-1")
        os.kill(worker, signal.SIGKILL)
        gate.set()
        wait_for(lambda: left.with_name(left.name.removesuffix(".open")).exists())
        assert not left.exists()
        wait_for(lambda: "set aside" in run.log())
        assert [one.read_bytes() for one in archive.glob("torn/*")] == [b"\x1f\x8b\x08 torn"]
        site.wait_for("/stalled", 2)
        wait_for(lambda: "visited" in run.log())
        assert "Traceback" not in run.log()
        (successor,) = of_kind(run.process.pid, "crawler.child", "worker-1")
        assert successor != worker


def test_a_reader_without_its_extractor_starts_anew(archive: Path, site: Site) -> None:
    """The extractor dies while idle: one clear line, and the next page is compared all the same."""
    for name in ("first", "second"):
        site.pages[f"/{name}"] = article(f"The {name} article")
    configure(archive, site.address)
    service = Service(archive=archive).start()
    try:
        holdfast("capture", "--archive", str(archive), site.url("/first"))
        (extractor,) = extractors(service.process.pid)
        os.kill(extractor, signal.SIGKILL)
        holdfast("capture", "--archive", str(archive), site.url("/second"))
    finally:
        assert service.end() == 0
    assert "child process cannot go on" in service.log()
    assert "Traceback" not in service.log()


def test_a_one_off_without_its_extractor_ends_with_a_reason(archive: Path, site: Site) -> None:
    """It does not wait for ever for what nobody compares any more: exit 1 and one line."""
    gate = threading.Event()
    site.pages["/first"] = article("The first article")
    site.pages["/second"] = gated(gate)
    configure(archive, site.address)
    urls = [site.url("/first"), site.url("/second")]
    with running(archive, "capture", *urls) as run:
        site.wait_for("/second")
        (extractor,) = wait_for(lambda: extractors(run.process.pid))
        wait_for(lambda: listing("text", archive, urls[0]))
        os.kill(extractor, signal.SIGKILL)
        gate.set()
        assert run.process.wait(timeout=30) == 1
    assert "the process that reads articles died" in run.log()
    assert "Traceback" not in run.log()


def test_children_import_what_the_service_is_made_of(
    archive: Path, site: Site, tmp_path: Path
) -> None:
    """A folder called ``storage`` where the service is started is none of theirs."""
    foreign = tmp_path / "elsewhere" / "storage"
    foreign.mkdir(parents=True)
    (foreign / "__init__.py").write_text("raise RuntimeError('this is another storage')\n")
    configure(archive, site.address)
    # As the installed command does: the folder it is started in is no place to import from.
    command = (sys.executable, "-P", "-m", "crawler")
    with running(archive, *SERVICE, command=command, cwd=foreign.parent) as run:
        wait_for(lambda: "service started" in run.log())
        holdfast("capture", "--archive", str(archive), site.url("/page"))
        run.ends_well(signal.SIGTERM, status=0)
