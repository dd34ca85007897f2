"""Flip single bits of an archive's WARC files and cut them short: each is found and named."""

import gzip
import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastwarc.warc import ArchiveIterator
from hatching import LONG, Nest, nest
from pages import Pages
from readback import faults

pytestmark = pytest.mark.crash

SEED = 20261122
FLIPS = 1000 if LONG else 60
CUTS = 50 if LONG else 10
HEADERS = 60 if LONG else 12
"""Flips of bits in the headers of gzip members, which chance alone would seldom meet."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An archive with a few files, sound as long as nobody touches them."""

    root: Path
    hatch: Nest

    @property
    def files(self) -> list[Path]:
        return sorted(self.root.rglob("*.warc.gz"))

    def found(self) -> list[dict[str, Any]]:
        """Return the faults that `holdfast verify` tells of."""
        words = ("verify", "--archive", str(self.root), "--json", "--jobs", "1")
        status = self.hatch.verb(*words)
        lines = [line for line in self.hatch.said.splitlines() if line.startswith("{")]
        told = [one for one in map(json.loads, lines) if one["severity"] == "fault"]
        assert status == (1 if told else 0), self.hatch.said
        return told


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    folder = tmp_path_factory.mktemp("flipped")
    with Pages(SEED) as pages, nest(folder) as hatch:
        urls = [pages.url(f"/{number}") for number in range(4)]
        root = hatch.make(folder / "archive", allowed=pages.addresses)
        for _ in range(3):
            assert hatch.verb("capture", "--archive", str(root), *urls) == 0, hatch.said
        archive = Kept(root, hatch)
        assert len(archive.files) >= 3
        assert archive.found() == []
        yield archive


def _starts(path: Path) -> list[int]:
    with path.open("rb") as source:
        return [record.stream_pos for record in ArchiveIterator(source, parse_http=False)]


def _is_named(told: list[dict[str, Any]], name: str, start: int) -> bool:
    return any(one["file"] == name and one["offset"] == start for one in told)


def test_every_flipped_bit_is_found_and_named(kept: Kept) -> None:
    """No flip goes unnoticed; what changes anything that is read is named by its record's place."""
    chance = random.Random(SEED)
    print(f"seed {SEED}")
    ways: Counter[str] = Counter()
    unnoticed = []
    for number in range(FLIPS + HEADERS):
        path = chance.choice(kept.files)
        whole = path.read_bytes()
        starts = _starts(path)
        in_header = number >= FLIPS
        position = (
            chance.choice(starts) + chance.randrange(3, 10)
            if in_header
            else chance.randrange(len(whole))
        )
        start = max(one for one in starts if one <= position)
        broken = bytearray(whole)
        broken[position] ^= 1 << chance.randrange(8)
        name = path.relative_to(kept.root).as_posix()
        path.write_bytes(broken)
        try:
            told = kept.found()
        finally:
            path.write_bytes(whole)
        of_file = [one for one in told if one["file"] == name]
        if not of_file:
            unnoticed.append(f"{name} byte {position} ({position - start} of its record)")
            continue
        ways.update({one["kind"] for one in of_file})
        if not _is_named(told, name, start):
            # Only a bit that no reader sees may be found by the sum of the whole file alone.
            assert gzip.decompress(bytes(broken)) == gzip.decompress(whole), of_file
            ways["named by its file alone"] += 1
    print(f"{FLIPS + HEADERS} flips: {dict(ways)}")
    assert unnoticed == []
    assert kept.found() == []


def test_every_cut_is_found_and_named(kept: Kept) -> None:
    """A file cut anywhere is told of, at the record that breaks off or is not there any more."""
    chance = random.Random(SEED)
    ways: Counter[str] = Counter()
    for number in range(CUTS):
        path = chance.choice(kept.files)
        whole = path.read_bytes()
        starts = _starts(path)
        # Every fifth falls between two records, where the rest of the file is sound.
        cut = chance.choice(starts[1:]) if number % 5 == 0 else chance.randrange(1, len(whole))
        start = max(one for one in starts if one <= cut)
        name = path.relative_to(kept.root).as_posix()
        path.write_bytes(whole[:cut])
        try:
            told = [one for one in kept.found() if one["file"] == name]
        finally:
            path.write_bytes(whole)
        assert told, f"{name} cut at {cut} was not told"
        ways.update({one["kind"] for one in told})
        if start < cut:
            assert _is_named(told, name, start), told
    print(f"{CUTS} cuts: {dict(ways)}")
    assert kept.found() == []


def test_the_library_finds_what_the_verb_finds(kept: Kept) -> None:
    """A flip is found by the function behind the verb, in this very process."""
    path = kept.files[0]
    whole = path.read_bytes()
    start = _starts(path)[-1]
    broken = bytearray(whole)
    broken[-20] ^= 4
    path.write_bytes(broken)
    try:
        wrong, _ = faults(kept.root)
    finally:
        path.write_bytes(whole)
    name = path.relative_to(kept.root).as_posix()
    assert (name, start) in [(one.file, one.offset) for one in wrong]
