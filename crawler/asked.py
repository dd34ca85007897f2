"""Take the names of sites and pages as a person typed them, and say what may have been meant."""

import difflib

from crawler.errors import CrawlerError
from crawler.fetch.guard import refused_url
from storage.catalogue import captures, sites, targets
from storage.catalogue.engine import Connection

_MOST_NAMES = 20


def refused(url: str) -> str | None:
    """Return why this cannot be the address of a page, and what to write instead, or None."""
    reason = refused_url(url)
    if reason is None or "://" in url:
        return reason
    better = f"https://{url}"
    return f"{reason}; write {better}" if refused_url(better) is None else reason


def require_site(db: Connection, name: str | None) -> None:
    """Raise CrawlerError when a site is named that there is not; None names no site."""
    if name is None or sites.one(db, name) is not None:
        return
    known = [one.name for one in sites.listing(db)]
    if not known:
        raise CrawlerError(f"there is no site {name!r}: the archive has none yet")
    # What is most like it comes first, so that it is among those that are told.
    close = difflib.get_close_matches(name, known, n=3)
    told = [*close, *(one for one in known if one not in close)]
    rest = f" and {len(told) - _MOST_NAMES} more" if len(told) > _MOST_NAMES else ""
    raise CrawlerError(
        f"there is no site {name!r}; known are {', '.join(told[:_MOST_NAMES])}{rest}"
    )


def why_nothing(db: Connection, url: str | None) -> str:
    """Return a sentence when nothing at all is known of an address, else ``""``."""
    if url is None or targets.by_url(db, url) is not None:
        return ""
    if captures.listing(db, url=url, limit=1):
        return ""
    return f"nothing is known of {url}: it is not watched, and nothing was captured there"
