"""One connection: send a request in one piece, keep every byte that comes back, then stop."""

import asyncio
import select
import ssl
from enum import StrEnum
from typing import cast

from crawler.errors import CrawlerError
from crawler.fetch.wire.answer import Answer
from crawler.fetch.wire.request import Limits
from storage.model import Tls

BUFFER_BYTES = 256 * 1024
"""What one read takes off a socket at most."""
_MOST_EARLY_BYTES = 64 * 1024


class End(StrEnum):
    """What ended an exchange on its connection."""

    ANSWER = "answer"
    """The answer itself: complete, or past a limit of size."""
    CLOSED = "closed"
    LOST = "lost"
    FIRST_BYTE = "first_byte"
    IDLE = "idle"
    TOTAL = "total"
    CUT = "cut"
    """We ourselves: nobody waits for the answer any more."""


class Connection(asyncio.BufferedProtocol):
    """A connection that carries one exchange at a time.

    It is ``alive`` until either side ends it, and worth keeping only while it is ``quiet``. Bytes
    arrive in ``buffer``, which all connections of a loop may share: they leave it at once.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, *, buffer: bytearray | None = None) -> None:
        self.alive = False
        self.address = ""
        self.tls: Tls | None = None
        self.idle_since = 0.0
        self.gone: asyncio.Future[None] = loop.create_future()
        """Done when the socket is closed."""
        self._loop = loop
        self._buffer = memoryview(buffer if buffer is not None else bytearray(BUFFER_BYTES))
        self._transport: asyncio.Transport | None = None
        self._poll: select.poll | None = None
        self._answer: Answer | None = None
        self._ended: asyncio.Future[End] | None = None
        self._limits: Limits | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._last_byte_at = 0.0
        self._until = 0.0
        self._early: bytearray | None = bytearray()

    def ask(
        self, request: bytes, answer: Answer, limits: Limits, *, until: float
    ) -> asyncio.Future[End]:
        """Send a request; the future tells what ended its answer. ``until`` is the loop's time."""
        assert self._transport is not None
        self._answer, self._limits, self._until = answer, limits, until
        self._ended = self._loop.create_future()
        ended = self._ended
        self._last_byte_at = self._loop.time()
        early, self._early = self._early, None
        if self.alive:
            self._transport.write(request)
            self._watch()
        if early:
            self._receive(bytes(early))
        if not self.alive:
            self._end(End.CLOSED if early else End.LOST)
        return ended

    @property
    def opened(self) -> bool:
        """Tell whether the connection ever came about, TLS included."""
        return self._transport is not None

    def tls_object(self) -> ssl.SSLObject:
        """Return what the TLS library knows of this connection."""
        assert self._transport is not None
        found: ssl.SSLObject = self._transport.get_extra_info("ssl_object")
        return found

    def quiet(self) -> bool:
        """Tell whether nothing waits to be read: neither its end nor bytes nobody asked for.

        What came too late for the answer before would be taken for the start of the next one.
        """
        if not self.alive or self._transport is None or self._transport.is_closing():
            return False
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return not self._poll.poll(0)

    def abort(self) -> None:
        """Close the socket at once; an answer under way is cut."""
        self.alive = False
        self._stop_timer()
        self._end(End.CUT)
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport (asyncio calls this)."""
        # Not checked: the transports of uvloop are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self.alive = True

    def get_buffer(self, sizehint: int) -> memoryview:
        """Say where bytes off the wire are to be put (asyncio calls this)."""
        del sizehint
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Keep the bytes that were put there (asyncio calls this)."""
        self._receive(bytes(self._buffer[:nbytes]))

    def _receive(self, data: bytes) -> None:
        if self._answer is None:  # nobody asked for them
            self._take_early(data)
            return
        self._last_byte_at = self._loop.time()
        try:
            if self._answer.feed(data):
                self._end(End.ANSWER)
        except CrawlerError as error:
            self._fail(error)

    def eof_received(self) -> None:
        """Notice that the server closes in order; the transport then closes too."""
        self.alive = False
        self._end(End.CLOSED)

    def connection_lost(self, exc: Exception | None) -> None:
        """Notice the end of the connection, in order or not."""
        self.alive = False
        self._end(End.CLOSED if exc is None else End.LOST)
        self._stop_timer()
        if not self.gone.done():
            self.gone.set_result(None)

    def _take_early(self, data: bytes) -> None:
        """Keep what a server says on a fresh connection before it is asked, such as its banner.

        After an answer the same would be taken for the start of the next one.
        """
        if self._early is None or len(self._early) + len(data) > _MOST_EARLY_BYTES:
            self.abort()
        else:
            self._early += data

    def _watch(self) -> None:
        answer, limits = self._answer, self._limits
        if answer is None or limits is None:
            return
        now = self._loop.time()
        began = answer.received
        patience = limits.idle if began else limits.first_byte
        due = min(self._last_byte_at + patience.total_seconds(), self._until)
        if now < due:
            self._wake_at(due)
        elif now >= self._until:
            self._end(End.TOTAL)
        else:
            self._end(End.IDLE if began else End.FIRST_BYTE)

    def _wake_at(self, due: float) -> None:
        # One timer a connection: neither a byte nor the next exchange sets it anew, it looks what
        # there is to wait for when it is due.
        if self._timer is not None:
            if self._timer_at <= due:
                return
            self._timer.cancel()
        self._timer_at = due
        self._timer = self._loop.call_at(due, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self._watch()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self, end: End) -> None:
        ended = self._release()
        if ended is not None and not ended.done():
            ended.set_result(end)

    def _fail(self, error: CrawlerError) -> None:
        ended = self._release()
        self.abort()
        if ended is not None and not ended.done():
            ended.set_exception(error)

    def _release(self) -> asyncio.Future[End] | None:
        ended, self._ended, self._answer = self._ended, None, None
        return ended
