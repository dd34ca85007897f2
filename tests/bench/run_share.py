"""Switch the WARC off and on while one process fetches, and tell what a page costs the more for it.

Blocks of pages come as on, off, off, on: what drifts in the process meets both alike.
"""

import hashlib
import os
import statistics
import time
from collections.abc import Iterator

import lists
from parts import Tally, arguments, drive, room
from uvloop import run as run_loop

from crawler.fetch.ticket import Ticket

ORDER = (True, False, False, True)
WARM_BLOCKS = 2
"""So many come first and are not counted."""
FEWEST_BLOCKS = 10
"""A short list has smaller blocks."""
DIGESTS = 2
"""Made of every answer as its bytes come, kept or not: of the block and of the payload."""


async def main() -> None:
    """Fetch the list block by block and tell the difference."""
    given = arguments(__doc__)
    urls = lists.read(given.list)
    size = max(min(given.block, len(urls) // FEWEST_BLOCKS), 1)
    known = dict(zip(urls, lists.read(given.known), strict=True))
    tally = Tally()
    spent: list[float] = []
    async with room(given.folder, keeping=True) as own:

        async def visit(ticket: Ticket) -> None:
            await own.fetcher.page(ticket)

        for number, block in enumerate(blocks(urls, size)):
            own.keeper.keeping = ORDER[(number - WARM_BLOCKS) % len(ORDER)]
            before = time.process_time()
            await drive(block, own, visit, tally=tally, known=known)
            spent.append((time.process_time() - before) / len(block))
    found = list(differences(spent[WARM_BLOCKS : len(urls) // size]))
    tally.tell(
        share_seconds=statistics.median(found),
        pairs=len(found),
        digest_seconds=digests(tally.body_bytes // tally.pages),
    )


def blocks(urls: list[str], size: int) -> Iterator[list[str]]:
    """Yield the list in blocks."""
    for start in range(0, len(urls), size):
        yield urls[start : start + size]


def differences(spent: list[float]) -> Iterator[float]:
    """Yield for each pair of blocks what a kept page costs more than one that is not."""
    for number in range(0, len(spent) - 1, 2):
        first, second = spent[number], spent[number + 1]
        yield first - second if ORDER[number % len(ORDER)] else second - first


def digests(size: int) -> float:
    """Return the CPU seconds that the digests of an answer of this size take."""
    body, times = os.urandom(size), 500
    before = time.process_time()
    for _ in range(times * DIGESTS):
        hashlib.sha1(body, usedforsecurity=False).digest()
    return (time.process_time() - before) / times


if __name__ == "__main__":
    run_loop(main())
