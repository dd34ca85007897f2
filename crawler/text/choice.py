"""Choose, among the runs of a page, those that are its article."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lxml.html import HtmlElement

from crawler.text import extractor
from crawler.text.admission import Admission
from crawler.text.alignment import Held
from crawler.text.blocks import Run
from crawler.text.fold import squeeze, words
from crawler.text.metadata import Metadata
from crawler.text.template import Known, mark
from crawler.text.traits import Sheet, Traits, traits
from crawler.text.tree import Page
from crawler.text.weights import BIAS, VERSION, WEIGHTS

ENGINE = f"weights {VERSION}; {extractor.ENGINE}"

LEAST_SCORE = -0.3
"""Log-odds from which a run is of the article: what is left out is missed more than what is added
is minded, hence a little below even."""

SHARED_COSTS = 2.0
"""Log-odds a run must have more if another article of the site has it too."""


SUBHEADING_WORDS = 3
"""What is longer and stands on three pages is the site's, whatever speaks for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """The runs of a page, their texts squeezed, and the marks of these."""

    runs: Sequence[Run]
    keys: Sequence[str]
    marks: Sequence[str]


def sheet(
    page: Page,
    texts: Texts,
    *,
    facts: Metadata,
    known: Known | None,
    picked: Sequence[bool] | None = None,
) -> Sheet:
    """Lay out what a page's runs are judged by; ``picked`` is the extractor's advice, if known."""
    runs, keys = texts.runs, texts.keys
    root = page.root
    if picked is None or len(picked) != len(runs):
        is_asked = page.extractable and root is not None
        picked = extractor.picked(root, keys) if is_asked else [False] * len(runs)
    return Sheet(
        runs=runs,
        keys=keys,
        marks=texts.marks,
        sizes=[len(words(run.text)) for run in runs],
        picked=picked,
        told=facts.told_by,
        title=facts.title,
        summary=_summary(root) if root is not None else "",
        known=known,
    )


def chosen(page: Sheet, *, stays: Held | None = None) -> list[int]:
    """Return the numbers of the runs that are the article, in order; none if there is no article.

    ``stays`` is what the page's last capture knows: what is new beside the article's own
    paragraphs rather belongs to it than what is new elsewhere. Headline, by-line and date line are
    fields of their own, and no text.
    """
    admission = Admission(page.runs, stays) if stays is not None else None
    found = []
    for number, own in enumerate(together(page.runs, list(map(score, traits(page))))):
        if number in page.told:
            continue
        pages = page.known.seen(page.marks[number]) if page.known is not None else 0
        if pages > 1 and page.sizes[number] > SUBHEADING_WORDS:
            continue
        least = LEAST_SCORE + SHARED_COSTS * (pages > 0)
        if admission is not None:
            least += admission.price(number)
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


def texts_of(runs: Sequence[Run]) -> Texts:
    """Return runs with the forms in which their texts are compared."""
    keys = [squeeze(run.text) for run in runs]
    return Texts(runs=runs, keys=keys, marks=[mark(key) for key in keys])


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
