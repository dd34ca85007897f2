"""Follow a suspicion: the steps from one standing to the next that need no other knowledge."""

from dataclasses import replace
from itertools import takewhile

from storage.model import Finding, Look, Phase, Standing

CHALLENGE = "bot_challenge"
DOWN = "down"
HOST_DOWN = "host_down"

OUTAGES = frozenset({"server_error", "unreachable", "broken_response", CHALLENGE})
"""Kinds of bad looks that never become a takedown, however long they last."""

MAX_LOOKS = 100
"""Looks a standing remembers; of very many the first and the latest."""


def is_takedown(standing: Standing) -> bool:
    """Whether a target is suspected of a takedown, or one is confirmed."""
    outage = standing.kind in OUTAGES or standing.kind == DOWN
    return standing.phase is not Phase.OK and not outage


def told(standing: Standing, kind: str) -> Standing:
    """Return the standing with a bad state confirmed that is told now."""
    return replace(standing, phase=Phase.CONFIRMED, kind=kind, told=True, told_kind=kind)


def with_look(standing: Standing, look: Look) -> Standing:
    """Return the standing with one more look; of very many the first and the latest are kept."""
    looks = (*standing.looks, look)
    if len(looks) > MAX_LOOKS:
        half = MAX_LOOKS // 2
        looks = (*looks[:half], *looks[-half:])
    return replace(standing, looks=looks)


def last_outage(standing: Standing) -> tuple[Look, ...]:
    """Return the looks of the outage that goes on at the end of a suspicion."""
    looks = takewhile(lambda look: look.kind in OUTAGES, reversed(standing.looks))
    return tuple(looks)[::-1]


def as_outage(standing: Standing, bad: Finding) -> Standing:
    """Return the standing of a suspicion that an outage has overtaken."""
    looks = last_outage(standing)
    return replace(standing, kind=bad.kind, since=looks[0].at, looks=looks)
