"""Choose, among the runs of a page, those that are its article."""

from collections.abc import Iterator, Sequence

from lxml.html import HtmlElement

from crawler.text import extractor
from crawler.text.blocks import Run
from crawler.text.fold import squeeze, words
from crawler.text.metadata import Metadata
from crawler.text.template import Known
from crawler.text.traits import Sheet, Traits, traits
from crawler.text.tree import Page
from crawler.text.weights import BIAS, VERSION, WEIGHTS

ENGINE = f"weights {VERSION}; {extractor.ENGINE}"

LEAST_SCORE = -0.3
"""Log-odds from which a run is of the article: what is left out is missed more than what is added
is minded, hence a little below even."""

SHARED_COSTS = 2.0
"""Log-odds a run must have more if another article of the site has it too."""


SLOT_PAYS = 1.0
"""Log-odds by which a new run is nearer to the article in a slot of its own, or farther from it."""


def sheet(
    page: Page,
    runs: Sequence[Run],
    *,
    keys: Sequence[str],
    marks: Sequence[str],
    facts: Metadata,
    known: Known | None,
) -> Sheet:
    """Lay out what a page's runs are judged by; ``keys`` are their texts, squeezed."""
    root = page.root
    is_asked = page.extractable and root is not None
    return Sheet(
        runs=runs,
        keys=keys,
        marks=marks,
        sizes=[len(words(run.text)) for run in runs],
        picked=extractor.picked(root, keys) if is_asked else [False] * len(runs),
        told=facts.told_by,
        title=facts.title,
        summary=_summary(root) if root is not None else "",
        known=known,
    )


def chosen(page: Sheet, *, slots: frozenset[str] = frozenset()) -> list[int]:
    """Return the numbers of the runs that are the article, in order; none if there is no article.

    ``slots`` are those in which the page's article stood before: what is new belongs to it there
    rather than elsewhere. Headline, by-line and date line are fields of their own, and no text.
    """
    found = []
    for number, own in enumerate(together(page.runs, list(map(score, traits(page))))):
        if number in page.told:
            continue
        shared = page.known is not None and page.known.seen(page.marks[number]) > 0
        least = LEAST_SCORE + SHARED_COSTS * shared
        if slots:
            least += -SLOT_PAYS if page.runs[number].path in slots else SLOT_PAYS
        if own >= least:
            found.append(number)
    return found


def together(runs: Sequence[Run], scores: Sequence[float]) -> list[float]:
    """Return scores in which the cells of one table stand together."""
    groups: dict[HtmlElement, list[int]] = {}
    for number, run in enumerate(runs):
        if run.kind == "cell":
            table = next(run.element.iterancestors("table"), run.element)
            groups.setdefault(table, []).append(number)
    levelled = list(scores)
    for members in groups.values():
        mean = sum(scores[one] for one in members) / len(members)
        for one in members:
            levelled[one] = mean
    return levelled


def score(own: Traits) -> float:
    """Return the log-odds that a run with these traits is of the article."""
    return BIAS + sum(WEIGHTS.get(name, 0.0) * value for name, value in own.items())


def keys_of(runs: Sequence[Run]) -> list[str]:
    """Return the forms in which the texts of runs are compared."""
    return [squeeze(run.text) for run in runs]


def _summary(root: HtmlElement) -> str:
    """Return what the head gives as the article's summary, squeezed."""
    for element in root.iter("meta"):
        name = (element.get("property") or element.get("name") or "").lower()
        content = element.get("content")
        if name in ("og:description", "description") and content:
            return squeeze(content[:2000])
    return ""


def ancestors(element: HtmlElement) -> Iterator[HtmlElement]:
    """Return an element and all that enclose it."""
    yield element
    yield from element.iterancestors()
