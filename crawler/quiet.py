"""Write down, many at once, the verdicts that tell nobody anything.

Most looks brought what was there before, or a first text. One transaction for each of them would
cost more than its capture.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from crawler.changes.case import Reading
from crawler.changes.hearing import Verdict
from crawler.chronicle import Chronicle, is_quiet, judged_as
from crawler.planner import Planner, is_wanted, next_look
from crawler.readings import Scene
from storage.catalogue import hosts, replays, standings, targets, templates, texts
from storage.catalogue.engine import Catalogue
from storage.catalogue.references import record_ids
from storage.model import Article, Standing, Template, Visit
from storage.warc.statements import Judged


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """A verdict on a page in good standing that tells nothing and asks nothing of other pages.

    The visit brought what was there before (``chronicle.stays``), or the first text of its page.
    """

    visit: Visit
    scene: Scene
    after: Reading
    verdict: Verdict

    @property
    def standing(self) -> Standing:
        """Return where the page stands now."""
        relook_at = self.verdict.look_again_at if self.verdict.deciding else None
        return replace(self.verdict.standing, relook_at=relook_at)

    @property
    def pair(self) -> tuple[int, int] | None:
        """Return the new good capture and the one whose text it shows, if it brought no new one."""
        new, old = self.verdict.standing.good_capture_id, self.scene.standing.good_capture_id
        return (new, old) if new is not None and old is not None else None

    @property
    def text(self) -> tuple[int, int, Article] | None:
        """Return capture, target and article of a first text."""
        new, article = self.verdict.standing.good_capture_id, self.after.article
        if new is None or article is None or self.pair is not None:
            return None
        return new, self.visit.target_id, article


def keep(
    catalogue: Catalogue,
    compared: Sequence[Plain],
    *,
    chronicle: Chronicle,
    planner: Planner,
    taught: Mapping[str, Template],
) -> None:
    """Write that these visits, each to another page, are compared; the plan learns of them.

    The archive is told before of those of which their captures do not tell all: other bytes, or the
    first ones. ``taught`` are the templates of sites that learnt by them.
    """
    if not compared:
        return
    now = datetime.now(UTC)
    chronicle.keep(_said(catalogue, compared, now=now))
    ids = [one.visit.target_id for one in compared]
    with catalogue.write() as db:
        hosts.hold_of(db, ids)
        replays.share_texts(db, [one.pair for one in compared if one.pair is not None])
        texts.put_all(db, [one.text for one in compared if one.text is not None])
        for site, template in taught.items():
            templates.put(db, site, template)
        standings.put(db, *(one.standing for one in compared))
        known = targets.by_ids(db, ids)
        plans: dict[int, datetime] = {}
        with planner.together(db, ids):
            for one in compared:
                learnt_at = planner.judged(
                    db, one.scene, visit=one.visit, verdict=one.verdict, after=one.after
                )
                target = known[one.visit.target_id]
                due_at = next_look(one.verdict, target=target, now=now) or learnt_at
                if due_at is not None and not is_wanted(target, now=now):
                    plans[target.id] = due_at
        targets.replan(db, plans)
        replays.mark_read(db, {one.visit.id: now for one in compared})


def _said(catalogue: Catalogue, compared: Sequence[Plain], *, now: datetime) -> list[Judged]:
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
        judged_as(
            one.standing,
            ids,
            visit=one.visit,
            at=now,
            due_at=next_look(one.verdict, target=one.scene.target, now=now),
        )
        for one in told
    ]
