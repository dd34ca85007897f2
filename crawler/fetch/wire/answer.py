"""Collect one answer as its bytes arrive: keep them first, then find out what they are."""

import hashlib
import re
from dataclasses import replace
from pathlib import Path

from crawler.fetch.wire.request import Limits
from crawler.fetch.wire.spool import Spool
from storage.digest import labelled
from storage.message import (
    Dechunker,
    Head,
    Span,
    entity,
    framing,
    head_end,
    parse_head,
    transfer_codings,
)

_SURPLUS_BYTES = 64 * 1024
_MOST_FRAMING_BYTES = 16 * 1024 * 1024
"""Chunk framing beyond this, and beyond the bytes that it carries, is no way to send a page."""
_CUT_STATUS_LINE = re.compile(rb"HTTP(?:/[\d.]*[ \t]*\d{0,3})?\r?", re.IGNORECASE)


class Answer:
    """One answer in the making: ``feed`` it until it has ended, then ``settle`` it.

    The final message goes to ``spool``; 1xx answers, and line ends before any answer, to
    ``interim``; what follows the end of the message to ``surplus``.
    """

    __slots__ = (
        "_dechunker",
        "_held",
        "_limits",
        "_method",
        "_overlong",
        "_payload",
        "_room",
        "_span",
        "complete",
        "ended",
        "excess",
        "head",
        "head_bytes",
        "interim",
        "is_http",
        "note",
        "payload_bytes",
        "received",
        "spool",
        "surplus",
    )

    def __init__(self, method: str, limits: Limits, folder: Path | None) -> None:
        self.received = False
        """Whether any byte came, be it of an interim answer."""
        self.ended = False
        self.complete = False
        self.is_http = True
        self.excess = ""
        """The limit that ended the answer, in words."""
        self.note = ""
        """What was odd about the end of a complete answer, in words."""
        self.head: Head | None = None
        self.head_bytes = 0
        self.interim = bytearray()
        self.surplus = b""
        self.payload_bytes = 0
        self.spool = Spool(folder)
        self._method = method
        self._limits = limits
        self._held = bytearray()
        self._span: Span | None = None  # None while the head is not complete
        self._room = limits.body_bytes
        self._overlong = False
        self._dechunker: Dechunker | None = None
        self._payload = hashlib.sha1(usedforsecurity=False)

    @property
    def keeps_alive(self) -> bool:
        """Tell whether the connection may carry another exchange after this one."""
        head = self.head
        if not self.complete or head is None or self.surplus or self._span in (None, Span.CLOSE):
            return False
        wishes = ",".join(head.values("connection")).lower()
        return "keep-alive" in wishes if head.version[-2:] != ".1" else "close" not in wishes

    @property
    def payload_digest(self) -> str | None:
        """Digest of the entity body, or None when there is no whole head and so no body."""
        if self._span is None or not self.is_http:
            return None
        return labelled(self._payload.digest())

    def feed(self, data: bytes) -> bool:
        """Take bytes off the wire; return whether the answer has ended with them."""
        self.received = True
        if self._span is None:
            self._take_head(data)
        else:
            self._take_body(data)
        return self.ended

    def settle(self, *, closed: bool) -> None:
        """Make what came presentable when no more will come; ``closed`` tells an orderly end."""
        if self._span is None:
            if self._held:
                self._settle_head(closed=closed)
        elif not self.ended:
            self._settle_body(closed=closed)
        self.ended = True
        if self.head is not None and self.head_bytes and transfer_codings(self.head):
            self._recount()

    def _take_head(self, data: bytes) -> None:
        held = self._held
        searched = len(held)
        if not searched and data.startswith(b"HTTP"):
            # Nearly every answer: its head comes with the first read, and is the final one.
            end = head_end(data)
            head = parse_head(data, end) if 0 < end <= self._limits.head_bytes else None
            if head is not None and head.status >= 200:
                self._take_final_head(head, data)
                return
        held += data
        while held:
            if held[0] in b"\r\n":
                self._take_interim(len(held) - len(held.lstrip(b"\r\n")))
            elif not b"HTTP".startswith(held[:4].upper()):
                self._take_raw()
                return
            else:
                end = head_end(held, searched)
                if end < 0 or end > self._limits.head_bytes:
                    self._refuse_long_head()
                    return
                head = parse_head(held, end)
                if head is None:
                    self._take_raw()
                    return
                if head.status >= 200:
                    data = bytes(held)
                    held.clear()
                    self._take_final_head(head, data)
                    return
                self._take_interim(end)
            searched = 0

    def _take_interim(self, size: int) -> None:
        room = self._limits.interim_bytes - len(self.interim)
        self.interim += self._held[: min(size, room)]
        del self._held[:size]
        if size > room:
            self._exceed(f"more than {self._limits.interim_bytes} bytes came before the answer")
            self._held.clear()

    def _refuse_long_head(self) -> None:
        limit = self._limits.head_bytes
        if len(self._held) > limit:
            del self._held[limit:]
            self._exceed(f"the head is longer than {limit} bytes")

    def _take_final_head(self, head: Head, data: bytes) -> None:
        end = head.size_bytes
        self.head, self.head_bytes = head, end
        self.spool.write(data[:end])
        rest = data[end:]
        if len(head.fields) > self._limits.header_count:
            self.head = replace(head, fields=head.fields[: self._limits.header_count])
            self._exceed(f"the head has more than {self._limits.header_count} fields")
            return
        found = framing(head, self._method)
        self._span = found.span
        if found.span is Span.NONE:
            self._room = 0
            self._finish(surplus=rest)
            return
        if found.span is Span.CHUNKED:
            self._dechunker = Dechunker()
        if found.span is Span.LENGTH:
            self._overlong = found.length_bytes > self._room
            self._room = min(found.length_bytes, self._room)
        if rest or self._room == 0:
            self._take_body(rest)

    def _take_raw(self) -> None:
        """Keep what is not HTTP as it comes, to the end of the connection."""
        self.is_http = False
        self._span = Span.CLOSE
        data = bytes(self._held)
        self._held.clear()
        self._take_body(data)

    def _take_body(self, data: bytes) -> None:
        body = data if len(data) <= self._room else data[: self._room]
        rest = data[len(body) :]
        self._room -= len(body)
        if self._dechunker is None:
            self._take_entity(body)
            whole = self._span is Span.LENGTH and not self._room and not self._overlong
        else:
            self._take_entity(self._dechunker.feed(body))
            whole = self._dechunker.done
            rest = self._dechunker.surplus + rest
            body = body[: len(body) - len(self._dechunker.surplus)]
        self.spool.write(body)
        if whole:
            self._finish(surplus=rest)
        elif self._dechunker is not None and (why := self._excess_of_framing(self._dechunker)):
            self._exceed(why)
        elif rest or (self._overlong and not self._room):
            self._exceed(f"the body is longer than {self._limits.body_bytes} bytes")

    def _excess_of_framing(self, dechunker: Dechunker) -> str:
        if dechunker.trailer_bytes > self._limits.head_bytes:
            return f"the trailer is longer than {self._limits.head_bytes} bytes"
        framing_bytes = self.spool.size_bytes - self.head_bytes - self.payload_bytes
        if framing_bytes > max(_MOST_FRAMING_BYTES, self.payload_bytes):
            return (
                f"more than {_MOST_FRAMING_BYTES} bytes are chunk framing, and fewer are the body"
            )
        return ""

    def _take_entity(self, data: bytes) -> None:
        self._payload.update(data)
        self.payload_bytes += len(data)

    def _recount(self) -> None:
        """Count the payload anew where its transfer coding compressed it; nearly nobody does."""
        self._payload = hashlib.sha1(usedforsecurity=False)
        self.payload_bytes = 0
        self.spool.file.seek(0)
        for piece in entity(self.spool.file):
            self._take_entity(piece)

    def _finish(self, *, surplus: bytes) -> None:
        self.complete = self.ended = True
        self.surplus = surplus[:_SURPLUS_BYTES]

    def _exceed(self, why: str) -> None:
        self.excess = why
        self.ended = True

    def _settle_head(self, *, closed: bool) -> None:
        self.head = parse_head(self._held)
        if self.head is None and (
            b"\n" in self._held or not _CUT_STATUS_LINE.fullmatch(self._held)
        ):
            self._take_raw()
            self.complete = closed
            return
        if self.head is not None:
            self.head = replace(self.head, fields=self.head.fields[: self._limits.header_count])
        self.head_bytes = len(self._held)
        self.spool.write(self._held)
        self._held.clear()

    def _settle_body(self, *, closed: bool) -> None:
        dechunker = self._dechunker
        if dechunker is None:
            self.complete = closed and self._span is Span.CLOSE
            return
        self._take_entity(dechunker.end())
        if dechunker.last_chunk_seen:
            self.complete = True
            self.note = "the trailer of the chunked body did not end"
        elif dechunker.broken and not dechunker.begun:
            self.complete = closed
            self.note = "the body claims to be chunked and is not"
        elif dechunker.broken:
            self.note = "the chunk framing breaks off within the body"
