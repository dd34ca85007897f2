"""Choose, among the runs of a page, those that are its article."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import mul

from lxml.html import HtmlElement

from crawler.text import extractor
from crawler.text.admission import Admission
from crawler.text.alignment import Held
from crawler.text.blocks import Outline, Run
from crawler.text.fold import count_words, squeeze
from crawler.text.manner import said
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
"""Log-odds a run must have more if another article of the site has it too; up to twice as many
where it is long, because long texts are not the same by chance."""

SHARED_LINE = 25
"""Words from which a shared run costs more than that."""

SUBHEADING_WORDS = 3
"""What is longer and stands on three pages is the site's, whatever speaks for it."""

DOUBT_SHARE = 0.7
"""Share of the words the extractor picked; where less of them passes, the scores are doubted."""

DOUBT_PAYS = 1.0
"""Log-odds that a picked run is then forgiven."""


@dataclass(frozen=True, kw_only=True)
class Texts:
    """The runs of a page, their texts squeezed, and the marks of these."""

    runs: Sequence[Run]
    keys: Sequence[str]
    marks: Sequence[str]

    @cached_property
    def sizes(self) -> Sequence[int]:
        """Return the words of the runs."""
        return [count_words(run.text) for run in self.runs]


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
        sizes=texts.sizes,
        picked=picked,
        told=facts.told_by,
        title=facts.title,
        summary=_summary(root) if root is not None else "",
        said=said(facts.body, authors=facts.byline, site=facts.sites),
        known=known,
    )


def chosen(page: Sheet, *, stays: Held | None = None) -> list[int]:
    """Return the numbers of the runs that are the article, in order; none if there is no article.

    ``stays`` is what the page's last capture knows: what is new beside the article's own
    paragraphs rather belongs to it than what is new elsewhere. Headline, by-line and date line are
    fields of their own, and no text.
    """
    scores = together(tables(page.runs), [score(own) for own in traits(page)])
    if stays is not None:
        admission = Admission(page.runs, stays)
        scores = [own - admission.price(number) for number, own in enumerate(scores)]
    known = page.known
    ballot = Ballot(
        sizes=page.sizes,
        picked=page.picked if stays is None else (),
        told=page.told,
        seen=[known.seen(one) for one in page.marks] if known is not None else (),
    )
    return elected(scores, ballot)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ballot:
    """What is asked of runs beside their scores; the sequences go run by run."""

    sizes: Sequence[int]
    picked: Sequence[bool]
    """Whether the extractor has them; empty where its doubt is not to be heard."""
    told: frozenset[int]
    seen: Sequence[int]
    """On how many other pages they stand; empty where no other is known."""


def elected(scores: Sequence[float], ballot: Ballot) -> list[int]:
    """Return the numbers of the runs whose scores suffice, in order.

    Where they leave out much of what the extractor has picked the page is of a kind unheard of,
    and its advice weighs more.
    """
    found = _passed(scores, ballot)
    picked = [number for number, is_picked in enumerate(ballot.picked) if is_picked]
    words = sum(ballot.sizes[number] for number in picked)
    kept = set(found).intersection(picked)
    if sum(ballot.sizes[number] for number in kept) >= DOUBT_SHARE * words:
        return found
    return _passed(
        [
            own + DOUBT_PAYS * is_picked
            for own, is_picked in zip(scores, ballot.picked, strict=True)
        ],
        ballot,
    )


def _passed(scores: Sequence[float], ballot: Ballot) -> list[int]:
    found = []
    for number, own in enumerate(scores):
        pages = ballot.seen[number] if ballot.seen else 0
        is_shared = pages > 1 and ballot.sizes[number] > SUBHEADING_WORDS
        least = LEAST_SCORE + (_shared_costs(ballot.sizes[number]) if pages > 0 else 0.0)
        if own >= least and not is_shared and number not in ballot.told:
            found.append(number)
    return found


def _shared_costs(words: int) -> float:
    """Return what it costs a run of so many words that another article has it too."""
    return SHARED_COSTS * min(2.0, max(1.0, words / SHARED_LINE))


def tables(runs: Sequence[Run]) -> list[list[int]]:
    """Return the numbers of the runs that are cells, table by table."""
    groups: dict[HtmlElement, list[int]] = {}
    for number, run in enumerate(runs):
        if run.kind == "cell":
            table = next(run.element.iterancestors("table"), run.element)
            groups.setdefault(table, []).append(number)
    return list(groups.values())


def together(groups: Iterable[Sequence[int]], scores: Sequence[float]) -> list[float]:
    """Return scores in which the cells of one table stand together."""
    levelled = list(scores)
    for members in groups:
        mean = sum(scores[one] for one in members) / len(members)
        for one in members:
            levelled[one] = mean
    return levelled


class _Weights(dict[str, float]):
    """What traits weigh; one that is not named weighs nothing."""

    def __missing__(self, name: str) -> float:
        return 0.0


_WEIGHTS = _Weights(WEIGHTS)


def score(own: Traits) -> float:
    """Return the log-odds that a run with these traits is of the article."""
    weighed: Iterable[float] = map(mul, map(_WEIGHTS.__getitem__, own), own.values())
    return BIAS + sum(weighed)


def texts_of(seen: Outline) -> Texts:
    """Return runs with the forms in which their texts are compared."""
    keys = [text.replace(" ", "") for text in seen.folded]
    return Texts(runs=seen.runs, keys=keys, marks=[mark(key) for key in keys])


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
