"""Keep where each target stands between OK, suspected and confirmed."""

from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, select

from storage.catalogue.dialects import insert_or_replace, portions
from storage.catalogue.tables import standings, targets
from storage.model import Phase, Standing

_OWN = ("h:", "v:")
_TEACHERS = 40
"""Pages of a host whose lessons are shared; more of them teach nothing new."""


def one(db: Connection, target_id: int) -> Standing:
    """Return where the target stands; one that was never judged stands well."""
    statement = select(standings).where(standings.c.target_id == target_id)
    row = db.execute(statement).mappings().first()
    return Standing(target_id=target_id) if row is None else _from_row(row)


def of_targets(db: Connection, target_ids: Sequence[int]) -> dict[int, Standing]:
    """Return where these targets stand, of those that were ever judged."""
    found: dict[int, Standing] = {}
    for part in portions(target_ids):
        rows = db.execute(select(standings).where(standings.c.target_id.in_(part))).mappings()
        found |= {row["target_id"]: _from_row(row) for row in rows}
    return found


def put(db: Connection, *known: Standing) -> None:
    """Keep where targets stand now."""
    if known:
        db.execute(insert_or_replace(db, standings), [_as_row(one) for one in known])


def by_phase(db: Connection, phase: Phase) -> list[Standing]:
    """Return the standings of one phase that were ever kept, by target."""
    statement = select(standings).where(standings.c.phase == phase)
    rows = db.execute(statement.order_by(standings.c.target_id)).mappings()
    return [_from_row(row) for row in rows]


def _as_row(standing: Standing) -> dict[str, object]:
    return {
        "target_id": standing.target_id,
        "phase": standing.phase,
        "kind": standing.kind,
        "since_at": standing.since,
        "looks": standing.looks,
        "good_capture_id": standing.good_capture_id,
        "told": standing.told,
        "told_kind": standing.told_kind,
        "relook_at": standing.relook_at,
        "moved_to": standing.moved_to,
        "noise": standing.noise,
        "twin_capture_id": standing.twin_capture_id,
    }


def noise_of_host(db: Connection, host: str, *, except_target: int) -> frozenset[str]:
    """Return what other watched pages of a host have learnt to be noise, of a limited number.

    Not whether they were looked at by schedule, nor places inside their paragraphs.
    """
    statement = (
        select(standings.c.noise)
        .join(targets, targets.c.id == standings.c.target_id)
        .where(targets.c.host == host, targets.c.id != except_target)
        .order_by(targets.c.id)
        .limit(_TEACHERS)
    )
    learnt = db.execute(statement).scalars()
    return frozenset(name for noise in learnt for name in noise if not name.startswith(_OWN))


def _from_row(row: RowMapping) -> Standing:
    return Standing(
        target_id=row["target_id"],
        phase=row["phase"],
        kind=row["kind"],
        since=row["since_at"],
        looks=row["looks"],
        good_capture_id=row["good_capture_id"],
        told=row["told"],
        told_kind=row["told_kind"],
        relook_at=row["relook_at"],
        moved_to=row["moved_to"],
        noise=row["noise"],
        twin_capture_id=row["twin_capture_id"],
    )
