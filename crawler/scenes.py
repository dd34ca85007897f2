"""Gather what is known around many visits, with a few questions for all of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from crawler.changes.case import Reading
from crawler.changes.hearing import Control
from crawler.controls import Neighbours
from crawler.likeness import may_be_as_before
from crawler.readings import Scene, is_start, reading_of
from storage.catalogue import captures, sites, standings, targets, texts
from storage.catalogue.engine import Catalogue, Connection
from storage.model import (
    Capture,
    Outcome,
    Phase,
    Role,
    Site,
    Standing,
    Target,
    Template,
    Visit,
)


def in_good_standing(
    made: Sequence[Visit], *, catalogue: Catalogue
) -> Iterator[tuple[Visit, Scene]]:
    """Yield those of the visits that may have brought to a page in good standing what it had.

    Each is of another target, and brought nothing else that is compared, such as a robots.txt. They
    are what ``scene`` would tell where that is so, of many with a few questions; ``unchanged`` says
    whether it is.
    """
    with catalogue.read() as db:
        pages = targets.by_ids(db, [one.target_id for one in made])
        stands = standings.of_targets(db, list(pages))
        good_ids = [one.good_capture_id for one in stands.values() if one.good_capture_id]
        good = captures.by_ids(db, good_ids)
        articles = texts.of_captures(db, good_ids)
        named = {name: sites.one(db, name) for name in {one.site for one in made}}
        lists = _lists(db, pages.values())
    for visit in made:
        target, site = pages.get(visit.target_id), named[visit.site]
        standing = stands.get(visit.target_id)
        if target is None or site is None or standing is None or standing.phase is not Phase.OK:
            continue
        kept = good.get(standing.good_capture_id or 0)
        before = reading_of(kept, articles.get(kept.id)) if kept is not None else None
        if not may_be_as_before(before, visit.captures) or _asked_robots(visit.captures):
            continue
        yield visit, _alone(site, target, standing, good=before, is_list=target.url in lists)


def never_judged(made: Sequence[Visit], *, catalogue: Catalogue) -> dict[int, Scene]:
    """Return the scenes of those visits, by id, that brought a page of which nothing is known.

    Each is of another target, and brought nothing else that is compared. Nothing of the host around
    it is looked up, which bears only on a look that is not good, nor what its site has learnt.
    """
    with catalogue.read() as db:
        stands = standings.of_targets(db, [one.target_id for one in made])
        new = [one for one in made if _is_new(one, stands)]
        pages = targets.by_ids(db, [one.target_id for one in new])
        named = {name: sites.one(db, name) for name in {one.site for one in new}}
        lists = _lists(db, pages.values())
    scenes = {}
    for visit in new:
        target, site = pages.get(visit.target_id), named[visit.site]
        if target is not None and site is not None:
            fresh = Standing(target_id=target.id)
            scenes[visit.id] = _alone(site, target, fresh, good=None, is_list=target.url in lists)
    return scenes


def _alone(
    site: Site, target: Target, standing: Standing, *, good: Reading | None, is_list: bool
) -> Scene:
    """Return a scene of which nothing but the page itself is looked up."""
    return Scene(
        site=site,
        target=target,
        standing=standing,
        good=good,
        is_list=is_list,
        control=Control(),
        template=Template(),
        neighbours=Neighbours(),
    )


def _lists(db: Connection, pages: Iterable[Target]) -> frozenset[str]:
    """Return the addresses of start pages that led to others: they are no articles."""
    return frozenset(one.url for one in pages if is_start(one) and targets.led_to(db, one.url))


def _is_new(visit: Visit, stands: Mapping[int, Standing]) -> bool:
    fresh = Standing(target_id=visit.target_id)
    is_there = visit.outcome is Outcome.OK and not _asked_robots(visit.captures)
    return is_there and stands.get(visit.target_id, fresh) == fresh


def _asked_robots(made: Sequence[Capture]) -> bool:
    return any(one.role is Role.ROBOTS for one in made)
