"""Plan the next look at a page by what the last one brought, under ``every = "auto"``.

The reader learns from each comparison, in the transaction that keeps it; workers only use the
interval that was planned last, until the comparison comes. An hourly step fits the price of a fetch
to the budget of each site.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import nlargest

from crawler.changes.case import Reading
from crawler.changes.hearing import Verdict
from crawler.learning import Learning, habit_of, lister_of, price_of, row_of
from crawler.readings import Scene
from crawler.revisit.calendar import AUTO
from crawler.revisit.curves import PageRole
from crawler.revisit.habits import Habit, Kin
from crawler.revisit.policy import Policy, Seen, Terms
from crawler.revisit.stamps import Stamp, stamp_of
from storage.catalogue import learnt, targets
from storage.catalogue.engine import Connection
from storage.model import Article, Found, FoundBy, Outcome, Phase, Site, Target, TargetState, Visit

logger = logging.getLogger(__name__)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)

LOSSES = frozenset({"gone", "soft_404", "blocked_legal", "parked", "suspended", "moved"})
"""Kinds of a bad look that say a page is lost; what else fails may be an outage."""
LOST_AT_LOOK = 2
"""A loss counts for the risk of its host from this look on: one bad look may be a slip."""
OLD = timedelta(days=365)
"""An article published so long before it was found is of an archive."""
_NO_STAMP = Stamp()
_SAME = 0.02
_NEAR = timedelta(seconds=1)


def days_of(moment: datetime) -> float:
    """Return a time as days since the beginning of 1970."""
    return (moment - EPOCH) / DAY


def moment_of(days: float) -> datetime:
    """Return the time that is so many days after the beginning of 1970."""
    return EPOCH + days * DAY


def is_auto(target: Target, site: Site) -> bool:
    """Say whether a page is visited as it deserves, and not by a fixed word."""
    return (target.every or site.every) == AUTO


def is_wanted(target: Target, *, now: datetime) -> bool:
    """Say whether a page is due already, for whatever reason."""
    return target.due_at is not None and target.due_at <= now


def next_look(
    verdict: Verdict, *, target: Target, now: datetime, wait_until: datetime | None = None
) -> datetime | None:
    """Return when a comparison wants the page looked at; None leaves it to what is planned."""
    look_at = verdict.look_again_at
    is_active = target.state is TargetState.ACTIVE
    if is_active and look_at is not None:
        if is_wanted(target, now=now):
            return None
        # Never planned for before now, by a reader that is late: that would be visits missed.
        return max(look_at, wait_until or look_at, now)
    if is_active and wait_until is not None:
        return max(wait_until, target.due_at or wait_until)
    return None


def terms_of(site: Site, price: float) -> Terms:
    """Return what a site asks of its plan."""
    return Terms(price=price, shortest=site.shortest / DAY, longest=site.longest / DAY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What one look at a page brought, as far as planning is concerned."""

    at: datetime
    lost: bool = False
    confirmed: bool = False
    """Whether its loss is certain, and not only likely."""
    sure: bool = False
    """Whether the server vouched for it, so that what is the same is no chance."""
    digest: str = ""
    """What tells its words from others; empty where nothing was read."""
    role: PageRole = PageRole.PAGE
    published_at: datetime | None = None
    stamp: Stamp = _NO_STAMP


@dataclass(frozen=True, slots=True, kw_only=True)
class Jump:
    """Pages of a host are lost much faster than before."""

    host: str
    role: PageRole
    since: datetime
    losses: float
    """Seen lately; they fade over two days."""
    expected: float
    """What the usual risk led to expect of the same looks."""


@dataclass(slots=True)
class Planner:
    """Learns from looks, for the one process that compares them."""

    learning: Learning = field(default_factory=Learning)
    jumps: list[Jump] = field(default_factory=list)
    """What is to be told, since whoever tells it has emptied this."""
    _loaded: bool = False
    _many: bool = False
    """Whether what is learnt is read before and kept after the looks at many pages."""

    @contextmanager
    def together(self, db: Connection, target_ids: Sequence[int]) -> Iterator[None]:
        """Learn within from looks at these targets, of which none brought a loss.

        What is known of them is read at once, and what is learnt is kept at once.
        """
        learning = self._ready(db, target_ids)
        self._many = True
        try:
            yield
            learning.keep(db)
        finally:
            self._many = False
            learning.forget()

    def judged(
        self, db: Connection, scene: Scene, *, visit: Visit, verdict: Verdict, after: Reading
    ) -> datetime | None:
        """Learn from a comparison and return when the page is due next; None leaves that alone.

        To be called once for a visit, in the transaction that says it is compared.
        """
        brought = brought_by(visit, verdict, after, target=scene.target)
        if brought is None or scene.target.state is not TargetState.ACTIVE:
            return None
        return self.take_in(db, scene.target, scene.site, brought)

    def take_in(
        self, db: Connection, target: Target, site: Site, brought: Brought
    ) -> datetime | None:
        """Learn from a look and plan the next; return when, or None where a fixed word says it."""
        learning = self.learning if self._many else self._ready(db, [target.id])
        habit = learning.habits.get(target.id)
        if habit is None:
            habit = new_habit(target, brought)
            learning.add(habit, site=site.name)
        learn(learning.policy, habit, brought)
        terms = terms_of(site, learning.price(site.name))
        learning.policy.plan(habit, terms)
        learning.changed.add(target.id)
        if not self._many:
            kin = learning.policy.kin_of(habit.host, habit.role)
            hastens = brought.lost and kin.is_to_hasten(habit.looked_at)
            if brought.confirmed and kin.is_to_tell(habit.looked_at):
                self.jumps.append(jump_of(kin))
            learning.keep(db)
            if hastens:
                self._hasten(db, kin.host, site=site, terms=terms)
            learning.forget()
        return moment_of(habit.looked_at + habit.interval) if is_auto(target, site) else None

    def _ready(self, db: Connection, target_ids: Sequence[int]) -> Learning:
        if not self._loaded:
            self.learning.load(db)
            self._loaded = True
        self.learning.load_prices(db)
        self.learning.fetch(db, target_ids)
        return self.learning

    def _hasten(self, db: Connection, host: str, *, site: Site, terms: Terms) -> None:
        """Plan a host anew, of which much was lost in a short time."""
        logger.warning(
            "pages of a host are lost much faster than before; its others are looked at sooner",
            extra={"host": host, "site": site.name},
        )
        rows = [row for row in learnt.of_host(db, host) if row.site == site.name]
        replan(db, self.learning, [habit_of(row) for row in rows], site=site, terms=terms)


def jump_of(kin: Kin) -> Jump:
    """Return what is told of a host whose pages are lost much faster than before."""
    return Jump(
        host=kin.host,
        role=kin.role,
        since=moment_of(kin.jumped_at or 0.0),
        losses=kin.recent_losses,
        expected=kin.recent_expected,
    )


MOST_TOLD = 1000
"""Entries of a list that are looked up, the newest: what it repeats was heard before."""
TOLD_LATE = timedelta(days=30)
"""What a list says of a longer time ago is no news."""


def heed(db: Connection, found: Sequence[Found], *, host: str, site: Site, now: datetime) -> int:
    """Take in what a list says of pages that are known; return how many are due now by it."""
    recent = [
        one
        for one in found
        if one.changed_at is not None and now - TOLD_LATE < one.changed_at <= now
    ]
    recent = nlargest(MOST_TOLD, recent, key=lambda one: one.changed_at or now)
    lister, price = lister_of(db, host), price_of(db, site.name)
    if not recent or lister is None:
        return 0
    policy = Policy(listers={host: lister})
    known = targets.by_urls(db, [one.url for one in recent])
    habits = learnt.of_targets(db, [one.id for one in known.values()])
    due: list[int] = []
    for one in recent:
        target = known.get(one.url)
        row = habits.get(target.id) if target is not None else None
        if target is None or row is None or one.changed_at is None or target.host != host:
            continue
        habit = habit_of(row)
        worth_it = policy.tell(habit, at=days_of(one.changed_at), price=price)
        if habit.hinted_at is not None:
            learnt.hint(db, target.id, habit.hinted_at)
        if worth_it and target.state is TargetState.ACTIVE and is_auto(target, site):
            due.append(target.id)
    targets.make_due(db, due, at=now)
    return len(due)


def learn(policy: Policy, habit: Habit, brought: Brought) -> None:
    """Take a look at a page into its habit, and into what is learnt of all."""
    at = days_of(brought.at)
    if habit.role.lists:
        policy.polled(habit.host, at)
        habit.looks += 1
        habit.looked_at = at
        return
    changed = None
    if habit.digest and brought.digest and not brought.lost:
        changed = brought.digest != habit.digest
    modified_at = brought.stamp.modified_at
    seen = Seen(
        at=at,
        lost=brought.lost,
        changed=changed,
        sure=brought.sure,
        stamp=brought.stamp.mark,
        modified_at=None if modified_at is None else days_of(modified_at),
    )
    policy.look(habit, seen)
    if brought.digest and not brought.lost:
        habit.digest = brought.digest
        if not brought.sure:  # a 304 need not say it again
            habit.stamp = brought.stamp.mark


def brought_by(visit: Visit, verdict: Verdict, after: Reading, *, target: Target) -> Brought | None:
    """Return what a look teaches; None where it teaches nothing: an outage, a passing suspicion."""
    at, standing = visit.finished_at, verdict.standing
    if is_loss(standing.phase, standing.kind, len(standing.looks)):
        return Brought(at=at, lost=True, confirmed=standing.phase is Phase.CONFIRMED)
    if standing.phase is not Phase.OK or after.outcome not in (Outcome.OK, Outcome.NOT_MODIFIED):
        return None
    if standing.twin_capture_id == after.capture_id != standing.good_capture_id:
        return None  # doubted: the second fetch tells what it was
    content_type = after.hops[-1].content_type if after.hops else None
    return Brought(
        at=at,
        sure=visit.outcome is Outcome.NOT_MODIFIED,
        digest=digest_of(after.article, after.payload_digest),
        role=role_of(target, after.article, content_type, is_list=after.is_list),
        published_at=published_of(after.article),
        stamp=stamp_of(after.headers, at=at),
    )


def is_loss(phase: Phase, kind: str, looks: int) -> bool:
    """Say whether a bad look counts as a loss: once when it is likely, and since it is certain."""
    if kind not in LOSSES:
        return False
    return phase is Phase.CONFIRMED or (phase is Phase.SUSPECT and looks == LOST_AT_LOOK)


def digest_of(article: Article | None, payload_digest: str | None) -> str:
    """Return what tells a page's words from others: of its article, else of its bytes."""
    if article is not None and article.fingerprint:
        return article.fingerprint
    return payload_digest or ""


def new_habit(target: Target, brought: Brought) -> Habit:
    """Return the habit of a page at its first look, with the role that it seems to have."""
    found = days_of(target.found_at)
    published = brought.published_at
    born = min(days_of(published), found) if published is not None else found
    return Habit(target.id, target.host, brought.role, born, looked_at=found)


def published_of(article: Article | None) -> datetime | None:
    """Return when an article says it was published, if it says so in a form that is a time."""
    if article is None or not article.published:
        return None
    try:
        at = datetime.fromisoformat(article.published)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def role_of(
    target: Target, article: Article | None, content_type: str | None, *, is_list: bool
) -> PageRole:
    """Return what a page is to the policy, by how it was found and what it says of itself."""
    if article is None and "xml" in (content_type or ""):
        is_map = target.found_by in (FoundBy.SITEMAP, FoundBy.START)
        return PageRole.SITEMAP if is_map else PageRole.FEED
    if is_list:
        return PageRole.SECTION
    published = published_of(article)
    if published is None:
        return PageRole.PAGE
    return PageRole.ARCHIVE if target.found_at - published > OLD else PageRole.ARTICLE


def replan(
    db: Connection, learning: Learning, habits: Sequence[Habit], *, site: Site, terms: Terms
) -> int:
    """Plan pages anew at a price and keep it; return how many are due at another time."""
    known = targets.by_ids(db, [one.target_id for one in habits])
    plans: dict[int, datetime] = {}
    now = datetime.now(UTC)
    for habit in habits:
        target = known.get(habit.target_id)
        before = habit.interval
        learning.policy.plan(habit, terms)
        if target is None or not _may_move(target, site, habit, before):
            continue
        if abs(habit.interval - before) > _SAME * before:
            plans[target.id] = max(moment_of(habit.looked_at + habit.interval), now)
    learnt.put(db, [row_of(one, site.name) for one in habits])
    targets.replan(db, plans)
    return len(plans)


def _may_move(target: Target, site: Site, habit: Habit, interval: float) -> bool:
    """Say whether a page waits for what the policy planned, and for nothing else."""
    if target.state is not TargetState.ACTIVE or not is_auto(target, site):
        return False
    planned = moment_of(habit.looked_at + interval)
    return target.due_at is not None and abs(target.due_at - planned) < _NEAR
