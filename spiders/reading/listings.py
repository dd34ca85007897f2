"""Read sitemaps and feeds: they lead to articles and carry none. Needs no page and no spider."""

import re
from collections.abc import Iterator
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
_LOC = rb"<%sloc\s*+>\s*+(<!\[CDATA\[)?+([^<]*+)"


def xml_root(body: bytes) -> str:
    """Return the local name of the first element in lower case, or an empty string.

    It looks at every page, so no parser is asked; it takes linear time.
    """
    found = _PROLOGUE.match(_plain(body[:LONGEST_PROLOGUE_BYTES]))
    return found[2].decode("ascii", "replace").lower() if found is not None else ""


def sitemap_links(body: bytes) -> Iterator[str]:
    """Yield the addresses of a sitemap or a sitemap index, in its order.

    One may be 50 MB and hostile: each ``loc`` with the prefix of the root is found where it
    stands, without a tree. Those of pictures and films have other prefixes.
    """
    root = _PROLOGUE.match(_plain(body[:LONGEST_PROLOGUE_BYTES]))
    if root is None:
        return
    for found in re.finditer(_LOC % re.escape(root[1]), body):
        text = found[2][:LONGEST_PROLOGUE_BYTES].decode("utf-8", "replace")
        if text:
            yield text.partition("]]>")[0] if found[1] else unescape(text)


def _plain(start: bytes) -> bytes:
    """Return the beginning of a document without its byte order mark, as UTF-8 if it was UTF-16."""
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return start.decode("utf-16", "replace").encode()
    return start.removeprefix(b"\xef\xbb\xbf")


def feed_links(body: bytes) -> Iterator[str]:
    """Yield the article addresses of an RSS 1.0 or 2.0 or Atom feed, in its order."""
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
            yield from islice(_entry_links(entry), 1)
            entry.clear()
    except etree.XMLSyntaxError:
        return  # what came before the fault has been read


def _entry_links(entry: "etree._Element") -> Iterator[str]:
    for link in entry.iterchildren("{*}link"):
        written = link.get("href") or (link.text or "").strip()
        if written and link.get("rel", "alternate") == "alternate":
            yield written
