"""Find the elements of a page that are marked as its author or its date, and where they stand."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from lxml.html import HtmlElement

from crawler.text.blocks import BLOCK_TAGS, Run
from crawler.text.fold import tidy

_AUTHOR_WORDS = (
    r"vcard|"
    r"by-?lines?|authors?|autor(?:en|es|in)?|auteurs?|writers?|verfasser|redacteur|reporters?|"
    r"writtenby|postedby"
)
_AUTHOR_CLASS = re.compile(
    rf"(?:^|[\s_-])(?:{_AUTHOR_WORDS})(?:$|[\s_-]|name|info)|(?:^|[a-z_-])(?:Author|Byline)(?:$|[\s_A-Z-])"
)
_AUTHOR_PATH = re.compile(
    r"/(?:authors?|autor(?:en|es)?|auteurs?|writers?|contributors?|journalists?|reporters?|"
    r"columnists?|bylines?|redaktion|yazar|autore|автор)/[^/?#]{2,}",
    re.IGNORECASE,
)
_PERSON_PATH = re.compile(
    r"/(?:staff|people|persons?|profiles?|users?|by|team|members?)/[^/?#]{2,}", re.IGNORECASE
)
"""Paths that lead to authors from within a by-line, and to anybody from elsewhere."""

_DATE_CLASS = re.compile(
    r"(?:^|[\s_-])(?:date|datum|fecha|time|timestamp|datetime|published|pubdate|posted|created|submitted|entry-date|"
    r"post-date|dateline|publish)(?:$|[\s_-])|(?:^|[a-z_-])(?:Date|Timestamp|Published)(?:$|[\s_A-Z-])"
)
_OTHERS_CLASS = re.compile(
    r"(?:^|[\s_-])(?:comment(?:s|list|-list|-body)?|related|recommend(?:ed|ations?)?|sidebar|widget|teasers?|"
    r"most-read|caption|popular|trending|footer|reply|replies|bio|biography)(?:$|[\s_-])",
    re.IGNORECASE,
)
_AUTHORS = frozenset({"author", "creator", "sioc:has_creator"})
_DATES = frozenset({"datePublished", "dateModified", "dateCreated", "created", "issued"})
_NO_MARKS = frozenset({"body", "html", "main", "article", "img", "script", "form", "input"})
_OTHER_TAGS = frozenset({"nav", "footer", "figure", "figcaption"})
_WHOLE_TAGS = frozenset({"html", "body", "main"})
_MAX_MARKS = 400
_MAX_STEPS = 60
_MAX_PIECES = 200
_MAX_CHARACTERS = 1000


class Kind(StrEnum):
    """What a mark says of its element."""

    AUTHOR = "author"
    """By link relation or property."""
    AUTHOR_CLASS = "author-class"
    AUTHOR_LINK = "author-link"
    """By the address of its link."""
    DATE = "date"
    """By property, or a time element."""
    DATE_CLASS = "date-class"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One marked element, and the number of the run it stands in or after."""

    element: HtmlElement
    number: int
    kind: Kind


def marks(root: HtmlElement, runs: Sequence[Run], *, heading: HtmlElement | None) -> list[Mark]:
    """Return the marked elements of a page in order, a bounded number of them.

    ``heading`` is the headline: what holds it as well is no box beside the article.
    """
    around = {root} if heading is None else {heading, *heading.iterancestors()}
    places: dict[HtmlElement, list[int]] = {}
    for number, run in enumerate(runs):
        places.setdefault(run.element, []).append(number)
    found: list[Mark] = []
    by_class = _Kinds()
    number = 0
    for element in root.iter():
        if not isinstance(element.tag, str):
            continue
        if element in places:
            number = places[element][0]
        kind = _kind(element, by_class)
        if kind is not None and not _of_others(element, around):
            place = _run_of(element, places, runs)
            found.append(
                Mark(element=element, number=number if place is None else place, kind=kind)
            )
            if len(found) >= _MAX_MARKS:
                break
    return found


def _run_of(
    element: HtmlElement, places: Mapping[HtmlElement, Sequence[int]], runs: Sequence[Run]
) -> int | None:
    """Return the run that an element within a line is a part of; None for what is no such part."""
    if element.tag in BLOCK_TAGS or not (text := text_of(element)):
        return None
    block = next((one for one in element.iterancestors() if one.tag in BLOCK_TAGS), element)
    numbers = places.get(block, ())[:_MAX_PIECES]
    return next((number for number in numbers if text in runs[number].text), None)


def text_of(element: HtmlElement) -> str:
    """Return the beginning of an element's text: what is longer is no line about an article."""
    return tidy(" ".join(islice(element.itertext(), _MAX_PIECES))[: 2 * _MAX_CHARACTERS])[
        :_MAX_CHARACTERS
    ]


def inside(element: HtmlElement) -> Iterator[HtmlElement]:
    """Yield the elements within an element, a bounded number of them."""
    within = islice(element.iterdescendants(), _MAX_PIECES)
    return (one for one in within if isinstance(one.tag, str))


class _Kinds(dict[str, Kind | None]):
    """What the classes of a page say, each looked at once."""

    def __missing__(self, names: str) -> Kind | None:
        kind = self[names] = _kind_by_class(names)
        return kind


def _kind(element: HtmlElement, by_class: _Kinds) -> Kind | None:
    tag, names = element.tag, element.keys()
    if tag == "time":
        return Kind.DATE
    if "itemprop" in names or "property" in names:
        properties = properties_of(element)
        if properties & _DATES:
            return Kind.DATE
        if properties & _AUTHORS:
            return Kind.AUTHOR
    if "rel" in names and not _AUTHORS.isdisjoint(element.get("rel", "").split()):
        return Kind.AUTHOR
    if tag in _NO_MARKS:
        return None
    if tag == "a" and is_author_link(element):
        return Kind.AUTHOR_LINK
    return by_class[element.get("class", "")] if "class" in names else None


def properties_of(element: HtmlElement) -> frozenset[str]:
    """Return what an element is a property of, as microdata or RDFa say it, without prefixes.

    The properties of ``meta`` elements are those of the page's head (``declared.py``).
    """
    rdfa = "" if element.tag == "meta" else element.get("property") or ""
    said = f"{element.get('itemprop') or ''} {rdfa}"[:200]
    return frozenset(one.rpartition(":")[2] for one in said.split())


def is_author_link(link: HtmlElement) -> bool:
    """Whether a link leads to an author, by its relation or its address."""
    href = (link.get("href") or "")[:2000]
    if "author" in (link.get("rel") or "").split() or _AUTHOR_PATH.search(href):
        return True
    return _PERSON_PATH.search(href) is not None and _in_byline(link)


def _kind_by_class(names: str) -> Kind | None:
    if names and _AUTHOR_CLASS.search(names[:500]):
        return Kind.AUTHOR_CLASS
    if names and _DATE_CLASS.search(names[:500]):
        return Kind.DATE_CLASS
    return None


def _in_byline(element: HtmlElement) -> bool:
    return any(
        _AUTHOR_CLASS.search((one.get("class") or "")[:500])
        for _, one in zip(range(4), _outwards(element), strict=False)
    )


def _of_others(element: HtmlElement, around: set[HtmlElement]) -> bool:
    """Whether an element belongs to navigation, comments, a picture or other articles."""
    for _, one in zip(range(_MAX_STEPS), _outwards(element), strict=False):
        if one in around or one.tag in _WHOLE_TAGS:
            return False
        if one.tag in _OTHER_TAGS or _OTHERS_CLASS.search((one.get("class") or "")[:500]):
            return True
    return False


def _outwards(element: HtmlElement) -> Iterator[HtmlElement]:
    yield element
    yield from element.iterancestors()
