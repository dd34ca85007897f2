"""Hand the engine its requests in the order they came: lanes and pace decide what is asked when."""

from collections import deque

from scrapy import Request
from scrapy.core.scheduler import BaseScheduler


class Queue(BaseScheduler):
    """Keep what waits in memory, first in, first out.

    Scrapy's own scheduler sorts by priority and host, drops duplicates and can write to the disk;
    a worker's requests are visits that were claimed one by one, and none of that may happen to
    them.
    """

    def __init__(self) -> None:
        self._waiting: deque[Request] = deque()

    def has_pending_requests(self) -> bool:
        """Say whether anything waits."""
        return bool(self._waiting)

    def enqueue_request(self, request: Request) -> bool:
        """Take a request; it is never refused."""
        self._waiting.append(request)
        return True

    def next_request(self) -> Request | None:
        """Return the request that has waited longest, or None."""
        return self._waiting.popleft() if self._waiting else None
