"""Say what the budget of a site buys: how late changes and losses are seen, and what that costs."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import expm1, log

from crawler.learning import Learning, habit_of
from crawler.opening import Parts
from crawler.planner import is_auto
from crawler.pricing import most_of_host
from crawler.revisit.calendar import AUTO, next_due
from crawler.revisit.habits import Habit
from storage.archive import RESERVE_BYTES
from storage.catalogue import learnt, sites, targets, visits
from storage.catalogue.engine import Connection
from storage.catalogue.learnt import Load
from storage.model import Site, Target, TargetState

DAY = timedelta(days=1)
FIXED = "fixed"
"""What pages are called that are visited by a fixed word."""
UNKNOWN = "not yet compared"
_MEASURED_OVER = timedelta(days=30)
_UNKNOWN_INTERVAL = 1.0
_CLEARLY = 1.1
"""What is asked for is fitted to the budget, and comes near it; only more than that is said."""


@dataclass(slots=True)
class Share:
    """What the pages of one kind get; lengths in days."""

    role: str
    pages: int = 0
    visits_a_day: float = 0.0
    changes_a_day: float = 0.0
    _waited: float = 0.0
    _caught: float = 0.0
    _lost: float = 0.0
    _hazard: float = 0.0

    def add(self, interval: float, *, changes: float, captured: float, hazard: float) -> None:
        """Count a page: its interval, changes a day, share of versions captured, and risk."""
        self.pages += 1
        self.visits_a_day += 1 / interval
        self.changes_a_day += changes
        self._waited += changes * interval / 2
        self._caught += changes * captured
        self._lost += hazard * interval / 2
        self._hazard += hazard

    @property
    def interval(self) -> float:
        """Return the usual interval: that of a page with their mean visits a day."""
        return self.pages / self.visits_a_day

    @property
    def edit_delay(self) -> float | None:
        """Return after what time a change is seen, on average over the changes expected."""
        return self._waited / self.changes_a_day if self.changes_a_day else None

    @property
    def captured(self) -> float:
        """Return the share of the versions expected that are captured before the next comes."""
        return self._caught / self.changes_a_day if self.changes_a_day else 1.0

    @property
    def loss_delay(self) -> float | None:
        """Return after what time a loss is seen, on average over the losses expected."""
        return self._lost / self._hazard if self._hazard else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What the days ahead bring for one site."""

    site: str
    days: int
    budget_per_day: int
    price: float
    visits_a_day: float
    bytes_a_day: float
    days_of_room: float | None
    """Until the disk is full, if only this site grew; None where nothing was kept yet."""
    shares: tuple[Share, ...]
    remarks: tuple[str, ...] = ()


@dataclass(slots=True)
class _Kinds:
    shares: dict[str, Share] = field(default_factory=dict)

    def of(self, role: str) -> Share:
        """Return the share of a kind."""
        if role not in self.shares:
            self.shares[role] = Share(role)
        return self.shares[role]


def forecast(own: Parts, *, now: datetime, days: int) -> Iterator[Forecast]:
    """Yield what the days ahead bring for each site that is watched."""
    free = max(shutil.disk_usage(own.archive.root).free - RESERVE_BYTES, 0)
    with own.catalogue.read() as db:
        learning = Learning()
        learning.load(db)
        loads = learnt.loads(db)
        for site in sites.listing(db):
            own_loads = [one for one in loads if one.site == site.name]
            yield _forecast(db, learning, site, own_loads, now=now, days=days, free=free)


def _forecast(  # noqa: PLR0913 - one fact each
    db: Connection,
    learning: Learning,
    site: Site,
    loads: Sequence[Load],
    *,
    now: datetime,
    days: int,
    free: int,
) -> Forecast:
    kinds = _Kinds()
    habits = {row.target_id: habit_of(row) for row in learnt.of_site(db, site.name)}
    for target in _watched(db, site):
        _count(kinds, target, site, habits.get(target.id), now=now)
    wanted = sum(one.visits_a_day for one in kinds.shares.values())
    made, kept = visits.kept_between(db, site=site.name, since=now - _MEASURED_OVER, until=now)
    a_day = min(wanted, site.budget_per_day)
    bytes_a_day = a_day * kept / made if made else 0.0
    return Forecast(
        site=site.name,
        days=days,
        budget_per_day=site.budget_per_day,
        price=learning.price(site.name),
        visits_a_day=a_day,
        bytes_a_day=bytes_a_day,
        days_of_room=free / bytes_a_day if bytes_a_day else None,
        shares=tuple(kinds.shares[name] for name in sorted(kinds.shares)),
        remarks=tuple(_remarks(site, loads, now=now)),
    )


def _watched(db: Connection, site: Site) -> Iterator[Target]:
    after = 0
    while some := targets.listing(
        db, site=site.name, state=TargetState.ACTIVE, after_id=after, limit=1000
    ):
        yield from some
        after = some[-1].id


def _count(
    kinds: _Kinds, target: Target, site: Site, habit: Habit | None, *, now: datetime
) -> None:
    if not is_auto(target, site):
        interval = _mean_interval(target.every or site.every, site, now=now)
        kinds.of(FIXED).add(interval, changes=0.0, captured=1.0, hazard=0.0)
    elif habit is None:
        kinds.of(UNKNOWN).add(_UNKNOWN_INTERVAL, changes=0.0, captured=1.0, hazard=0.0)
    else:
        changes = habit.shape / habit.scale * habit.expected / habit.interval
        kinds.of(habit.role.value).add(
            habit.interval,
            changes=changes,
            captured=captured(habit),
            hazard=0.0 if habit.lost else habit.hazard,
        )


def captured(habit: Habit) -> float:
    """Return the share of a page's versions that looks at its interval capture: one a look."""
    mean = habit.shape * habit.expected / habit.scale
    if mean <= 0:
        return 1.0
    unlike = -expm1(habit.shape * log(habit.scale / (habit.scale + habit.expected)))
    return min(unlike / mean, 1.0)


def _mean_interval(every: str, site: Site, *, now: datetime) -> float:
    """Return the mean days between the next few visits by a fixed word."""
    at, times = now, 5
    for _ in range(times):
        at = next_due(every, time_zone=site.time_zone, after=at, last=at)
    return max((at - now) / DAY / times, 1e-6)


def remarks(db: Connection, *, now: datetime) -> Iterator[str]:
    """Yield a sentence for each site whose budget does not reach, or cannot be spent."""
    loads = learnt.loads(db)
    for site in sites.listing(db):
        yield from _remarks(site, [one for one in loads if one.site == site.name], now=now)


def _remarks(site: Site, loads: Sequence[Load], *, now: datetime) -> Iterator[str]:
    asked: dict[str, float] = {}
    for one in loads:
        asked[one.host] = asked.get(one.host, 0.0) + _visits_a_day(one, site, now=now)
    most = most_of_host(site)
    made = sum(min(wanted, most) for wanted in asked.values())
    if made > site.budget_per_day * _CLEARLY:
        yield (
            f"the intervals that are asked for come to {made:.0f} visits a day of site"
            f" {site.name}, and the budget is {site.budget_per_day}: pages wait longer than"
            " planned, also longer than longest; raise budget_per_day, lengthen longest, or watch"
            " fewer pages"
        )
    for host, wanted in sorted(asked.items()):
        if wanted <= most * _CLEARLY:
            continue
        yield (
            f"{wanted:.0f} visits a day are asked of {host}, which by delay and"
            f" host_budget_per_day of site {site.name} gets {most:.0f} at most: what is over is not"
            " made, and budget may be left over; shorten delay or raise host_budget_per_day where"
            " its owner allows it, or watch fewer of its pages"
        )


def _visits_a_day(load: Load, site: Site, *, now: datetime) -> float:
    every = load.every or site.every
    if every == AUTO:
        return load.visits_a_day + (load.pages - load.planned) / _UNKNOWN_INTERVAL
    return load.pages / _mean_interval(every, site, now=now)
