"""Decide when a page is fetched twice at once, and what its looks teach of its noise."""

from collections.abc import Sequence
from datetime import timedelta

from crawler.changes import lessons
from crawler.changes.case import Case
from crawler.changes.edits import has_article
from storage.model import Alert, Finding, Site, Standing, Target, TargetState

TWIN_AFTER = timedelta(seconds=1)
"""How long after a fetch its twin is made, at most; the host's own pace may make it longer."""


AT_ONCE = timedelta(minutes=5)
"""Two fetches further apart are not of one moment: what differs between them may be an edit."""


def is_lesson(case: Case, standing: Standing) -> bool:
    """Whether a look is the twin of a first capture, made to learn from.

    One that comes late, because its host has many pages to be asked for, is a look like any other.
    """
    waits = standing.twin_capture_id
    if waits is None or waits != standing.good_capture_id:
        return False
    return case.before is None or case.after.at - case.before.at <= AT_ONCE


def wants_lesson(case: Case, target: Target, site: Site) -> bool:
    """Whether a first good look is fetched again at once, so that the page's noise is learnt.

    A page without an article, an error page say, teaches nothing.
    """
    article = case.after.article
    if case.before is not None or article is None or not _may_wait(case, target, site):
        return False
    return has_article(article) and not case.after.is_list


def wants_twin(case: Case, target: Target, site: Site, found: Sequence[Finding]) -> bool:
    """Whether what was found is to be seen in a second fetch before it is believed."""
    if case.before is None or case.twin is not None or not _may_wait(case, target, site):
        return False
    if any(one.alert is not Alert.NONE for one in found):
        return True
    return case.comparison is not None and case.comparison.pictures_unknown


def wait(site: Site) -> timedelta:
    """Return how long a twin is waited for."""
    return min((TWIN_AFTER, *site.confirm[:1]))


def learnt(case: Case, standing: Standing, *, edited: bool) -> tuple[str, ...]:
    """Return what is known of the page's noise after a good look.

    One that told of an ``edited`` article teaches only by its two fetches, which both carry it.
    """
    before = case.before.page if case.before is not None else None
    after = case.after.page if before is not None else None
    if before is None or after is None:
        return standing.noise
    new: set[str] = set()
    twin = case.twin.page if case.twin is not None else None
    if is_lesson(case, standing):
        new |= lessons.of_one_moment(before, after)
    elif twin is not None:
        new |= lessons.of_one_moment(twin, after)
    if case.comparison is not None and not edited:
        new |= case.comparison.unsteady
        new |= lessons.of_two_visits(before, after)
    return lessons.learn(standing.noise, sorted(new))


def _may_wait(case: Case, target: Target, site: Site) -> bool:
    """Whether there is something to compare, and a page that may be visited again at once."""
    watched = site.second_look and target.state is TargetState.ACTIVE
    return watched and case.after.surface is not None and case.after.capture_id is not None
