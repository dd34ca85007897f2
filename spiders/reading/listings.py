"""Read sitemaps and feeds: they lead to articles and carry none. Needs no page and no spider."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html import unescape
from io import BytesIO
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml import etree

MOST_LISTED = 50_000
"""Entries taken from a sitemap (the sitemaps.org protocol allows no more) or a feed."""

SITEMAPS = ("urlset", "sitemapindex")
FEEDS = ("rss", "feed", "rdf")
LISTINGS = SITEMAPS + FEEDS
"""Root elements of sitemaps and feeds: they lead to articles and carry none."""
LONGEST_PROLOGUE_BYTES = 65536

# Blanks, processing instructions, comments and the document type, then the root's name. Nothing is
# ever tried twice (possessive quantifiers): the text is hostile.
_PROLOGUE = re.compile(
    rb"(?>\s++|<\?.*?\?>|<!--.*?-->|<!doctype[^\[>]*+(?>\[.*?\]\s*+)?+>)*+"
    rb"<((?>[\w.-]++:)?+)([\w.-]++)",
    re.DOTALL | re.IGNORECASE,
)
_PART = rb"<%s(loc|lastmod)\s*+>\s*+(<!\[CDATA\[)?+([^<]*+)"
_CHANGED = ("{*}updated", "{*}modified", "{*}date", "{*}pubDate", "{*}published")
"""Where an entry of a feed says when it changed, best first: Atom, Dublin Core, RSS."""
_LONGEST_TIME = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One entry of a sitemap or feed: an address, and when it changed if that is said."""

    url: str
    changed_at: datetime | None = None


def xml_root(body: bytes) -> str:
    """Return the local name of the first element in lower case, or an empty string.

    It looks at every page, so no parser is asked; it takes linear time.
    """
    found = _PROLOGUE.match(_plain(body[:LONGEST_PROLOGUE_BYTES]))
    return found[2].decode("ascii", "replace").lower() if found is not None else ""


def sitemap_entries(body: bytes) -> Iterator[Listed]:
    """Yield the entries of a sitemap or a sitemap index, in its order.

    One may be 50 MB and hostile: each ``loc`` with the prefix of the root is found where it
    stands, without a tree. Those of pictures and films have other prefixes.
    """
    root = _PROLOGUE.match(_plain(body[:LONGEST_PROLOGUE_BYTES]))
    if root is None:
        return
    url = ""
    for found in re.finditer(_PART % re.escape(root[1]), body):
        text = found[3][:LONGEST_PROLOGUE_BYTES].decode("utf-8", "replace")
        text = text.partition("]]>")[0] if found[2] else unescape(text)
        if found[1] == b"lastmod":
            if url:
                yield Listed(url=url, changed_at=moment_of(text))
            url = ""
            continue
        if url:
            yield Listed(url=url)
        url = text
    if url:
        yield Listed(url=url)


def moment_of(text: str) -> datetime | None:
    """Return the time that a list writes, in UTC; None where it is none, or lies centuries off."""
    text = text.strip()[:_LONGEST_TIME]
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            at = read(text)
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError, TypeError, IndexError):
            continue
    return None


def _plain(start: bytes) -> bytes:
    """Return the beginning of a document without its byte order mark, as UTF-8 if it was UTF-16."""
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return start.decode("utf-16", "replace").encode()
    return start.removeprefix(b"\xef\xbb\xbf")


def feed_entries(body: bytes) -> Iterator[Listed]:
    """Yield the articles of an RSS 1.0 or 2.0 or Atom feed, in its order."""
    from lxml import etree  # noqa: PLC0415 - every fetch knows this module, few have a feed

    reading = etree.iterparse(
        BytesIO(body),
        tag=("{*}item", "{*}entry"),
        recover=True,
        resolve_entities=False,
        no_network=True,
    )
    try:
        for _, entry in reading:
            for url in islice(_entry_links(entry), 1):
                yield Listed(url=url, changed_at=_changed_at(entry))
            entry.clear()
    except etree.XMLSyntaxError:
        return  # what came before the fault has been read


def _changed_at(entry: "etree._Element") -> datetime | None:
    for name in _CHANGED:
        for part in islice(entry.iterchildren(name), 1):
            if (at := moment_of(part.text or "")) is not None:
                return at
    return None


def _entry_links(entry: "etree._Element") -> Iterator[str]:
    for link in entry.iterchildren("{*}link"):
        written = link.get("href") or (link.text or "").strip()
        if written and link.get("rel", "alternate") == "alternate":
            yield written
