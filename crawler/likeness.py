"""Say whether a look brought what was there before, by its bytes and what they show at a glance."""

from collections.abc import Sequence
from dataclasses import replace
from enum import Enum, auto
from urllib.parse import urljoin

from crawler.changes.case import Reading
from crawler.text.sameness import pictures, sameness, says_the_same
from storage.archive import Archive
from storage.model import Capture, Outcome, RecordRef, payload_captures
from storage.warc import reader
from storage.warc.reader import StoredPage


def same_bytes(good: Reading | None, made: Sequence[Capture]) -> bool:
    """Say whether a visit brought the very payload of the last good one, at the same address.

    Such a look needs no extractor, and nothing of the host around it bears on it.
    """
    if good is None or good.article is None or good.payload_digest is None:
        return False
    last = payload_captures(made)[-1]
    return (
        last.outcome in (Outcome.OK, Outcome.NOT_MODIFIED)
        and last.url == good.article.url
        and last.payload_digest == good.payload_digest
    )


def may_be_as_before(good: Reading | None, made: Sequence[Capture]) -> bool:
    """Say whether a visit brought an answer of which it is worth to ask what it shows."""
    if good is None or good.article is None:
        return False
    last = payload_captures(made)[-1]
    is_there = last.outcome is Outcome.OK and last.url == good.article.url
    return same_bytes(good, made) or (is_there and bool(good.article.surface))


class Likeness(Enum):
    """What other bytes show, held against the last good look."""

    OTHER = auto()
    TEXT = auto()
    """The same text, and pictures under addresses that differ in what follows their names."""
    ALL = auto()


def likeness(good: Reading, last: Capture, page: StoredPage) -> Likeness:
    """Say how far other bytes show what those of the last good look did.

    A page that its site's selectors have cut is known by what was left of it, and never told here.
    """
    article = good.article
    if article is None or not article.surface or article.url != last.url:
        return Likeness.OTHER
    if last.outcome is not Outcome.OK or last.status != good.status:
        return Likeness.OTHER
    shown = sameness(page.body, page.headers)
    if shown == article.surface:
        return Likeness.ALL
    return Likeness.TEXT if says_the_same(shown, article.surface) else Likeness.OTHER


def other_pictures(before: StoredPage, after: StoredPage, *, url: str) -> tuple[set[str], set[str]]:
    """Return the addresses of pictures that only the former page has, and only the latter."""
    old, new = (
        {urljoin(url, one.decode("utf-8", "replace")) for one in pictures(page.body)}
        for page in (before, after)
    )
    return old - new, new - old


def as_before(reading: Reading, good: Reading, headers: tuple[tuple[str, str], ...]) -> Reading:
    """Return the reading of a look that brought the very bytes of the last good one."""
    if reading.outcome is Outcome.NOT_MODIFIED:
        size = good.hops[-1].payload_bytes or 1
        reading = vouched_for(reading, status=good.status, size=size)
    return replace(reading, headers=headers, article=good.article)


def vouched_for(reading: Reading, *, status: int | None, size: int) -> Reading:
    """Return the reading of a 304 as one of the page we hold, which its server vouches for.

    How long the payload is in its coding stands with the original; that there is one is enough.
    """
    *before, last = reading.hops
    brought = replace(last, outcome=Outcome.OK, status=status, payload_bytes=size)
    return replace(reading, outcome=Outcome.OK, status=status, hops=(*before, brought))


def headers_of(archive: Archive, last: Capture, record: RecordRef) -> tuple[tuple[str, str], ...]:
    """Return the fields of an answer, without its payload; those of a 304 are of its original."""
    if last.outcome is Outcome.NOT_MODIFIED:
        return reader.page(archive, record, limit_bytes=1).headers
    return reader.head_fields(archive, record)
