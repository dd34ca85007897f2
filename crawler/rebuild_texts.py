"""Read the articles of an archive again: what ``holdfast text`` shows, and comparisons begin with.

Different pages are read side by side, each in a killable child.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from queue import SimpleQueue

from crawler.killable import ArticleReader
from crawler.readings import article_of
from crawler.site_rules import reading_as
from storage.archive import Archive
from storage.catalogue import captures, sites, texts
from storage.catalogue.engine import Catalogue
from storage.catalogue.replays import share_texts
from storage.catalogue.staging import Reading, Staging
from storage.model import Article, Capture, Site

logger = logging.getLogger(__name__)


def read_texts(
    archive: Archive,
    catalogue: Catalogue,
    staging: Staging,
    *,
    begin: Callable[[str, int], Callable[[str], None]],
    jobs: int,
) -> int:
    """Read the articles of all good captures; return how many pages were read for it."""
    step = begin("texts", staging.count_readings())
    count = 0
    with catalogue.read() as db:
        named = {one.name: one for one in sites.listing(db)}
    with _reading(archive, named, jobs) as read:
        for part in staging.readings():
            new = [one.capture_id for one in part if one.same_as is None]
            with catalogue.read() as db:
                rows = [row for one in new if (row := captures.one(db, one)) is not None]
            found = {row.id: article for row, article in zip(rows, read(rows), strict=True)}
            _write(catalogue, part, found)
            count += len(rows)
            for _ in part:
                step("")
    return count


def _write(catalogue: Catalogue, part: Sequence[Reading], found: dict[int, Article | None]) -> None:
    with catalogue.write() as db:
        for number, article in found.items():
            if article is not None:
                texts.put(db, number, article)
        pairs = ((one.capture_id, one.same_as) for one in part)
        share_texts(db, [(one, other) for one, other in pairs if other is not None])


@contextmanager
def _reading(
    archive: Archive, named: Mapping[str, Site], jobs: int
) -> Iterator[Callable[[Sequence[Capture]], list[Article | None]]]:
    """Lend what reads the articles of captures, so many side by side, by their sites' own rules."""
    with ExitStack() as ends:
        free: SimpleQueue[ArticleReader] = SimpleQueue()
        for _ in range(jobs):
            free.put(ends.enter_context(ArticleReader()))
        threads = ends.enter_context(ThreadPoolExecutor(jobs, thread_name_prefix="texts"))

        def read(capture: Capture) -> Article | None:
            reader, site = free.get(), named.get(capture.site)
            try:
                ruled = reader if site is None else reading_as(site, reader)
                article, why = article_of(capture, archive=archive, articles=ruled)
            finally:
                free.put(reader)
            if article is None:
                logger.warning("no text was read", extra={"url": capture.url, "reason": why})
            return article

        yield lambda rows: list(threads.map(read, rows))
