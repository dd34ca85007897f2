"""A payload is stored once, and stored again where the record that holds it is not sound."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from exchanges import answered, message

from crawler.fetch.keeper import Asked, Keeper, Place
from crawler.fetch.originals import Originals
from storage import archive
from storage.archive import Archive
from storage.errors import CatalogueError
from storage.model import Exchange, Original, Outcome, Role
from storage.warc import reader
from storage.warc.originals import original_of
from storage.warc.writer import Info, Kept, Writer

ASKED = Asked(role=Role.TARGET, via=None, hops="", site="paper")
INFO = Info(software="t")
BODY = b"of many words " * 100


@pytest.fixture
def kept(tmp_path: Path) -> Archive:
    """Make an archive."""
    return archive.create(tmp_path / "archive")


def first(kept: Archive) -> Original:
    """Write the answer for the first time, and return what its record is called."""
    exchange = answered(message(BODY))
    with Writer(kept, name="first", info=INFO) as writer:
        made = writer.append(exchange, role=Role.TARGET)
    return original_of(exchange, record_id=made.record_id, record=made.record)


def made(keeper: Keeper, exchange: Exchange) -> tuple[Kept, Original | None]:
    """Append an exchange now."""

    async def append() -> Place:
        place = keeper.append(exchange, ASKED)
        keeper.flush()
        return place

    return asyncio.run(append()).made()


def second(kept: Archive, held: Original) -> Original | None:
    """Write the same answer again, and return the record it refers to."""
    with ThreadPoolExecutor(1) as syncs, Writer(kept, name="second", info=INFO) as writer:
        keeper = Keeper(writer, syncs, originals=Originals(kept, find=lambda _, __: held))
        return made(keeper, answered(message(BODY)))[1]


def file_of(kept: Archive, held: Original) -> Path:
    """Return where the record lies."""
    assert held.place is not None
    return next(kept.warc.rglob(held.place[0]))


def test_a_sound_record_is_referred_to(kept: Archive) -> None:
    """The second answer is a revisit of the first."""
    held = first(kept)
    assert second(kept, held) == held


def test_a_flipped_byte_has_the_answer_kept_whole(kept: Archive) -> None:
    """Good new bytes are never thrown away for damaged old ones."""
    held = first(kept)
    file = file_of(kept, held)
    data = bytearray(file.read_bytes())
    assert held.place is not None
    data[held.place[1] + 300] ^= 1
    file.write_bytes(data)
    assert second(kept, held) is None


def test_a_cut_or_lost_file_has_the_answer_kept_whole(kept: Archive) -> None:
    """A name alone is no record."""
    held = first(kept)
    file = file_of(kept, held)
    assert held.place is not None
    file.write_bytes(file.read_bytes()[: held.place[1]])
    assert second(kept, held) is None
    file.unlink()
    assert second(kept, held) is None


def test_another_record_at_the_place_is_none(kept: Archive) -> None:
    """A file put back from elsewhere holds other records under the same name."""
    held = first(kept)
    other = Original(
        record_id="<urn:uuid:00000000-0000-8000-8000-000000000001>",
        uri=held.uri,
        date=held.date,
        payload_digest=held.payload_digest,
        place=held.place,
    )
    assert second(kept, other) is None


def test_a_catalogue_that_fails_costs_no_bytes(kept: Archive) -> None:
    """The answer in hand is kept whole; that the catalogue is broken shows at its row."""

    def find(_: str, __: str) -> Original | None:
        raise CatalogueError("the disk is full")

    with ThreadPoolExecutor(1) as syncs, Writer(kept, name="w", info=INFO) as writer:
        keeper = Keeper(writer, syncs, originals=Originals(kept, find=find))
        first_kept, original = made(keeper, answered(message(BODY)))
    assert original is None
    page = reader.page(kept, first_kept.record, limit_bytes=10**6)
    assert page.body == BODY


def test_a_redirect_is_kept_whole(kept: Archive) -> None:
    """Of a redirect's revisit replay tools show the head alone."""
    held = first(kept)
    with ThreadPoolExecutor(1) as syncs, Writer(kept, name="w", info=INFO) as writer:
        keeper = Keeper(writer, syncs, originals=Originals(kept, find=lambda _, __: held))
        moved = answered(message(BODY, status=302), outcome=Outcome.REDIRECT)
        assert made(keeper, moved)[1] is None


def test_a_new_file_refers_to_nothing_unsafe(kept: Archive) -> None:
    """Records of the file before may not be on the disk when a revisit in this one is."""
    with ThreadPoolExecutor(1) as syncs, Writer(kept, name="w", info=INFO, max_bytes=1) as writer:
        keeper = Keeper(writer, syncs, originals=Originals(kept, find=lambda _, __: None))
        made(keeper, answered(message(BODY)))
        made(keeper, answered(message(BODY + b"!")))
        assert made(keeper, answered(message(BODY)))[1] is None
