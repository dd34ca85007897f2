"""Look back: an article as it was at a time, and its last change before a time."""

from datetime import datetime

from sqlalchemy import Connection

from crawler.changes.diff import Diff, word_diff
from crawler.errors import CrawlerError
from storage.catalogue import captures, targets, texts
from storage.catalogue.engine import Catalogue
from storage.model import Article, Capture, Outcome

MOST_CAPTURES = 10_000


def article_at(catalogue: Catalogue, url: str, *, at: datetime | None) -> tuple[Capture, Article]:
    """Return the article of a page as it was at a time (now, if None) and the capture it is of.

    Raise CrawlerError when nothing readable was kept.
    """
    with catalogue.read() as db:
        for capture, article in _articles(db, url, at=at):
            return capture, article
    raise CrawlerError(
        f"no article of {url} is kept{' from before then' if at else ''}; `holdfast captures --url` "
        "lists what is"
    )


def last_change(
    catalogue: Catalogue, url: str, *, at: datetime | None
) -> tuple[Capture, Capture, Diff]:
    """Return the captures before and after a page's last change, and the change.

    Raise CrawlerError when the page never changed while it was watched.
    """
    with catalogue.read() as db:
        versions = _articles(db, url, at=at)
        newer = versions[0] if versions else None
        for older in versions[1:]:
            if newer is not None and older[1].fingerprint != newer[1].fingerprint:
                change = word_diff(_words(older[1]), _words(newer[1]))
                return older[0], newer[0], change
            newer = older
    raise CrawlerError(f"{url} has not changed in what is kept of it ({len(versions)} captures)")


def _articles(db: Connection, url: str, *, at: datetime | None) -> list[tuple[Capture, Article]]:
    """Return the readable captures of a page not later than a time, newest first."""
    target = targets.by_url(db, url)
    if target is None:
        known = captures.at(db, url, at=at)
        made = [known] if known is not None else []
    else:
        made = captures.of_target(db, target.id, limit=MOST_CAPTURES)
    good = [
        one for one in made if one.outcome is Outcome.OK and (at is None or one.captured_at <= at)
    ]
    read = ((one, texts.of_capture(db, one.id)) for one in good)
    return [(one, article) for one, article in read if article is not None]


def _words(article: Article) -> list[str]:
    return [article.title, *(block.text for block in article.blocks)]
