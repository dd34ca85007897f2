"""Parse HTML of any size and depth into a tree, within bounds."""

import re
from dataclasses import dataclass

from lxml import etree
from lxml.html import HtmlElement, document_fromstring

from crawler.memory import cut_after_tags

MAX_DEPTH = 200
"""Elements inside elements that recursive extractors are trusted with."""

MAX_ELEMENTS = 60_000
"""Elements of a page an extractor is asked about: it needs seconds for more."""

MAX_TAGS = 300_000
"""Tags of a page that are read; the longest listings and threads have some ten thousand."""

_PARSER_DEPTH = 2000
"""libxml2 drops what lies deeper than 2,048 elements."""

_CONTENTLESS = re.compile(
    r"<(script|style|template)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)", re.IGNORECASE | re.DOTALL
)
_TAG = re.compile(r"</?[a-zA-Z!?][^<>]*>?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A parsed page; ``root`` is None where there is nothing a parser can hold on to."""

    root: HtmlElement | None
    depth: int = 0
    elements: int = 0
    cut: bool = False
    """Whether it has more tags than are read."""

    @property
    def extractable(self) -> bool:
        """Whether an extractor can be asked without running out of stack or time."""
        return self.depth <= MAX_DEPTH and self.elements <= MAX_ELEMENTS

    @property
    def complete(self) -> bool:
        """Whether the parser has kept all of the page."""
        return self.depth < _PARSER_DEPTH


def parse(text: str) -> Page:
    """Return the tree of a page; never raise, whatever the text is."""
    # NULs end the page for libxml2; a browser drops them.
    shown = text.replace("\x00", "").encode("utf-8", "replace")
    data = cut_after_tags(shown, MAX_TAGS)
    parser = etree.HTMLParser(
        encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True
    )
    # One class for all of them: lxml.html's own choice of classes is a call for every element.
    parser.set_element_class_lookup(etree.ElementDefaultClassLookup(element=HtmlElement))
    try:
        root = document_fromstring(data, parser=parser)
    except (etree.LxmlError, ValueError, AssertionError):
        return Page(root=None)
    depth, elements = _measure(root)
    return Page(root=root, depth=depth, elements=elements, cut=len(data) < len(shown))


def flat_text(text: str) -> list[str]:
    """Return the text between tags without a tree, for pages that no parser holds."""
    return _TAG.sub("\n", _CONTENTLESS.sub("\n", text)).split("\n")


def _measure(root: HtmlElement) -> tuple[int, int]:
    depth = deepest = elements = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        if event == "end":
            depth -= 1
            continue
        depth += 1
        elements += 1
        deepest = max(deepest, depth)
    return deepest, elements
