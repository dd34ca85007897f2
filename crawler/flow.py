"""The road on one page: due target → visit → exchange → WARC → capture → text → findings → event.

Each function is one stretch between two durable hand-overs of the catalogue: a due target, a visit
not yet compared, an event not yet delivered. They only call; what is decided, is decided in the
rooms they call. Every stretch may die at any moment and is taken again from its row.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from crawler import deliver, ledger, readings
from crawler.books import Books
from crawler.changes.judge import judge
from crawler.chronicle import Chronicle
from crawler.deliver import Channel, Delivered
from crawler.fetch.ticket import Ticket
from crawler.fetch.visitor import Memory, Visitor
from crawler.killable import ArticleReader
from crawler.ledger import Made
from crawler.outbound import Door
from crawler.planner import Planner
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


def compare_visit(
    visit: Visit,
    *,
    archive: Archive,
    catalogue: Catalogue,
    articles: ArticleReader,
    chronicle: Chronicle,
    planner: Planner,
) -> set[int]:
    """Capture → text → findings → event: what the visit brought, held against the last good one.

    Return the targets that are to be looked at as controls.
    """
    scene = readings.scene(visit, catalogue=catalogue)
    after = readings.present(visit, scene, archive=archive, articles=articles)
    verdict = judge(
        readings.case(scene, after),
        scene.standing,
        site=scene.site,
        target=scene.target,
        visit_id=visit.id,
        control=scene.control,
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


def send_due(
    catalogue: Catalogue,
    channels: Mapping[str, Channel],
    door: Door,
    *,
    ended: Callable[[], bool] = lambda: False,
) -> Delivered:
    """Event → deliveries: what is due goes out, at least once, under its own id."""
    now = datetime.now(UTC)
    return deliver.deliver_due(catalogue, channels, door=door, now=now, ended=ended)
