"""Tell how the runs of a page speak: set in bold, of the site itself, of the same matter.

What stands below an article (who wrote it, what the paper is, where to subscribe) looks like its
paragraphs; but it speaks of the author or the site, or shares no words with the text. Italics are
not asked about: notes of translators and corrections are set so, and belong to the article.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from sys import intern

from lxml.html import HtmlElement

from crawler.text.blocks import Run
from crawler.text.fold import squeeze

_BOLD = frozenset(("b", "strong"))
_MOST = 0.9
"""Share of a run's characters that one element must hold to hold all of it."""

_MOST_TEXTS = 50
"""Of an element that are counted: many lines may stand in one, and each is asked about."""

_STEPS = 4
"""Elements inside elements that are looked into for it."""

_ADDRESS = re.compile(r"@\w|https?://|\bwww\.", re.IGNORECASE)
_CUT = ("...", "\u2026", "[...]", "[\u2026]")
_LEAST_BODY = 200
"""Characters from which what the page describes as the article's body is more than a summary."""

_MOST_BODY = 100_000
"""Characters of it that are searched; a longer one is not asked, lest that take seconds."""

_WHOLE = 0.7
"""Letters it must have, as share of what the extractor picked, to be no mere beginning."""

_EDGE = 40
"""Characters by whose ends a paragraph is found that a description has set a little differently."""

_WORD = re.compile(r"[^\W\d_]{4,}|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{2}")
"""Words long enough to be of some matter; of scripts without spaces, pairs of characters."""

_MOST_CHARACTERS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a page says of itself that its runs are held against, all of it squeezed."""

    body: str = ""
    """The article's body as the page describes it for machines."""
    authors: frozenset[str] = frozenset()
    site: frozenset[str] = frozenset()


def said(body: str, *, authors: Iterable[str], site: Iterable[str]) -> Said:
    """Squeeze what a page says of itself; names too short to mean anything are left out."""
    squeezed = squeeze(body)
    return Said(
        body=squeezed if _LEAST_BODY <= len(squeezed) <= _MOST_BODY else "",
        authors=_names(authors),
        site=_names(site),
    )


def _names(names: Iterable[str]) -> frozenset[str]:
    return frozenset(key for name in names if len(key := squeeze(name).casefold()) >= 4)


def manners(
    runs: Sequence[Run], keys: Sequence[str], picked: Sequence[bool], said: Said
) -> Iterator[dict[str, float]]:
    """Yield of each run how it speaks."""
    common = _common(runs, picked)
    taken = sum(len(key) for key, is_picked in zip(keys, picked, strict=True) if is_picked)
    is_whole = len(said.body) >= _WHOLE * taken
    for number, run in enumerate(runs):
        key = keys[number]
        own: dict[str, float] = {}
        if _is_bold(run):
            own["bold"] = 1
        small = key[:_MOST_CHARACTERS].casefold()
        if any(name in small for name in said.authors):
            own["names author"] = 1
        if any(name in small for name in said.site):
            own["names site"] = 1
        if _has_address(run.text[:_MOST_CHARACTERS]):
            own["address"] = 1
        if run.text.endswith(_CUT):
            own["cut"] = 1
        if said.body:
            is_in = _is_in(key, said.body)
            own["described"] = is_in
            own["not described"] = is_whole and not is_in
        own["common words"] = common[number]
        yield own


def _has_address(text: str) -> bool:
    may_have = "@" in text or "://" in text or "www." in text.lower()
    return may_have and _ADDRESS.search(text) is not None


def _is_bold(run: Run) -> bool:
    """Whether one element, the first in the run's own, holds nearly all of it in bold."""
    element: HtmlElement | None = run.element
    for _ in range(_STEPS):
        if element is None or (element.text is not None and not element.text.isspace()):
            return False
        element = next((one for one in element if isinstance(one.tag, str)), None)
        if element is not None and element.tag in _BOLD:
            texts = islice(element.itertext(), _MOST_TEXTS)
            return sum(len(text.strip()) for text in texts) >= _MOST * len(run.text)
    return False


def _is_in(key: str, body: str) -> bool:
    if len(key) <= 2 * _EDGE:
        return key in body
    return key[:_EDGE] in body or key[-_EDGE:] in body


def _common(runs: Sequence[Run], picked: Sequence[bool]) -> list[float]:
    """Return which share of a run's words other runs have too that the extractor picked."""
    # Of a page of a hundred thousand runs: a set of strings each took 85 MB, this takes 8.
    bags = [_bag(run.text) for run in runs]
    count: Counter[str] = Counter()
    for bag, is_picked in zip(bags, picked, strict=True):
        if is_picked:
            count.update(bag)
    return [
        sum([count.get(word, 0) > is_picked for word in bag]) / len(bag) if bag else 0.0
        for bag, is_picked in zip(bags, picked, strict=True)
    ]


def _bag(text: str) -> tuple[str, ...]:
    words = _WORD.findall(text[:_MOST_CHARACTERS].casefold())
    return tuple(map(intern, frozenset(words)))
