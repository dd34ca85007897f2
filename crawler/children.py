"""Start the child processes of the service, watch them, restart the dead ones, end them."""

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from pydantic import TypeAdapter

from crawler.config import Config
from crawler.opening import Parts
from crawler.reconciliation import recover_all, sentences

logger = logging.getLogger(__name__)

FIRST_WAIT = timedelta(seconds=0.5)
LONGEST_WAIT = timedelta(seconds=30)
WELL_AFTER = timedelta(seconds=60)
"""A child that lived this long starts anew with the first wait."""
SERVICE_WORKERS = "worker-"
"""How the names of its workers begin, in the rows of their visits too."""
_PROGRAM = """\
from crawler.parent import end_with_parent
end_with_parent({parent})
import sys
from crawler.child import main
sys.exit(main())
"""
"""Bound to the life of its parent before it imports anything large."""


@dataclass(slots=True, kw_only=True)
class Child:
    """One child process and its fortunes; times are seconds of the monotonic clock."""

    name: str
    kind: str
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    restarts: int = 0
    wait: float = FIRST_WAIT.total_seconds()
    not_before: float = 0.0
    last_status: int | None = None

    @property
    def alive(self) -> bool:
        """Say whether the process runs."""
        return self.process is not None and self.process.poll() is None


class Children:
    """The workers and the reader of one service."""

    def __init__(self, own: Parts, *, workers: int, lock_fd: int, quiet: bool) -> None:
        self._archive = own.archive
        self._catalogue = own.catalogue
        # Who sends no alerts need not know their secrets.
        self._config = TypeAdapter(Config).dump_json(replace(own.config, alerts=()))
        self._lock_fd = lock_fd
        self._quiet = quiet
        self._left_open = threading.Event()
        self.all = [
            Child(name=f"{SERVICE_WORKERS}{n}", kind="worker") for n in range(1, workers + 1)
        ]
        self.all.append(Child(name="reader", kind="reader"))

    def start(self) -> None:
        """Start every child."""
        for child in self.all:
            self._spawn(child)

    def watch(self) -> None:
        """Restart what has died, later and later while it keeps dying.

        Call it in a thread that lives as long as the service: the kernel ends a child with the
        thread that started it (prctl(2), PR_SET_PDEATHSIG).
        """
        now = time.monotonic()
        for child in self.all:
            if child.process is None:
                if now >= child.not_before:
                    child.restarts += 1
                    self._spawn(child)
            elif (status := child.process.poll()) is not None:
                self._mourn(child, status, now=now)

    def mend(self) -> None:
        """Close the files that dead workers left open, and tell what was in them."""
        if not self._left_open.is_set():
            return
        self._left_open.clear()
        # The files of the living are locked, and so passed over.
        now, archive = datetime.now(UTC), self._archive
        found = recover_all(archive, self._catalogue, now=now, patience=timedelta())
        # Those of the living are no news.
        found = replace(found, recovered=replace(found.recovered, busy=()))
        for sentence in sentences(found):
            logger.warning("recovered after a worker died", extra={"what": sentence})

    def stop(self, *, within: timedelta) -> None:
        """Ask every child to finish; kill what is still there when the time is over."""
        for child in self.all:
            if child.process is not None and child.alive:
                child.process.terminate()
        end = time.monotonic() + within.total_seconds()
        for child in self.all:
            if child.process is None:
                continue
            try:
                child.process.wait(timeout=max(end - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                logger.warning(
                    "child did not end in time and is killed; a file it leaves open is closed at "
                    "the next start",
                    extra=told(child),
                )
                child.process.kill()
                child.process.wait()

    def _spawn(self, child: Child) -> None:
        with os.fdopen(os.memfd_create("configuration"), "w+b") as config:
            config.write(self._config)
            config.seek(0)
            child.process = subprocess.Popen(  # noqa: S603 - our own module, no shell
                self._command(child),
                stdin=config,
                pass_fds=(self._lock_fd,),
                # What we are made of, and nothing of the folder we were started in.
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                process_group=0,  # Ctrl-C is for the service, which then tells its children
            )
        child.started = time.monotonic()

    def _command(self, child: Child) -> Sequence[str]:
        command = [sys.executable, "-P"]
        # Said by the tracker of the reader's own child when all are killed; it cleans up then.
        command += ["-W", "ignore:resource_tracker"]
        # Not -m: the reader's own child would import this program as well, to no use.
        command += ["-c", _PROGRAM.format(parent=os.getpid())]
        command += [child.kind, str(self._archive.root), child.name]
        return [*command, "--quiet"] if self._quiet else command

    def _mourn(self, child: Child, status: int, *, now: float) -> None:
        if now - child.started > WELL_AFTER.total_seconds():
            child.wait = FIRST_WAIT.total_seconds()
        logger.error(
            "child process ended and is started again; nothing it had kept is lost",
            extra={**told(child), "status": status, "again_in_s": child.wait},
        )
        child.process, child.last_status = None, status
        self._left_open.set()
        child.not_before = now + child.wait
        child.wait = min(child.wait * 2, LONGEST_WAIT.total_seconds())


def told(child: Child) -> dict[str, object]:
    """Return the fields that name a child in the log."""
    pid = child.process.pid if child.process is not None else None
    return {"child": child.name, "pid": pid}
