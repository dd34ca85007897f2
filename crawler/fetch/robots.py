"""Read robots.txt: what an answer to it allows, for how long, and which sitemaps it names."""

import re
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

from protego import Protego

from crawler.fetch.guard import refused_url
from spiders.address import absolute
from storage.model import Outcome

LARGEST_BYTES = 512 * 1024
"""RFC 9309 §2.5 asks parsers for at least 500 KiB."""
KEPT_FOR = timedelta(hours=24)
"""RFC 9309 §2.4: a cached robots.txt should not be used for longer."""
TRIED_AGAIN_AFTER = timedelta(minutes=5)
"""How long the answer 'could not be fetched' stands."""
KNOWN_FOR = timedelta(days=30)
"""How long rules still count that could not be asked for again (RFC 9309 §2.3.1.4, §2.4)."""
LONGEST_DELAY = timedelta(seconds=60)
"""A longer Crawl-delay is cut to this, so that a site cannot ask never to be looked at."""
MOST_SITEMAPS = 100
MOST_ORIGINS = 2000
MOST_KEPT_BYTES = 4 * 1024 * 1024
"""Of all robots.txt texts together; their rules take up to forty times that."""

_AGENT_LINE = re.compile(r"\s*user[-\s]*agent(?:\s*:|\s)(.*)", re.IGNORECASE | re.DOTALL)


class Rules(Protocol):
    """What one host's robots.txt says."""

    @property
    def kept_for(self) -> timedelta:
        """Return how long the rules stand before robots.txt is asked for again."""
        ...

    @property
    def sitemaps(self) -> tuple[str, ...]:
        """Return the sitemaps it names."""
        ...

    @property
    def size_bytes(self) -> int:
        """Return the length of the text they were read from."""
        ...

    def refusal(self, url: str) -> tuple[Outcome, str] | None:
        """Return the outcome and the reason why a URL is not fetched, or None."""
        ...

    def delay(self) -> timedelta:
        """Return the crawl delay it asks for, zero where it asks for none."""
        ...


@dataclass(frozen=True, slots=True)
class Parsed:
    """The rules of a robots.txt that was answered."""

    parser: Protego
    agent: str
    kept_for: timedelta = KEPT_FOR
    sitemaps: tuple[str, ...] = ()
    size_bytes: int = 0

    def refusal(self, url: str) -> tuple[Outcome, str] | None:
        """Return why robots.txt disallows a URL, or None."""
        if self.parser.can_fetch(url, self.agent):
            return None
        return Outcome.BLOCKED_ROBOTS, "robots.txt disallows it"

    def delay(self) -> timedelta:
        """Return the Crawl-delay, at most a minute."""
        asked = self.parser.crawl_delay(self.agent) or 0.0
        longest = LONGEST_DELAY.total_seconds()
        return timedelta(seconds=min(asked, longest) if asked > 0 else 0)


@dataclass(frozen=True, slots=True)
class Open:
    """Everything is allowed: there is no robots.txt (RFC 9309 §2.3.1.3), or it is not asked for."""

    kept_for: timedelta = KEPT_FOR
    sitemaps: tuple[str, ...] = ()
    size_bytes: int = 0

    def refusal(self, url: str) -> tuple[Outcome, str] | None:  # noqa: ARG002 - the protocol's
        """Return None: nothing is refused."""
        return None

    def delay(self) -> timedelta:
        """Return zero."""
        return timedelta(0)


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Nothing is allowed for now: robots.txt could not be had (RFC 9309 §2.3.1.4).

    It never comes to mean that all is allowed, which the standard leaves open after 30 days.

    The outcome is that of the robots.txt exchange, so that a host which is down is told as down
    and not as forbidding.
    """

    outcome: Outcome
    reason: str
    kept_for: timedelta = TRIED_AGAIN_AFTER
    sitemaps: tuple[str, ...] = ()
    size_bytes: int = 0

    def refusal(self, url: str) -> tuple[Outcome, str] | None:  # noqa: ARG002 - the protocol's
        """Return the outcome and reason of the failed robots.txt exchange."""
        if self.outcome is Outcome.SERVER_ERROR:
            return self.outcome, f"robots.txt could not be fetched: {self.reason}"
        return self.outcome, self.reason  # a host out of reach, which is about the page as well

    def delay(self) -> timedelta:
        """Return zero."""
        return timedelta(0)


def read_rules(body: bytes, *, agent: str, url: str) -> Parsed:
    """Return the rules of the robots.txt at ``url`` for a product token such as ``Holdfast``."""
    body = body[:LARGEST_BYTES]
    lines = body.decode("utf-8-sig", "replace").splitlines()
    parser = Protego.parse("\n".join(_addressed(line, agent) for line in lines))
    named = (absolute(url, one) for one in list(parser.sitemaps)[:MOST_SITEMAPS])
    sitemaps = tuple(one for one in named if one is not None and refused_url(one) is None)
    return Parsed(parser=parser, agent=agent, sitemaps=sitemaps, size_bytes=len(body))


def _addressed(line: str, agent: str) -> str:
    """Return a line of robots.txt; one that names another crawler names nobody in particular.

    The parser keeps each rule once for every crawler it is addressed to: a file of many names and
    many rules would take minutes. It also takes the beginning of a token for the token, where
    RFC 9309 §2.2.1 means the whole, without regard to case.
    """
    found = _AGENT_LINE.match(line)
    if found is None:
        return line
    name = found[1].partition("#")[0].partition("/")[0].strip().lower()
    if name in ("", "*"):
        return f"User-agent: {name}"
    return f"User-agent: {agent if name.rstrip('*') == agent.lower() else '-other-'}"


@dataclass(frozen=True, slots=True)
class _Known:
    """The rules of one origin: until when they stand, and when the host gave them."""

    rules: Rules
    until: float
    answered_at: float


class KnownRules:
    """The rules of many origins, each for as long as it stands, and no more than is bearable.

    ``now`` is in seconds of any one clock.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[str, _Known] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, origin: str, *, now: float) -> Rules | None:
        """Return what still stands of an origin's rules."""
        known = self._kept.get(origin)
        if known is None or now >= known.until:
            return None
        self._kept.move_to_end(origin)
        return known.rules

    def put(self, origin: str, rules: Rules, *, now: float) -> Rules:
        """Keep an origin's rules, and return those that count from now on.

        Where they could not be had, those of before count on for a while: the rules have not
        changed because their host is out of reach, and a page is told by its own answer then.
        Origins that nobody asked about the longest make room.
        """
        known = _Known(rules, now + rules.kept_for.total_seconds(), now)
        before = self._kept.get(origin)
        if before is not None and _outlives(before, known):
            known = replace(known, rules=before.rules, answered_at=before.answered_at)
        self._drop(origin)
        self._kept[origin] = known
        self._bytes += known.rules.size_bytes
        while len(self._kept) > MOST_ORIGINS or self._bytes > MOST_KEPT_BYTES:
            self._drop(next(iter(self._kept)))
        return known.rules

    def _drop(self, origin: str) -> None:
        known = self._kept.pop(origin, None)
        self._bytes -= known.rules.size_bytes if known is not None else 0


def _outlives(before: _Known, after: _Known) -> bool:
    """Say whether rules that were answered once count on because now there is no answer."""
    if isinstance(before.rules, Unreachable) or not isinstance(after.rules, Unreachable):
        return False
    return after.answered_at - before.answered_at < KNOWN_FOR.total_seconds()
