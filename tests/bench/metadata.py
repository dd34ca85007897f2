"""Measure title, authors and date against the labels of the shared extraction set.

    HOLDFAST_SHARED=... python tests/bench/metadata.py [--half 0|1] [--errors FIELD] [--set aed]

The sites are parted in two halves by a digest of their names, so that a rule can be steered on one
half and believed on the other. A page is decoded and parsed once; the CPU seconds told are those of
the metadata alone.
"""

import argparse
import importlib.util
import json
import os
import sys
import time
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import ModuleType

from crawler.text.blocks import outline
from crawler.text.decode import decode
from crawler.text.metadata import Metadata, metadata
from crawler.text.tree import parse

Label = dict[str, object]
FIELDS = ("title", "author", "date")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was found on the pages of a set, and what it cost."""

    found: dict[str, Mapping[str, object]]
    """By id of the label, in the words of the scorer."""
    facts: dict[str, Metadata]
    cpu_seconds: float


def main() -> None:
    """Print the figures of both halves, and the errors of one field if asked."""
    given = _arguments()
    folder = Path(os.environ.get("HOLDFAST_SHARED", "../shared")) / "extraction"
    labels = [one for one in labels_of(folder) if given.set in ("", one["ds"])]
    if given.half is not None:
        labels = [one for one in labels if half(str(one["site"])) == given.half]
    measured = measure(labels, pages_of(folder, labels))
    scorer = scorer_of(folder)
    for number in (0, 1):
        part = {str(one["id"]): one for one in labels if half(str(one["site"])) == number}
        for name, row in scorer.score(part, measured.found).items():
            print(f"half {number}  {name:4}", _words(row))
    whole = scorer.score({str(one["id"]): one for one in labels}, measured.found)
    for name, row in whole.items():
        print(f"all     {name:4}", _words(row))
    print(f"metadata alone: {1000 * measured.cpu_seconds / len(measured.found):.1f} ms CPU a page")
    if given.errors:
        for line in errors(labels, measured, given.errors, scorer):
            print(line)


def labels_of(folder: Path) -> list[Label]:
    """Return the labels of the set that name a title, an author or a date."""
    with (folder / "labels.jsonl").open(encoding="utf-8") as lines:
        labels = [json.loads(line) for line in lines if line.strip()]
    return [one for one in labels if any(one.get(field) for field in FIELDS)]


def pages_of(folder: Path, labels: Iterable[Label]) -> Iterator[bytes]:
    """Yield the bytes of the labels' pages."""
    with zipfile.ZipFile(folder / "pages.zip") as pages:
        for label in labels:
            yield pages.read(str(label["page"]))


def measure(labels: Iterable[Label], bodies: Iterable[bytes]) -> Measured:
    """Read the metadata of every page."""
    found: dict[str, Mapping[str, object]] = {}
    facts: dict[str, Metadata] = {}
    spent = 0.0
    for label, body in zip(labels, bodies, strict=True):
        root = parse(decode(body, headers=()).text).root
        if root is None:
            continue
        runs = outline(root).runs
        before = time.process_time()
        one = metadata(root, runs=runs, url=str(label["url"]), language=None)
        spent += time.process_time() - before
        key = str(label["id"])
        facts[key] = one
        day = one.published or one.modified
        found[key] = {"title": one.title, "author": "; ".join(one.byline), "date": day}
    return Measured(found=found, facts=facts, cpu_seconds=spent)


def half(site: str) -> int:
    """Return the half a site belongs to: the same for all its pages, on every run."""
    return sha256(site.encode()).digest()[0] % 2


def scorer_of(folder: Path) -> ModuleType:
    """Return the scorer that lies beside the labels."""
    spec = importlib.util.spec_from_file_location("score", folder / "score.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def errors(
    labels: Iterable[Label], measured: Measured, field: str, scorer: ModuleType
) -> Iterator[str]:
    """Yield a line for every page whose field differs from its label."""
    equal = {
        "title": lambda a, b: scorer.fold(a) == scorer.fold(b),
        "author": lambda a, b: scorer.names(a) == scorer.names(b),
        "date": lambda a, b: str(b)[:10] == a,
    }[field]
    for label in labels:
        wanted, got = label.get(field), measured.found.get(str(label["id"]), {}).get(field)
        if wanted and not equal(wanted, got):
            yield f"{label['id']}  wanted {wanted!r}  got {got!r}  {label['url']}"


def _words(row: Mapping[str, float]) -> str:
    kept = ("title", "authP", "authR", "authF1", "date", "dateWrong")
    return "  ".join(f"{name} {row[name]:.3f}" for name in kept if name in row)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half", type=int, choices=(0, 1))
    parser.add_argument("--errors", choices=FIELDS)
    parser.add_argument("--set", default="")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
