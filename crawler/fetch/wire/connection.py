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


class End(StrEnum):
    """What ended an exchange on its connection."""

    ANSWER = "answer"
    """The answer itself: complete, or past a limit of size."""
    CLOSED = "closed"
    LOST = "lost"
    FIRST_BYTE = "first_byte"
    IDLE = "idle"
    TOTAL = "total"


class Connection(asyncio.Protocol):
    """A connection that carries one exchange at a time.

    It is ``alive`` until either side ends it, and worth keeping only while it is ``quiet``.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.alive = False
        self.address = ""
        self.tls: Tls | None = None
        self.idle_since = 0.0
        self.gone: asyncio.Future[None] = loop.create_future()
        """Done when the socket is closed."""
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._answer: Answer | None = None
        self._ended: asyncio.Future[End] | None = None
        self._limits: Limits | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._last_byte_at = 0.0
        self._until = 0.0

    def ask(
        self, request: bytes, answer: Answer, limits: Limits, *, until: float
    ) -> asyncio.Future[End]:
        """Send a request; the future tells what ended its answer. ``until`` is the loop's time."""
        assert self._transport is not None
        self._answer, self._limits, self._until = answer, limits, until
        self._ended = self._loop.create_future()
        self._last_byte_at = self._loop.time()
        if self.alive:
            self._transport.write(request)
            self._watch()
        else:
            self._end(End.LOST)
        return self._ended

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
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return not poll.poll(0)

    def abort(self) -> None:
        """Close the socket at once."""
        self.alive = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport (asyncio calls this)."""
        # Not checked: the transports of uvloop are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self.alive = True

    def data_received(self, data: bytes) -> None:
        """Keep bytes off the wire (asyncio calls this)."""
        if self._answer is None:  # nobody asked for them
            self.abort()
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
        if not self.gone.done():
            self.gone.set_result(None)

    def _watch(self) -> None:
        # One timer an exchange: it looks when the last byte came instead of being set anew by it.
        assert self._limits is not None
        assert self._answer is not None
        now = self._loop.time()
        began = self._answer.received
        patience = self._limits.idle if began else self._limits.first_byte
        due = min(self._last_byte_at + patience.total_seconds(), self._until)
        if now < due:
            self._timer = self._loop.call_at(due, self._watch)
        elif now >= self._until:
            self._end(End.TOTAL)
        else:
            self._end(End.IDLE if began else End.FIRST_BYTE)

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
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        ended, self._ended, self._answer = self._ended, None, None
        return ended
