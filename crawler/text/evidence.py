"""Hold what is known of a page before its fields are chosen."""

from collections.abc import Sequence
from dataclasses import dataclass

from lxml.html import HtmlElement

from crawler.text.blocks import Run
from crawler.text.declared import Declared
from crawler.text.linked_data import LinkedData
from crawler.text.marks import Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The runs around the headline: from ``start`` up to the first paragraphs of the text."""

    start: int
    end: int

    def __contains__(self, number: int) -> bool:
        """Say whether a run stands around the headline."""
        return self.start <= number < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the fields of a page are chosen from."""

    root: HtmlElement
    runs: Sequence[Run]
    url: str
    data: LinkedData
    said: Declared
    head: Head
    marks: Sequence[Mark]
    sites: frozenset[str]
    """The forms in which the page names its site, compact."""
