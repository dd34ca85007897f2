"""Write down, many at once, the verdicts that say no more than: it is as it was.

Most looks are of that kind. One transaction for each of them would cost more than its capture.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from crawler.changes.judge import Verdict
from storage.catalogue import replays, standings
from storage.catalogue.engine import Catalogue
from storage.model import Standing, Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class AsItWas:
    """A verdict of which ``chronicle.is_quiet`` holds, on a visit that brought the same bytes."""

    visit: Visit
    before: Standing
    """Where its page stood; in good standing."""
    verdict: Verdict


def keep(catalogue: Catalogue, compared: Sequence[AsItWas]) -> None:
    """Write that these visits are compared, each of another target, in one transaction."""
    if not compared:
        return
    now = datetime.now(UTC)
    after = [one.verdict.standing for one in compared]
    pairs = [(one.verdict.standing.good_capture_id, one.before.good_capture_id) for one in compared]
    shared = [(new, old) for new, old in pairs if new is not None and old is not None]
    with catalogue.write() as db:
        replays.share_texts(db, shared)
        standings.put(db, *after)
        replays.mark_read(db, {one.visit.id: now for one in compared})
