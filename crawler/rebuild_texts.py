"""Read the articles of an archive again: what ``holdfast text`` shows, and comparisons begin with.

The pages of one site are read one after another, as they were captured, because each teaches what
the next is read with; different sites are read side by side, each page in a killable child.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from queue import SimpleQueue

from crawler.killable import ArticleReader
from crawler.plugins import rules_of
from crawler.readings import study_of
from crawler.site_rules import reading_as
from crawler.text.article import Context
from crawler.text.template import learn
from spiders.reading.rules import NO_RULES
from storage.archive import Archive
from storage.catalogue import captures, sites, templates, texts
from storage.catalogue.engine import Catalogue
from storage.catalogue.replays import share_texts
from storage.catalogue.staging import Reading, Staging
from storage.model import Article, Capture, Site, Template

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pages:
    """Pages of one site in their order, with what was learnt of it before them."""

    site: str
    rows: tuple[Capture, ...]
    known: Site | None
    """As it stands in the catalogue; what it asks for is applied to its pages."""
    template: Template
    before: dict[int, Article]
    """Target id → the last article read of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """What pages of one site came to, by capture, and what they have taught."""

    site: str
    articles: dict[int, Article]
    template: Template


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
    with _reading(archive, jobs) as read:
        for part in staging.readings():
            found = read(_by_site(catalogue, part))
            _write(catalogue, part, found)
            count += sum(1 for one in part if one.same_as is None)
            for _ in part:
                step("")
    return count


def _by_site(catalogue: Catalogue, part: Sequence[Reading]) -> list[_Pages]:
    """Return the pages that are to be read, site by site."""
    rows: dict[str, list[Capture]] = {}
    found = []
    with catalogue.read() as db:
        for one in part:
            row = captures.one(db, one.capture_id) if one.same_as is None else None
            if row is not None:
                rows.setdefault(row.site, []).append(row)
        for name, of_site in rows.items():
            site = sites.one(db, name)
            last = {row.target_id: texts.latest(db, row.target_id) for row in of_site}
            found.append(
                _Pages(
                    site=name,
                    rows=tuple(of_site),
                    known=site,
                    template=templates.of_site(db, name),
                    before={target: text for target, text in last.items() if text is not None},
                )
            )
    return found


def _write(catalogue: Catalogue, part: Sequence[Reading], found: Sequence[_Read]) -> None:
    with catalogue.write() as db:
        for of_site in found:
            for number, article in of_site.articles.items():
                texts.put(db, number, article)
            templates.put(db, of_site.site, of_site.template)
        pairs = ((one.capture_id, one.same_as) for one in part)
        share_texts(db, [(one, other) for one, other in pairs if other is not None])


@contextmanager
def _reading(archive: Archive, jobs: int) -> Iterator[Callable[[Sequence[_Pages]], list[_Read]]]:
    """Lend what reads the pages of sites, so many sites side by side."""
    with ExitStack() as ends:
        free: SimpleQueue[ArticleReader] = SimpleQueue()
        for _ in range(jobs):
            free.put(ends.enter_context(ArticleReader()))
        threads = ends.enter_context(ThreadPoolExecutor(jobs, thread_name_prefix="texts"))

        def read(pages: _Pages) -> _Read:
            articles = free.get()
            try:
                return _read(pages, archive=archive, articles=articles)
            finally:
                free.put(articles)

        yield lambda of_sites: list(threads.map(read, of_sites))


def _read(pages: _Pages, *, archive: Archive, articles: ArticleReader) -> _Read:
    """Read the pages of one site in their order."""
    template, before, site = pages.template, dict(pages.before), pages.known
    rules = rules_of(site.spider) if site is not None else NO_RULES
    if site is not None:
        articles = reading_as(site, articles)
    found: dict[int, Article] = {}
    for row in pages.rows:
        previous = before.get(row.target_id)
        if previous is not None and previous.url != row.url:
            previous = None
        context = Context(rules=rules, template=template, previous=previous)
        made, why = study_of(row, archive=archive, articles=articles, context=context)
        if made is None:
            logger.warning("no text was read", extra={"url": row.url, "reason": why})
            continue
        found[row.id] = before[row.target_id] = made.article
        if made.lesson is not None:
            template = learn(template, made.lesson)
    return _Read(site=pages.site, articles=found, template=template)
