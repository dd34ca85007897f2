"""Read robots.txt: what an answer to it allows, for how long, and which sitemaps it names."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from protego import Protego

from storage.model import Outcome

LARGEST_BYTES = 512 * 1024
"""RFC 9309 §2.5 asks parsers for at least 500 KiB."""
KEPT_FOR = timedelta(hours=24)
"""RFC 9309 §2.4: a cached robots.txt should not be used for longer."""
TRIED_AGAIN_AFTER = timedelta(minutes=5)
"""How long the answer 'could not be fetched' stands."""
LONGEST_DELAY = timedelta(seconds=60)
"""A longer Crawl-delay is cut to this, so that a site cannot ask never to be looked at."""


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

    def refusal(self, url: str) -> tuple[Outcome, str] | None:
        """Return why robots.txt disallows a URL, or None."""
        if self.parser.can_fetch(url, self.agent):
            return None
        return Outcome.BLOCKED_ROBOTS, "robots.txt disallows it"

    def delay(self) -> timedelta:
        """Return the Crawl-delay, at most a minute."""
        asked = self.parser.crawl_delay(self.agent)
        return min(timedelta(seconds=max(asked or 0.0, 0.0)), LONGEST_DELAY)


@dataclass(frozen=True, slots=True)
class Open:
    """Everything is allowed: there is no robots.txt (RFC 9309 §2.3.1.3), or it is not asked for."""

    kept_for: timedelta = KEPT_FOR
    sitemaps: tuple[str, ...] = ()

    def refusal(self, url: str) -> tuple[Outcome, str] | None:  # noqa: ARG002 - the protocol's
        """Return None: nothing is refused."""
        return None

    def delay(self) -> timedelta:
        """Return zero."""
        return timedelta(0)


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Nothing is allowed for now: robots.txt could not be had (RFC 9309 §2.3.1.4).

    The outcome is that of the robots.txt exchange, so that a host which is down is told as down
    and not as forbidding.
    """

    outcome: Outcome
    reason: str
    kept_for: timedelta = TRIED_AGAIN_AFTER
    sitemaps: tuple[str, ...] = ()

    def refusal(self, url: str) -> tuple[Outcome, str] | None:  # noqa: ARG002 - the protocol's
        """Return the outcome and reason of the failed robots.txt exchange."""
        if self.outcome is Outcome.SERVER_ERROR:
            return self.outcome, f"robots.txt could not be fetched: {self.reason}"
        return self.outcome, self.reason  # a host out of reach, which is about the page as well

    def delay(self) -> timedelta:
        """Return zero."""
        return timedelta(0)


def read_rules(body: bytes, *, agent: str) -> Parsed:
    """Return the rules of a robots.txt body for a product token such as ``Holdfast``."""
    parser = Protego.parse(body[:LARGEST_BYTES].decode("utf-8", "replace"))
    return Parsed(parser=parser, agent=agent, sitemaps=tuple(parser.sitemaps)[:100])
