"""The road on one page: due target → visit → exchange → WARC → capture → text → findings → event.

Each function is one stretch between two durable hand-overs of the catalogue: a due target, a visit
not yet compared, an event not yet delivered. They only call; what is decided, is decided in the
rooms they call. Every stretch may die at any moment and is taken again from its row.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from crawler import deliver, ledger, quiet, readings, robots_told, scenes, site_rules
from crawler.books import Books
from crawler.changes.case import Case, Reading
from crawler.changes.hearing import Verdict
from crawler.changes.judge import judge
from crawler.chronicle import Chronicle, stays
from crawler.deliver import Channel, Delivered
from crawler.fetch.ticket import Ticket
from crawler.fetch.visitor import Memory, Visitor
from crawler.killable import ArticleReader
from crawler.ledger import Made
from crawler.outbound import Door
from crawler.planner import Planner
from crawler.quiet import Plain
from crawler.readings import Scene
from crawler.routing import CALM, Quiet
from storage.archive import Archive
from storage.catalogue.engine import Catalogue
from storage.model import Claim, Site, Target, Visit

logger = logging.getLogger(__name__)


async def make_visit(target: Target, *, site: Site, visitor: Visitor, memory: Memory) -> Ticket:
    """Due target → visit → exchange → WARC records, appended and not yet safe."""
    return await visitor.fetch(target, site, memory=memory)


async def keep_visit(ticket: Ticket, *, claim: Claim, visitor: Visitor, books: Books) -> Visit:
    """WARC records → capture: bytes first, then the row; then what the page needs."""
    try:
        made = Made(
            visit=await visitor.safe(ticket),
            target=ticket.target,
            site=ticket.site,
            claim=claim,
            requisites=tuple(ticket.requisites),
        )
        kept = await books.keep(made)
    finally:
        ticket.over()
    level = logging.INFO if ledger.is_news(kept, ticket.target) else logging.DEBUG
    logger.log(level, "visited", extra=ledger.told(kept))
    await visitor.requisites(ticket, kept, shelf=books)
    return kept


def compare_visit(  # noqa: PLR0913 - one fact each
    visit: Visit,
    *,
    archive: Archive,
    catalogue: Catalogue,
    articles: ArticleReader,
    chronicle: Chronicle,
    planner: Planner,
    after: Reading | None = None,
) -> set[int]:
    """Capture → text → findings → event: what the visit brought, held against the last good one.

    ``after`` is what it brought, if that was read before. Return the targets that are to be looked
    at as controls.
    """
    scene = readings.scene(visit, catalogue=catalogue)
    articles = site_rules.reading_as(scene.site, articles)
    if after is None:
        after = readings.present(visit, scene, archive=archive, articles=articles)
    plain = readings.case(scene, after, catalogue=catalogue, archive=archive, articles=articles)
    case = site_rules.asked(plain, scene.site)
    judged = _judged(visit, scene, case)
    verdict = site_rules.with_losses(
        robots_told.with_robots(judged, visit, scene=scene, archive=archive, catalogue=catalogue),
        case,
        scene=scene,
        archive=archive,
        catalogue=catalogue,
        articles=articles,
    )
    controls = ledger.keep_verdict(
        catalogue,
        verdict,
        visit=visit,
        scene=scene,
        after=after,
        chronicle=chronicle,
        planner=planner,
    )
    ledger.tell(verdict, scene=scene)
    return controls


def compare_unchanged(
    made: Sequence[Visit],
    *,
    archive: Archive,
    catalogue: Catalogue,
    chronicle: Chronicle,
    planner: Planner,
) -> frozenset[int]:
    """Capture → finding, of many visits at once: those that brought what was there before.

    Each is of another target. Return the visits that are compared with that; the others tell more.
    """
    same: list[Plain] = []
    for visit, scene in scenes.in_good_standing(made, catalogue=catalogue):
        after = readings.unchanged(visit, scene, archive=archive, catalogue=catalogue)
        if after is None:
            continue
        verdict = _judged(visit, scene, Case(before=scene.good, after=after))
        if stays(verdict, scene=scene, after=after):
            same.append(Plain(visit=visit, scene=scene, after=after, verdict=verdict))
    quiet.keep(catalogue, same, chronicle=chronicle, planner=planner, taught={})
    return frozenset(one.visit.id for one in same)


def send_due(  # noqa: PLR0913 - one fact each
    catalogue: Catalogue,
    channels: Mapping[str, Channel],
    door: Door,
    *,
    quiet: Mapping[str, Quiet],
    calm: timedelta = CALM,
    chronicle: Chronicle,
    ended: Callable[[], bool] = lambda: False,
) -> Delivered:
    """Event → deliveries: what is due goes out, together, at least once, under its own id."""
    now = datetime.now(UTC)
    deliver.bundle_due(catalogue, now=now, quiet=quiet, calm=calm)
    done = deliver.deliver_due(catalogue, channels, door=door, now=now, ended=ended)
    # After the rows: a full disk must not have what was sent be sent again.
    chronicle.keep(done.out)
    return done


def _judged(visit: Visit, scene: Scene, case: Case) -> Verdict:
    return judge(
        case,
        scene.standing,
        site=scene.site,
        target=scene.target,
        visit_id=visit.id,
        control=scene.control,
    )
