"""Gather what a verdict is made of: the visit read, the last good reading, the host around it."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from crawler.changes.case import Case, Reading
from crawler.changes.judge import Control
from crawler.controls import Neighbours, look_around
from crawler.killable import ArticleReader
from crawler.plugins import rules_of
from crawler.text.article import Context, Study
from spiders.reading.listings import LISTINGS, xml_root
from storage.archive import Archive
from storage.catalogue import captures, sites, standings, targets, templates, texts
from storage.catalogue.engine import Catalogue, Connection
from storage.errors import CatalogueError, RecordError
from storage.model import (
    ANSWERED,
    Article,
    Capture,
    FoundBy,
    Outcome,
    Phase,
    RecordRef,
    Site,
    Standing,
    Target,
    Template,
    Visit,
    payload_captures,
)
from storage.warc import reader

logger = logging.getLogger(__name__)

LARGEST_PAGE_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Everything the catalogue knows that bears on one visit."""

    site: Site
    target: Target
    standing: Standing
    good: Reading | None
    """The last good reading, with its article."""
    control: Control
    is_list: bool
    """Whether the target is a start page that led to others."""
    template: Template
    """What the site's other pages have taught of it; empty where nothing is to be read."""
    neighbours: Neighbours
    """The other pages of the host, of which one may be looked at as a control."""


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
        before = _good_reading(db, good)
        control, neighbours, template = Control(), Neighbours(), Template()
        is_same = same_bytes(before, visit.captures)
        if not is_same:
            template = templates.of_site(db, visit.site)
        if standing.phase is not Phase.OK or not is_same:
            control, neighbours = look_around(db, target, site, visit, standing)
        return Scene(
            site=site,
            target=target,
            standing=standing,
            good=before,
            is_list=target.found_by is FoundBy.START and targets.led_to(db, target.url),
            control=control,
            template=template,
            neighbours=neighbours,
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
        is_list=scene.is_list,
    )
    last = hops[-1]
    if last.record is None or last.outcome not in ANSWERED:
        return reading
    reading = replace(reading, capture_id=last.id)
    try:
        if scene.good is not None and same_bytes(scene.good, hops):
            return _as_before(reading, scene.good, _headers(archive, last, last.record))
        page = reader.page(archive, last.record, limit_bytes=LARGEST_PAGE_BYTES)
    except RecordError as fault:
        # Said once and judged as nothing seen: to try again would read the same damaged record.
        logger.error(  # noqa: TRY400 - the sentence names file and offset
            "a kept record is damaged, this look is not compared; run holdfast verify",
            extra={"url": visit.url, "reason": str(fault)},
        )
        return replace(reading, reason=str(fault))
    reading = replace(reading, headers=page.headers)
    if last.outcome is Outcome.NOT_MODIFIED:
        if last.refers_to is None:
            return reading  # nobody asked whether it was modified: it stands for no page
        reading = _vouched_for(reading, status=page.status, size=len(page.body))
    if xml_root(page.body) in LISTINGS:
        return reading
    context = Context(
        rules=rules_of(scene.site.spider),
        template=scene.template,
        previous=_read_before(scene.good, last.url),
    )
    found, why = articles.study(page.body, url=last.url, headers=page.headers, context=context)
    if found is None:
        return replace(reading, reason=reading.reason or why)
    return replace(reading, article=found.article, lesson=found.lesson)


def _read_before(good: Reading | None, url: str) -> Article | None:
    """Return the article of the last good look, if it was at this address."""
    article = good.article if good is not None else None
    return article if article is not None and article.url == url else None


def study_of(
    capture: Capture, *, archive: Archive, articles: ArticleReader, context: Context
) -> tuple[Study | None, str]:
    """Return what a good capture comes to, read again, or None and why there is nothing."""
    if capture.record is None:
        return None, "it has no record"
    try:
        page = reader.page(archive, capture.record, limit_bytes=LARGEST_PAGE_BYTES)
    except RecordError as fault:
        return None, str(fault)
    if xml_root(page.body) in LISTINGS:
        return None, ""
    return articles.study(page.body, url=capture.url, headers=page.headers, context=context)


def _headers(archive: Archive, last: Capture, record: RecordRef) -> tuple[tuple[str, str], ...]:
    """Return the fields of an answer, without its payload; those of a 304 are of its original."""
    if last.outcome is Outcome.NOT_MODIFIED:
        return reader.page(archive, record, limit_bytes=1).headers
    return reader.head_fields(archive, record)


def _as_before(reading: Reading, good: Reading, headers: tuple[tuple[str, str], ...]) -> Reading:
    """Return the reading of a look that brought the very bytes of the last good one."""
    if reading.outcome is Outcome.NOT_MODIFIED:
        size = good.hops[-1].payload_bytes or 1
        reading = _vouched_for(reading, status=good.status, size=size)
    return replace(reading, headers=headers, article=good.article)


def _vouched_for(reading: Reading, *, status: int | None, size: int) -> Reading:
    """Return the reading of a 304 as one of the page we hold, which its server vouches for.

    How long the payload is in its coding stands with the original; that there is one is enough.
    """
    *before, last = reading.hops
    brought = replace(last, outcome=Outcome.OK, status=status, payload_bytes=size)
    return replace(reading, outcome=Outcome.OK, status=status, hops=(*before, brought))


def same_bytes(good: Reading | None, made: Sequence[Capture]) -> bool:
    """Say whether a visit brought the very payload of the last good one, at the same address.

    Such a look needs no extractor, and nothing of the host around it bears on it.
    """
    if good is None or good.article is None or good.payload_digest is None:
        return False
    last = payload_captures(made)[-1]
    return (
        last.outcome in (Outcome.OK, Outcome.NOT_MODIFIED)
        and last.url == good.article.url
        and last.payload_digest == good.payload_digest
    )


def case(scene: Scene, after: Reading) -> Case:
    """Return the pair that the rules judge."""
    return Case(before=scene.good, after=after)


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
