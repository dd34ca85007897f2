"""Verify what a run kept: an answer for every page, and some of them byte for byte."""

import argparse
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import IO
from zipfile import ZipFile

import articles
import lists
from fastwarc.warc import ArchiveIterator, WarcRecordType
from origin import answer

EVERY = 50
"""Each such page is compared with what the server sends."""


def streams(folder: Path) -> Iterator[IO[bytes]]:
    """Yield the WARC files below a folder, also those inside a WACZ."""
    packages = sorted(folder.rglob("*.wacz"))
    for package in packages:
        with ZipFile(package) as opened:
            for name in opened.namelist():
                if name.endswith(".warc.gz"):
                    yield BytesIO(opened.read(name))
    if not packages:
        for path in sorted(folder.rglob("*.warc.gz")):
            with path.open("rb") as stream:
                yield stream


def answers(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield address and block of every response that was kept."""
    for stream in streams(folder):
        for record in ArchiveIterator(
            stream, record_types=WarcRecordType.response, parse_http=False
        ):
            yield record.headers["WARC-Target-URI"].strip("<>"), record.reader.read()


def faults(folder: Path, urls: list[str], *, wire: bool) -> Iterator[str]:
    """Yield what is wrong with what was kept of a list."""
    kept = 0
    seen = set()
    for url, block in answers(folder):
        kept += 1
        seen.add(url)
        number = lists.number_of(url)
        if number % EVERY == 0 and not same(url, number, block, wire=wire):
            yield f"{url} was not kept as the server sent it"
    if kept != len(urls) or seen != set(urls):
        yield f"{kept} answers of {len(seen)} pages were kept, {len(urls)} were asked for"


def same(url: str, number: int, block: bytes, *, wire: bool) -> bool:
    """Tell whether a block is what the server sends for this page, or ends as that does."""
    page = articles.page(number)
    kind = lists.content_type(url)
    sent = answer(kind, page), answer(kind, articles.packed(page), coding="gzip")
    if wire:
        return block in [head + body for head, body in sent]
    return block.endswith(tuple(b"\r\n\r\n" + body for _, body in sent))


def main() -> None:
    """Verify a folder, and end with 1 and the faults when there are some."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("list", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pages", action="store_true", help="answers may be written anew")
    given = parser.parse_args()
    found = list(faults(given.folder, lists.read(given.list), wire=not given.pages))
    if found:
        sys.exit("\n".join(found[:10]))


if __name__ == "__main__":
    main()
