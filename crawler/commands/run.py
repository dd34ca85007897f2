"""``holdfast run``: the service.

One service at a time holds an archive; a second one ends with 75 and names the first. SIGTERM or
Ctrl-C ends it within ten seconds, with exit status 0. docs/running.md says how to run it for years.

    holdfast run --archive A
    holdfast run --archive A --workers 2 --listen 127.0.0.1:9000
"""

import argparse
import asyncio
import logging
import os
import signal
import sys
from contextlib import closing

from crawler import build, opening
from crawler.commands import add_archive
from crawler.console import set_up_logging
from crawler.errors import CrawlerError
from crawler.oneoff import prepare
from crawler.packages import package_faults
from crawler.pulse import rest
from crawler.service import listen
from storage.archive import hold, open_archive

HELP = "run the service: visit what falls due, compare, tell, and show it on a web page"
GROUP = "start"

logger = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_archive(parser)
    parser.add_argument(
        "--workers", type=_count, default=os.cpu_count() or 1, metavar="N", help="worker processes"
    )
    parser.add_argument(
        "--listen", default="127.0.0.1:8440", metavar="HOST:PORT", help="where the web page is"
    )
    parser.add_argument("--quiet", action="store_true", help="log nothing but problems")


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or Ctrl-C; 0 after a clean end, 75 when another holds the archive."""
    set_up_logging("WARNING" if arguments.quiet else "INFO", sys.stderr)
    for one in (signal.SIGTERM, signal.SIGINT):  # until the service has its own handlers
        signal.signal(one, lambda *_: sys.exit(0))
    with hold(open_archive(arguments.archive)) as held:
        own = opening.parts(arguments.archive)
        build.channels(own)  # a wrong option is refused before the first request
        try:
            listener = listen(arguments.listen)
        except (OSError, ValueError) as fault:
            raise CrawlerError(
                f"cannot listen on {arguments.listen}: {fault}; the service was not started; "
                "choose another with --listen"
            ) from fault
        host, port = listener.getsockname()[:2]
        address = f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
        held.tell(address)
        for fault_found in package_faults():
            logger.error("another package stands in for ours", extra={"fault": fault_found})
        for warning in own.config.warnings:
            logger.warning("configuration", extra={"says": warning})
        if not (own.config.archive.operator and own.config.archive.contact):
            logger.warning(
                "nobody is named as the keeper of this archive; write operator and contact into "
                "holdfast.toml: sites and other archives will want to know"
            )
        with closing(build.chronicle(own, name="service")) as told:
            for sentence in prepare(own, serves=told):
                logger.warning("recovered after an unclean stop", extra={"what": sentence})
            place = {"archive": str(own.archive.root), "page": address}
            logger.info("service started", extra=place)
            service = build.service(
                own,
                hold=held,
                workers=arguments.workers,
                listener=listener,
                quiet=arguments.quiet,
                told=told,
            )
            status = asyncio.run(service.run())
            rest(own.catalogue, told)
            return status


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 64:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of workers from 1 to 64")
    return int(text)
