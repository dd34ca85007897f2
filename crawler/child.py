"""Be one child of the service: a worker, or the reader."""

import argparse
import asyncio
import logging
import signal
import sys
import threading
from pathlib import Path

try:
    from uvloop import run as run_loop
except ImportError:  # there is none for this system: the loop is Python's own
    from asyncio import run as run_loop  # type: ignore[assignment] # it takes less

from pydantic import TypeAdapter

from crawler import build
from crawler.config import Config
from crawler.console import set_up_logging
from crawler.errors import CrawlerError
from crawler.memory import be_frugal, settle
from crawler.opening import Parts, refuse_without_catalogue
from crawler.worker import Worker
from storage.archive import open_archive
from storage.catalogue import claims
from storage.catalogue.engine import open_catalogue
from storage.errors import StorageError

logger = logging.getLogger(__name__)


def main() -> int:
    """Run a worker or the reader until SIGTERM; return its exit status."""
    arguments = _arguments()
    be_frugal()
    set_up_logging("WARNING" if arguments.quiet else "INFO", sys.stderr)
    try:
        parts = _parts(arguments.archive)
        if arguments.kind == "reader":
            return _read(parts)
        return run_loop(_work(parts, arguments.name))
    except (CrawlerError, StorageError) as error:
        logger.debug("the child ended with an error", exc_info=True)
        logger.error(  # noqa: TRY400 - a sentence for a person, who needs no traceback
            "child process cannot go on", extra={"child": arguments.name, "reason": str(error)}
        )
        return 1


def _parts(root: Path) -> Parts:
    """Open the archive with the configuration the service was started with, given on stdin.

    Read anew it might be another one, or be half edited; what is changed holds from the next start.
    """
    archive = open_archive(root)
    refuse_without_catalogue(archive)
    config = TypeAdapter(Config).validate_json(sys.stdin.buffer.read())
    return Parts(archive=archive, config=config, catalogue=open_catalogue(archive))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="crawler.child", description=__doc__)
    parser.add_argument("kind", choices=("worker", "reader"))
    parser.add_argument("archive", type=Path)
    parser.add_argument("name")
    parser.add_argument("--quiet", action="store_true")
    return parser.parse_args()


async def _work(parts: Parts, name: str) -> int:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    with parts.catalogue.write() as db:
        # A predecessor of this name is dead: its hosts need not wait for its leases to run out.
        claims.free_all(db, worker=name)
    worker: Worker = build.worker(parts, name=name)
    settle()
    await worker.run(stop)
    return 0


def _read(parts: Parts) -> int:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with build.reader(parts) as reader:
        reader.run(stop)
    return 0
