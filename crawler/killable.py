"""Read articles in a killable child: a hostile page costs one task, never the reader."""

import hashlib
import logging
import multiprocessing
import resource
import signal
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TaskTimeoutError
from concurrent.futures.process import BrokenProcessPool
from datetime import timedelta
from functools import partial
from multiprocessing import resource_tracker
from types import TracebackType
from typing import Self, TypeVar

from pebble import ProcessExpired, ProcessPool

from crawler.changes.surface import Look, Surface, look, surface
from crawler.errors import CrawlerError
from crawler.memory import be_frugal
from crawler.parent import end_with_parent
from crawler.text.article import ALONE, Context, Study, study, tagless
from storage.model import Article

logger = logging.getLogger(__name__)

LONGEST_TASK = timedelta(seconds=10)
"""CPU time that a page may take."""
LONGEST_WAIT = timedelta(seconds=60)
"""And how long that may last where others use the processor too."""
LARGEST_DATA_BYTES = 512 * 1024 * 1024
"""Memory a child may take for data (RLIMIT_DATA); the extractor itself needs about 150 MB."""
SURFACES_KEPT_BYTES = 16 * 1024 * 1024
"""Memory for the surfaces of the last pages: those of a hundred ordinary ones."""
TASKS_A_CHILD = 500
"""A child is renewed after so many pages: extractors keep caches that only grow."""


T = TypeVar("T")

_LOST = (
    "the process that reads articles died and cannot be had again from here; what was kept is "
    "safe, and is compared when its reader has been started anew"
)


class ArticleReaderError(CrawlerError):
    """Say that no page can be read any more, which is no fault of the page."""


class RecentSurfaces:
    """The surfaces of the last pages, by address and digest of the body, bounded by their size."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, bytes], Surface] = OrderedDict()
        self._bytes = 0

    def get(self, key: tuple[str, bytes]) -> Surface | None:
        """Return a surface that is still known, and know it for longer."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def put(self, key: tuple[str, bytes], shown: Surface) -> None:
        """Keep a surface, and forget those that were asked for longest ago."""
        if (old := self._kept.pop(key, None)) is not None:
            self._bytes -= old.size_bytes
        self._kept[key] = shown
        self._bytes += shown.size_bytes
        while self._bytes > SURFACES_KEPT_BYTES:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= oldest.size_bytes


class ArticleReader:
    """A pool of one child that turns pages into articles."""

    def __init__(self) -> None:
        self._pool = ProcessPool(
            max_workers=1,
            max_tasks=TASKS_A_CHILD,
            initializer=_limit,
            context=multiprocessing.get_context("spawn"),
        )
        self._seen = RecentSurfaces()

    def read(
        self,
        body: bytes,
        *,
        url: str,
        headers: Sequence[tuple[str, str]],
        context: Context = ALONE,
    ) -> tuple[Article | None, str]:
        """Return the article of a page and an empty string, or None and why there is none.

        Raise ArticleReaderError when no page can be read any more.
        """
        found, why = self.study(body, url=url, headers=headers, context=context)
        return (found.article if found is not None else None), why

    def study(
        self,
        body: bytes,
        *,
        url: str,
        headers: Sequence[tuple[str, str]],
        context: Context = ALONE,
    ) -> tuple[Study | None, str]:
        """Return what a page came to and an empty string, or None and why there is nothing.

        A page that takes too long or too much is read again without a tree: its text between the
        tags. Raise ArticleReaderError when no page can be read any more.
        """
        found, why = self.run(partial(study, context=context), body, url, headers)
        if found is not None:
            return found, ""
        return self._by_tags(body, url=url, headers=headers, why=why)

    def _by_tags(
        self, body: bytes, *, url: str, headers: Sequence[tuple[str, str]], why: str
    ) -> tuple[Study | None, str]:
        logger.warning("page is read by its tags alone", extra={"url": url, "reason": why})
        plain, fault = self.run(partial(tagless, why=why), body, url, headers)
        return plain, "" if plain is not None else fault

    def look(
        self,
        body: bytes,
        *,
        url: str,
        headers: Sequence[tuple[str, str]],
        context: Context = ALONE,
    ) -> tuple[Look | None, str]:
        """Return what ``study`` and ``surface`` do, of a page that is parsed once for both."""
        found, why = self.run(partial(look, context=context), body, url, headers)
        if found is None:
            plain, fault = self._by_tags(body, url=url, headers=headers, why=why)
            if plain is None:
                return None, fault
            shown, _ = self.surface(body, url=url, headers=headers)
            return Look(study=plain, surface=shown), ""
        if found.surface is not None:
            self._seen.put(_name_of(body, url), found.surface)
        return found, ""

    def surface(
        self, body: bytes, *, url: str, headers: Sequence[tuple[str, str]]
    ) -> tuple[Surface | None, str]:
        """Return all that a page shows in the same way; of the last pages it is still known.

        A page is held against the one before, which was read at the last look.
        """
        key = _name_of(body, url)
        known = self._seen.get(key)
        if known is not None:
            return known, ""
        known, why = self.run(surface, body, url, headers)
        if known is not None:
            self._seen.put(key, known)
        return known, why

    def run(
        self,
        task: Callable[..., T],
        body: bytes,
        url: str,
        headers: Sequence[tuple[str, str]],
    ) -> tuple[T | None, str]:
        """Do a task over a page in the child; None and why, where it came to nothing.

        It is called with the body, and with ``url`` and ``headers`` by their names.
        """
        ready = partial(task, body, url=url, headers=tuple(headers))
        try:
            return self._begun(ready).result(), ""
        except BrokenProcessPool as error:
            raise ArticleReaderError(_LOST) from error
        except TaskTimeoutError:
            return None, f"reading the article took longer than {LONGEST_WAIT.seconds} s"
        except ProcessExpired:
            return None, "the process that read the article ended (out of CPU time or memory)"
        except MemoryError:
            return None, "reading the article needed too much memory"

    def _begun(self, task: Callable[[], T]) -> "Future[T]":
        # Ctrl-C is for us and not for the child, also while it starts: the threads of the pool
        # inherit what is blocked here, and so do the children they start. The tracker comes
        # first because its start unblocks the signal.
        resource_tracker.ensure_running()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return self._pool.schedule(
                _within_bounds, args=(task,), timeout=LONGEST_WAIT.total_seconds()
            )
        except RuntimeError as error:  # the pool broke while nobody asked
            raise ArticleReaderError(_LOST) from error
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def close(self) -> None:
        """End the child."""
        self._pool.stop()  # type: ignore[no-untyped-call] # pebble leaves it without types
        self._pool.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _name_of(body: bytes, url: str) -> tuple[str, bytes]:
    return url, hashlib.blake2b(body, digest_size=16).digest()


def _within_bounds(task: Callable[[], T]) -> T:
    """Run a task; when its CPU time is over, SIGPROF ends this process."""
    signal.setitimer(signal.ITIMER_PROF, LONGEST_TASK.total_seconds())
    try:
        return task()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _limit() -> None:
    """End with the parent, and never take more than a share."""
    end_with_parent()
    be_frugal()
    resource.setrlimit(resource.RLIMIT_DATA, (LARGEST_DATA_BYTES, LARGEST_DATA_BYTES))
