"""Know what the archive holds already, so that the same payload is stored once."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta

from storage.archive import Archive
from storage.errors import CatalogueError, RecordError
from storage.message import transfer_of
from storage.model import ANSWERED, Exchange, Original, Outcome
from storage.warc import reader
from storage.warc.originals import SMALLEST_BYTES, original_of
from storage.warc.writer import Kept

MOST_RECENT = 5000
"""Payloads of this process that are remembered until the catalogue knows them, some 2 MB."""
LARGE_BYTES = 1024 * 1024
MOST_SOUND = 20_000
SOUND_FOR = timedelta(days=1)
"""How long a record that was read and found sound is taken for so."""

logger = logging.getLogger(__name__)


class Originals:
    """Find the record that holds a payload whole: one of this process, or of the catalogue.

    ``find`` asks the catalogue by payload digest and transfer coding. A record counts only where a
    revisit of it can be replayed: it was read and its digests agree, it came in the same transfer
    coding, and the answer is no redirect (of whose revisits pywb shows the head alone). Where it
    does not count, the answer is kept whole.
    """

    def __init__(self, archive: Archive, *, find: Callable[[str, str], Original | None]) -> None:
        self._archive = archive
        self._find = find
        self._recent: OrderedDict[tuple[str, str], Original] = OrderedDict()
        self._growing = ""
        self._sound: OrderedDict[tuple[str, int], float] = OrderedDict()

    async def prepare(self, exchange: Exchange) -> None:
        """Read a large earlier record in a thread, so that ``of`` need not hold up the loop."""
        if exchange.payload_bytes > LARGE_BYTES and (found := self._known(exchange)) is not None:
            await asyncio.to_thread(self.is_sound, found)

    def of(self, exchange: Exchange) -> Original | None:
        """Return the earlier record of an answer that came whole, or None."""
        found = self._known(exchange)
        return found if found is not None and self.is_sound(found) else None

    def _known(self, exchange: Exchange) -> Original | None:
        key = _key(exchange)
        if key is None or exchange.outcome is Outcome.REDIRECT:
            return None
        if (recent := self._recent.get(key)) is not None:
            return recent
        try:
            return self._find(*key)
        except CatalogueError as fault:
            # The bytes in hand come first; a catalogue that is broken fails at the visit's row.
            logger.warning("known payloads cannot be asked", extra={"reason": str(fault)})
            return None

    def note(self, exchange: Exchange, kept: Kept) -> None:
        """Remember the record of an answer that was just appended whole."""
        if kept.record.file != self._growing:
            # What lies in the file before may not be safe when a revisit in this one is.
            self._growing = kept.record.file
            self._recent.clear()
        key = _key(exchange)
        if key is not None:
            made = original_of(exchange, record_id=kept.record_id, record=kept.record)
            self._recent[key] = made
            if made.place is not None:
                self._trust(made.place)
            if len(self._recent) > MOST_RECENT:
                self._recent.popitem(last=False)

    def is_sound(self, found: Original) -> bool:
        """Say whether a record is there and its digests agree; it is read once a day."""
        if found.place is None:
            return False
        if self._sound.get(found.place, 0.0) > time.monotonic():
            return True
        try:
            reader.check(self._archive, found)
        except RecordError as fault:
            logger.warning(
                "a kept record is damaged, its answer is kept whole again; run holdfast verify",
                extra={"url": found.uri, "reason": str(fault)},
            )
            return False
        self._trust(found.place)
        return True

    def _trust(self, place: tuple[str, int]) -> None:
        self._sound[place] = time.monotonic() + SOUND_FOR.total_seconds()
        if len(self._sound) > MOST_SOUND:
            self._sound.popitem(last=False)


def _key(exchange: Exchange) -> tuple[str, str] | None:
    """Return payload digest and transfer coding of a whole answer worth being referred to."""
    if (
        exchange.outcome not in ANSWERED
        or exchange.truncated is not None
        or exchange.payload_digest is None
        or exchange.payload_bytes < SMALLEST_BYTES
    ):
        return None
    transfer = transfer_of(exchange.headers)
    # Replay tools undo no other coding: the same payload may lie in blocks they show differently.
    return (exchange.payload_digest, transfer) if transfer in ("", "chunked") else None
