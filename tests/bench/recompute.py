"""Judge all visits of an archive once more, from its WARC files of exchanges alone."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from crawler import build, opening
from storage.archive import hold
from storage.catalogue import events

ROOT = Path(__file__).resolve().parents[2]


def recomputed(archive: Path, copy: Path) -> float:
    """Return the share of an archive's events that a copy without any verdicts comes to again.

    The copy has the exchanges and the watch list, but none of the records in which events and
    standings are written; its catalogue is made anew, and every visit is compared again.
    """
    told = _events(archive)
    shutil.copytree(archive, copy, ignore=shutil.ignore_patterns("catalogue*", "*-notes-*"))
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "crawler", "rebuild", "--archive", str(copy)]
    subprocess.run(command, stdout=subprocess.DEVNULL, env=environment, check=False)
    own = opening.parts(copy)
    with contextlib.ExitStack() as ends:
        ends.callback(hold(own.archive).release)
        reader = ends.enter_context(build.reader(own))
        while reader.step():
            pass
    again = _events(copy)
    missed = told - again
    for one in sorted(missed):
        print("not recomputed:", *one, file=sys.stderr)
    return round(1 - len(missed) / len(told), 4) if told else 1.0


def _events(archive: Path) -> set[tuple[str, str, str]]:
    own = opening.parts(archive)
    with own.catalogue.read() as db:
        listed = events.listing(db)
    return {(one.url, one.kind, json.dumps(one.captured_at.isoformat())) for one in listed}
