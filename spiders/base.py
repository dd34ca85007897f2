"""Say what a site's spider is: it reads a fetched page and names targets and requisites."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import ClassVar
from urllib.parse import urlsplit

from lxml import etree
from parsel import Selector
from scrapy import Spider
from scrapy.http import HtmlResponse, Response, TextResponse
from scrapy.linkextractors import IGNORED_EXTENSIONS
from scrapy.utils.response import get_base_url

from spiders import address
from spiders.reading.charsets import NO_CHARSETS
from spiders.reading.glance import leads
from spiders.reading.listings import (
    LISTINGS,
    MOST_LISTED,
    SITEMAPS,
    feed_entries,
    sitemap_entries,
    xml_root,
)
from spiders.reading.requisites import page_requisites
from spiders.reading.rules import NO_RULES, Rules
from spiders.reading.tags import bounded
from spiders.scope import in_scope
from storage.model import Found, FoundBy, Requisite, Site

__all__ = ["MOST_LINKS", "Requisite", "SiteSpider"]

MOST_LINKS = 5000
"""Links taken from one page; a page with more is a trap or a sitemap that should be split."""
MOST_FEEDS = 50

FEED_TYPES = ("application/rss+xml", "application/atom+xml")
KEPT_DOCUMENTS = {"pdf", "doc", "docx", "odt", "rtf"}
LEFT_OUT = tuple(f".{one}" for one in IGNORED_EXTENSIONS if one not in KEPT_DOCUMENTS)
"""Ends of addresses that are no pages: pictures, films, programs."""

_PARTS = ("parse", "found", "links", "listed", "requisites", "whole_site", "scoped")
_KNOWN_TO_GLANCE = (__name__, "spiders.page")
"""Files in which these read tags and nothing else."""


class SiteSpider(Spider):
    """Read the pages of one site; a site's own file overrides only what differs.

    One instance serves one site in one worker, one page after another in a thread of its own. Its
    callback yields ``Found`` and ``Requisite``; it never writes archives and never judges changes.
    """

    name = "base"
    include: ClassVar[tuple[str, ...]] = ()
    """Scope patterns used where the configuration of the site names none."""
    exclude: ClassVar[tuple[str, ...]] = ()
    """Patterns left out in addition to those of the configuration."""
    rules: ClassVar[Rules] = NO_RULES
    """Where the site's pages keep the fields of an article, if the general reader misses them."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.site = replace(
            site,
            include=site.include or self.include,
            exclude=(*site.exclude, *self.exclude),
        )

    def parse(self, response: Response) -> Iterator[Found | Requisite]:
        """Yield what a fetched page leads to and what it needs."""
        if not isinstance(response, TextResponse):
            return
        if xml_root(response.body) in LISTINGS:  # whatever its type says
            yield from self.listed(response)
        elif isinstance(response, HtmlResponse):
            page = legible(response)
            try:
                yield from self.found(page)
                if self.site.requisites:
                    yield from self.requisites(page)
            finally:
                if page is not response:
                    # A page and its selector hold each other, and with them a tree that may be
                    # large; the collector would come late. Nobody else knows of this copy.
                    page._cached_selector = None  # noqa: SLF001 - Scrapy has no other way

    def glance(self, body: bytes) -> str | None:
        """Return a name for what ``parse`` would find on a page; None where only reading tells.

        A page of the same name leads to the same, so it is not read again. A spider that reads in
        its own way is given every page that differs.
        """
        parts = (getattr(type(self), name) for name in _PARTS)
        if any(getattr(one, "__module__", "") not in _KNOWN_TO_GLANCE for one in parts):
            return None
        return leads(body, needs=self.site.requisites)

    def found(self, response: HtmlResponse) -> Iterator[Found]:
        """Yield the targets a page links to, in scope, and the feeds it announces."""
        for url in self.links(response):
            yield from self.scoped(url, FoundBy.LINK, response)
        everywhere = self.whole_site()
        for url in islice(announced_feeds(response), MOST_FEEDS):
            if in_scope(everywhere, url):
                yield Found(url=url, found_by=FoundBy.FEED, found_on=response.url)

    def links(self, response: HtmlResponse) -> Iterator[str]:
        """Yield the pages that a page links to, each once, wherever they lie."""
        written = (node.get("href") for node in elements(response, "a", "area"))
        for url in addresses(response, written):
            if not urlsplit(url).path.lower().endswith(LEFT_OUT):
                yield url

    def listed(self, response: TextResponse) -> Iterator[Found]:
        """Yield the targets that a sitemap, a sitemap index or a feed lists."""
        root = xml_root(response.body)
        everywhere = self.whole_site()
        read = sitemap_entries if root in SITEMAPS else feed_entries
        for entry in islice(read(response.body), MOST_LISTED):
            url = address.absolute(response.url, entry.url)
            if url is None:
                continue
            if root == "sitemapindex":
                if in_scope(everywhere, url):
                    yield Found(url=url, found_by=FoundBy.SITEMAP, found_on=response.url)
                continue
            found_by = FoundBy.SITEMAP if root == "urlset" else FoundBy.FEED
            for found in self.scoped(url, found_by, response):
                yield replace(found, changed_at=entry.changed_at)

    def requisites(self, response: HtmlResponse) -> Iterator[Requisite]:
        """Yield all a page needs to be shown, on any host (``reading/requisites.py``)."""
        root = root_of(response)
        if root is not None:
            yield from page_requisites(root, url=response.url, encoding=response.encoding)

    def whole_site(self) -> Site:
        """Return the site with the scope of its feeds and sitemaps: any path of its hosts."""
        other_hosts = (one for one in self.site.include if "://" in one)
        return replace(self.site, include=("/*", *other_hosts), exclude=())

    def scoped(self, url: str, found_by: FoundBy, response: Response) -> Iterator[Found]:
        """Yield the URL, if it is in the site's scope."""
        if in_scope(self.site, url):
            yield Found(url=url, found_by=found_by, found_on=response.url)


def legible(page: HtmlResponse) -> HtmlResponse:
    """Return a page in a charset that there is, without what would take minutes to parse.

    One that names another codec is taken for UTF-8. It is the page itself where nothing is amiss.
    """
    page = _in_charset(page)
    text = bounded(page.text)
    if text == page.text:
        return page
    return page.replace(
        body=text.encode(page.encoding, "xmlcharrefreplace"), encoding=page.encoding
    )


def _in_charset(page: HtmlResponse) -> HtmlResponse:
    with suppress(LookupError, ValueError):
        if page.encoding.replace("_", "-") not in NO_CHARSETS and page.text is not None:
            return page
    return page.replace(encoding="utf-8")


def absolute(response: TextResponse, reference: str) -> str | None:
    """Return the http or https address a page means by a reference, or None if there is none."""
    base = response.url
    try:
        declared = get_base_url(response)
    except ValueError:
        declared = ""
    if declared.startswith(("http://", "https://")):
        base = declared
    url = address.absolute(base, reference, encoding=response.encoding)
    return url if url is not None and url.startswith(("http://", "https://")) else None


def addresses(response: HtmlResponse, written: Iterable[str | None]) -> Iterator[str]:
    """Yield the addresses meant by what is written on a page, each once and not too many."""
    read: set[str] = set()
    given: set[str] = set()
    for reference in written:
        if reference is None or reference in read:
            continue
        if len(read) == MOST_LINKS:
            return
        read.add(reference)
        url = absolute(response, reference)
        if url is not None and url not in given:
            given.add(url)
            yield url


def elements(response: HtmlResponse, *tags: str) -> Iterator[etree._Element]:
    """Yield the elements of a page with these tags, one after another: there may be too many."""
    root = root_of(response)
    if root is not None:
        yield from root.iter(*tags)


def root_of(response: HtmlResponse) -> etree._Element | None:
    """Return the tree of a page, or None where its text is no HTML at all."""
    try:
        root = response.selector.root
    except ValueError:  # Scrapy's selector wants to know the base, and it cannot be read
        root = Selector(text=response.text, type="html").root
    return root if isinstance(root, etree._Element) else None  # noqa: SLF001 - it has no public name


def announced_feeds(response: HtmlResponse) -> Iterator[str]:
    """Yield the feeds that a page names in its head."""
    for node in elements(response, "link"):
        alternate = "alternate" in node.get("rel", "").lower().split()
        if alternate and node.get("type", "").strip().lower() in FEED_TYPES:
            url = absolute(response, node.get("href", ""))
            if url is not None:
                yield url
