"""Know what the archive holds already, so that the same payload is stored once."""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import timedelta

from storage.archive import Archive
from storage.model import ANSWERED, Exchange, Original, Outcome
from storage.warc.originals import SMALLEST_BYTES, original_of
from storage.warc.reader import exists
from storage.warc.writer import Kept

MOST_RECENT = 5000
"""Payloads of this process that are remembered until the catalogue knows them, some 2 MB."""
FILE_SEEN_FOR = timedelta(minutes=1)


class Originals:
    """Find the record that holds a payload whole: one of this process, or of the catalogue.

    ``find`` asks the catalogue by payload digest and transfer coding. A record counts only where a
    revisit of it can be replayed: its file is there, it came in the same transfer coding, and the
    answer is no redirect (of whose revisits pywb shows the head alone).
    """

    def __init__(self, archive: Archive, *, find: Callable[[str, str], Original | None]) -> None:
        self._archive = archive
        self._find = find
        self._recent: OrderedDict[tuple[str, str], Original] = OrderedDict()
        self._seen: dict[str, float] = {}

    def of(self, exchange: Exchange) -> Original | None:
        """Return the earlier record of an answer that came whole, or None."""
        key = _key(exchange)
        if key is None or exchange.outcome is Outcome.REDIRECT:
            return None
        found = self._recent.get(key) or self._find(*key)
        return found if found is not None and self._is_there(found) else None

    def note(self, exchange: Exchange, kept: Kept) -> None:
        """Remember the record of an answer that was just appended whole."""
        key = _key(exchange)
        if key is not None:
            self._recent[key] = original_of(exchange, record_id=kept.record_id, record=kept.record)
            if len(self._recent) > MOST_RECENT:
                self._recent.popitem(last=False)

    def _is_there(self, found: Original) -> bool:
        if found.place is None:
            return False
        name, now = found.place[0], time.monotonic()
        if self._seen.get(name, 0.0) < now:
            if not exists(self._archive, name):
                return False
            self._seen[name] = now + FILE_SEEN_FOR.total_seconds()
        return True


def transfer_of(headers: Sequence[tuple[str, str]]) -> str:
    """Return the transfer codings of an answer as one text, in lower case; empty for none."""
    values = [value for name, value in headers if name.lower() == "transfer-encoding"]
    return ", ".join(values).lower()


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
