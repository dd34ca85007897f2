"""Say what a change rule is given, and what it must be."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from crawler.changes.compare import Comparison, compare
from crawler.changes.diff import Diff, unchanged, word_diff
from crawler.changes.surface import Surface
from crawler.changes.watching import Page, page_of
from crawler.text.template import Lesson
from storage.model import Article, Axis, Capture, Finding, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one visit brought, read: how it ended, over which hops, and what the answer's page says.

    ``article`` is given for every answer with a body, an error page as well: the rules need its
    words and signs to say what came instead.
    """

    url: str
    at: datetime
    outcome: Outcome
    reason: str = ""
    status: int | None = None
    hops: tuple[Capture, ...] = ()
    """The captures that lead to the page, redirects first."""
    headers: tuple[tuple[str, str], ...] = ()
    """Header fields of the last answer."""
    article: Article | None = None
    lesson: Lesson | None = None
    """What the page teaches of its site's template, if it is a good one."""
    capture_id: int | None = None
    is_list: bool = False
    """Whether it is a start page that led to others: a front page, a section."""
    wait_asked: timedelta | None = None
    """How long the server wants to be left alone (Retry-After)."""
    surface: Surface | None = None
    """All that the page shows, where it was read whole."""
    image_digests: dict[str, str] = field(default_factory=dict)
    """Payload digests of its pictures by address, as far as they are known."""

    @property
    def page(self) -> Page | None:
        """Return the page as it is compared, where it was read."""
        return page_of(self.surface, self.article)

    @property
    def final_url(self) -> str:
        """Address of the page that answered, after all redirects."""
        return self.hops[-1].url if self.hops else self.url

    @property
    def payload_digest(self) -> str | None:
        """Digest of the answer's bytes, where they are kept."""
        return self.hops[-1].payload_digest if self.hops else None

    @property
    def answered_well(self) -> bool:
        """Whether the server answered with a page and said it is the one asked for."""
        fine = self.status is None or 200 <= self.status < 300
        return self.outcome is Outcome.OK and fine

    def header(self, name: str) -> str:
        """Return the first value of a header field, or an empty text."""
        wanted = name.lower()
        return next((value for field_, value in self.headers if field_.lower() == wanted), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What a rule judges: the last good reading, if there is one, and the present one."""

    before: Reading | None
    after: Reading
    twin: Reading | None = None
    """Another fetch of the present page, made shortly before: only what both show counts."""
    probe: Reading | None = None
    """How the host answers an address that nobody knows, where that was asked of late."""
    noise: frozenset[str] = frozenset()
    """What is known to come and go on this page, or on other pages of its host."""
    alike: int = 0
    """Other watched addresses of the host that show the same foreign page now."""
    phrases: tuple[str, ...] = ()
    """Words of which somebody wants to know when they come or go, anywhere on the page."""
    comparison: Comparison | None = field(init=False, repr=False, compare=False)
    """What became of the watched text, where both pages were read whole."""
    diff: Diff | None = field(init=False, repr=False, compare=False)
    """Way from the last good text to the present one; None where one of them is missing."""

    def __post_init__(self) -> None:
        """Compare the two texts once, for all rules."""
        found = _comparison(self)
        object.__setattr__(self, "comparison", found)
        diff = found.diff if found is not None else _diff(self.before, self.after)
        object.__setattr__(self, "diff", diff)

    @property
    def survival(self) -> float | None:
        """Share of the last good article's words found again; None where there was none."""
        return self.diff.survival if self.diff is not None and self.diff.anchor_words else None

    @property
    def articles(self) -> tuple[Article, Article] | None:
        """The article before and after, if both looks brought a page that can be compared."""
        before, after = self.before, self.after
        if before is None or before.article is None or after.article is None:
            return None
        return (before.article, after.article) if after.answered_well else None


class Rule(Protocol):
    """One change rule; ``axis`` and ``rank`` order the findings (low rank is told first).

    A finding of the availability axis with an alert makes a look bad; it is told when the confirm
    rule has confirmed it. Copy ``rules/gone.py`` or ``rules/notice_added.py`` to begin one.
    """

    axis: Axis
    rank: int

    def find(self, case: Case) -> Finding | None:
        """Return what the rule sees, or None. Pure: no clock, disk, network or log."""
        ...


def _comparison(case: Case) -> Comparison | None:
    if case.before is None or (before := case.before.page) is None:
        return None
    if (after := case.after.page) is None:
        return None
    again = case.twin.page if case.twin is not None and case.twin.answered_well else None
    digests = (case.before.image_digests, case.after.image_digests)
    return compare(before, after, again=again, noise=case.noise, digests=digests)


def _diff(before: Reading | None, after: Reading) -> Diff | None:
    if before is None or before.article is None or after.article is None:
        return None
    if before.article is after.article:
        return unchanged(before.article.text)
    old, new = before.article.blocks, after.article.blocks
    return word_diff([block.text for block in old], [block.text for block in new])
