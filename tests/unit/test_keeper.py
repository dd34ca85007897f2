"""The keeper: exchanges wait for the sync, are appended in order, and fail each for itself."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from exchanges import PAGE, answered, message

from crawler.fetch.keeper import LARGE_BYTES, LONGEST_WAIT, MOST_WAITING, Asked, Keeper
from storage import archive
from storage.archive import Archive
from storage.errors import RecordError
from storage.model import Role
from storage.warc import reader
from storage.warc.writer import Info, Writer

ASKED = Asked(role=Role.TARGET, via=None, hops="", site="paper")


def with_keeper(folder: Path, work: Callable[[Keeper, Archive], Awaitable[None]]) -> None:
    """Do the work with a keeper of a new archive."""

    async def main() -> None:
        kept = archive.create(folder / "archive")
        with ThreadPoolExecutor(1) as syncs:
            keeper = Keeper(Writer(kept, name="w", info=Info(software="t")), syncs)
            await work(keeper, kept)
            await keeper.close()

    asyncio.run(main())


def grown(kept: Archive) -> int:
    """Return how many bytes the growing file has."""
    return sum(one.stat().st_size for one in kept.warc.rglob("*.open"))


def test_small_exchanges_wait_for_the_sync(tmp_path: Path) -> None:
    """They are written together, in their order, and their places are known then."""

    async def work(keeper: Keeper, kept: Archive) -> None:
        places = [keeper.append(answered(), ASKED) for _ in range(5)]
        assert grown(kept) == 0
        assert not any(one.is_known for one in places)
        await asyncio.gather(*(keeper.synced() for _ in places))
        offsets = [one.made()[0].record.offset for one in places]
        assert offsets == sorted(offsets)
        assert len(set(offsets)) == 5

    with_keeper(tmp_path, work)


def test_what_nobody_asks_to_have_synced_is_written_soon(tmp_path: Path) -> None:
    """The robots.txt of a page that is slow is in the file long before the page."""

    async def work(keeper: Keeper, kept: Archive) -> None:
        place = keeper.append(answered(), ASKED)
        for _ in range(400):
            if not place.is_known:
                await asyncio.sleep(LONGEST_WAIT.total_seconds())
        assert grown(kept) > place.made()[0].record.offset

    with_keeper(tmp_path, work)


def test_large_exchanges_and_many_wait_for_nothing(tmp_path: Path) -> None:
    """What is large leaves the memory, and what is many is written; nothing overtakes another."""

    async def work(keeper: Keeper, kept: Archive) -> None:
        small = keeper.append(answered(), ASKED)
        large = keeper.append(answered(message(b"x" * LARGE_BYTES)), ASKED)
        assert small.made()[0].record.offset < large.made()[0].record.offset
        many = [keeper.append(answered(), ASKED) for _ in range(MOST_WAITING)]
        assert all(one.is_known for one in many)
        assert not keeper.append(answered(), ASKED).is_known

    with_keeper(tmp_path, work)


def test_an_exchange_that_cannot_be_kept_costs_no_other(tmp_path: Path) -> None:
    """Who asks for its place is told why there is none; those around it are kept."""

    async def work(keeper: Keeper, kept: Archive) -> None:
        before = keeper.append(answered(), ASKED)
        false = keeper.append(replace(answered(), answer_bytes=7), ASKED)
        after = keeper.append(answered(), ASKED)
        await keeper.synced()
        with pytest.raises(RecordError, match="bytes its exchange says"):
            false.made()
        for one in (before, after):
            with reader.read(kept, one.made()[0].record).block as block:
                assert block.read() == PAGE

    with_keeper(tmp_path, work)


def test_what_waits_is_kept_when_the_keeper_closes(tmp_path: Path) -> None:
    """Nobody waited for it any more, but the server saw it."""
    places = []

    async def work(keeper: Keeper, kept: Archive) -> None:
        places.append(keeper.append(answered(), ASKED))

    with_keeper(tmp_path, work)
    assert places[0].is_known
