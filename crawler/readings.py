"""Gather what a verdict is made of: the visit read, the last good reading, the host around it."""

import logging
from dataclasses import dataclass, replace

from crawler.changes.case import Case, Reading
from crawler.changes.edits import REMOVED_SHARE
from crawler.changes.hearing import Control
from crawler.changes.surface import Surface
from crawler.controls import PROBED_EVERY, Neighbours, alike, look_around
from crawler.fetch.pace import retry_after
from crawler.killable import ArticleReader
from crawler.likeness import (
    Likeness,
    as_before,
    headers_of,
    likeness,
    other_pictures,
    same_bytes,
    vouched_for,
)
from crawler.plugins import rules_of
from crawler.text.article import Context, Study
from spiders.reading.listings import LISTINGS, xml_root
from storage.archive import Archive
from storage.catalogue import captures, pictures, sites, standings, targets, templates, texts
from storage.catalogue.engine import Catalogue, Connection
from storage.errors import CatalogueError, RecordError
from storage.model import (
    ANSWERED,
    Article,
    Capture,
    FoundBy,
    Outcome,
    Phase,
    Site,
    Standing,
    Target,
    Template,
    Visit,
    payload_captures,
)
from storage.warc import reader
from storage.warc.reader import StoredPage

logger = logging.getLogger(__name__)

WORTH_A_PROBE = 1 - REMOVED_SHARE
"""Below this share of surviving words it counts how the host answers an unknown address."""
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
    twin: Capture | None = None
    """A capture of this page that waits for a second fetch."""
    noise: frozenset[str] = frozenset()
    """What the page and others of its host have learnt to be noise."""


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
        noise = frozenset[str]()
        is_same = same_bytes(before, visit.captures)
        if not is_same:
            template = templates.of_site(db, visit.site)
        if standing.phase is not Phase.OK or not is_same:
            control, neighbours = look_around(db, target, site, visit, standing)
            shared = standings.noise_of_host(db, target.host, except_target=target.id)
            noise = frozenset(standing.noise) | shared
        return Scene(
            site=site,
            target=target,
            standing=standing,
            good=before,
            is_list=is_start(target) and targets.led_to(db, target.url),
            control=control,
            template=template,
            neighbours=neighbours,
            twin=_capture(db, standing.twin_capture_id),
            noise=noise,
        )


def unchanged(
    visit: Visit, scene: Scene, *, archive: Archive, catalogue: Catalogue
) -> Reading | None:
    """Return the reading of a visit that brought what its page had, without reading an article.

    None where it brought anything else, or that cannot be told from its record.
    """
    hops = tuple(payload_captures(visit.captures))
    reading, last = _begun(visit, scene, hops), hops[-1]
    if scene.good is None or last.record is None:
        return None
    try:
        if same_bytes(scene.good, hops):
            return as_before(reading, scene.good, headers_of(archive, last, last.record))
        page = reader.page(archive, last.record, limit_bytes=LARGEST_PAGE_BYTES)
    except RecordError:
        return None
    if retry_after(page.headers, now=last.captured_at) is not None:
        return None
    match likeness(scene.good, last, page):
        case Likeness.ALL:
            return as_before(reading, scene.good, page.headers)
        case Likeness.TEXT if _same_pictures(scene, last, page, archive, catalogue):
            return as_before(reading, scene.good, page.headers)
        case _:
            return None


def _same_pictures(
    scene: Scene, last: Capture, page: StoredPage, archive: Archive, catalogue: Catalogue
) -> bool:
    """Say whether the pictures at new addresses of a page have the bytes of those it had before."""
    good = scene.good.hops[-1] if scene.good is not None else None
    before = _kept_page(good, archive) if good is not None else None
    if good is None or before is None or b"<base" in page.body.lower():
        return False
    gone, new = other_pictures(before, page, url=good.url)
    with catalogue.read() as db:
        known = pictures.digests(db, scene.site.name, gone | new, at=last.captured_at)
    had = {known[one] for one in gone if one in known}
    return bool(new) == bool(gone) and all(known.get(one) in had for one in new)


def present(visit: Visit, scene: Scene, *, archive: Archive, articles: ArticleReader) -> Reading:
    """Return the reading of a visit: its hops, its last answer's fields, and its article."""
    hops = tuple(payload_captures(visit.captures))
    reading, last = _begun(visit, scene, hops), hops[-1]
    if reading.capture_id is None or last.record is None:
        return reading
    try:
        if scene.good is not None and same_bytes(scene.good, hops):
            return as_before(reading, scene.good, headers_of(archive, last, last.record))
        page = reader.page(archive, last.record, limit_bytes=LARGEST_PAGE_BYTES)
    except RecordError as fault:
        # Said once and judged as nothing seen: to try again would read the same damaged record.
        logger.error(  # noqa: TRY400 - the sentence names file and offset
            "a kept record is damaged, this look is not compared; run holdfast verify",
            extra={"url": visit.url, "reason": str(fault)},
        )
        return replace(reading, reason=str(fault))
    asked = retry_after(page.headers, now=last.captured_at)
    reading = replace(reading, headers=page.headers, wait_asked=asked)
    if last.outcome is Outcome.NOT_MODIFIED:
        if last.refers_to is None:
            return reading  # nobody asked whether it was modified: it stands for no page
        reading = vouched_for(reading, status=page.status, size=len(page.body))
    if xml_root(page.body) in LISTINGS:
        return reading
    if scene.good is not None and likeness(scene.good, last, page) is Likeness.ALL:
        return replace(reading, article=scene.good.article)
    context = _context(scene, last.url)
    found, why = articles.look(page.body, url=last.url, headers=page.headers, context=context)
    if found is None:
        return replace(reading, reason=reading.reason or why)
    read = found.study
    return replace(reading, article=read.article, lesson=read.lesson, surface=found.surface)


def _begun(visit: Visit, scene: Scene, hops: tuple[Capture, ...]) -> Reading:
    """Return what is known of a look before its page is read."""
    last = hops[-1]
    return Reading(
        url=visit.url,
        at=last.captured_at,
        outcome=visit.outcome,
        reason=visit.reason,
        status=visit.status,
        hops=hops,
        is_list=scene.is_list,
        capture_id=last.id if last.record is not None and last.outcome in ANSWERED else None,
    )


def _context(scene: Scene, url: str) -> Context:
    """Return what is known of a page before it is read."""
    return Context(
        rules=rules_of(scene.site.spider),
        template=scene.template,
        previous=_read_before(scene.good, url),
    )


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


def case(
    scene: Scene,
    after: Reading,
    *,
    catalogue: Catalogue,
    archive: Archive,
    articles: ArticleReader,
) -> Case:
    """Return what the rules judge: the pair of readings, and what helps to tell edits from noise.

    The page of the last good capture is read again from its record: only what differs needs it.
    """
    before, twin = scene.good, None
    if before is None or after.surface is None or after.surface is before.surface:
        return Case(before=before, after=after)
    kept = before.hops[-1]
    before = replace(before, surface=shown_by(kept, archive=archive, articles=articles))
    if scene.twin is not None and scene.twin.id != before.capture_id:
        context = _context(scene, scene.twin.url)
        twin = twin_reading(scene.twin, archive=archive, articles=articles, context=context)
    with catalogue.read() as db:
        before, after = (with_pictures(db, scene.site, one) for one in (before, after))
    plain = Case(before=before, after=after, twin=twin, noise=scene.noise)
    if plain.survival is None or plain.survival >= WORTH_A_PROBE:
        return plain
    probe = _probe(scene, after, catalogue=catalogue, archive=archive, articles=articles)
    with catalogue.read() as db:
        return replace(plain, probe=probe, alike=alike(db, after, scene.neighbours))


def _probe(
    scene: Scene,
    after: Reading,
    *,
    catalogue: Catalogue,
    archive: Archive,
    articles: ArticleReader,
) -> Reading | None:
    """Return how the host answered an address nobody knows, where it was asked within a day."""
    with catalogue.read() as db:
        asked = targets.probe_of(db, scene.target.host, since=after.at - PROBED_EVERY)
        made = captures.of_target(db, asked.id, limit=1) if asked is not None else []
    if not made:
        return None
    (last,) = made
    context = _context(scene, last.url)
    return twin_reading(last, archive=archive, articles=articles, context=context)


def shown_by(capture: Capture, *, archive: Archive, articles: ArticleReader) -> Surface | None:
    """Return what the page of a kept capture shows, or None where that cannot be read."""
    page = _kept_page(capture, archive)
    if page is None:
        return None
    shown, _ = articles.surface(page.body, url=capture.url, headers=page.headers)
    return shown


def twin_reading(
    capture: Capture, *, archive: Archive, articles: ArticleReader, context: Context
) -> Reading | None:
    """Return the reading of a capture that waits for a second fetch, read again."""
    page = _kept_page(capture, archive)
    if page is None:
        return None
    article, _ = articles.read(page.body, url=capture.url, headers=page.headers, context=context)
    shown, _ = articles.surface(page.body, url=capture.url, headers=page.headers)
    return Reading(
        url=capture.url,
        at=capture.captured_at,
        outcome=capture.outcome,
        status=page.status,
        hops=(capture,),
        headers=page.headers,
        article=article,
        surface=shown,
        capture_id=capture.id,
    )


def with_pictures(db: Connection, site: Site, reading: Reading) -> Reading:
    """Return a reading with the digests of its pictures that are known."""
    if reading.surface is None:
        return reading
    urls = {source for shot in reading.surface.shots for source in shot.sources}
    found = pictures.digests(db, site.name, urls, at=reading.at)
    return replace(reading, image_digests=found)


def _kept_page(capture: Capture, archive: Archive) -> StoredPage | None:
    if capture.record is None:
        return None
    try:
        return reader.page(archive, capture.record, limit_bytes=LARGEST_PAGE_BYTES)
    except RecordError as fault:
        # Without it the looks are compared by what the extractor chose of them.
        logger.warning("record unreadable", extra={"url": capture.url, "reason": str(fault)})
        return None


def _capture(db: Connection, capture_id: int | None) -> Capture | None:
    return captures.one(db, capture_id) if capture_id is not None else None


def is_start(target: Target) -> bool:
    """Say whether a target is a start page of its site."""
    return target.found_by is FoundBy.START


def _good_reading(db: Connection, good: Capture | None) -> Reading | None:
    return None if good is None else reading_of(good, texts.of_capture(db, good.id))


def reading_of(good: Capture, article: Article | None) -> Reading:
    """Return the reading of a good capture whose article is known."""
    return Reading(
        url=good.url,
        at=good.captured_at,
        outcome=good.outcome,
        status=good.status,
        hops=(good,),
        article=article,
        capture_id=good.id,
    )
