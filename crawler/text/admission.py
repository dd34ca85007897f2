"""Say what a run that is new on a page must bring with it to join the article of its last capture.

What came between the article's own paragraphs rather belongs to it than what came elsewhere; what
is nothing but a link is a teaser, wherever it came.
"""

from collections.abc import Sequence
from math import inf

from lxml.html import HtmlElement

from crawler.text.alignment import Held
from crawler.text.blocks import Run

HOME_PAYS = 2.0
"""Log-odds that a new run is forgiven where the page's article has stood before."""

ABROAD_COSTS = 1.0
"""Log-odds that it must have more elsewhere."""

TEASER = 0.7
"""Share of its letters from which a line that is link text is a teaser, wherever it stands."""

_MOSTLY_LINK = 0.5
"""Share from which a heading is one, unless prose of its own follows; prose has less."""

_MOST_TEASERS = 0.5
"""Share of an article's words that teasers may be; what has more is a page of links, and they are
its text."""

_BOXES = frozenset({"div", "section", "span", "header", "hgroup"})
"""Elements that hold anything: two of one name side by side need not be of one kind."""


class Admission:
    """What the last capture of a page asks of the runs that are new on it."""

    def __init__(self, runs: Sequence[Run], stays: Held) -> None:
        self._runs = runs
        self._slots = stays.slots
        self._homes = {_home(runs[number]) for number in stays.inside}

    def price(self, number: int) -> float:
        """Return how many log-odds a new run must have more than it would on a first capture."""
        run = self._runs[number]
        if run.linked >= TEASER:
            return inf
        is_brother = run.element.tag not in _BOXES and _home(run) in self._homes
        return -HOME_PAYS if run.path in self._slots or is_brother else ABROAD_COSTS


def without_teasers(
    runs: Sequence[Run], chosen: Sequence[int], sizes: Sequence[int]
) -> Sequence[int]:
    """Return the chosen runs without lines that are nothing but links.

    A heading may be one where it heads prose. ``sizes`` are the words of all runs.
    """
    inside = frozenset(chosen)
    kept = [one for one in chosen if not _is_teaser(runs, one, inside)]
    words = sum(sizes[one] for one in chosen)
    return kept if sum(sizes[one] for one in kept) > (1 - _MOST_TEASERS) * words else chosen


def _is_teaser(runs: Sequence[Run], number: int, chosen: frozenset[int]) -> bool:
    run = runs[number]
    if run.kind == "heading":
        return run.linked >= _MOSTLY_LINK and not (
            number + 1 in chosen and _heads(run, runs[number + 1])
        )
    return run.linked >= TEASER and run.kind != "cell"


def _heads(heading: Run, behind: Run) -> bool:
    """Whether a run is prose that a heading may head: of the same item, if that is in a list."""
    if behind.kind == "heading" or behind.linked >= _MOSTLY_LINK:
        return False
    return _items(heading) <= _items(behind)


def _items(run: Run) -> set[str]:
    return {step for step in run.path.split("/") if step.partition(".")[0] == "li"}


def _home(run: Run) -> tuple[HtmlElement | None, str]:
    """Return where the siblings of a run stand: the same tag in the same element."""
    return run.element.getparent(), run.element.tag
