"""Say what a site's spider is: it reads a fetched page and names targets and requisites."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import ClassVar
from urllib.parse import urldefrag

from lxml import etree
from scrapy import Spider
from scrapy.http import HtmlResponse, Response, TextResponse
from scrapy.linkextractors import IGNORED_EXTENSIONS, LinkExtractor
from scrapy.utils.sitemap import Sitemap

from spiders.scope import in_scope
from storage.model import Found, FoundBy, Site

MOST_LINKS = 5000
"""Links taken from one page; a page with more is a trap or a sitemap that should be split."""

FEED_TYPES = ("application/rss+xml", "application/atom+xml")
KEPT_DOCUMENTS = {"pdf", "doc", "docx", "odt", "rtf"}
PAGE_LINKS = LinkExtractor(
    deny_extensions=[one for one in IGNORED_EXTENSIONS if one not in KEPT_DOCUMENTS]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Requisite:
    """Something a page needs to be shown: an image, a style sheet."""

    url: str


class SiteSpider(Spider):
    """Read the pages of one site; a site's own file overrides only what differs.

    One instance serves one site in one worker. Its callback yields ``Found`` and ``Requisite``; it
    never writes archives and never judges changes.
    """

    name = "base"
    include: ClassVar[tuple[str, ...]] = ()
    """Scope patterns used where the configuration of the site names none."""
    exclude: ClassVar[tuple[str, ...]] = ()
    """Patterns left out in addition to those of the configuration."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.site = replace(
            site,
            include=site.include or self.include,
            exclude=(*site.exclude, *self.exclude),
        )

    def parse(self, response: Response) -> Iterator[Found | Requisite]:
        """Yield what a fetched page leads to and what it needs."""
        if isinstance(response, HtmlResponse):
            yield from self.found(response)
            if self.site.requisites:
                yield from self.requisites(response)
        elif isinstance(response, TextResponse) and looks_like_xml(response):
            yield from self.listed(response)

    def found(self, response: HtmlResponse) -> Iterator[Found]:
        """Yield the targets a page links to, in scope, and the feeds it announces."""
        for link in islice(PAGE_LINKS.extract_links(response), MOST_LINKS):
            yield from self.scoped(link.url, FoundBy.LINK, response)
        for node in response.xpath("//link[@rel='alternate'][@href]"):
            if node.attrib.get("type", "").lower() in FEED_TYPES:
                address = response.urljoin(node.attrib["href"])
                if in_scope(self.whole_site(), address):
                    yield Found(url=address, found_by=FoundBy.FEED, found_on=response.url)

    def listed(self, response: TextResponse) -> Iterator[Found]:
        """Yield the targets that a sitemap, a sitemap index or a feed lists."""
        root = xml_root(response.body)
        if root in ("urlset", "sitemapindex"):
            for entry in islice(Sitemap(response.body), MOST_LINKS * 10):
                if root == "sitemapindex":
                    if in_scope(self.whole_site(), entry["loc"]):
                        yield Found(
                            url=entry["loc"], found_by=FoundBy.SITEMAP, found_on=response.url
                        )
                else:
                    yield from self.scoped(entry["loc"], FoundBy.SITEMAP, response)
        elif root in ("rss", "feed", "rdf"):
            for address in islice(feed_links(response.body), MOST_LINKS):
                yield from self.scoped(response.urljoin(address), FoundBy.FEED, response)

    def requisites(self, response: HtmlResponse) -> Iterator[Requisite]:
        """Yield the images and style sheets a page shows itself with."""
        paths = ("//img/@src", "//link[contains(@rel, 'stylesheet')]/@href")
        for path in paths:
            for address in islice(response.xpath(path).getall(), MOST_LINKS):
                url = urldefrag(response.urljoin(address.strip())).url
                if url.startswith(("http://", "https://")):
                    yield Requisite(url=url)

    def whole_site(self) -> Site:
        """Return the site with the scope of its feeds and sitemaps: any path of its hosts."""
        other_hosts = (one for one in self.site.include if "://" in one)
        return replace(self.site, include=("/*", *other_hosts), exclude=())

    def scoped(self, url: str, found_by: FoundBy, response: Response) -> Iterator[Found]:
        """Yield the URL without its fragment, if it is in the site's scope."""
        address = urldefrag(url).url
        if in_scope(self.site, address):
            yield Found(url=address, found_by=found_by, found_on=response.url)


def looks_like_xml(response: TextResponse) -> bool:
    """Say whether a text answer is XML, by what it says or by how it begins."""
    declared = (response.headers.get("Content-Type") or b"").lower()
    return b"xml" in declared or response.body.lstrip(b"\xef\xbb\xbf \t\r\n")[:5] == b"<?xml"


def xml_root(body: bytes) -> str:
    """Return the local name of the root element in lower case, or an empty string."""
    parser = etree.XMLPullParser(events=("start",), recover=True, resolve_entities=False)
    try:
        for start in range(0, min(len(body), 65536), 1024):
            parser.feed(body[start : start + 1024])
            for _, element in parser.read_events():
                return str(etree.QName(element).localname).lower()
    except etree.XMLSyntaxError:
        return ""
    return ""


def feed_links(body: bytes) -> Iterator[str]:
    """Yield the article addresses of an RSS 1.0 or 2.0 or Atom feed, in its order."""
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True)
    tree = etree.fromstring(body, parser=parser)
    if tree is None:
        return
    for entry in tree.iter("{*}item", "{*}entry"):
        for link in entry.iterchildren("{*}link"):
            address = link.get("href") or (link.text or "").strip()
            if address and link.get("rel", "alternate") == "alternate":
                yield address
                break
