"""Decide, look by look, where a target stands and what is worth telling (EVENTS, confirm rule)."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from crawler.changes import clock, suspicion, telling
from crawler.changes.case import Case
from crawler.changes.findings import find
from crawler.changes.good import good
from crawler.changes.hearing import Control, Hearing, HostState, Verdict
from crawler.changes.suspicion import CHALLENGE, DOWN, HOST_DOWN, OUTAGES
from storage.model import (
    NOT_ASKED,
    Alert,
    Axis,
    Event,
    Finding,
    Look,
    Outcome,
    Phase,
    Site,
    Standing,
    Target,
)

LASTING_WAIT = timedelta(minutes=5)
"""Retry-After from which a server says itself that it is no fault of the moment."""

STEADY = 0.75
"""Below this share of two weeks in which a page answered well, it counts as down."""

SEVERAL = 2
"""Other addresses with the same page from which it is the host's."""

PROBED = frozenset({"soft_404"})
"""Kinds that are surer where the host answers an unknown address in the same way."""

_UNREADABLE = "unreadable"
"""Kind of a look at a page from which no text could be read: neither good nor bad."""


def judge(
    case: Case, standing: Standing, *, site: Site, target: Target, visit_id: int, control: Control
) -> Verdict:
    """Return what a look means for its target; the standing is the only memory.

    Judging the same look with the same standing gives the same verdict with the same event ids, so
    a look may be judged again after a crash.
    """
    findings = find(case)
    bad = next((one for one in findings if _is_bad(one)), None)
    after = case.after
    look = Look(
        visit_id=visit_id,
        at=after.at,
        outcome=after.outcome,
        status=after.status,
        kind=bad.kind if bad else "ok",
        capture_id=after.capture_id,
    )
    hearing = Hearing(
        case=case,
        standing=standing,
        site=site,
        target=target,
        control=control,
        look=look,
        findings=findings,
    )
    if bad is None:
        return good(hearing) if _says_something(case) else _silent(hearing)
    if standing.good_capture_id is None and case.before is None:
        return _never_good(hearing, bad)
    return _outage(hearing, bad) if bad.kind in OUTAGES else _takedown(hearing, bad)


def _is_bad(finding: Finding) -> bool:
    """Whether a finding makes a look bad; one of the axis that is never told only informs."""
    told = finding.alert is not Alert.NONE or finding.kind in OUTAGES
    return finding.axis is Axis.AVAILABILITY and told


def _says_something(case: Case) -> bool:
    """Whether a look without a fault shows that the page is there: its text, or "not modified"."""
    if case.after.outcome is Outcome.NOT_MODIFIED:
        return True
    return case.after.answered_well and case.after.article is not None


def _silent(hearing: Hearing) -> Verdict:
    """Judge a look that shows nothing: not asked for (robots, address guard), or not readable."""
    standing = hearing.standing
    if standing.phase is not Phase.SUSPECT or hearing.look.outcome in NOT_ASKED:
        return Verdict(standing=standing, findings=hearing.findings)
    # Remembered, so that the waits grow while the page stays unreadable.
    standing = suspicion.with_look(standing, replace(hearing.look, kind=_UNREADABLE))
    again = _next_look(hearing, standing)
    return Verdict(
        standing=standing,
        findings=hearing.findings,
        look_again_at=again,
        deciding=_is_deciding(hearing, standing, again),
    )


# --- bad looks --------------------------------------------------------------------------------


def _never_good(hearing: Hearing, bad: Finding) -> Verdict:
    """Judge a bad look at a page that was never seen well: nothing was taken down."""
    since = hearing.standing.since or hearing.now
    standing = replace(hearing.standing, phase=Phase.OK, kind=bad.kind, since=since)
    return Verdict(standing=standing, findings=hearing.of(Axis.AVAILABILITY))


def _takedown(hearing: Hearing, bad: Finding) -> Verdict:
    """Judge a look of a kind that becomes a takedown when all re-looks agree."""
    standing = hearing.standing
    if standing.phase is Phase.CONFIRMED and standing.kind == bad.kind:
        return _verdict(hearing, standing)
    if standing.told and standing.told_kind == bad.kind and standing.kind != bad.kind:
        # Back from another kind to the state that was told: known, never repeated.
        return _verdict(hearing, suspicion.told(standing, bad.kind))
    standing = _suspect(hearing, bad.kind)
    if not _agreed(hearing, standing):
        verdict = _verdict(hearing, standing, again=_next_look(hearing, standing))
        unknown = hearing.case.probe is None and bad.kind in PROBED
        return replace(verdict, needs_probe=unknown)
    return _confirm(hearing, standing, bad)


def _confirm(hearing: Hearing, standing: Standing, bad: Finding) -> Verdict:
    """Tell a takedown on which all re-looks agreed, if host and network are well."""
    delays = hearing.delays(bad.kind)
    if hearing.control.network is False:
        return _undecided(hearing, standing)
    match hearing.control.host:
        case HostState.WELL:
            event = telling.state_event(
                hearing.case, standing, bad, hearing.of(Axis.AVAILABILITY), target=hearing.target
            )
            events = (event, *_host_parked(hearing, standing, bad))
            return _verdict(hearing, suspicion.told(standing, bad.kind), events=events)
        case HostState.FAILING:
            standing, events = _host_down(hearing, standing, bad)
            again = hearing.now + clock.delay(delays, len(delays), url=hearing.target.url)
            return _verdict(hearing, standing, events=events, again=again if events else None)
        case HostState.UNKNOWN:
            return _undecided(hearing, standing)
        case _:
            assert_never(hearing.control.host)


def _host_parked(hearing: Hearing, standing: Standing, bad: Finding) -> tuple[Event, ...]:
    """Tell of the host, once, that several of its pages gave way to one and the same page."""
    if bad.kind not in ("parked", "suspended") or hearing.case.alike < SEVERAL:
        return ()
    case, target = hearing.case, hearing.target
    return (telling.host_event(case, standing, bad, target=target, kind="host_parked"),)


def _undecided(hearing: Hearing, standing: Standing) -> Verdict:
    """Wait for the word of host or network; the looks at the page itself have agreed."""
    delays = hearing.delays(standing.kind)
    agreed = [look for look in standing.looks if look.kind == standing.kind]
    again = clock.soon(max(0, len(agreed) - len(delays) - 1), delays=delays, now=hearing.now)
    return _verdict(hearing, standing, again=again, needs_control=True)


def _outage(hearing: Hearing, bad: Finding) -> Verdict:
    """Judge a look of a kind that is a fault of the moment; long ones are told as ``down``."""
    standing = hearing.standing
    if suspicion.is_takedown(standing):
        if standing.phase is Phase.CONFIRMED:
            return _verdict(hearing, standing)
        # It neither counts for the suspicion nor against it.
        standing = suspicion.with_look(standing, hearing.look)
        if not _outlasted(hearing, standing):
            return _verdict(hearing, standing, again=_next_look(hearing, standing))
        return _down(hearing, suspicion.as_outage(standing, bad), bad)
    if standing.phase is Phase.CONFIRMED and standing.kind == DOWN:
        return _verdict(hearing, standing)
    standing = _failing(hearing, bad)
    rarely = hearing.control.success is not None and hearing.control.success < STEADY
    if (_lasted(hearing, standing) or rarely) and bad.kind != CHALLENGE:
        return _down(hearing, standing, bad)
    if bad.kind == CHALLENGE and standing.told_kind != CHALLENGE and _repeated(hearing, standing):
        return _challenged(hearing, standing, bad)
    again = None if standing.phase is Phase.CONFIRMED else _outage_look(hearing, standing)
    if not standing.told_kind and _is_outage(hearing, standing):
        return _noted(hearing, standing, bad, again=again)
    return _verdict(hearing, standing, again=again)


def _noted(
    hearing: Hearing, standing: Standing, bad: Finding, *, again: datetime | None
) -> Verdict:
    """Write down an outage that all re-looks agree on; nobody is told of it until it lasts."""
    found = hearing.of(Axis.AVAILABILITY)
    event = telling.state_event(hearing.case, standing, bad, found, target=hearing.target)
    standing = replace(standing, told_kind=bad.kind)
    return _verdict(hearing, standing, events=(replace(event, alert=Alert.NONE),), again=again)


def _is_outage(hearing: Hearing, standing: Standing) -> bool:
    """Whether an outage is no hiccup: all re-looks failed, or the server said it will last."""
    if hearing.look.kind == CHALLENGE:
        return False  # told to the operator, by its own rule
    looks = len(standing.looks) > len(hearing.site.confirm)
    asked = hearing.case.after.wait_asked
    return looks or (asked is not None and asked >= LASTING_WAIT)


def _down(hearing: Hearing, standing: Standing, bad: Finding) -> Verdict:
    """Tell an outage that lasted; as the host's if its other pages fail, not if we are cut off."""
    rate = hearing.control.success
    if hearing.control.network is False:
        return _undecided(hearing, standing)
    if hearing.control.host is HostState.FAILING:
        standing, events = _host_down(hearing, standing, bad)
        return _verdict(hearing, replace(standing, phase=Phase.CONFIRMED), events=events)
    finding = telling.down_finding(
        standing, bad, now=hearing.now, success=None if _lasted(hearing, standing) else rate
    )
    found = (finding, *hearing.of(Axis.AVAILABILITY))
    event = telling.state_event(hearing.case, standing, finding, found, target=hearing.target)
    return _verdict(hearing, suspicion.told(standing, DOWN), events=(event,))


def _challenged(hearing: Hearing, standing: Standing, bad: Finding) -> Verdict:
    """Tell the operator, once, that a gatekeeper stands before the page."""
    finding = replace(bad, axis=Axis.OPERATIONS)
    found = hearing.of(Axis.AVAILABILITY)
    event = telling.state_event(hearing.case, standing, finding, found, target=hearing.target)
    if hearing.control.host is HostState.FAILING:
        event = telling.host_event(
            hearing.case, standing, bad, target=hearing.target, kind="host_blocking"
        )
    return _verdict(hearing, suspicion.told(standing, CHALLENGE), events=(event,))


def _host_down(
    hearing: Hearing, standing: Standing, bad: Finding
) -> tuple[Standing, tuple[Event, ...]]:
    """Tell, once, that the whole host fails; the target itself stays under suspicion."""
    if standing.told_kind == HOST_DOWN:
        return standing, ()
    event = telling.host_event(hearing.case, standing, bad, target=hearing.target, kind=HOST_DOWN)
    return replace(standing, told=True, told_kind=HOST_DOWN), (event,)


# --- the standing -----------------------------------------------------------------------------


def _suspect(hearing: Hearing, kind: str) -> Standing:
    """Return the standing with this look in its suspicion, a new one if the kind is new."""
    standing = hearing.standing
    if standing.phase is Phase.SUSPECT and standing.kind == kind:
        return suspicion.with_look(standing, hearing.look)
    since = standing.since if standing.told and standing.since else hearing.now
    return replace(standing, phase=Phase.SUSPECT, kind=kind, since=since, looks=(hearing.look,))


def _failing(hearing: Hearing, bad: Finding) -> Standing:
    """Return the standing with this look in its outage; outages of all kinds are one."""
    standing = hearing.standing
    if standing.phase is Phase.OK:
        return replace(
            standing,
            phase=Phase.SUSPECT,
            kind=bad.kind,
            since=hearing.now,
            looks=(hearing.look,),
        )
    kind = standing.kind if standing.phase is Phase.CONFIRMED else bad.kind
    return replace(suspicion.with_look(standing, hearing.look), kind=kind)


def _lasted(hearing: Hearing, standing: Standing) -> bool:
    """Whether an outage has gone on so long that it is told."""
    return standing.since is not None and hearing.now - standing.since >= hearing.site.down_after


def _outlasted(hearing: Hearing, standing: Standing) -> bool:
    """Whether an outage in the middle of a suspicion has gone on so long that it is told."""
    looks = suspicion.last_outage(standing)
    told_of = hearing.look.kind != CHALLENGE
    return told_of and hearing.now - looks[0].at >= hearing.site.down_after


def _agreed(hearing: Hearing, standing: Standing) -> bool:
    """Whether all re-looks of the list have come and gave the same answer."""
    delays = hearing.delays(standing.kind)
    found = clock.counted(standing.looks, standing.kind, delays=delays, url=hearing.target.url)
    if standing.kind == "blocked_legal" or all(look.status == 410 for look in found[-2:]):
        return len(found) > min(1, len(delays))
    return len(found) > len(delays)


def _repeated(hearing: Hearing, standing: Standing) -> bool:
    """Whether a challenge was met again at a planned re-look, so that it is no passing one."""
    delays = hearing.delays(CHALLENGE)
    found = clock.counted(standing.looks, CHALLENGE, delays=delays, url=hearing.target.url)
    return len(found) > min(1, len(delays))


def _next_look(hearing: Hearing, standing: Standing) -> datetime:
    return clock.planned(
        standing.looks,
        standing.kind,
        delays=hearing.delays(standing.kind),
        url=hearing.target.url,
        now=hearing.now,
    )


def _outage_look(hearing: Hearing, standing: Standing) -> datetime | None:
    """Return the next look at an outage: a re-look, then when it would be told as down."""
    assert standing.since is not None
    limit = standing.since + hearing.site.down_after
    url, delays = hearing.target.url, hearing.site.confirm
    if len(standing.looks) > len(delays):
        return limit if limit > hearing.now else None
    again = hearing.now + clock.delay(delays, len(standing.looks) - 1, url=url)
    return min(again, limit) if limit > hearing.now else again


def _is_deciding(hearing: Hearing, standing: Standing, again: datetime | None) -> bool:
    """Whether a look is one of the re-looks: not far off, and not one of ever more."""
    delays = hearing.delays(standing.kind)
    soon = again is not None and again - hearing.now <= max(delays) * (1 + clock.JITTER)
    return soon and len(standing.looks) <= 2 * (len(delays) + 1)


def _verdict(
    hearing: Hearing,
    standing: Standing,
    *,
    events: tuple[Event, ...] = (),
    again: datetime | None = None,
    needs_control: bool = False,
) -> Verdict:
    """Return the verdict on a bad look: its findings are those of availability only."""
    return Verdict(
        standing=standing,
        events=events,
        findings=hearing.of(Axis.AVAILABILITY),
        look_again_at=again,
        needs_control=needs_control,
        deciding=_is_deciding(hearing, standing, again),
    )
