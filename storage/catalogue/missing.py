"""Know what pages need and the archive could not get, or has not yet asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    bindparam,
    delete,
    exists,
    func,
    select,
    tuple_,
    update,
)

from storage.catalogue.dialects import insert_or_replace, portions
from storage.catalogue.engine import Catalogue
from storage.catalogue.tables import captures, missing, targets
from storage.model import Missing, Outcome, Role, TargetState

_NAMES = tuple(field.name for field in fields(Missing))
_GOOD = (Outcome.OK, Outcome.NOT_MODIFIED)
_NEXT = select(func.min(missing.c.next_try_at)).where(missing.c.target_id == bindparam("of_target"))
_OF_TARGET = (
    select(missing).where(missing.c.target_id == bindparam("of_target")).order_by(missing.c.url)
)
_LAST_TRY = (
    select(missing)
    .where(
        missing.c.site == bindparam("of_site"),
        missing.c.url == bindparam("of_url"),
        missing.c.tries > 0,
    )
    .order_by(missing.c.next_try_at.desc())
    .limit(1)
)
_REMOVE = delete(missing).where(
    missing.c.site == bindparam("of_site"), missing.c.url == bindparam("of_url")
)
_REMOVE_OF_TARGET = delete(missing).where(
    missing.c.target_id == bindparam("of_target"), missing.c.url == bindparam("of_url")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What of a site is known, held and missing; targets that were removed are not counted."""

    site: str
    targets: int = 0
    held: int = 0
    """Targets with at least one good capture."""
    requisites: int = 0
    """Different addresses held as requisites."""
    missing: int = 0
    """Different addresses that pages need and that were never had."""

    @property
    def never_had(self) -> int:
        """Return how many targets have no good capture."""
        return self.targets - self.held


class NextTries:
    """Say from an event loop whether anything missing of a page is to be tried, at every visit.

    For one thread at a time, in the process that made it.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._lookup = catalogue.lookup(_NEXT)

    def is_due(self, target_id: int, *, now: datetime) -> bool:
        """Say whether something is listed of the target whose next try is due."""
        row = self._lookup.first({"of_target": target_id})
        at = row[0] if row is not None else None
        if isinstance(at, str):  # as SQLite keeps a Moment; a lookup knows no types
            at = datetime.fromisoformat(at).replace(tzinfo=UTC)
        return at is not None and at <= now

    def close(self) -> None:
        """Give the connection back; ``is_due`` takes another."""
        self._lookup.close()


def of_target(db: Connection, target_id: int) -> list[Missing]:
    """Return what is missing of a target's page, by address."""
    return [from_row(row) for row in db.execute(_OF_TARGET, {"of_target": target_id}).mappings()]


def last_tries(db: Connection, site: str, urls: Sequence[str]) -> dict[str, Missing]:
    """Return of each URL that the site tried and could not get the last try, for whatever page."""
    found = (
        db.execute(_LAST_TRY, {"of_site": site, "of_url": url}).mappings().first() for url in urls
    )
    return {row["url"]: from_row(row) for row in found if row is not None}


def put(db: Connection, rows: Sequence[Missing]) -> None:
    """List these as missing, each in place of the row of its target and URL."""
    if rows:
        values = [{name: getattr(one, name) for name in _NAMES} for one in rows]
        db.execute(insert_or_replace(db, missing), values)


def had(db: Connection, site: str, urls: Sequence[str]) -> None:
    """Take URLs that were had from the lists of all pages of the site."""
    if urls:
        db.execute(_REMOVE, [{"of_site": site, "of_url": url} for url in urls])


def forget(db: Connection, target_id: int, urls: Sequence[str]) -> None:
    """Take URLs from the list of one page that no longer needs them."""
    if urls:
        db.execute(_REMOVE_OF_TARGET, [{"of_target": target_id, "of_url": url} for url in urls])


def due_now(db: Connection, target_ids: Sequence[int], *, at: datetime) -> None:
    """Let all that these pages miss be tried at their next visit, however long it was to rest.

    The last try of a site holds for all its pages: others that miss the same may try it too.
    """
    for part in portions(target_ids):
        own = select(missing.c.site, missing.c.url).where(missing.c.target_id.in_(part))
        rests = tuple_(missing.c.site, missing.c.url).in_(own) & (missing.c.next_try_at > at)
        db.execute(update(missing).where(rests).values(next_try_at=at))


def hasten(db: Connection, *, latest: datetime) -> None:
    """Let nothing that is missing wait for its next try longer than until this time."""
    late = update(missing).where(missing.c.next_try_at > latest)
    db.execute(late.values(next_try_at=latest))


def held_at(db: Connection, urls: Sequence[str]) -> dict[str, datetime]:
    """Return of each URL the archive has a good capture of, be it old, when the last was made."""
    held: dict[str, datetime] = {}
    for part in portions(urls):
        good = (captures.c.url.in_(part), captures.c.outcome.in_(_GOOD))
        last = select(captures.c.url, func.max(captures.c.captured_at)).where(*good)
        held |= {row[0]: row[1] for row in db.execute(last.group_by(captures.c.url))}
    return held


def coverage(db: Connection, *, site: str | None = None) -> list[Coverage]:
    """Return what of each site is known, held and missing, by name.

    It counts captures, so it takes seconds in a large archive.
    """
    good = exists().where(
        captures.c.target_id == targets.c.id,
        captures.c.role.in_((Role.TARGET, Role.REDIRECT)),
        captures.c.outcome.in_(_GOOD),
    )
    is_requisite = (captures.c.role == Role.REQUISITE) & captures.c.outcome.in_(_GOOD)
    never = ~exists().where(
        captures.c.url == missing.c.url,
        captures.c.site == missing.c.site,
        captures.c.outcome.in_(_GOOD),
    )
    watched = targets.c.state != TargetState.REMOVED
    known = _counts(db, targets.c.site, targets.c.id, watched, site=site)
    held = _counts(db, targets.c.site, targets.c.id, watched & good, site=site)
    requisites = _counts(db, captures.c.site, captures.c.url, is_requisite, site=site)
    absent = _counts(db, missing.c.site, missing.c.url, never, site=site)
    return [
        Coverage(
            site=name,
            targets=known.get(name, 0),
            held=held.get(name, 0),
            requisites=requisites.get(name, 0),
            missing=absent.get(name, 0),
        )
        for name in sorted(known.keys() | requisites.keys() | absent.keys())
    ]


def _counts(
    db: Connection,
    by: ColumnElement[str],
    what: ColumnElement[object],
    condition: ColumnElement[bool],
    *,
    site: str | None,
) -> dict[str, int]:
    """Count different values by site, of one site or of all."""
    statement = select(by, func.count(what.distinct())).where(condition).group_by(by)
    if site is not None:
        statement = statement.where(by == site)
    return {str(name): int(count) for name, count in db.execute(statement)}


def from_row(row: RowMapping) -> Missing:
    """Make the noun of a row."""
    return Missing(**{name: row[name] for name in _NAMES})
