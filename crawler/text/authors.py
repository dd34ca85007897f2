"""Choose the authors of an article among what its page says in data, marks and words."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from lxml.html import HtmlElement

from crawler.text.blocks import Run
from crawler.text.evidence import Evidence, Head
from crawler.text.fold import tidy
from crawler.text.marks import Kind, Mark, inside, is_author_link, text_of
from crawler.text.names import (
    byline_names,
    compact,
    is_bare_by,
    is_person,
    looks_like_name,
    name_beside_date,
    names_in,
    people,
    says_by,
)

MAX_AUTHORS = 20
DESCRIBED = "json-ld"
_MAX_TEXT = 200
_MAX_LINE = 160
_MAX_BELOW = 2000
_PARAGRAPH = 150
_FURTHER = 4
"""A by-line below the text stands so close to its last paragraph."""
_MAX_BEFORE = 40
"""Characters before a name in its by-line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Byline:
    """The authors of an article and how they were found."""

    names: tuple[str, ...] = ()
    source: str = "none"
    confidence: float = 0.0
    bodies: frozenset[str] = frozenset()
    """Those names of which the source itself says that they are no persons."""
    numbers: frozenset[int] = frozenset()
    """Numbers of the runs that only tell them."""


def best_byline(page: Evidence) -> Byline:
    """Return the authors: the persons of the surest source that names any, else bodies."""
    sites = page.sites
    found = list(candidates(page))
    told = frozenset(number for one in found for number in one.numbers)
    chosen = _first(_with_persons(one, sites) for one in found)
    if not chosen.names:
        chosen = _first(found)
        chosen = replace(chosen, confidence=chosen.confidence / 2)
    return replace(chosen, names=chosen.names[:MAX_AUTHORS], numbers=told)


def _first(found: Iterable[Byline]) -> Byline:
    return next((one for one in found if one.names), Byline())


def _with_persons(byline: Byline, sites: frozenset[str]) -> Byline:
    """Return a by-line without its bodies, or without names if it names no person.

    An agency that the linked data name beside a person has written its share.
    """
    persons = tuple(
        name for name in byline.names if name not in byline.bodies and is_person(name, sites=sites)
    )
    return byline if persons and byline.source == DESCRIBED else replace(byline, names=persons)


def candidates(page: Evidence) -> Iterator[Byline]:
    """Yield what each source says, the surest first."""
    bodies = frozenset(one.name for one in page.data.authors if one.is_body)
    yield Byline(names=_described(page), source=DESCRIBED, confidence=0.9, bodies=bodies)
    yield Byline(names=_marked(page, Kind.AUTHOR), source="marked", confidence=0.85)
    yield Byline(names=_marked(page, Kind.AUTHOR_LINK), source="link", confidence=0.8)
    declared = (_declared(group, page.sites) for group in page.said.authors)
    yield Byline(names=next(filter(None, declared), ()), source="meta", confidence=0.8)
    yield _line(page.runs, page.head, page.sites)
    yield Byline(names=_marked(page, Kind.AUTHOR_CLASS), source="class", confidence=0.7)
    yield Byline(names=_beside_date(page), source="line", confidence=0.5)
    yield _closing(page.runs, page.head, page.sites)


def _described(page: Evidence) -> tuple[str, ...]:
    """Return the names of the linked data, the site's own only where there is no other."""
    each = [people(names_in(one.name), sites=page.sites) for one in page.data.authors]
    names = tuple(dict.fromkeys(name for group in each for name in group))
    return tuple(name for name in names if compact(name) not in page.sites) or names


def _declared(values: Sequence[str], sites: frozenset[str]) -> tuple[str, ...]:
    return people((part for value in values for part in names_in(value)), sites=sites)


def _marked(page: Evidence, kind: Kind) -> tuple[str, ...]:
    """Return the names in marked elements around the headline, or in the only ones of the page."""
    chosen = [
        mark
        for mark in page.marks
        if mark.kind is kind and (kind is not Kind.AUTHOR_LINK or _alone(mark, page.runs))
    ]
    near = [mark for mark in chosen if mark.number in page.head]
    groups = [_mark_names(mark) for mark in _outermost(near or chosen)]
    names = people(dict.fromkeys(name for group in groups for name in group), sites=page.sites)
    # Without a headline beside them, many different names are those of other articles.
    return names if near or len(names) <= 1 else ()


def _alone(mark: Mark, runs: Sequence[Run]) -> bool:
    """Whether a link to somebody stands in a line of its own, not in a sentence or a caption."""
    if not runs:
        return False
    run = runs[min(mark.number, len(runs) - 1)]
    at = run.text.find(_text(mark.element))
    return run.kind != "caption" and len(run.text) <= _MAX_LINE and at <= _MAX_BEFORE


def _outermost(marks: Sequence[Mark]) -> Iterator[Mark]:
    """Yield the marks that lie in no other of these, each element's own names being within it."""
    elements = {mark.element for mark in marks}
    for mark in marks:
        if not any(one in elements for one in mark.element.iterancestors()):
            yield mark


def _mark_names(mark: Mark) -> tuple[str, ...]:
    element = mark.element
    inner = [one for one in inside(element) if _names_inside(one)]
    texts = [_text(one) for one in inner] or [_text(element)]
    names = [name for text in texts if len(text) <= _MAX_TEXT for name in names_in(text)]
    if mark.kind is Kind.AUTHOR:
        return tuple(names)
    if mark.kind is Kind.AUTHOR_CLASS and not says_by(_text(element)):
        return tuple(name for name in names if looks_like_name(name))
    return tuple(names)


def _names_inside(element: HtmlElement) -> bool:
    """Whether an element within a by-line holds nothing but a name."""
    if "name" in (element.get("itemprop") or "").split():
        return True
    return element.tag == "a" and is_author_link(element)


def _text(element: HtmlElement) -> str:
    return tidy((element.get("content") or "")[:_MAX_TEXT]) or text_of(element)


def _line(runs: Sequence[Run], head: Head, sites: frozenset[str]) -> Byline:
    """Return what the lines around the headline say."""
    names: tuple[str, ...] = ()
    numbers: set[int] = set()
    for number in range(head.start, min(head.end, len(runs))):
        if number in numbers or runs[number].chrome:
            continue
        found, width = byline_at(runs, number, head.end)
        if found:
            names = names or people(found, sites=sites)
            numbers.update(range(number, number + width))
    return Byline(names=names, source="line", confidence=0.75, numbers=frozenset(numbers))


def byline_at(runs: Sequence[Run], number: int, end: int) -> tuple[tuple[str, ...], int]:
    """Return the names told at a run, and how many runs tell them."""
    text = runs[number].text
    if is_bare_by(text) and number + 1 < min(end, len(runs)):
        return byline_names(f"By {runs[number + 1].text}"), 2
    return byline_names(text), 1


def _beside_date(page: Evidence) -> tuple[str, ...]:
    lines = (run.text for run in page.runs[page.head.start : page.head.end] if not run.chrome)
    return next(filter(None, map(name_beside_date, lines)), ())


def _closing(runs: Sequence[Run], head: Head, sites: frozenset[str]) -> Byline:
    """Return the name of a by-line below the text, if there is one and no list of them."""
    found: dict[tuple[str, ...], None] = {}
    last = head.end
    for number in range(head.end, min(len(runs), head.end + _MAX_BELOW)):
        run = runs[number]
        last = number if len(run.text) >= _PARAGRAPH else last
        if number - last > _FURTHER or run.chrome or len(run.text) > _MAX_TEXT:
            continue
        names = byline_names(run.text)
        if names and (says_by(run.text) or all(len(name.split()) >= 2 for name in names)):
            found.setdefault(people(names, sites=sites))
            if len(found) > 1:
                return Byline()
    only = next(iter(found), ())
    return Byline(names=only, source="closing line", confidence=0.5)
