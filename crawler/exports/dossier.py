"""Make the dossier of an event: one folder, or one ZIP, that a stranger can check without us."""

import argparse
from dataclasses import replace
from pathlib import Path

from crawler import build
from crawler.dossier import pack
from crawler.dossier.gather import gather
from crawler.errors import CrawlerError
from crawler.exports import Exported
from crawler.opening import Parts
from crawler.wording import counted
from storage.catalogue import events

HELP = "the evidence of one event, for somebody who has only standard tools"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--event", required=True, metavar="ID", help="the event it is about")
    parser.add_argument(
        "--output",
        required=True,
        type=Path,
        metavar="PATH",
        help="where to: a folder that is not there yet, or a file that ends in .zip",
    )


def run(own: Parts, arguments: argparse.Namespace) -> Exported:
    """Write it; what could not be read of it is said, here and in it."""
    with own.catalogue.read() as db:
        event = events.one(db, arguments.event)
    if event is None:
        raise CrawlerError(
            f"there is no event {arguments.event!r}; `holdfast events` lists them with their ids"
        )
    evidence = gather(own, event)
    info = replace(
        build.info_of(own, robots=""), description=f"dossier of event {event.id}: {event.kind}"
    )
    count = pack.write(evidence, arguments.output, archive=own.archive, info=info)
    told = f"{arguments.output}: {counted(count, 'record')}; begin with HOW-TO-VERIFY.txt"
    return Exported(told=told, left_out=evidence.faults)
