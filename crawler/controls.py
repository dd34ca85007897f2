"""Find out how a page's host is, from what its other pages said in the same minute."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from crawler.changes.case import Reading
from crawler.changes.hearing import Control, HostState
from storage.catalogue import captures, events, standings, targets, visits
from storage.catalogue.engine import Connection
from storage.model import (
    ANSWERED,
    NOT_ASKED,
    Found,
    FoundBy,
    Outcome,
    Phase,
    Site,
    Standing,
    Target,
    TargetState,
    Visit,
    payload_captures,
)

COUNTS_FOR = timedelta(minutes=1)
"""A control look is made in the same minute as the look it is held against."""
ENOUGH_FAILING = 3
"""Controls that were asked and failed, after which the host is taken to fail as a whole."""
WELL_ANSWERED = ANSWERED - {Outcome.SERVER_ERROR}
RATED_OVER = timedelta(days=14)
KNOWN_FOR = timedelta(days=7)
ENOUGH_LOOKS = 8
PROBED_EVERY = timedelta(days=1)
"""A host is asked for an address that nobody knows no more often, and its answer counts as long."""
PROBE_NAME = "no-such-page-"
GOOD = (Outcome.OK, Outcome.NOT_MODIFIED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """What is known of the other pages of a host, about one bad look."""

    good: int = 0
    """Watched pages that gave a good look."""
    failing: int = 0
    """Watched pages under suspicion that gave a bad look."""
    failing_since: int = 0
    """Those of them that were well when this suspicion began."""
    home: Visit | None = None
    """The look at the home page, where that is not a watched page itself."""
    page: Target | None = None
    """A watched page that stands well, to be looked at as a control."""
    home_url: str | None = None
    """The home page, if it can be looked at as a control."""
    seen: tuple[Visit, ...] = ()
    """The looks at other pages of the host about this time, without their captures."""


def host_state(known: Neighbours) -> HostState:
    """Say how the host is.

    One good look at a watched page is enough: the host is well. It fails as a whole when none is
    left that stands well, or when several that were asked as controls failed too; unless its home
    page, asked then, answers well: pages can be taken down many at a time. Where no page can be
    asked, a home page that answers at all, even with 404, speaks for a host that is up; and where
    not even that can be asked, the answer itself does. Otherwise nothing is known yet.
    """
    if known.good:
        return HostState.WELL
    if known.failing_since >= ENOUGH_FAILING or (known.failing and known.page is None):
        if known.home is None:
            return HostState.UNKNOWN if known.home_url is not None else HostState.FAILING
        return HostState.WELL if known.home.outcome in GOOD else HostState.FAILING
    if known.page is not None:
        return HostState.UNKNOWN
    if known.home is not None:
        up = known.home.outcome in ANSWERED and known.home.outcome is not Outcome.SERVER_ERROR
        return HostState.WELL if up else HostState.FAILING
    return HostState.UNKNOWN if known.home_url is not None else HostState.WELL


def look_around(
    db: Connection, target: Target, site: Site, visit: Visit, standing: Standing
) -> tuple[Control, Neighbours]:
    """Return how host and network are, by what was looked at about when this visit was made.

    A look counts if it was made in the minute of this look or of the one before, whose comparison
    may have asked for it.
    """
    window = max(COUNTS_FOR, site.delay * 3)
    looks = [visit.started_at, *(look.at for look in standing.looks[-1:])]
    seen = [
        one
        for one in visits.recent_of_host(
            db,
            target.host,
            since=min(looks) - window,
            until=max(looks) + window,
            except_target=target.id,
        )
        if min(abs(one.started_at - at) for at in looks) <= window
    ]
    known = _neighbours(db, target, standing, seen)
    network = _network(db, target, visit, window=window)
    success = _success(db, target, visit) if visit.outcome not in WELL_ANSWERED else None
    return Control(host=host_state(known), network=network, success=success), known


def success_rate(looks: Sequence[tuple[datetime, bool]], *, now: datetime) -> float | None:
    """Return the share of a time in which a page answered well; each look counts until the next.

    None where the looks are too few, or reach not far enough back, to say anything of it.
    """
    if len(looks) < ENOUGH_LOOKS or now - looks[0][0] < KNOWN_FOR:
        return None
    if sum(not well for _, well in looks) < ENOUGH_FAILING:
        return None
    ends = [*(at for at, _ in looks[1:]), now]
    lengths = [(end - at, well) for (at, well), end in zip(looks, ends, strict=True)]
    total = sum((length for length, _ in lengths), timedelta())
    good = sum((length for length, well in lengths if well), timedelta())
    return good / total if total else None


def _success(db: Connection, target: Target, visit: Visit) -> float | None:
    now = visit.finished_at
    since = now - RATED_OVER
    told = events.listing(db, url=target.url, since=since)
    if any(one.kind == "down" for one in told):
        return None
    made = visits.outcomes_since(db, target.id, since=since)
    asked = [(at, one in WELL_ANSWERED) for at, one in made if one not in NOT_ASKED]
    return success_rate(asked, now=now)


def ask(db: Connection, known: Neighbours, *, site: Site, now: datetime, at: datetime) -> set[int]:
    """Make a control due and return its target: a page that stands well, else the home page.

    Where several pages failed already the home page is asked at once, not one page after another.
    """
    many = known.failing_since >= ENOUGH_FAILING and known.home_url is not None
    if known.page is not None and not many:
        asked = [known.page.id]
    elif known.home_url is not None:
        home = Found(url=known.home_url, found_by=FoundBy.CONTROL)
        targets.add(db, [home], site=site.name, now=now, due_at=at, state=TargetState.ONCE)
        found = targets.by_url(db, home.url)
        asked = [found.id] if found is not None else []
    else:
        asked = []
    targets.make_due(db, asked, at=at)
    return set(asked)


def ask_probe(db: Connection, target: Target, *, site: Site, now: datetime) -> set[int]:
    """Have the host asked for an address that nobody knows; once a host and day."""
    if targets.probe_of(db, target.host, since=now - PROBED_EVERY) is not None:
        return set()
    probe = Found(url=probe_url(target.url, now=now), found_by=FoundBy.PROBE)
    made = targets.add(db, [probe], site=site.name, now=now, due_at=now, state=TargetState.ONCE)
    return {one.id for one in made}


def probe_url(url: str, *, now: datetime) -> str:
    """Return an address beside a page that nobody knows: another one each day, on each host."""
    parts = urlsplit(url)
    folder = parts.path.rpartition("/")[0]
    name = hashlib.sha256(f"{parts.netloc} {now:%Y-%m-%d}".encode()).hexdigest()[:16]
    return f"{parts.scheme}://{parts.netloc}{folder}/{PROBE_NAME}{name}"


def is_probe(url: str) -> bool:
    """Say whether an address is one that was made up to see how its host answers."""
    return url.rpartition("/")[2].startswith(PROBE_NAME)


def alike(db: Connection, after: Reading, known: Neighbours) -> int:
    """Return at how many other addresses of the host the same page was seen about this time."""
    asked = [one for one in known.seen if not is_probe(one.url)]
    made = captures.of_visits(db, [one.id for one in asked])
    digest = after.payload_digest
    sink = after.final_url.partition("?")[0]
    count = 0
    for visit in asked:
        hops = payload_captures(made.get(visit.id, ()))
        if not hops:
            continue
        last = hops[-1]
        led = last.hop > 0 and last.url.partition("?")[0] == sink and sink != visit.url
        count += led or (digest is not None and last.payload_digest == digest)
    return count


def _neighbours(
    db: Connection, target: Target, standing: Standing, seen: Sequence[Visit]
) -> Neighbours:
    home_url = _home_url(target)
    began = standing.since
    good = failing = failing_since = 0
    home = None
    asked = [one for one in seen if one.outcome not in NOT_ASKED and not is_probe(one.url)]
    if any(one.url == home_url and one not in asked for one in seen):
        home_url = ""  # robots.txt or the guard forbids it, so it cannot be asked
    others = standings.of_targets(db, [one.target_id for one in asked])
    for visit in asked:
        other = others.get(visit.target_id) or Standing(target_id=visit.target_id)
        if other.good_capture_id is None:
            home = visit if visit.url == home_url else home
        elif visit.outcome in GOOD and other.phase is Phase.OK:
            good += 1
        elif other.phase is Phase.SUSPECT:
            failing += 1
            failing_since += began is not None and other.since is not None and other.since >= began
    return Neighbours(
        good=good,
        failing=failing,
        failing_since=failing_since,
        home=home,
        page=targets.well_on_host(db, target.host, except_target=target.id),
        home_url=home_url if _can_be_asked(db, target, home_url) else None,
        seen=tuple(seen),
    )


def _can_be_asked(db: Connection, target: Target, home_url: str) -> bool:
    """Say whether the home page can be visited as a control: not the page itself, nor paused."""
    if home_url in ("", target.url):
        return False
    known = targets.by_url(db, home_url)
    return known is None or known.state in (TargetState.ACTIVE, TargetState.ONCE)


def _home_url(target: Target) -> str:
    parts = urlsplit(target.url)
    return f"{parts.scheme}://{parts.netloc}/"


def _network(db: Connection, target: Target, visit: Visit, *, window: timedelta) -> bool | None:
    """Say whether our own network is well: an answer shows it, from here or from another host.

    False when other hosts were asked and none answered, None when nobody was asked.
    """
    if visit.outcome in ANSWERED:
        return True
    elsewhere = visits.outcomes_elsewhere(
        db, target.host, since=visit.started_at - window, until=visit.started_at + window
    )
    asked = [one for one in elsewhere if one not in NOT_ASKED]
    return any(one in ANSWERED for one in asked) if asked else None
