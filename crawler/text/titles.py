"""Choose the title of an article: what its headline and the titles it declares agree on."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from urllib.parse import urlsplit

from lxml import etree
from lxml.html import HtmlElement

from crawler.text.blocks import Run
from crawler.text.fold import fold, tidy, words
from crawler.text.marks import inside, text_of
from crawler.text.names import compact
from crawler.text.vocabulary import COUNTED

_SEPARATOR = re.compile(
    r"\s+(?:[|\u2013\u2014·•»«:<>/~]{1,2}|-{1,2})\s+|\s*[|\uff5c\u3163]\s*|\s+::\s+"
)
_COUNTER = re.compile(r"\s*[(\[]?\s*\d[\d.,]*\s*[^\W\d_]{0,12}\s*[)\]]?\s*")
_COUNTED = re.compile(
    rf"^\(\d{{1,3}}\+?\)\s|\s[(\[]\s?\d[\d.,]{{0,9}}\s?(?:{'|'.join(COUNTED)})\s?[)\]]$",
    re.IGNORECASE,
)
_COUNTER_CLASS = re.compile(
    r"(?:^|[\s_-])(?:comments?|count(?:er)?|views?|shares?|badge)(?:$|[\s_-])", re.IGNORECASE
)
_UNSPOKEN = frozenset({"rt", "rp", "script", "style", "svg", "button", "template", "noscript"})
_HEADINGS = ("h1", "h2", "h3")
_LENGTH = 1000
_MAX_HEADINGS = 200
_MAX_PIECES = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Title:
    """The title of an article, the heading it stands in, and how it was found."""

    text: str
    headline: str
    """The text of the page's main heading, as it stands there."""
    source: str
    confidence: float
    numbers: frozenset[int] = frozenset()
    """Numbers of the runs the heading is made of."""
    element: HtmlElement | None = None
    """The heading, where there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heading:
    """One heading of the page."""

    element: HtmlElement
    text: str
    numbers: tuple[int, ...]

    @property
    def level(self) -> str:
        return str(self.element.tag)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """The titles a page declares, and the names of its site."""

    described: str
    """That of the linked data."""
    declared: Sequence[str]
    """Those of the meta elements, the surest first."""
    page_title: str
    site_name: str
    url: str

    @property
    def whole(self) -> tuple[str, ...]:
        """Return every declared title, as it was written."""
        return tuple(filter(None, (self.described, *self.declared, self.page_title)))


def best_title(runs: Sequence[Run], claims: Claims) -> Title:
    """Return the title: the heading the declared titles speak of, else what they agree on."""
    found = _chosen(runs, claims)
    return replace(found, text=uncounted(found.text))


def uncounted(title: str) -> str:
    """Return a title without a number of comments or views, which changes with every look."""
    return _COUNTED.sub("", title) or title


def _chosen(runs: Sequence[Run], claims: Claims) -> Title:
    sites = site_names(claims.site_name, claims.url)
    headings = [one for one in _headings(runs) if compact(one.text) not in sites]
    first = [one for one in headings if one.level == "h1"]
    parts = {key for text in claims.whole for key in _keys(text)}
    bare = _bare(claims)
    exact = [one for one in headings if compact(one.text) in parts and len(one.text) >= 4]
    # A section's name may be a part of the title as well, and a short one.
    chosen = max(
        exact, key=lambda one: (len(one.text) > 20, one.level == "h1", len(one.text)), default=None
    )
    if chosen is not None and (chosen.level == "h1" or not _only(first)):
        return _from_heading(chosen, claims, confidence=0.95)
    akin = max(first, key=lambda one: _akin_to(one.text, claims.whole), default=None)
    if akin is not None and _akin_to(akin.text, claims.whole) >= 0.3:
        return _from_heading(akin, claims, confidence=0.85)
    headline = first[0].text if first else ""
    if _only(first):
        return _from_heading(first[0], claims, confidence=0.7)
    if bare:
        source = "json-ld" if bare == claims.described else "declared"
        line = _line_of(bare, runs)
        return Title(
            text=bare,
            headline=headline,
            source=source,
            confidence=0.6,
            numbers=frozenset() if line is None else frozenset({line}),
            element=None if line is None else runs[line].element,
        )
    if first:
        return _from_heading(first[0], claims, confidence=0.5)
    return Title(text="", headline="", source="none", confidence=0.0)


def _line_of(title: str, runs: Sequence[Run]) -> int | None:
    """Return the line in which a declared title stands on the page, where it is no heading."""
    wanted = compact(title)
    same = (n for n, run in enumerate(runs) if not run.chrome and compact(run.text) == wanted)
    return next(same, None) if wanted else None


def _only(headings: Sequence[_Heading]) -> bool:
    """Whether a page has one main heading, and it reads as a title."""
    return len({one.text for one in headings}) == 1 and (
        len(headings[0].text) >= 16
        or len(headings[0].text.split()) >= 3
        or len(words(headings[0].text)) >= 6
    )


def bare_title(title: str, *, site_name: str, headline: str, url: str) -> str:
    """Return a title without the name of the site before or after it."""
    parts = [part for part in _SEPARATOR.split(title) if part]
    if len(parts) < 2:
        return title
    names = site_names(site_name, url)
    kept = list(parts)
    while len(kept) > 1 and _names_site(kept[-1], names):
        kept.pop()
    while len(kept) > 1 and _names_site(kept[0], names):
        kept.pop(0)
    if len(kept) == len(parts):
        if any(fold(part) == fold(headline) for part in parts):
            return headline
        return title
    # What stood between the parts that remain is kept as it was written.
    start = title.find(kept[0])
    end = title.rfind(kept[-1]) + len(kept[-1])
    return title[start:end]


def site_names(site_name: str, url: str) -> frozenset[str]:
    """Return the forms in which a page names its site, compact: its name, its host, its label."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        host = ""
    labels = [label for label in host.split(".") if label != "www"]
    own = {compact(".".join(labels)), *(compact(label) for label in labels[:-1] if len(label) > 3)}
    return frozenset(
        {compact(site_name), *(compact(one) for one in _SEPARATOR.split(site_name)), *own} - {""}
    )


def _names_site(part: str, names: frozenset[str]) -> bool:
    """Whether a part of a title is the site's name, or begins or ends with all of it."""
    key = compact(part)
    return key in names or any(
        len(name) >= 4 and len(part.split()) <= 5 and (key.startswith(name) or key.endswith(name))
        for name in names
    )


def _bare(claims: Claims) -> str:
    """Return the declared title without the site's name, as far as that is known."""
    sites = site_names(claims.site_name, claims.url)
    texts = [one for one in (*claims.declared, claims.page_title) if one]
    if claims.described and any(_akin(claims.described, one) for one in texts):
        texts.insert(0, claims.described)
    for text in texts:
        bare = _without_site(text, claims)
        if compact(bare) not in sites:
            return bare
    return claims.described or (texts[0] if texts else "")


def _without_site(text: str, claims: Claims) -> str:
    bare = bare_title(text, site_name=claims.site_name, headline="", url=claims.url)
    shorter = [
        other
        for other in (claims.described, *claims.declared)
        if other
        and other != bare
        and len(other) >= 12
        and (compact(other) in set(_keys(bare)) or _begins(bare, other))
    ]
    return min(shorter, key=len, default=bare)


def _begins(title: str, other: str) -> bool:
    """Whether a title is another one with something short behind it."""
    return (
        title.startswith(other)
        and len(other) >= 0.6 * len(title)
        and not title[len(other)].isalnum()
    )


def _headings(runs: Sequence[Run]) -> list[_Heading]:
    """Return the visible headings of the page, each once, in their order."""
    found: dict[HtmlElement, list[int]] = {}
    for number, run in enumerate(runs):
        element = _heading_of(run)
        if element is not None and not run.chrome and len(found) < _MAX_HEADINGS:
            found.setdefault(element, []).append(number)
    headings = (
        _Heading(element=element, text=spoken(element), numbers=tuple(numbers))
        for element, numbers in found.items()
    )
    return [one for one in headings if one.text and not _leads_home(one.element)]


def _heading_of(run: Run) -> HtmlElement | None:
    element = run.element
    for _ in range(4):
        if element is None or element.tag in _HEADINGS:
            return element
        element = element.getparent()
    return None


def spoken(element: HtmlElement) -> str:
    """Return the text of a heading as it is read out: no glosses, no counters, nothing hidden."""
    return tidy("".join(islice(_pieces(element), _MAX_PIECES)))[:_LENGTH]


def _pieces(element: HtmlElement) -> Iterator[str]:
    context = etree.iterwalk(element, events=("start", "end"))
    for event, one in context:
        if event == "end":
            yield (one.tail or "") if one is not element else ""
        elif one is not element and _unspoken(one):
            context.skip_subtree()
        else:
            yield one.text or ""
            yield " " if one.tag == "br" else ""


def _unspoken(element: HtmlElement) -> bool:
    if not isinstance(element.tag, str) or element.tag in _UNSPOKEN or "hidden" in element.attrib:
        return True
    if _COUNTER_CLASS.search(element.get("class") or "") is None:
        return False
    text = tidy("".join(islice(element.itertext(), 10))[:200])
    return len(text) <= 30 and bool(re.search(r"\d", text))


def _leads_home(element: HtmlElement) -> bool:
    """Whether a heading is a link to the front page: the site's name, not a title."""
    links = [one for one in islice(element.iter("a"), 3) if one.get("href")]
    outer = element.getparent()
    if outer is not None and outer.tag == "a":
        links.append(outer)
    if len(links) != 1:
        return False
    try:
        path = urlsplit(links[0].get("href", "").strip()).path
    except ValueError:
        return False
    inner = re.sub(r"^/web/\d+/https?://[^/]+", "", path)
    return inner.strip("./") == "" and not links[0].get("href", "").strip().startswith(
        ("#", "javascript")
    )


def _from_heading(heading: _Heading, claims: Claims, *, confidence: float) -> Title:
    return Title(
        text=_proper(heading, claims),
        headline=heading.text,
        source=heading.level,
        confidence=confidence,
        numbers=frozenset(heading.numbers),
        element=heading.element,
    )


def _proper(heading: _Heading, claims: Claims) -> str:
    """Return the heading without what stands in it in an element of its own: a kicker, a label.

    A declared title that the heading begins or ends with says where the title itself is.
    """
    text = heading.text
    candidates = [
        part
        for whole in (claims.described, *claims.declared)
        for part in (whole, *_SEPARATOR.split(whole))
        if part and 12 <= len(part) < len(text)
    ]
    for part in sorted(candidates, key=len, reverse=True):
        if not (text.startswith(part) or text.endswith(part)):
            continue
        rest = text[len(part) :] if text.startswith(part) else text[: -len(part)]
        if _COUNTER.fullmatch(rest) or _has_element(heading.element, rest):
            return part
    return text


def _has_element(heading: HtmlElement, text: str) -> bool:
    wanted = compact(text)
    return bool(wanted) and any(compact(text_of(one)) == wanted for one in inside(heading))


def _keys(title: str) -> Iterator[str]:
    """Return the compact forms of a title and of every row of its parts from either end."""
    yield compact(title)
    parts = list(_SEPARATOR.finditer(title))[:8]
    for found in parts:
        yield compact(title[: found.start()])
        yield compact(title[found.end() :])
    pieces = _SEPARATOR.split(title)[1:-1]
    yield from map(compact, pieces[:8])


def _akin_to(text: str, titles: Sequence[str]) -> float:
    return max((_likeness(text, one) for one in titles), default=0.0)


def _akin(one: str, other: str) -> bool:
    return _likeness(one, other) >= 0.3


def _likeness(heading: str, title: str) -> float:
    ours, theirs = set(fold(heading).casefold().split()), set(fold(title).casefold().split())
    return len(ours & theirs) / len(ours | theirs) if ours and theirs else 0.0
