"""Say when comparing is behind: what changed meanwhile is kept, and told late."""

from datetime import datetime, timedelta

from storage.catalogue import visits
from storage.catalogue.engine import Connection

BEHIND_AFTER = timedelta(minutes=10)


def remarks(db: Connection, *, now: datetime) -> tuple[str, ...]:
    """Return a sentence for a person if visits have waited long to be compared."""
    count, since = visits.backlog(db)
    if since is None or now - since < BEHIND_AFTER:
        return ()
    sentence = (
        f"{count} visits wait to be compared, the oldest since {since:%Y-%m-%d %H:%M} UTC: their "
        "bytes are kept, what changed is told late; the reader goes on with the oldest of each site"
    )
    return (sentence,)
