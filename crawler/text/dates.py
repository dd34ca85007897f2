"""Choose the day an article was published, and the day it was changed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from crawler.text.authors import Head
from crawler.text.blocks import Run
from crawler.text.declared import MODIFIED, PUBLISHED, Declared
from crawler.text.fold import tidy
from crawler.text.lines import (
    date_in_url,
    days_apart,
    modified_line,
    only_a_date,
    parse_date,
    parse_stamp,
    published_line,
    says_modified,
)
from crawler.text.linked_data import LinkedData
from crawler.text.marks import Kind, Mark

_MAX_TEXT = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A day, and how it was found."""

    day: str | None = None
    source: str = "none"
    confidence: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dates:
    """When an article was published and changed, and the runs that only tell it."""

    published: Day
    modified: Day
    numbers: frozenset[int]


def best_dates(
    runs: Sequence[Run],
    *,
    head: Head,
    data: LinkedData,
    said: Declared,
    marks: Sequence[Mark],
    url: str,
) -> Dates:
    """Return both days from the surest sources that name them."""
    lines = _lines(runs, head)
    found = list(candidates(head=head, data=data, said=said, marks=marks, lines=lines, url=url))
    published = next((one for one in found if one.day), Day())
    changed = [
        Day(day=parse_stamp(data.modified), source="json-ld", confidence=0.9),
        *(Day(day=parse_stamp(one), source="meta", confidence=0.8) for one in said.every(MODIFIED)),
        Day(
            day=next(filter(None, _marked(marks, head, modified=True)), None),
            source="marked",
            confidence=0.7,
        ),
        Day(day=lines.modified, source="line", confidence=0.7),
    ]
    modified = next((one for one in changed if one.day), Day())
    return Dates(published=published, modified=modified, numbers=lines.numbers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """What the plain text around the headline says of days."""

    published: str | None = None
    plain: str | None = None
    modified: str | None = None
    numbers: frozenset[int] = frozenset()


def candidates(
    *,
    head: Head,
    data: LinkedData,
    said: Declared,
    marks: Sequence[Mark],
    lines: Lines,
    url: str,
) -> Iterator[Day]:
    """Yield what each source says of the publication, the surest first."""
    yield Day(day=parse_stamp(data.published), source="json-ld", confidence=0.95)
    for value in said.every(PUBLISHED):
        yield Day(day=parse_stamp(value), source="meta", confidence=0.9)
    for day in _marked(marks, head, modified=False):
        yield Day(day=day, source="marked", confidence=0.85)
    yield Day(day=lines.published, source="line", confidence=0.8)
    yield Day(day=date_in_url(url), source="url", confidence=0.6)
    yield Day(day=lines.plain, source="line", confidence=0.5)


def _marked(marks: Sequence[Mark], head: Head, *, modified: bool) -> Iterator[str | None]:
    """Yield the days of marked elements, those around the headline first."""
    dated = [mark for mark in marks if mark.kind in (Kind.DATE, Kind.DATE_CLASS)]
    near = [mark for mark in dated if mark.number in head]
    sure = [mark for mark in dated if (mark.element.get("itemprop") or "")]
    for mark in (*sure, *near):
        if _is_modified(mark) is modified:
            element = mark.element
            stamp = element.get("datetime") or element.get("content") or ""
            text = tidy(" ".join(element.itertext())[:1000])
            yield parse_stamp(stamp) or (parse_date(text) if len(text) <= _MAX_TEXT else None)


def _is_modified(mark: Mark) -> bool:
    element = mark.element
    prop = (element.get("itemprop") or "").lower()
    if prop:
        return "modified" in prop
    names = (element.get("class") or "").lower()
    if "updated" in names or "modified" in names:
        return "published" not in names
    parent = element.getparent()
    before = parent.text if parent is not None and parent.index(element) == 0 else ""
    return says_modified(tidy(f"{before or ''} {' '.join(element.itertext())}"[:200]))


def _lines(runs: Sequence[Run], head: Head) -> Lines:
    published = plain = modified = None
    numbers: set[int] = set()
    for number in range(head.start, min(head.end, len(runs))):
        if runs[number].chrome:
            continue
        text = runs[number].text
        day, change = published_line(text), modified_line(text)
        if day or change:
            published, modified = published or day, modified or change
        elif only_a_date(text):
            plain = plain or parse_date(text)
        else:
            continue
        numbers.add(number)
    return Lines(published=published, plain=plain, modified=modified, numbers=frozenset(numbers))


__all__ = ["Dates", "Day", "best_dates", "candidates", "days_apart"]
