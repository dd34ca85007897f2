"""Say when a suspicion is looked at again, and which looks count."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from storage.model import Look

JITTER = 0.2
"""Re-looks come up to this share sooner or later than said, so that no host sees a rhythm."""

SOON = timedelta(minutes=1)
"""Longest wait for a look that only lacks the host's or the network's answer."""


def delay(delays: Sequence[timedelta], number: int, *, url: str) -> timedelta:
    """Return the wait after the given look of a suspicion, counted from 0; the last one repeats.

    The jitter comes from the address and the number, so that a plan made again is the same plan.
    """
    if not delays:
        return SOON
    digest = hashlib.sha256(f"{number} {url}".encode()).digest()
    share = int.from_bytes(digest[:4], "big") / 0xFFFFFFFF
    return delays[min(number, len(delays) - 1)] * (1 + JITTER * (2 * share - 1))


def counted(looks: Sequence[Look], kind: str, *, delays: Sequence[timedelta], url: str) -> list[Look]:
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
    """Return when the next look of a suspicion counts; after now, even if that time has passed."""
    found = counted(looks, kind, delays=delays, url=url)
    number = max(0, len(found) - 1)
    wait = delay(delays, number, url=url)
    due = (found[-1].at if found else now) + wait
    return due if due > now else now + min(wait, SOON)


def soon(delays: Sequence[timedelta], *, now: datetime) -> datetime:
    """Return a time shortly after now, in keeping with how fast this site is confirmed."""
    return now + min([*delays[-1:], SOON])
