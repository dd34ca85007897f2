"""Write down, many at once, the verdicts that say no more than: it is as it was.

Most looks are of that kind. One transaction for each of them would cost more than its capture.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from crawler.changes.case import Reading
from crawler.changes.hearing import Verdict
from crawler.chronicle import Chronicle, is_quiet, judged_as
from crawler.planner import Planner, is_wanted
from crawler.readings import Scene
from storage.catalogue import hosts, replays, standings, targets
from storage.catalogue.engine import Catalogue
from storage.catalogue.references import record_ids
from storage.model import Visit
from storage.warc.statements import Judged


@dataclass(frozen=True, slots=True, kw_only=True)
class AsItWas:
    """A verdict of which ``chronicle.stays`` holds, on a visit that brought what was there."""

    visit: Visit
    scene: Scene
    """Its page was in good standing."""
    after: Reading
    verdict: Verdict


def keep(
    catalogue: Catalogue, compared: Sequence[AsItWas], *, chronicle: Chronicle, planner: Planner
) -> None:
    """Write that these visits, each to another page, are compared; the plan learns of them.

    The archive is told before of those of which their captures do not tell all: other bytes.
    """
    if not compared:
        return
    now = datetime.now(UTC)
    chronicle.keep(_said(catalogue, compared, now=now))
    after = [one.verdict.standing for one in compared]
    pairs = [
        (one.verdict.standing.good_capture_id, one.scene.standing.good_capture_id)
        for one in compared
    ]
    shared = [(new, old) for new, old in pairs if new is not None and old is not None]
    ids = [one.visit.target_id for one in compared]
    with catalogue.write() as db:
        hosts.hold_of(db, ids)
        replays.share_texts(db, shared)
        standings.put(db, *after)
        known = targets.by_ids(db, ids)
        plans: dict[int, datetime] = {}
        with planner.together(db, ids):
            for one in compared:
                due_at = planner.judged(
                    db, one.scene, visit=one.visit, verdict=one.verdict, after=one.after
                )
                target = known[one.visit.target_id]
                if due_at is not None and not is_wanted(target, now=now):
                    plans[target.id] = due_at
        targets.replan(db, plans)
        replays.mark_read(db, {one.visit.id: now for one in compared})


def _said(catalogue: Catalogue, compared: Sequence[AsItWas], *, now: datetime) -> list[Judged]:
    """Return what the archive is to say of those of which the captures alone do not tell all."""
    told = [
        one
        for one in compared
        if not is_quiet(one.verdict, scene=one.scene, visit=one.visit, after=one.after)
    ]
    named = {one.verdict.standing.good_capture_id for one in told}
    with catalogue.read() as db:
        ids = record_ids(db, {number for number in named if number is not None})
    return [
        judged_as(one.verdict.standing, ids, visit=one.visit, at=now, due_at=None) for one in told
    ]
