"""Learn again what the looks of an archive taught, and plan pages by it."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from crawler.learning import Learning
from crawler.planner import (
    Brought,
    digest_of,
    is_auto,
    learn,
    moment_of,
    new_habit,
    published_of,
    role_of,
    terms_of,
)
from crawler.pricing import refit
from crawler.revisit.stamps import Stamp, stamp_of
from storage.archive import Archive
from storage.catalogue import learnt, sites, standings, targets, texts, visits
from storage.catalogue.engine import Catalogue, Connection
from storage.errors import RecordError
from storage.model import (
    Article,
    FoundBy,
    Outcome,
    Phase,
    Site,
    Target,
    TargetState,
    Visit,
    payload_captures,
)
from storage.warc import reader

_A_STEP = 500
_GOOD = (Outcome.OK, Outcome.NOT_MODIFIED)


def learn_again(
    archive: Archive,
    catalogue: Catalogue,
    *,
    lost: Collection[int],
    begin: Callable[[str, int], Callable[[str], None]],
) -> None:
    """Live through the looks once more, in their order; ``lost`` are the visits that saw a loss.

    At last the price of a fetch is fitted, as the service does every hour, and what the policy
    plans is due when it says.
    """
    with catalogue.read() as db:
        named = {site.name: site for site in sites.listing(db)}
        last_id = visits.last_id(db)
    learning = Learning()
    step = begin("habits", last_id)
    for after in range(0, last_id, _A_STEP):
        with catalogue.write() as db:
            some = visits.compared(db, after_id=after, until_id=after + _A_STEP)
            _learn_some(db, learning, some, archive=archive, named=named, lost=lost)
        for _ in range(min(_A_STEP, last_id - after)):
            step("")
    for site in named.values():
        refit(catalogue, site, now=datetime.now(UTC))
        _plan(catalogue, site)


def _learn_some(
    db: Connection,
    learning: Learning,
    some: Sequence[Visit],
    *,
    archive: Archive,
    named: dict[str, Site],
    lost: Collection[int],
) -> None:
    known = targets.by_ids(db, sorted({one.target_id for one in some}))
    learning.fetch(db, sorted(known))
    articles = texts.of_captures(db, [payload_captures(one.captures)[-1].id for one in some])
    for visit in some:
        target, site = known.get(visit.target_id), named.get(visit.site)
        if target is None or site is None or target.state is not TargetState.ACTIVE:
            continue
        brought = _brought(db, visit, target, articles, lost=visit.id in lost)
        if brought is None:
            continue
        brought = replace(brought, stamp=_stamp(archive, visit, brought))
        if target.id not in learning.habits:
            learning.add(new_habit(target, brought), site=site.name)
        habit = learning.habits[target.id]
        learn(learning.policy, habit, brought)
        learning.policy.plan(habit, terms_of(site, learning.price(site.name)))
        learning.changed.add(target.id)
    learning.keep(db)
    learning.forget()


def _brought(
    db: Connection, visit: Visit, target: Target, articles: dict[int, Article], *, lost: bool
) -> Brought | None:
    """Return what a look taught, as ``planner.brought_by`` said it then."""
    if lost:
        return Brought(at=visit.finished_at, lost=True)
    last = payload_captures(visit.captures)[-1]
    if visit.outcome not in _GOOD:
        return None
    article = articles.get(last.id)
    if article is None and texts.latest(db, target.id) is not None:
        return None  # doubted then, and no text of it was kept
    published = published_of(article)
    is_list = target.found_by is FoundBy.START and targets.led_to(db, target.url)
    return Brought(
        at=visit.finished_at,
        sure=visit.outcome is Outcome.NOT_MODIFIED,
        digest=digest_of(article, last.payload_digest),
        role=role_of(target, article, last.content_type, is_list=is_list),
        published_at=published,
    )


def _stamp(archive: Archive, visit: Visit, brought: Brought) -> Stamp:
    """Return what the answer of a good look said of its last change, as ``planner`` heard it."""
    record = payload_captures(visit.captures)[-1].record
    if brought.lost or brought.sure or record is None:
        return Stamp()
    try:
        return stamp_of(reader.head_fields(archive, record), at=brought.at)
    except RecordError:
        return Stamp()  # it was told where the text was read


def _plan(catalogue: Catalogue, site: Site) -> None:
    """Have the pages of a site due when the policy says, but for those under suspicion."""
    with catalogue.read() as db:
        rows = {row.target_id: row for row in learnt.of_site(db, site.name)}
        suspected = {one.target_id for one in standings.by_phase(db, Phase.SUSPECT)}
    ids = sorted(rows.keys() - suspected)
    for start in range(0, len(ids), _A_STEP):
        with catalogue.write() as db:
            some = targets.by_ids(db, ids[start : start + _A_STEP]).values()
            due = {
                one.id: moment_of(rows[one.id].looked_at + rows[one.id].interval)
                for one in some
                if one.state is TargetState.ACTIVE and is_auto(one, site)
            }
            targets.replan(db, due)
