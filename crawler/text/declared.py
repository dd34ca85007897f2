"""Read what the head of a page declares of its article: meta elements, links, the title element."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from lxml.html import HtmlElement

from crawler.text.fold import tidy

MAX_VALUE = 1000
"""Characters of a declared value that are kept; longer ones are no titles and no names."""

_MAX_ELEMENTS = 2000
_LANGUAGE = re.compile(r"[a-zA-Z]{2,3}(?:[-_][a-zA-Z0-9]{2,8})*")

PUBLISHED = (
    "article:published_time",
    "article:published",
    "og:article:published_time",
    "og:published_time",
    "article.published",
    "datepublished",
    "dc.date.issued",
    "dcterms.issued",
    "parsely-pub-date",
    "sailthru.date",
    "citation_publication_date",
)
PUBLISHED_WEAK = (
    "pubdate",
    "publishdate",
    "publish-date",
    "publish_date",
    "published_time",
    "publication_date",
    "publicationdate",
    "published",
    "article_date_original",
    "originalpublicationdate",
    "citation_date",
    "cxenseparse:recs:publishtime",
    "dcsext.articlefirstpublished",
    "dcterms.created",
    "dc.date.created",
    "article:created_time",
    "dc.date",
    "dcterms.date",
    "date",
    "release_date",
)
"""Names by which some mean the first publication, and some another day."""

MODIFIED = (
    "article:modified_time",
    "og:updated_time",
    "og:modified_time",
    "datemodified",
    "article:modified",
    "dcterms.modified",
    "dc.date.modified",
    "lastmod",
    "last-modified",
)
_AUTHOR = re.compile(
    r"^(?!twitter:).{0,40}(?:^|[.:_-])(?:authors?|autor|auteur|byl|byline|citation_author|creator)(?:[._:-]?name)?$"
)
_TITLES = ("og:title", "twitter:title", "headline", "title", "dc.title", "dcterms.title")
_SITE_NAMES = ("og:site_name", "application-name", "apple-mobile-web-app-title")
_CARD = ("twitter:label1", "twitter:data1", "twitter:data2")
LANGUAGE = ("content-language", "og:locale")
_READ = frozenset(
    (*PUBLISHED, *PUBLISHED_WEAK, *MODIFIED, *_TITLES, *_SITE_NAMES, *_CARD, *LANGUAGE, "refresh")
)


def is_read(name: str) -> bool:
    """Whether anything is made of a meta element of this name, given in small letters."""
    return name in _READ or _AUTHOR.match(name) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What the head says; ``meta`` holds the values of each name in their order."""

    meta: dict[str, tuple[str, ...]]
    page_title: str
    canonical: str
    language: str

    def first(self, names: Sequence[str]) -> str:
        """Return the first value among these names, in the order of the names."""
        return next((self.meta[name][0] for name in names if name in self.meta), "")

    def every(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the first value of each of these names that the page has."""
        return tuple(self.meta[name][0] for name in names if name in self.meta)

    @property
    def titles(self) -> tuple[str, ...]:
        """Return the titles the page has declared, the surest first."""
        return self.every(_TITLES)

    @property
    def site_name(self) -> str:
        """Return the name the page gives to its site, or an empty text."""
        return self.first(_SITE_NAMES)

    @property
    def authors(self) -> tuple[tuple[str, ...], ...]:
        """Return the values that name authors, those of one name together, the surest first."""
        keys = sorted((key for key in self.meta if _AUTHOR.match(key)), key=_author_order)
        return (*(self.meta[key] for key in keys), self._labelled_author())

    def _labelled_author(self) -> tuple[str, ...]:
        """Return the author of a preview card, whose label is in the language of the page.

        The first of its two fields is the author and the second the time it takes to read, where
        a plug-in of blogs writes them.
        """
        label, value, second = (self.first((name,)) for name in _CARD)
        timed = bool(re.search(r"\d", second)) or not second
        return (value,) if label and value and timed and not re.search(r"\d", value) else ()


def declared(root: HtmlElement) -> Declared:
    """Return what a page declares; bounded, whatever it holds."""
    html = root if root.tag == "html" else None
    language = ""
    if html is not None:
        language = (
            html.get("lang")
            or html.get("{http://www.w3.org/XML/1998/namespace}lang")
            or html.get("xml:lang")
            or ""
        )
    return Declared(
        meta=_meta(root),
        page_title=_page_title(root),
        canonical=_canonical(root),
        language=language,
    )


def language_tag(text: str) -> str | None:
    """Return a language tag in its usual form (``en-GB``), or None if it is none."""
    found = _LANGUAGE.match(text.strip())
    if found is None:
        return None
    first, *rest = re.split(r"[-_]", found[0])
    return "-".join([first.lower(), *(part.upper() if len(part) == 2 else part for part in rest)])


def absolute(href: str, *, base: str) -> str | None:
    """Return the http address a link leads to, or None if it leads to none."""
    try:
        found = urljoin(base, href.strip())
        parts = urlsplit(found)
    except ValueError:
        return None
    return found if href.strip() and parts.scheme in ("http", "https") and parts.netloc else None


def _author_order(key: str) -> tuple[int, str]:
    known = ("author", "article:author_name", "article:author", "parsely-author", "sailthru.author")
    return (known.index(key) if key in known else len(known)), key


def _meta(root: HtmlElement) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for place, element in enumerate(root.iter("meta")):
        if place >= _MAX_ELEMENTS:
            break
        content = tidy((element.get("content") or "")[: 4 * MAX_VALUE])[:MAX_VALUE]
        if not content:
            continue
        # What stands in the body belongs to a part of the page: a teaser, a comment, a picture.
        inside = "itemprop" in element.attrib and not _in_head(element)
        for attribute in ("property", "name", "http-equiv") if inside else _META_NAMES:
            name = (element.get(attribute) or "")[:100].strip().lower()
            if name and len(values := found.setdefault(name, [])) < 20 and content not in values:
                values.append(content)
    return {name: tuple(values) for name, values in found.items()}


_META_NAMES = ("property", "name", "itemprop", "http-equiv")


def _in_head(element: HtmlElement) -> bool:
    parent = element.getparent()
    return parent is not None and parent.tag == "head"


def _page_title(root: HtmlElement) -> str:
    for element in root.iter("title"):
        parent = element.getparent()
        if parent is None or parent.tag not in ("svg", "symbol", "g"):
            text = tidy("".join(element.itertext())[: 4 * MAX_VALUE])[:MAX_VALUE]
            if text:
                return text
    return ""


def _canonical(root: HtmlElement) -> str:
    for element in root.iter("link"):
        if "canonical" in (element.get("rel") or "").lower().split():
            return (element.get("href") or "")[:8000]
    return ""
