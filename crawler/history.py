"""Look back: an article as it was at a time, and its last change before a time."""

from collections.abc import Iterator
from datetime import datetime

from crawler.changes.diff import Diff, word_diff
from crawler.errors import CrawlerError
from storage.catalogue import captures, targets, texts
from storage.catalogue.engine import Catalogue, Connection
from storage.model import Article, Capture, Outcome


def article_at(catalogue: Catalogue, url: str, *, at: datetime | None) -> tuple[Capture, Article]:
    """Return the article of a page as it was at a time (now, if None) and the capture it is of.

    Raise CrawlerError when nothing readable was kept.
    """
    with catalogue.read() as db:
        found = next(_articles(db, url, at=at), None)
    if found is None:
        when = " from before then" if at is not None else ""
        raise CrawlerError(
            f"no article of {url} is kept{when}; `holdfast captures --url` lists what is"
        )
    return found


def last_change(
    catalogue: Catalogue, url: str, *, at: datetime | None
) -> tuple[Capture, Capture, Diff]:
    """Return the captures before and after a page's last change, and the change.

    Raise CrawlerError when the page never changed while it was watched, or this is no page.
    """
    seen = 0
    newer = None
    with catalogue.read() as db:
        for older in _articles(db, url, at=at):
            seen += 1
            if newer is not None and older[1].fingerprint != newer[1].fingerprint:
                return older[0], newer[0], word_diff(said(older[1]), said(newer[1]))
            newer = older
    if not seen and "://" not in url:
        raise CrawlerError(f"{url!r} is neither an event nor an address")
    raise CrawlerError(f"{url} has not changed in what is kept of it ({seen} readable captures)")


def _articles(
    db: Connection, url: str, *, at: datetime | None
) -> Iterator[tuple[Capture, Article]]:
    """Yield the readable captures of a page not later than a time, newest first."""
    target = targets.by_url(db, url)
    if target is None:
        known = captures.at(db, url, at=at)
        made = [known] if known is not None else []
    else:
        made = captures.of_target(db, target.id)
    for one in made:
        if one.outcome is Outcome.OK and (at is None or one.captured_at <= at):
            article = texts.of_capture(db, one.id)
            if article is not None:
                yield one, article


def said(article: Article) -> list[str]:
    """Return all that the fingerprint is made of, so that every change shows in the diff."""
    about = [article.title, ", ".join(article.byline), article.published or ""]
    return [*filter(None, about), *(block.text for block in article.blocks)]
