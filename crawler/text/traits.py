"""Tell of each run of a page what can be told without understanding it: shape, place, company.

A trait has a name and a number, mostly 0 or 1; what is 0 is left out. Which traits speak for an
article, and how much, stands in ``weights.py``.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import log1p

from lxml.html import HtmlElement

from crawler.text.blocks import Run
from crawler.text.fold import fold
from crawler.text.groups import shares
from crawler.text.hints import KINDS, hints
from crawler.text.manner import Said, manners
from crawler.text.template import Known
from crawler.text.tree import MAX_DEPTH

Traits = dict[str, float]

_STOPS = ".!?\u2026\u3002\uff01\uff1f\u061f\u0964"
"""Full stops, question and exclamation marks of Latin, Chinese, Arabic and Indian scripts."""
_SENTENCE_END = re.compile(rf"[{_STOPS}:][\"\u201d\u00bb\u2019')\]]*$")
_MARKS = re.compile(rf"[{_STOPS},;\u060c\u061b\u3001\uff0c]")
_DIGITS = re.compile(r"\d")
_OUTER_TAGS = {
    "article": "article",
    "main": "main",
    "figure": "figure",
    "form": "form",
    "table": "table",
    "ul": "list",
    "ol": "list",
    "header": "header",
    "section": "section",
    "a": "link",
    "li": "item",
    "blockquote": "quote",
}
_OWN_TAGS = frozenset(("p", "div", "li", "td", "h1"))
_HEADINGS = frozenset(("h2", "h3", "h4", "h5", "h6"))
_WHOLE = sum(1 << KINDS.index(kind) for kind in ("body", "title", "lead"))
"""What an element may be named as that holds most of a page."""

_WHOLE_TAGS = frozenset(("article", "main", "section"))
_WRAP_SHARE = 0.6
_PROSE = 12
"""Words from which a run without links is prose."""

_NEAR = 10
_FAR = 30
_SCOPE_SHARE = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A page as its runs are judged by: the sequences go run by run."""

    runs: Sequence[Run]
    keys: Sequence[str]
    """The texts of the runs, squeezed."""
    marks: Sequence[str]
    """Their short marks, by which the template knows them."""
    sizes: Sequence[int]
    """Their words."""
    picked: Sequence[bool]
    """Whether the extractor has taken them for the article."""
    told: frozenset[int]
    """The runs that are headline, by-line or date line."""
    title: str
    summary: str
    said: Said
    known: Known | None


def traits(sheet: Sheet) -> Iterator[Traits]:
    """Yield the traits of one run after another: those of one run take 4 KB, and a page has many.

    Each step below adds its own to what the one before it yields.
    """
    found: Iterator[Traits] = ({} for _ in sheet.runs)
    for step in (_shape, _place, _position, _company, _groups, _extractor, _scope, _manner):
        found = step(sheet, found)
    if sheet.known is not None and sheet.known.pages > 0:
        found = _template(sheet, sheet.known, found)
    return found


def _shape(sheet: Sheet, found: Iterable[Traits]) -> Iterator[Traits]:
    """What a run is by itself: length, links, punctuation, kind."""
    for run, size, own in zip(sheet.runs, sheet.sizes, found, strict=True):
        text = run.text
        own["words"] = log1p(size)
        own["one to three words"] = size <= 3
        own["25 words"] = size >= 25
        own["link share"] = run.linked
        own["mostly link"] = run.linked >= 0.5
        own["sentence end"] = _SENTENCE_END.search(text[-8:]) is not None
        own["marks a word"] = min(1.0, len(_MARKS.findall(text)) * 4 / max(1, size))
        own["digits"] = len(_DIGITS.findall(text)) / len(text)
        own["capital"] = text[0].isupper()
        own["capitals"] = text.isupper()
        own["colon"] = text.endswith(":")
        own[f"kind {run.kind}"] = 1
        if run.kind in ("item", "heading", "caption"):
            own[f"words of {run.kind}"] = log1p(size)
        tag = run.element.tag
        own[f"tag {tag if tag in _OWN_TAGS else 'h' if tag in _HEADINGS else 'other'}"] = 1
        own["linked paragraph"] = run.linked >= 0.5 and tag == "p"
        own["chrome"] = run.chrome
        yield own


def _place(sheet: Sheet, found: Iterable[Traits]) -> Iterator[Traits]:
    """What encloses a run: tags, and what classes and ids name them as."""
    seen: dict[HtmlElement, _Place] = {}
    told: dict[_Place, Traits] = {}
    wraps = _wraps(sheet)
    for run, own in zip(sheet.runs, found, strict=True):
        place = _place_of(run.element, seen, wraps)
        if place not in told:
            told[place] = _said_of(place)
        own.update(told[place])
        yield own


def _said_of(place: "_Place") -> Traits:
    names = [f"inside {name}" for name in place.tags]
    for number, kind in enumerate(KINDS):
        bit = 1 << number
        if place.near & bit:
            names.append(f"near {kind}")
        if place.around & bit:
            names.append(f"in {kind}")
    return dict.fromkeys(names, 1)


@dataclass(frozen=True, slots=True)
class _Place:
    around: int
    own: int
    near: int
    tags: frozenset[str]


_NOWHERE = _Place(0, 0, 0, frozenset())


def _place_of(
    element: HtmlElement, seen: dict[HtmlElement, _Place], wraps: set[HtmlElement]
) -> _Place:
    chain = []
    one: HtmlElement | None = element
    while one is not None and one not in seen:
        chain.append(one)
        one = one.getparent()
    place = seen[one] if one is not None else _NOWHERE
    for one in reversed(chain):
        own, tag = hints(one), _OUTER_TAGS.get(one.tag)
        if one in wraps:  # what holds most of a page's prose is no side column, whatever its name
            own, tag = own & _WHOLE, tag if tag in _WHOLE_TAGS else None
        tags = place.tags | {tag} if tag is not None else place.tags
        if one.get("itemprop") == "articleBody":
            tags |= {"article body"}
        place = seen[one] = _Place(place.around | own, own, own | place.own, tags)
    return place


def _wraps(sheet: Sheet) -> set[HtmlElement]:
    """Return the elements that hold most of the prose of a page."""
    prose: Counter[HtmlElement] = Counter()
    for run, size in zip(sheet.runs, sheet.sizes, strict=True):
        if size >= _PROSE and run.linked < 0.5:
            prose[run.element] += size
    weights: Counter[HtmlElement] = Counter()
    for element, size in prose.items():
        for one in islice(_ancestors(element), MAX_DEPTH):
            weights[one] += size
    most = _WRAP_SHARE * sum(prose.values())
    return {one for one, size in weights.items() if size >= most > 0}


def _position(sheet: Sheet, found: Iterable[Traits]) -> Iterator[Traits]:
    """Where a run stands on the page, and beside its headline."""
    all_words = sum(sheet.sizes) or 1
    heading = _heading(sheet)
    title = _bag(sheet.title)
    summary = sheet.summary
    count = Counter(sheet.keys)
    before: set[str] = set()
    words = 0
    for number, own in enumerate(found):
        key = sheet.keys[number]
        own["first tenth"] = words < all_words / 10
        own["last third"] = words > all_words * 2 / 3
        own["title words"] = _likeness(_bag(sheet.runs[number].text[:400]), title)
        own["summary"] = len(key) > 20 < len(summary) and (key in summary or summary[:60] in key)
        own["told"] = number in sheet.told
        own["repeated"] = count[key] > 1
        own["seen above"] = key in before
        if heading is None:
            own["no headline"] = 1
        elif number > heading:
            own["after headline"] = 1
            own["far after headline"] = min(1.0, (number - heading) / _FAR)
        elif number < heading:
            own["far before headline"] = min(1.0, (heading - number) / _FAR)
        else:
            own["headline"] = 1
        before.add(key)
        words += sheet.sizes[number]
        yield own


def _heading(sheet: Sheet) -> int | None:
    """Return the number of the h1 that is most like the title."""
    title = _bag(sheet.title)
    found = [
        number
        for number, run in enumerate(sheet.runs)
        if run.element.tag == "h1" and not run.chrome
    ]
    return max(
        found, key=lambda one: (_likeness(_bag(sheet.runs[one].text), title), -one), default=None
    )


def _bag(text: str) -> frozenset[str]:
    return frozenset(fold(text).casefold().split())


def _likeness(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if one and other else 0.0


_BEFORE, _BEHIND = (
    tuple(f"{name} {side} it" for name in ("words", "links", "sibling", "heading", "same slot"))
    for side in ("before", "behind")
)


def _company(sheet: Sheet, found: Iterable[Traits]) -> Iterator[Traits]:
    """What stands directly before and behind a run."""
    parents = [run.element.getparent() for run in sheet.runs]
    for number, own in enumerate(found):
        for (words, links, sibling, heading, slot), other in (
            (_BEFORE, number - 1),
            (_BEHIND, number + 1),
        ):
            if not 0 <= other < len(parents):
                continue
            run = sheet.runs[other]
            own[words] = log1p(sheet.sizes[other])
            own[links] = run.linked
            own[sibling] = parents[other] is parents[number]
            own[heading] = run.kind == "heading"
            own[slot] = run.path == sheet.runs[number].path
        yield own


def _groups(sheet: Sheet, found: Iterable[Traits]) -> Iterator[Traits]:
    """How much text, how little of it linked, how much of it picked stands in a run's groups."""
    shared = shares(sheet.runs, sheet.sizes, sheet.picked)
    for own, of_groups in zip(found, shared, strict=True):
        own.update(of_groups)
        yield own


def _extractor(sheet: Sheet, found: Iterable[Traits]) -> Iterator[Traits]:
    """What the extractor made of a run and of those around it."""
    hits = [number for number, is_picked in enumerate(sheet.picked) if is_picked]
    for number, own in enumerate(found):
        own["picked"] = sheet.picked[number]
        for name, step in (("-2", -2), ("-1", -1), ("+1", 1), ("+2", 2)):
            other = number + step
            if 0 <= other < len(sheet.picked) and sheet.picked[other]:
                own[f"picked {name}"] = 1
        if hits:
            own["between picked"] = hits[0] < number < hits[-1]
            if number < hits[0]:
                own["before all picked"] = min(1.0, (hits[0] - number) / _NEAR)
            elif number > hits[-1]:
                own["behind all picked"] = min(1.0, (number - hits[-1]) / _NEAR)
            if sheet.picked[number]:
                own["picked links"] = sheet.runs[number].linked
        else:
            own["nothing picked"] = 1
        yield own


def _scope(sheet: Sheet, found: Iterable[Traits]) -> Iterator[Traits]:
    """Whether a run stands in the innermost element that holds most of what was picked."""
    holders = _holders(sheet)
    innermost = {one for one in holders if not any(child in holders for child in one)}
    for number, own in enumerate(found):
        # The innermost holder is the first one on the way up from any picked run.
        for steps, element in enumerate(_ancestors(sheet.runs[number].element) if holders else ()):
            if element not in holders:
                continue
            if element in innermost:
                own["in scope"] = 1
                own["deep in scope"] = min(4, steps) / 4
                own["in scope, not picked"] = not sheet.picked[number]
            break
        yield own


def _holders(sheet: Sheet) -> set[HtmlElement]:
    """Return the elements that hold most of what was picked; none if nothing was."""
    hits = [number for number, is_picked in enumerate(sheet.picked) if is_picked]
    weights: Counter[HtmlElement] = Counter()
    for number in hits:
        for element in _ancestors(sheet.runs[number].element):
            weights[element] += sheet.sizes[number]
    most = _SCOPE_SHARE * sum(sheet.sizes[number] for number in hits)
    return {element for element, size in weights.items() if size >= most}


def _ancestors(element: HtmlElement) -> Iterator[HtmlElement]:
    yield element
    yield from element.iterancestors()


def _manner(sheet: Sheet, found: Iterable[Traits]) -> Iterator[Traits]:
    """How a run speaks."""
    spoken = manners(sheet.runs, sheet.keys, sheet.picked, sheet.said)
    for own, manner in zip(found, spoken, strict=True):
        own.update(manner)
        yield own


def _template(sheet: Sheet, known: Known, found: Iterable[Traits]) -> Iterator[Traits]:
    """What other pages of the site say."""
    slots = [run.path for run in sheet.runs]
    taught = site_traits(known, marks=sheet.marks, slots=slots, sizes=sheet.sizes)
    for own, of_site in zip(found, taught, strict=True):
        own.update(of_site)
        yield own


def site_traits(
    known: Known, *, marks: Sequence[str], slots: Sequence[str], sizes: Sequence[int]
) -> Iterator[Traits]:
    """Yield what a site's other pages say of each run: blocks they share, slots of articles."""
    few = known.pages < 3
    for mark, slot, size in zip(marks, slots, sizes, strict=True):
        seen = known.seen(mark)
        own: Traits = {"site known": 1}
        own["on another page"] = seen >= 1
        own["on most pages"] = seen >= 2 and seen * 2 >= known.pages
        own["on another page, short"] = seen >= 1 and size <= 3
        carried = known.carried(slot)
        if carried is None:
            own["new slot"] = 1
        else:
            own["carried"] = carried
            own["carried, few pages known"] = carried * few
            own["never carried"] = carried < 0.02
            own["always carried"] = carried > 0.9
        yield own
