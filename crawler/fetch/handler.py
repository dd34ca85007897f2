"""Let Scrapy's engine fetch through the one way to the wire."""

from typing import Self

from scrapy import Request
from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.crawler import Crawler
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    ResponseDataLossError,
)
from scrapy.http import Headers, Response, TextResponse
from scrapy.responsetypes import responsetypes

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
)
"""What ``failure`` may return: the web's doing, which the ticket's last row tells."""

ALREADY_UNDONE = (b"content-encoding", b"transfer-encoding", b"content-length")
"""Fields that no longer describe the decoded body a spider gets."""


class WireHandler(BaseDownloadHandler):
    """Fetch the visit of a request, redirects included, and give its last answer to the engine."""

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
        if fetched.capture.outcome not in ANSWERED:
            raise failure(fetched.capture)
        return to_response(fetched)


def to_response(fetched: Fetched) -> Response:
    """Return the decoded answer as the kind of response its type and body call for."""
    headers = Headers()
    for name, value in fetched.headers:
        key = name.encode("latin-1")
        if key.lower() not in ALREADY_UNDONE:
            headers.appendlist(key, value.encode("latin-1"))
    url = fetched.capture.url
    kind = responsetypes.from_args(headers=headers, url=url, body=fetched.body[:5000])
    if fetched.body and not issubclass(
        kind, TextResponse
    ):  # such as a sitemap that was said to be gzip, and was
        kind = responsetypes.from_body(fetched.body[:5000])
    return kind(url=url, status=fetched.capture.status or 200, headers=headers, body=fetched.body)


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
