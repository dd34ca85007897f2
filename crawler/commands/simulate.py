"""``holdfast simulate``: the revisit policy in a simulated world.

A program on the other side of standard input and output plays the web: it says what pages there
are, and answers each visit. Policy and store are those of the service, the clock is the world's.
What is learnt goes into a catalogue of its own, which is thrown away.

    holdfast simulate --stdio
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from crawler.errors import CrawlerError
from crawler.simulation import Simulation
from storage.catalogue.engine import open_catalogue

HELP = "let the revisit policy live through a simulated world"
GROUP = "care"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--stdio",
        action="store_true",
        required=True,
        help="speak with the world by lines of JSON on standard input and output",
    )


def run(_arguments: argparse.Namespace) -> int:
    """Live through the world that speaks on standard input."""
    hello = _heard()
    if hello.get("op") != "hello" or hello.get("version") != 1:
        raise CrawlerError("the first line of the world is to be a hello of version 1")
    with TemporaryDirectory(prefix="holdfast-") as folder:
        catalogue = open_catalogue(Path(folder, "catalogue.db"))
        try:
            Simulation(_ask, catalogue).run(hello)
        finally:
            catalogue.close()
    sys.stdout.write('{"op": "end"}\n')
    sys.stdout.flush()
    return 0


def _ask(act: Mapping[str, Any]) -> Mapping[str, Any]:
    sys.stdout.write(json.dumps(act) + "\n")
    sys.stdout.flush()
    return _heard()


def _heard() -> Mapping[str, Any]:
    line = sys.stdin.readline()
    if not line:
        return {"op": "end"}
    try:
        said = json.loads(line)
    except ValueError as error:
        raise CrawlerError(f"the world sent a line that is not JSON: {error}") from error
    if not isinstance(said, dict):
        raise CrawlerError("the world sent a line that is no JSON object")
    return said
