"""Choose, among the runs of a page, those that are its article."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from lxml import etree
from lxml.html import HtmlElement
from trafilatura import __version__, bare_extraction

from crawler.text.blocks import Run
from crawler.text.fold import squeeze, words

ENGINE = f"trafilatura {__version__} precision"

_FAULTS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    etree.LxmlError,
)
"""What an extractor raises on pages its authors did not think of; each means "no answer"."""

_LONG = 40
"""Characters from which a text stands for itself wherever on the page it is found."""

_EDGE = 24
_SLOT_SHARE = 0.35
_SCOPE_SHARE = 0.8
_LINK_SHARE = 0.5
_SEARCH_BUDGET = 500_000_000


def article_runs(root: HtmlElement, runs: Sequence[Run]) -> list[int]:
    """Return the numbers of the runs that are the article, in order; none if there is no article.

    The extractor only chooses; the text is taken from the page, because extractors drop repeated
    and short paragraphs.
    """
    extract = _Extract(_pieces(root))
    keys = [squeeze(run.text) for run in runs]
    long_hits = {number for number, key in enumerate(keys) if extract.has_long(key)}
    short_hits = {number for number, key in enumerate(keys) if extract.has_short(key)}
    if not long_hits:
        return sorted(short_hits)
    scope = _scope(runs, long_hits)
    inside = _inside(scope, runs)
    near = {number for number in short_hits if number in inside}
    return sorted(long_hits | near | _overlooked(runs, long_hits | near, inside))


def ancestors(element: HtmlElement) -> Iterator[HtmlElement]:
    """Return an element and all that enclose it."""
    yield element
    yield from element.iterancestors()


class _Extract:
    """What the extractor took for the article, ready to be looked things up in."""

    def __init__(self, pieces: Iterable[str]) -> None:
        self._pieces = {key for key in map(squeeze, pieces) if key}
        long = sorted(key for key in self._pieces if len(key) >= _LONG)
        self._whole = "\n".join(long)
        self._heads = {key[:_EDGE] for key in long}
        self._tails = {key[-_EDGE:] for key in long}
        self._budget = _SEARCH_BUDGET

    def has_long(self, key: str) -> bool:
        """Whether a long text is in the article, whole, as part of a piece or as most of one."""
        if len(key) < _LONG:
            return False
        if key in self._pieces or key[:_EDGE] in self._heads or key[-_EDGE:] in self._tails:
            return True
        self._budget -= len(self._whole)
        return self._budget > 0 and key in self._whole

    def has_short(self, key: str) -> bool:
        """Whether a short text is a piece of the article of its own."""
        return len(key) < _LONG and key in self._pieces


def _pieces(root: HtmlElement) -> Iterator[str]:
    """Return the texts of the extractor's elements, whole and part by part."""
    try:
        document = bare_extraction(
            root,
            favor_precision=True,
            include_comments=False,
            include_tables=True,
            with_metadata=False,
        )
    except _FAULTS:
        return
    if document is None or isinstance(document, dict):
        return
    for element in document.body.iter():
        if not isinstance(element.tag, str):
            continue
        yield from filter(None, (element.text, element.tail))
        if element.tag in ("p", "head", "item", "cell", "quote", "code", "ab"):
            yield "".join(element.itertext())


def _scope(runs: Sequence[Run], hits: set[int]) -> HtmlElement:
    """Return the innermost element that holds most of the article's words."""
    weights: Counter[HtmlElement] = Counter()
    total = 0
    for number in hits:
        size = len(words(runs[number].text))
        total += size
        for element in ancestors(runs[number].element):
            weights[element] += size
    holders = [element for element, size in weights.items() if size >= _SCOPE_SHARE * total]
    return max(holders, key=lambda element: sum(1 for _ in element.iterancestors()))


def _inside(scope: HtmlElement, runs: Sequence[Run]) -> set[int]:
    return {
        number
        for number, run in enumerate(runs)
        if any(one is scope for one in ancestors(run.element))
    }


def _overlooked(runs: Sequence[Run], hits: set[int], inside: set[int]) -> set[int]:
    """Return runs the extractor left out though they stand in the article's own slots.

    A closing note of the editors, a repeated verse, a sub-heading, a caption: same place, same
    dress, no list of links.
    """
    first, last = min(hits), max(hits)
    slots = _slots(runs, hits)
    parents = {runs[number].element.getparent() for number in hits}
    found = set()
    for number in inside - hits:
        run = runs[number]
        if run.linked >= _LINK_SHARE or run.chrome:
            continue
        between = first < number < last
        beside = run.path in slots and (between or run.element.getparent() in parents)
        if beside or (between and (run.kind == "caption" or _heads(runs, number, hits))):
            found.add(number)
    return found


def _heads(runs: Sequence[Run], number: int, hits: set[int]) -> bool:
    """Whether a run is a sub-heading over text of the article, not one over a box within it."""
    if runs[number].kind != "heading":
        return False
    below = range(number + 1, len(runs))
    return next((one for one in below if runs[one].kind != "heading"), None) in hits


def _slots(runs: Sequence[Run], hits: set[int]) -> set[str]:
    """Return the slots that carry the article: those with a good share of the top one's words."""
    weights: Counter[str] = Counter()
    for number in hits:
        weights[runs[number].path] += len(words(runs[number].text))
    top = max(weights.values())
    return {path for path, size in weights.items() if size >= _SLOT_SHARE * top}
