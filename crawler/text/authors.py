"""Choose the authors of an article among what its page says in data, marks and words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lxml.html import HtmlElement

from crawler.text.blocks import Run
from crawler.text.declared import Declared
from crawler.text.fold import tidy
from crawler.text.linked_data import LinkedData
from crawler.text.marks import Kind, Mark
from crawler.text.names import (
    byline_names,
    compact,
    is_bare_by,
    is_body,
    looks_like_name,
    names_in,
    people,
    says_by,
    split_names,
)

MAX_AUTHORS = 20
_MAX_TEXT = 200
_MAX_TAIL = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Byline:
    """The authors of an article and how they were found."""

    names: tuple[str, ...] = ()
    source: str = "none"
    confidence: float = 0.0
    numbers: frozenset[int] = frozenset()
    """Numbers of the runs that only tell them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The runs around the headline: from ``start`` up to the first paragraphs of the text."""

    start: int
    end: int

    def __contains__(self, number: int) -> bool:
        """Say whether a run stands around the headline."""
        return self.start <= number < self.end


def best_byline(
    runs: Sequence[Run],
    *,
    head: Head,
    data: LinkedData,
    said: Declared,
    marks: Sequence[Mark],
    sites: frozenset[str],
) -> Byline:
    """Return the authors: persons from the surest source that names any, else bodies."""
    found = list(candidates(runs, head=head, data=data, said=said, marks=marks, sites=sites))
    told = frozenset(number for one in found for number in one.numbers)
    for persons in (True, False):
        for one in found:
            kept = tuple(name for name in one.names if not (persons and is_body(name, sites=sites)))
            if kept:
                return Byline(
                    names=kept[:MAX_AUTHORS],
                    source=one.source,
                    confidence=one.confidence if persons else one.confidence / 2,
                    numbers=told,
                )
    return Byline(numbers=told)


def candidates(
    runs: Sequence[Run],
    *,
    head: Head,
    data: LinkedData,
    said: Declared,
    marks: Sequence[Mark],
    sites: frozenset[str],
) -> Iterator[Byline]:
    """Yield what each source says, the surest first."""
    described = [one.name for one in data.authors if not one.is_body] or [
        one.name for one in data.authors
    ]
    yield Byline(
        names=people((part for name in described for part in names_in(name)), sites=sites),
        source="json-ld",
        confidence=0.9,
    )
    yield Byline(
        names=_marked(marks, head, (Kind.AUTHOR,), sites), source="marked", confidence=0.85
    )
    yield Byline(
        names=_marked(marks, head, (Kind.AUTHOR_LINK,), sites), source="link", confidence=0.8
    )
    yield Byline(
        names=people((part for value in said.authors for part in names_in(value)), sites=sites),
        source="meta",
        confidence=0.8,
    )
    yield _line(runs, head, sites)
    yield Byline(
        names=_marked(marks, head, (Kind.AUTHOR_CLASS,), sites), source="class", confidence=0.7
    )
    yield _closing(runs, head, sites)


def _marked(
    marks: Sequence[Mark], head: Head, kinds: Sequence[Kind], sites: frozenset[str]
) -> tuple[str, ...]:
    """Return the names in marked elements around the headline, or in the only ones of the page."""
    chosen = [mark for mark in marks if mark.kind in kinds]
    near = [mark for mark in chosen if mark.number in head]
    groups = [_mark_names(mark) for mark in _outermost(near or chosen)]
    names = people(dict.fromkeys(name for group in groups for name in group), sites=sites)
    # Without a headline beside them, many different names are those of other articles.
    return names if near or len(names) <= 1 else ()


def _outermost(marks: Sequence[Mark]) -> Iterator[Mark]:
    """Yield the marks that lie in no other of these, each element's own names being within it."""
    elements = {mark.element for mark in marks}
    for mark in marks:
        if not any(one in elements for one in mark.element.iterancestors()):
            yield mark


def _mark_names(mark: Mark) -> tuple[str, ...]:
    element = mark.element
    inner = [one for one in element.iterdescendants() if _names_inside(one)]
    texts = [_text(one) for one in inner] or [_text(element)]
    if not texts[0] and element.get("content"):
        texts = [element.get("content") or ""]
    names = [name for text in texts if len(text) <= _MAX_TEXT for name in names_in(text)]
    if mark.kind is Kind.AUTHOR:
        return tuple(names)
    return tuple(name for name in names if looks_like_name(name) or mark.kind is Kind.AUTHOR_LINK)


def _names_inside(element: HtmlElement) -> bool:
    """Whether an element within a by-line holds nothing but a name."""
    if not isinstance(element.tag, str):
        return False
    if "name" in (element.get("itemprop") or "").split():
        return True
    return element.tag == "a" and "author" in (element.get("rel") or "").split()


def _text(element: HtmlElement) -> str:
    if element.tag == "meta":
        return tidy((element.get("content") or "")[:1000])
    return tidy(" ".join(element.itertext())[:1000])


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


def _closing(runs: Sequence[Run], head: Head, sites: frozenset[str]) -> Byline:
    """Return the name of a by-line below the text, if there is one and no list of them."""
    found: dict[tuple[str, ...], None] = {}
    for number in range(head.end, len(runs)):
        run = runs[number]
        if run.chrome or len(run.text) > _MAX_TEXT:
            continue
        names = byline_names(run.text)
        if names and (says_by(run.text) or all(len(name.split()) >= 2 for name in names)):
            found.setdefault(people(names, sites=sites))
            if len(found) > 1:
                return Byline()
    only = next(iter(found), ())
    return Byline(names=only, source="closing line", confidence=0.5)


__all__ = ["Byline", "Head", "best_byline", "byline_at", "candidates", "compact", "split_names"]
