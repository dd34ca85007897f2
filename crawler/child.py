"""Start one child of the service: ``python -m crawler.child worker|reader ARCHIVE NAME``."""

import argparse
import asyncio
import os
import signal
import sys
import threading
from pathlib import Path

try:
    from uvloop import run as run_loop
except ImportError:  # the extra ``fast`` is not there: the loop is Python's own
    from asyncio import run as run_loop  # type: ignore[assignment] # it takes less

from crawler import build, opening
from crawler.console import set_up_logging
from crawler.parent import end_with_parent
from crawler.worker import Worker
from storage.catalogue import claims


def main() -> int:
    """Run a worker or the reader until SIGTERM; return its exit status."""
    arguments = _arguments()
    end_with_parent()
    if os.getppid() != arguments.parent:  # it died before the kernel was asked to tell us
        return 1
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the service, which then tells us
    set_up_logging("WARNING" if arguments.quiet else "INFO", sys.stderr)
    parts = opening.parts(arguments.archive)
    if arguments.kind == "reader":
        return _read(parts)
    return run_loop(_work(parts, arguments.name))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="crawler.child", description=__doc__)
    parser.add_argument("kind", choices=("worker", "reader"))
    parser.add_argument("archive", type=Path)
    parser.add_argument("name")
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--quiet", action="store_true")
    return parser.parse_args()


async def _work(parts: opening.Parts, name: str) -> int:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    with parts.catalogue.write() as db:
        # A predecessor of this name is dead: its hosts need not wait for its leases to run out.
        claims.free_all(db, worker=name)
    worker: Worker = build.worker(parts, name=name)
    await worker.run(stop)
    return 0


def _read(parts: opening.Parts) -> int:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with build.reader(parts) as reader:
        reader.run(stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
