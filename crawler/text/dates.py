"""Choose the day an article was published, and the day it was changed."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from crawler.text.blocks import Run
from crawler.text.declared import MODIFIED, PUBLISHED, PUBLISHED_WEAK
from crawler.text.evidence import Evidence, Head
from crawler.text.fold import tidy
from crawler.text.lines import (
    date_in_url,
    may_be_local,
    modified_line,
    only_a_date,
    parse_date,
    parse_stamp,
    published_line,
    says_modified,
    universal_hour,
)
from crawler.text.marks import Kind, Mark, properties_of, text_of
from crawler.text.names import says_by

_MAX_TEXT = 120
_STATE = re.compile(r"""["'](\w{3,40})["']\s{0,4}:\s{0,4}["'](\d{4}[-./]\d\d[-./]\d\d)""")
_STATE_KEYS = ("publis", "public", "post", "first", "deploy")
"""Parts of the names under which programs keep the day of publication."""
_STATE_CHARACTERS = 1_000_000
_FURTHER = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One day that a source names, and how much it weighs against others."""

    day: str | None = None
    source: str = "none"
    weight: float = 0.0
    hour: int | None = None
    """Hour of a moment in UTC: the day in the place of the readers may be the one beside it."""
    local: bool = False
    """Whether it is the day in the place of the readers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dates:
    """When an article was published and changed, and the runs that only tell it."""

    published: Claim
    modified: Claim
    numbers: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lines:
    """What the plain text around the headline says of days."""

    published: str | None = None
    plain: str | None = None
    modified: str | None = None
    numbers: frozenset[int] = frozenset()


def best_dates(page: Evidence) -> Dates:
    """Return both days from what most and the surest sources name."""
    said, marks, head = page.said, page.marks, page.head
    lines = _lines(page.runs, head)
    found = (
        _stamp(page.data.published, source="json-ld", weight=1.0),
        _first(_stamp(one, source="meta", weight=0.9) for one in said.every(PUBLISHED)),
        _first(_stamp(one, source="meta", weight=0.5) for one in said.every(PUBLISHED_WEAK)),
        _first(_marked(marks, head, modified=False)),
        Claim(day=lines.published, source="line", weight=0.75, local=True),
        Claim(day=date_in_url(page.url), source="url", weight=0.6, local=True),
        Claim(day=lines.plain, source="line", weight=0.3, local=True),
    )
    published = agreed(found)
    if published.day is None:
        published = _first(guess(page) for guess in (_closing_day, _state, _guessed))
    changed = (
        _stamp(page.data.modified, source="json-ld", weight=0.9),
        *(_stamp(one, source="meta", weight=0.8) for one in said.every(MODIFIED)),
        _first(_marked(marks, head, modified=True)),
        Claim(day=lines.modified, source="line", weight=0.7),
        _closing(page.runs, head, modified=True),
    )
    return Dates(published=published, modified=_first(changed), numbers=lines.numbers)


def agreed(claims: Iterable[Claim]) -> Claim:
    """Return the day that weighs most; a moment in UTC speaks for the local day beside it."""
    known = [one for one in claims if one.day is not None]
    local = [one.day for one in known if one.local and one.day is not None]
    weights: dict[str, float] = defaultdict(float)
    first: dict[str, Claim] = {}
    said: set[tuple[str, str]] = set()
    for claim in known:
        day = claim.day or ""
        if claim.hour is not None and day not in local:
            beside = (one for one in local if may_be_local(day, one, hour=claim.hour))
            day = next(beside, day)
        if (claim.source, day) not in said:
            said.add((claim.source, day))
            weights[day] += claim.weight
        first.setdefault(day, replace(claim, day=day))
    if not weights:
        return Claim()
    best = max(weights, key=lambda day: weights[day])
    return replace(first[best], weight=min(1.0, max(first[best].weight, weights[best] / 2)))


def _first(claims: Iterable[Claim]) -> Claim:
    return next((one for one in claims if one.day is not None), Claim())


def _stamp(text: str, *, source: str, weight: float) -> Claim:
    return Claim(day=parse_stamp(text), source=source, weight=weight, hour=universal_hour(text))


def _marked(marks: Sequence[Mark], head: Head, *, modified: bool) -> Iterator[Claim]:
    """Yield the days of marked elements, those of the article's own description first."""
    dated = [mark for mark in marks if mark.kind in (Kind.DATE, Kind.DATE_CLASS)]
    near = [mark for mark in dated if mark.number in head]
    described = [mark for mark in dated if properties_of(mark.element)]
    for mark in (*(one for one in described if one in near), *near, *described):
        if _is_modified(mark) is modified:
            element = mark.element
            stamp = element.get("datetime") or element.get("content") or ""
            text = text_of(element)
            seen = parse_date(text) if len(text) <= _MAX_TEXT else None
            sure = _stamp(stamp, source="marked", weight=0.8)
            if seen is not None and (sure.day is None or sure.hour is not None):
                yield Claim(day=seen, source="marked", weight=0.8, local=True)
            yield replace(sure, local=sure.hour is None)


def _is_modified(mark: Mark) -> bool:
    element = mark.element
    properties = properties_of(element)
    if properties:
        return "dateModified" in properties
    names = (element.get("class") or "").lower()
    if "updated" in names or "modified" in names:
        return "published" not in names
    parent = element.getparent()
    before = parent.text if parent is not None and parent.index(element) == 0 else ""
    return says_modified(tidy(f"{before or ''} {text_of(element)[:200]}"[-300:]))


def _lines(runs: Sequence[Run], head: Head) -> _Lines:
    published = plain = modified = None
    numbers: set[int] = set()
    for number in range(head.start, min(head.end, len(runs))):
        if runs[number].chrome:
            continue
        text = runs[number].text
        day, change = published_line(text), modified_line(text)
        if day or change:
            published, modified = published or day, modified or change
            numbers.add(number)
        elif only_a_date(text):
            plain = plain or parse_date(text)
            numbers.add(number)
        elif len(text) <= _MAX_TEXT and says_by(text):
            plain = plain or parse_date(text)
    return _Lines(published=published, plain=plain, modified=modified, numbers=frozenset(numbers))


def _closing(runs: Sequence[Run], head: Head, *, modified: bool = False) -> Claim:
    """Return the day of a date line below the text, if the page has one such day only."""
    line = modified_line if modified else published_line
    days = {
        day
        for run in runs[head.end :]
        if not run.chrome and len(run.text) <= _MAX_TEXT and (day := line(run.text))
    }
    return Claim(day=days.pop(), source="closing line", weight=0.5) if len(days) == 1 else Claim()


def _closing_day(page: Evidence) -> Claim:
    return _closing(page.runs, page.head)


def _state(page: Evidence) -> Claim:
    """Return the day in the data of the page's own program, if it names one only."""
    days: set[str | None] = set()
    left = _STATE_CHARACTERS
    for script in page.root.iter("script"):
        text = (script.text or "")[:left]
        left -= len(text)
        days.update(
            parse_date(found[2])
            for found in _STATE.finditer(text)
            if any(key in found[1].lower() for key in _STATE_KEYS)
        )
        if left <= 0 or len(days) > 1:
            break
    return Claim(day=days.pop(), source="script", weight=0.4) if len(days) == 1 else Claim()


def _guessed(page: Evidence) -> Claim:
    """Return the first day in a short line about the headline, where nothing else is known.

    Further down stand the days of other articles, which come and go.
    """
    for run in page.runs[page.head.start : page.head.end + _FURTHER]:
        day = parse_date(run.text) if len(run.text) <= _MAX_TEXT and not run.chrome else None
        if day is not None:
            return Claim(day=day, source="guess", weight=0.2)
    return Claim()
