"""Keep what is learnt of pages and hosts, so that the next look is planned by it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import timedelta
from operator import attrgetter

from sqlalchemy import Connection, bindparam, func, select, update

from storage.catalogue.dialects import insert_or_replace, portions
from storage.catalogue.tables import habits, lessons, targets
from storage.model import TargetState


@dataclass(frozen=True, slots=True, kw_only=True)
class HabitRow:
    """What is learnt of one page; times in days since 1970, lengths in days.

    What each field means stands at ``crawler.revisit.habits.Habit``.
    """

    target_id: int
    site: str
    host: str
    role: str
    born_at: float
    importance: float
    shape: float
    scale: float
    looked_at: float
    looks: int
    changes: int
    noise: float
    lost: int
    hinted_at: float | None
    interval: float
    price: float
    expected: float
    hazard: float
    digest: str
    stamp: str


_NAMES = tuple(field.name for field in fields(HabitRow))
_facts = attrgetter(*_NAMES)
_COLUMNS = tuple(habits.c[name] for name in _NAMES)
_OF_IDS = select(*_COLUMNS).where(habits.c.target_id.in_(bindparam("ids", expanding=True)))
_INTERVALS = select(habits.c.target_id, habits.c.interval)
_INTERVALS = _INTERVALS.where(habits.c.target_id.in_(bindparam("ids", expanding=True)))
_A_STEP = 5000


def of_targets(db: Connection, ids: Sequence[int]) -> dict[int, HabitRow]:
    """Return what is learnt of these targets; nothing of those that were never looked at."""
    return {
        row.target_id: HabitRow(**row._mapping)  # noqa: SLF001 - the public name of it
        for part in portions(sorted(set(ids)))
        for row in db.execute(_OF_IDS, {"ids": part})
    }


def intervals(db: Connection, ids: Sequence[int]) -> dict[int, timedelta]:
    """Return the times between looks that were planned last for these targets."""
    return {
        row.target_id: timedelta(days=row.interval)
        for part in portions(sorted(set(ids)))
        for row in db.execute(_INTERVALS, {"ids": part})
    }


def of_site(db: Connection, site: str) -> Iterator[HabitRow]:
    """Yield what is learnt of the pages of a site, in the order of their targets."""
    after = 0
    while True:
        part = select(*_COLUMNS).where(habits.c.site == site, habits.c.target_id > after)
        rows = db.execute(part.order_by(habits.c.target_id).limit(_A_STEP)).all()
        for row in rows:
            yield HabitRow(**row._mapping)  # noqa: SLF001 - the public name of it
        if len(rows) < _A_STEP:
            return
        after = rows[-1].target_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Watched pages of one site on one host that follow one schedule."""

    site: str
    host: str
    every: str | None
    """Their own schedule; None where it is that of the site."""
    pages: int
    planned: int
    """Pages whose interval was planned at least once."""
    visits_a_day: float
    """What the intervals of those come to."""


def loads(db: Connection) -> list[Load]:
    """Return how often the pages of each site and host are to be looked at."""
    statement = (
        select(
            targets.c.site,
            targets.c.host,
            targets.c.every,
            func.count().label("pages"),
            func.count(habits.c.target_id).label("planned"),
            func.coalesce(func.sum(1.0 / habits.c.interval), 0.0).label("visits_a_day"),
        )
        .select_from(targets)
        .join(habits, habits.c.target_id == targets.c.id, isouter=True)
        .where(targets.c.state == TargetState.ACTIVE)
        .group_by(targets.c.site, targets.c.host, targets.c.every)
    )
    return [Load(**dict(row)) for row in db.execute(statement).mappings()]


def of_host(db: Connection, host: str) -> list[HabitRow]:
    """Return what is learnt of the pages of a host."""
    rows = db.execute(select(*_COLUMNS).where(habits.c.host == host))
    return [HabitRow(**row._mapping) for row in rows]  # noqa: SLF001 - the public name of it


def hint(db: Connection, target_id: int, at: float) -> None:
    """Keep that a list says a page changed, if it was not looked at since."""
    unseen = (habits.c.target_id == target_id, habits.c.looked_at < at)
    db.execute(update(habits).where(*unseen).values(hinted_at=at))


def put(db: Connection, rows: Sequence[HabitRow]) -> None:
    """Keep what is learnt of these pages, in place of what was."""
    if rows:
        db.execute(
            insert_or_replace(db, habits),
            [dict(zip(_NAMES, _facts(one), strict=True)) for one in rows],
        )


def lessons_of(db: Connection, kind: str) -> dict[str, str]:
    """Return all lessons of a kind by their names, as they were kept."""
    rows = db.execute(select(lessons.c.name, lessons.c.facts).where(lessons.c.kind == kind))
    return {row.name: row.facts for row in rows}


def lesson(db: Connection, kind: str, name: str) -> str | None:
    """Return one lesson, as it was kept."""
    of_name = (lessons.c.kind == kind, lessons.c.name == name)
    return db.execute(select(lessons.c.facts).where(*of_name)).scalar()


def put_lessons(db: Connection, kind: str, facts: Mapping[str, str]) -> None:
    """Keep lessons of a kind, each in place of the one of its name."""
    if facts:
        db.execute(
            insert_or_replace(db, lessons),
            [{"kind": kind, "name": name, "facts": text} for name, text in sorted(facts.items())],
        )
