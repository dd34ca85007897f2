"""Gather what a verdict is made of: the visit read, the last good reading, the host around it."""

from dataclasses import dataclass, replace
from datetime import timedelta
from urllib.parse import urlsplit

from crawler.changes.case import Case, Reading
from crawler.changes.judge import Control, HostState
from crawler.killable import ArticleReader
from spiders.base import xml_root
from storage.archive import Archive
from storage.catalogue import captures, sites, standings, targets, texts, visits
from storage.catalogue.engine import Catalogue, Connection
from storage.errors import CatalogueError
from storage.model import (
    ANSWERED,
    Capture,
    FoundBy,
    Outcome,
    Site,
    Standing,
    Target,
    TargetState,
    Visit,
    payload_captures,
)
from storage.warc import reader

LARGEST_PAGE_BYTES = 16 * 1024 * 1024
LONGEST_PROLOGUE = 65536
LISTINGS = ("urlset", "sitemapindex", "rss", "feed", "rdf")
"""Sitemaps and feeds lead to articles and carry none: they are kept, never compared."""
CONTROL_COUNTS_FOR = timedelta(minutes=1)
"""A control look is made in the same minute as the look it is held against (the confirm rule)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Everything the catalogue knows that bears on one visit."""

    site: Site
    target: Target
    standing: Standing
    good: Reading | None
    """The last good reading, with its article."""
    good_digest: str | None
    """Payload digest of the last good capture; the same digest needs no new reading."""
    control: Control
    control_target: Target | None
    """A watched page of the host that was good, to be looked at as a control."""

    @property
    def home_url(self) -> str:
        """Return the home page of the target's host."""
        parts = urlsplit(self.target.url)
        return f"{parts.scheme}://{parts.netloc}/"


def scene(visit: Visit, *, catalogue: Catalogue) -> Scene:
    """Return what is known around a visit; raise CatalogueError when its target or site is gone."""
    with catalogue.read() as db:
        target = targets.one(db, visit.target_id)
        site = sites.one(db, visit.site)
        if target is None or site is None:
            message = f"visit {visit.id} of {visit.url} belongs to no known target or site"
            raise CatalogueError(message)
        standing = standings.one(db, visit.target_id)
        good = _capture(db, standing.good_capture_id)
        return Scene(
            site=site,
            target=target,
            standing=standing,
            good=_good_reading(db, good),
            good_digest=good.payload_digest if good is not None else None,
            control=_control(db, target, site, visit, standing),
            control_target=_control_target(db, target),
        )


def present(visit: Visit, scene: Scene, *, archive: Archive, articles: ArticleReader) -> Reading:
    """Return the reading of a visit: its hops, its last answer's fields, and its article."""
    hops = tuple(payload_captures(visit.captures))
    reading = Reading(
        url=visit.url,
        at=hops[-1].captured_at,
        outcome=visit.outcome,
        reason=visit.reason,
        status=visit.status,
        hops=hops,
    )
    last = hops[-1]
    if last.record is None or last.outcome not in ANSWERED:
        return reading
    page = reader.page(archive, last.record, limit_bytes=LARGEST_PAGE_BYTES)
    reading = replace(reading, headers=page.headers, capture_id=last.id)
    if scene.good is not None and last.outcome is Outcome.OK and same_bytes(scene, last):
        return replace(reading, article=scene.good.article)
    if xml_root(page.body[:LONGEST_PROLOGUE]) in LISTINGS:
        return reading
    article, warning = articles.read(page.body, url=last.url, headers=page.headers)
    return replace(reading, article=article, reason=reading.reason or warning)


def same_bytes(scene: Scene, capture: Capture) -> bool:
    """Say whether a capture carries the very payload of the last good one, at the same address."""
    good = scene.good
    return (
        good is not None
        and good.article is not None
        and good.article.url == capture.url
        and scene.good_digest is not None
        and scene.good_digest == capture.payload_digest
    )


def case(scene: Scene, after: Reading) -> Case:
    """Return the pair that the rules judge."""
    return Case(before=scene.good, after=after)


def host_state(watched: list[Visit], home: Visit | None) -> HostState:
    """Say how the host is, from looks about as old as the one in question.

    One good look at a watched page is enough: the host is well. Where no other page was looked at,
    a home page that answers at all, even with 404, speaks for a host that is up. Nothing looked at
    means nothing known.
    """
    if any(visit.outcome in (Outcome.OK, Outcome.NOT_MODIFIED) for visit in watched):
        return HostState.WELL
    if watched:
        return HostState.FAILING
    if home is None:
        return HostState.UNKNOWN
    up = home.outcome in ANSWERED and home.outcome is not Outcome.SERVER_ERROR
    return HostState.WELL if up else HostState.FAILING


def _capture(db: Connection, capture_id: int | None) -> Capture | None:
    return captures.one(db, capture_id) if capture_id is not None else None


def _good_reading(db: Connection, good: Capture | None) -> Reading | None:
    if good is None:
        return None
    return Reading(
        url=good.url,
        at=good.captured_at,
        outcome=good.outcome,
        status=good.status,
        hops=(good,),
        article=texts.of_capture(db, good.id),
        capture_id=good.id,
    )


def _control(
    db: Connection, target: Target, site: Site, visit: Visit, standing: Standing
) -> Control:
    """Return how the host is by the latest look at each of its other pages.

    A look counts if it was made within the minute of this bad look or of the one before, whose
    comparison may have asked for it.
    """
    looks = [visit.started_at, *(look.at for look in standing.looks[-1:])]
    window = max(CONTROL_COUNTS_FOR, site.delay * 3)
    since = max(min(looks) - window, standing.since or min(looks) - window)
    others = visits.recent_of_host(db, target.host, since=since, except_target=target.id)
    recent = [one for one in others if min(abs(one.started_at - at) for at in looks) <= window]
    watched = [one for one in recent if standings.one(db, one.target_id).good_capture_id]
    home = next((one for one in recent if _is_home(db, one)), None)
    # An answer of any kind shows that our own network is well; without one nobody knows.
    network = True if visit.outcome in ANSWERED else None
    return Control(host=host_state(watched, home), network=network)


def _is_home(db: Connection, visit: Visit) -> bool:
    known = targets.one(db, visit.target_id)
    return known is not None and known.found_by is FoundBy.CONTROL


def _control_target(db: Connection, target: Target) -> Target | None:
    for other in targets.of_host(db, target.host, limit=50):
        usable = other.id != target.id and other.state is TargetState.ACTIVE
        if usable and other.last_outcome is Outcome.OK:
            return other
    return None
