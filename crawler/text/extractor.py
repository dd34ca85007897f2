"""Ask a general extractor which runs of a page it takes for the article."""

from collections.abc import Iterable, Iterator, Sequence

from lxml import etree
from lxml.html import HtmlElement
from trafilatura import __version__, bare_extraction

from crawler.text.fold import squeeze

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
_SEARCH_BUDGET = 500_000_000


def picked(root: HtmlElement, keys: Sequence[str]) -> list[bool]:
    """Say of each run, by its squeezed text, whether the extractor has it in its article.

    The extractor only advises; the text is taken from the page, because extractors drop repeated
    and short paragraphs.
    """
    extract = _Extract(_pieces(root))
    return [extract.has(key) for key in keys]


class _Extract:
    """What the extractor took for the article, ready to be looked things up in."""

    def __init__(self, pieces: Iterable[str]) -> None:
        self._pieces = {key for key in map(squeeze, pieces) if key}
        long = sorted(key for key in self._pieces if len(key) >= _LONG)
        self._whole = "\n".join(long)
        self._heads = {key[:_EDGE] for key in long}
        self._tails = {key[-_EDGE:] for key in long}
        self._budget = _SEARCH_BUDGET

    def has(self, key: str) -> bool:
        """Whether a text is a piece of the article, a part of one, or most of one."""
        if key in self._pieces:
            return True
        if len(key) < _LONG:
            return False
        if key[:_EDGE] in self._heads or key[-_EDGE:] in self._tails:
            return True
        self._budget -= len(self._whole)
        return self._budget > 0 and key in self._whole


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
