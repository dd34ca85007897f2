"""Read who wrote an article, when, in which language and under which title."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from lxml.html import HtmlElement

from crawler.text.blocks import Run
from crawler.text.fold import fold, tidy
from crawler.text.lines import (
    byline_names,
    date_in_url,
    is_bare_by,
    modified_line,
    parse_date,
    published_line,
    split_names,
)
from crawler.text.linked_data import LinkedData, linked_data

_SEPARATOR = re.compile(r"\s+(?:[|\u2013\u2014·•»«:]{1,2}|-{1,2})\s+|\s*\|\s*")
_LANGUAGE = re.compile(r"[a-zA-Z]{2,3}(?:[-_][a-zA-Z0-9]{2,8})*")
_AUTHOR_CLASS = re.compile(r"(?:^|[\s_-])(?:byline|author|writer)s?(?:$|[\s_-])", re.IGNORECASE)
_HEAD_RUNS = 30
_TITLE_LENGTH = 1000
_MAX_AUTHORS = 20

_PUBLISHED_META = (
    "article:published_time",
    "og:article:published_time",
    "article.published",
    "datepublished",
    "pubdate",
    "publishdate",
    "publish-date",
    "date",
    "dc.date.issued",
    "dcterms.created",
    "dc.date",
    "dcterms.date",
    "sailthru.date",
    "parsely-pub-date",
    "cxenseparse:recs:publishtime",
)
_MODIFIED_META = (
    "article:modified_time",
    "og:updated_time",
    "datemodified",
    "last-modified",
    "dcterms.modified",
)
_AUTHOR_META = (
    "author",
    "article:author_name",
    "parsely-author",
    "sailthru.author",
    "dc.creator",
    "byl",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """The fields of an article beside its text, and the runs that only said them."""

    title: str
    headline: str
    page_title: str
    byline: tuple[str, ...]
    published: str | None
    modified: str | None
    language: str | None
    canonical_url: str | None
    told_by: frozenset[int]
    """Numbers of the runs that are headline, by-line or date line, hence no text of the article."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lines:
    """What the plain text around the headline says."""

    byline: tuple[str, ...] = ()
    published: str | None = None
    modified: str | None = None
    numbers: frozenset[int] = frozenset()


def metadata(
    root: HtmlElement,
    *,
    runs: Sequence[Run],
    article: Sequence[int],
    url: str,
    language: str | None,
) -> Metadata:
    """Return the fields of a page; ``article`` are the numbers of the runs that are its text."""
    meta = _meta(root)
    data = linked_data(root)
    page_title = _page_title(root)
    social = meta.get("og:title") or meta.get("twitter:title") or ""
    site_name = meta.get("og:site_name") or meta.get("application-name") or data.publisher
    headline, heading_runs = _headline(runs, [social, page_title, data.headline])
    bare = bare_title(social or page_title, site_name=site_name, headline=headline, url=url)
    lines = _lines(runs, article=article, start=max(heading_runs, default=0))
    title = _title(headline, bare, data.headline)
    return Metadata(
        title=title,
        headline=headline,
        page_title=page_title,
        byline=_byline(root, meta=meta, data=data, lines=lines, site_name=site_name),
        published=_published(root, meta=meta, data=data, lines=lines, url=url),
        modified=_first_date([data.modified, *_values(meta, _MODIFIED_META)]) or lines.modified,
        language=_language(root, meta, data) or language,
        canonical_url=_canonical(root, url),
        told_by=lines.numbers | heading_runs,
    )


def bare_title(title: str, *, site_name: str, headline: str, url: str) -> str:
    """Return a title without the name of the site before or after it."""
    parts = [part for part in _SEPARATOR.split(title) if part]
    if len(parts) < 2:
        return title
    names = {_compact(site_name), *_host_names(url)} - {""}
    kept = list(parts)
    while len(kept) > 1 and _compact(kept[-1]) in names:
        kept.pop()
    while len(kept) > 1 and _compact(kept[0]) in names:
        kept.pop(0)
    if len(kept) == len(parts):
        return headline if any(fold(part) == fold(headline) for part in parts) else title
    # What stood between the parts that remain is kept as it was written.
    start = title.find(kept[0])
    end = title.rfind(kept[-1]) + len(kept[-1])
    return title[start:end]


def _title(headline: str, bare: str, declared: str) -> str:
    """Choose the best title: the headline, unless the page's own titles agree on another one."""
    if not headline or (declared and fold(declared) == fold(bare) and not _akin(headline, bare)):
        return bare or declared or headline
    return headline


def _headline(runs: Sequence[Run], titles: Sequence[str]) -> tuple[str, frozenset[int]]:
    """Return the h1 that the page's titles speak of, else its first, and the runs it is made of."""
    found = [
        number for number, run in enumerate(runs) if run.element.tag == "h1" and not run.chrome
    ]
    if not found:
        return "", frozenset()
    best = max(
        found,
        key=lambda number: (max(_likeness(runs[number].text, one) for one in titles), -number),
    )
    element = runs[best].element
    numbers = [number for number in found if runs[number].element is element]
    return tidy(" ".join(runs[number].text for number in numbers))[:_TITLE_LENGTH], frozenset(
        numbers
    )


def _likeness(heading: str, title: str) -> float:
    ours, theirs = set(fold(heading).casefold().split()), set(fold(title).casefold().split())
    return len(ours & theirs) / len(ours | theirs) if ours and theirs else 0.0


def _akin(one: str, other: str) -> bool:
    return _likeness(one, other) >= 0.3


def _page_title(root: HtmlElement) -> str:
    for element in root.iter("title"):
        parent = element.getparent()
        if parent is None or parent.tag != "svg":
            return tidy("".join(element.itertext()))[:_TITLE_LENGTH]
    return ""


def _meta(root: HtmlElement) -> dict[str, str]:
    """Return the page's ``meta`` elements by lower-case name or property, the first of each."""
    found: dict[str, str] = {}
    for element in root.iter("meta"):
        content = tidy(element.get("content") or "")
        for attribute in ("property", "name", "itemprop", "http-equiv"):
            name = (element.get(attribute) or "").strip().lower()
            if name and content:
                found.setdefault(name, content[:_TITLE_LENGTH])
    return found


def _values(meta: dict[str, str], names: Sequence[str]) -> list[str]:
    return [meta[name] for name in names if name in meta]


def _first_date(texts: Sequence[str]) -> str | None:
    return next(filter(None, map(parse_date, texts)), None)


def _published(
    root: HtmlElement, *, meta: dict[str, str], data: LinkedData, lines: _Lines, url: str
) -> str | None:
    marked = [
        element.get("datetime") or element.get("content") or "".join(element.itertext())
        for element in root.iter("time", "span", "div", "abbr")
        if element.get("itemprop") == "datePublished" or "pubdate" in element.attrib
    ]
    return (
        _first_date([data.published, *_values(meta, _PUBLISHED_META), *marked[:5]])
        or lines.published
        or date_in_url(url)
    )


def _byline(
    root: HtmlElement, *, meta: dict[str, str], data: LinkedData, lines: _Lines, site_name: str
) -> tuple[str, ...]:
    """Return the authors from the first source that names any; a site is no author."""
    sources = (
        data.authors,
        tuple(name for value in _values(meta, _AUTHOR_META)[:1] for name in _names(value)),
        lines.byline,
        tuple(name for text in _marked_authors(root) for name in _names(text)),
    )
    for names in sources:
        people = [name for name in names if _is_author(name, site_name)]
        if people:
            return tuple(dict.fromkeys(people))[:_MAX_AUTHORS]
    return ()


def _names(text: str) -> tuple[str, ...]:
    return byline_names(text) or split_names(text)


def _is_author(name: str, site_name: str) -> bool:
    folded = _compact(name)
    if not folded or "://" in name or len(name) > 100:
        return False
    return folded not in {"admin", "administrator", "editor", "staff", _compact(site_name)}


def _marked_authors(root: HtmlElement) -> Iterator[str]:
    """Return texts of elements that are marked as the author: link relation, property, class."""
    for element in root.iter("a", "span", "div", "p", "address"):
        marked = element.get("rel") == "author" or element.get("itemprop") == "author"
        if not marked and not _AUTHOR_CLASS.search(element.get("class") or ""):
            continue
        text = tidy("".join(element.itertext()))
        if text and len(text) <= 100 and (marked or byline_names(text)):
            yield text
            if not marked:
                return


def _lines(runs: Sequence[Run], *, article: Sequence[int], start: int) -> _Lines:
    """Read the by-line and date lines between the headline and the first paragraphs."""
    body = [number for number in article if number >= start and len(runs[number].text) >= 200]
    end = min(len(runs), (body[0] if body else start + _HEAD_RUNS) + 2, start + _HEAD_RUNS)
    byline: tuple[str, ...] = ()
    published = modified = None
    numbers: set[int] = set()
    for number in range(max(0, start - 3), end):
        text = runs[number].text
        if number in numbers or runs[number].chrome:
            continue
        names, width = _byline_at(runs, number, end)
        day, change = published_line(text), modified_line(text)
        if names:
            byline = byline or names
            numbers.update(range(number, number + width))
        elif day or change:
            published, modified = published or day, modified or change
            numbers.add(number)
        elif _only_a_date(text):
            published = published or parse_date(text)
            numbers.add(number)
    return _Lines(byline=byline, published=published, modified=modified, numbers=frozenset(numbers))


def _byline_at(runs: Sequence[Run], number: int, end: int) -> tuple[tuple[str, ...], int]:
    """Return the names told at a run, and how many runs tell them."""
    text = runs[number].text
    if is_bare_by(text) and number + 1 < end:
        return byline_names(f"By {runs[number + 1].text}"), 2
    return byline_names(text), 1


def _only_a_date(text: str) -> bool:
    return len(text) <= 40 and len(text.split()) <= 6 and parse_date(text) is not None


def _language(root: HtmlElement, meta: dict[str, str], data: LinkedData) -> str | None:
    html = root if root.tag == "html" else None
    declared = [
        (
            html.get("lang")
            or html.get("{http://www.w3.org/XML/1998/namespace}lang")
            or html.get("xml:lang")
        )
        if html is not None
        else None,
        meta.get("content-language"),
        meta.get("og:locale"),
        data.language,
    ]
    return next(filter(None, map(language_tag, filter(None, declared))), None)


def language_tag(text: str) -> str | None:
    """Return a language tag in its usual form (``en-GB``), or None if it is none."""
    found = _LANGUAGE.match(text.strip())
    if found is None:
        return None
    first, *rest = re.split(r"[-_]", found[0])
    return "-".join([first.lower(), *(part.upper() if len(part) == 2 else part for part in rest)])


def _canonical(root: HtmlElement, url: str) -> str | None:
    for element in root.iter("link"):
        if "canonical" in (element.get("rel") or "").lower().split():
            return absolute(element.get("href") or "", base=url)
    return None


def absolute(href: str, *, base: str) -> str | None:
    """Return the http address a link leads to, or None if it leads to none."""
    try:
        found = urljoin(base, href.strip())
        parts = urlsplit(found)
    except ValueError:
        return None
    return found if href.strip() and parts.scheme in ("http", "https") and parts.netloc else None


def _compact(text: str) -> str:
    return re.sub(r"[\W_]+", "", fold(text).casefold())


def _host_names(url: str) -> set[str]:
    """Return the forms in which a title may name the host: ``example.org``, ``Example``."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return set()
    labels = [label for label in host.split(".") if label != "www"]
    return {
        _compact(".".join(labels)),
        *(_compact(label) for label in labels[:-1] if len(label) > 3),
    }
