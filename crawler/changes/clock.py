"""Say when a suspicion is looked at again, and which looks count."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from storage.model import Look

JITTER = 0.2
"""Re-looks come up to this share sooner or later than said, so that no host sees a rhythm."""

SOON = timedelta(minutes=1)
"""First wait for a look that only lacks the word of host or network."""


def delay(delays: Sequence[timedelta], number: int, *, url: str) -> timedelta:
    """Return the wait after the given look of a suspicion, counted from 0; the last one repeats.

    The jitter comes from the address and the number, so that a plan made again is the same plan.
    """
    if not delays:
        return SOON
    digest = hashlib.sha256(f"{number} {url}".encode()).digest()
    share = int.from_bytes(digest[:4], "big") / 0xFFFFFFFF
    return delays[min(number, len(delays) - 1)] * (1 + JITTER * (2 * share - 1))


def counted(
    looks: Sequence[Look], kind: str, *, delays: Sequence[timedelta], url: str
) -> list[Look]:
    """Return the looks of a suspicion that count: the first, then each that came when planned.

    A look before its time is an extra one; a look of another kind (an outage in between) says
    nothing of the suspicion. Neither counts, neither resets.
    """
    found: list[Look] = []
    for look in looks:
        if look.kind != kind:
            continue
        if not found or look.at >= found[-1].at + delay(delays, len(found) - 1, url=url):
            found.append(look)
    return found


def planned(
    looks: Sequence[Look], kind: str, *, delays: Sequence[timedelta], url: str, now: datetime
) -> datetime:
    """Return when the next look of a suspicion counts.

    If that time has passed and the look was of another kind, the waits grow on, so that a long
    outage in the middle of a suspicion is not asked about every minute.
    """
    found = counted(looks, kind, delays=delays, url=url)
    stage = max(0, len(found) - 1)
    if found:
        due = found[-1].at + delay(delays, stage, url=url)
        if due > now:
            return due
    since = [look for look in looks if found and look.at > found[-1].at]
    return now + delay(delays, stage + len(since), url=url)


def soon(number: int, *, delays: Sequence[timedelta], now: datetime) -> datetime:
    """Return a time shortly after now for a look that only lacks the word of host or network.

    ``number`` such looks were made before; each waits twice as long, up to the last of the delays.
    """
    last = delays[-1] if delays else SOON
    return now + min(min(last, SOON) * (1 << min(number, 16)), max(last, SOON))
