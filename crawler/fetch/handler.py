"""Let Scrapy's engine fetch through the one way to the wire."""

from dataclasses import replace
from ipaddress import ip_address
from typing import Self

from pydispatch.dispatcher import (  # type: ignore[import-untyped]  # it comes without stubs
    getAllReceivers,
    liveReceivers,
)
from scrapy import Request, signals
from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.crawler import Crawler
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    ResponseDataLossError,
    StopDownload,
)
from scrapy.http import Headers, Response, TextResponse
from scrapy.responsetypes import responsetypes
from twisted.python.failure import Failure

from crawler.fetch.fetcher import Fetched, Fetcher
from crawler.fetch.ticket import Ticket
from storage.model import ANSWERED, Capture, Outcome

WEB_FAILURES = (
    CannotResolveHostError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    ResponseDataLossError,
    StopDownload,
)
"""What ``failure`` may return, the web's doing, which the ticket's last row tells; or the wish of
a listener that an answer be not read."""

ALREADY_UNDONE = (b"content-encoding", b"transfer-encoding", b"content-length")
"""Fields that no longer describe the decoded body a spider gets."""
TELL_THE_KIND = (b"content-type", b"content-disposition")
"""Fields that Scrapy takes the class of a response from."""


class WireHandler(BaseDownloadHandler):
    """Fetch the visit of a request, redirects included, and give its last answer to the engine.

    Who listens to ``headers_received`` and ``bytes_received`` is told of that answer when it is
    kept: the head as the wire carried it, the body decoded and in one piece. ``StopDownload``
    therefore keeps the body from spiders, and no byte from the archive.
    """

    lazy = False

    def __init__(self, crawler: Crawler, fetcher: Fetcher) -> None:
        super().__init__(crawler)
        self._fetcher = fetcher

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Build the handler with the fetcher that the worker gave its spider."""
        fetcher = getattr(crawler.spider, "fetcher", None)
        if not isinstance(fetcher, Fetcher):
            message = "the wire handler serves the spider of a worker only"
            raise TypeError(message)
        return cls(crawler, fetcher)

    async def download_request(self, request: Request) -> Response:
        """Return the answer, or raise Scrapy's own word for why there is none."""
        ticket = request.meta["ticket"]
        if not isinstance(ticket, Ticket):
            message = f"a request without a visit: {request.url}"
            raise TypeError(message)
        fetched = await self._fetcher.page(ticket)
        request.meta["download_latency"] = fetched.took.total_seconds()
        if fetched.capture.outcome not in ANSWERED:
            raise failure(fetched.capture)
        stop = self._told_of_headers(request, fetched)
        if stop is not None:
            fetched = replace(fetched, body=b"")
        else:
            stop = self._told_of_bytes(request, fetched)
        response = to_response(fetched)
        if stop is not None:
            response.flags.append("download_stopped")
            if stop.fail:
                stop.response = response
                raise stop
        return response

    def _told_of_headers(self, request: Request, fetched: Fetched) -> StopDownload | None:
        if not self._anybody_listens(signals.headers_received):
            return None
        headers = Headers(fields_of(fetched, without=()))
        length = headers.get(b"Content-Length", b"")
        return self._send(
            signals.headers_received,
            request=request,
            headers=headers,
            body_length=int(length) if length is not None and length.isdigit() else None,
        )

    def _told_of_bytes(self, request: Request, fetched: Fetched) -> StopDownload | None:
        if not fetched.body or not self._anybody_listens(signals.bytes_received):
            return None
        return self._send(signals.bytes_received, request=request, data=fetched.body)

    def _anybody_listens(self, signal: object) -> bool:
        return any(liveReceivers(getAllReceivers(self.crawler.signals.sender, signal)))

    def _send(self, signal: object, **told: object) -> StopDownload | None:
        results = self.crawler.signals.send_catch_log(signal, spider=self.crawler.spider, **told)
        for _, result in results:
            if isinstance(result, Failure) and isinstance(result.value, StopDownload):
                return result.value
        return None


def fields_of(fetched: Fetched, *, without: tuple[bytes, ...]) -> list[tuple[bytes, bytes]]:
    """Return the header fields as bytes, except those named in lower case."""
    written = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fetched.headers]
    return [(name, value) for name, value in written if name.lower() not in without]


def to_response(fetched: Fetched) -> Response:
    """Return the decoded answer as the kind of response its type and body call for."""
    fields = fields_of(fetched, without=ALREADY_UNDONE)
    url, address = fetched.capture.url, fetched.capture.address
    telling = Headers([one for one in fields if one[0].lower() in TELL_THE_KIND])
    kind = responsetypes.from_args(headers=telling, url=url, body=fetched.body[:5000])
    if fetched.body and not issubclass(
        kind, TextResponse
    ):  # such as a sitemap that was said to be gzip, and was
        kind = responsetypes.from_body(fetched.body[:5000])
    return kind(
        url=url,
        status=fetched.capture.status or 200,
        headers=fields,
        body=fetched.body,
        ip_address=ip_address(address) if address else None,
        certificate=fetched.certificate,
        protocol=fetched.version or None,
    )


def failure(capture: Capture) -> Exception:
    """Return Scrapy's exception for an outcome without a whole answer."""
    text = f"{capture.outcome}: {capture.reason}"
    match capture.outcome:
        case Outcome.DNS:
            return CannotResolveHostError(text)
        case Outcome.REFUSED:
            return DownloadConnectionRefusedError(text)
        case Outcome.TIMEOUT:
            return DownloadTimeoutError(text)
        case Outcome.TRUNCATED:
            return ResponseDataLossError(text)
        case Outcome.BLOCKED_ADDRESS | Outcome.BLOCKED_ROBOTS:
            return IgnoreRequest(text)
        case _:
            return DownloadFailedError(text)
