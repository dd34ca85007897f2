"""Find the payload digests of pictures that a site has: what their addresses do not say."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, and_, or_, select

from storage.catalogue.dialects import portions
from storage.catalogue.tables import captures
from storage.model import Outcome, Role


def digests(db: Connection, site: str, urls: Collection[str], *, at: datetime) -> dict[str, str]:
    """Return the payload digest of each picture as it was at a time: the last one kept by then.

    One that was first kept later stands with that; one that was never kept is not there.
    """
    found: dict[str, tuple[bool, datetime, str]] = {}
    for part in portions(sorted(urls)):
        statement = select(captures.c.url, captures.c.captured_at, captures.c.payload_digest).where(
            captures.c.url.in_(part),
            captures.c.site == site,
            captures.c.role == Role.REQUISITE,
            captures.c.payload_digest.is_not(None),
            or_(
                captures.c.outcome == Outcome.OK,
                and_(captures.c.outcome == Outcome.NOT_MODIFIED, captures.c.refers_to.is_not(None)),
            ),
        )
        for url, kept_at, digest in db.execute(statement):
            found[url] = _better(found.get(url), (kept_at <= at, kept_at, digest))
    return {url: digest for url, (_, _, digest) in found.items()}


def _better(
    one: tuple[bool, datetime, str] | None, other: tuple[bool, datetime, str]
) -> tuple[bool, datetime, str]:
    """Choose the later of those kept by then, else the earlier of those kept after."""
    if one is None or one[0] != other[0]:
        return other if one is None or other[0] else one
    later = other[1] > one[1]
    return other if later == one[0] else one
