"""Say what kind of page came in an article's place, by its structure before its words."""

from urllib.parse import urlsplit

from rapidfuzz.fuzz import token_set_ratio

from crawler.changes.case import Case, Reading
from crawler.changes.edits import LOST
from crawler.changes.surface import Surface
from crawler.text.fold import fold

FEW_WORDS = 160
"""A page that only says why the article is not there has fewer words than this."""

LIKE_PROBE = 90.0
"""Likeness (of 100) to the host's answer to an unknown address."""

CHROME_LEFT = 0.25
"""Below this share of the site's own links, a page is not made with the site's template."""

MOST_COMPARED = 20_000
KEYWORD_LINKS = 4
_SHORT_LINK_WORDS = 4


def is_foreign(case: Case) -> bool:
    """Whether something else than the article came, or came where nothing was known."""
    return case.survival is not None and case.survival < LOST


def words_shown(reading: Reading) -> str:
    """Return title and text of a page, for the word lists."""
    article = reading.article
    title = article.page_title or article.title if article is not None else ""
    if reading.surface is not None:
        text = "\n".join(strip.text for strip in reading.surface.strips)
    else:
        text = article.text if article is not None else ""
    return f"{title}\n{text}"


def is_bare(case: Case) -> bool:
    """Whether the page is a short one that is not made with the site's template."""
    page = case.after.surface
    return page is not None and chrome_left(case) < CHROME_LEFT and _is_short(page)


def _is_short(page: Surface) -> bool:
    """Whether a page shows few words; of a long one no more are counted than need be."""
    words = 0
    for strip in page.strips:
        words += strip.weight
        if words >= FEW_WORDS:
            return False
    return True


def chrome_left(case: Case) -> float:
    """Return the share of the last good page's own links that the present page still has."""
    before = case.before.surface if case.before is not None else None
    after = case.after.surface
    if before is None or after is None:
        return 0.0
    had, has = _own_paths(before), _own_paths(after)
    return len(had & has) / len(had) if had else 0.0


def probe_likeness(case: Case) -> float | None:
    """Return how like the page is to the host's answer to an unknown address, of 100.

    None where nobody asked, or where that answer was no page of status 200.
    """
    probe = case.probe
    if probe is None or not probe.answered_well or probe.article is None:
        return None
    ours, theirs = (fold(words_shown(one))[:MOST_COMPARED] for one in (case.after, probe))
    return token_set_ratio(ours, theirs) if ours and theirs else None


def keyword_links(page: Surface | None) -> int:
    """Return how many short links differ from each other in their query only.

    A list of keywords that all lead to one address is what a parked domain lives of.
    """
    if page is None:
        return 0
    groups: dict[str, set[str]] = {}
    for link in page.links:
        try:
            parts = urlsplit(link.url)
        except ValueError:
            continue
        if parts.query and 0 < len(link.text.split()) <= _SHORT_LINK_WORDS:
            groups.setdefault(f"{parts.netloc}{parts.path}", set()).add(parts.query)
    most = max((len(queries) for queries in groups.values()), default=0)
    return most if most * 2 >= len(page.links) else 0


def offers_search(page: Surface | None) -> bool:
    """Whether a page has a field to type into: an error page of a working site offers a search."""
    return page is not None and any(kind in ("text", "search") for kind in page.fields)


def _own_paths(page: Surface) -> set[str]:
    found = set()
    for link in page.links:
        try:
            parts = urlsplit(link.url)
        except ValueError:
            continue
        found.add(f"{parts.netloc}{parts.path}")
    return found
