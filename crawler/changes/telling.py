"""Make the events that are told: their ids, their words, their evidence."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from crawler.changes.case import Case
from crawler.changes.diff import as_text
from crawler.changes.edits import changed_words, counted
from storage.model import Alert, Axis, Event, Finding, Phase, Severity, Signal, Standing, Target

_NAMESPACE = uuid.UUID("5f2c0c5e-3f0b-5d0e-9f63-0d6a3b1c7e42")
_DIFF_WORDS = 5_000
"""Words of one changed stretch that an event carries; all of it can be recomputed."""


def event_id(subject: str, kind: str, at: datetime | str) -> str:
    """Return the id of an event: the same whenever and wherever it is derived again."""
    moment = at if isinstance(at, str) else at.isoformat()
    return uuid.uuid5(_NAMESPACE, f"{subject}\n{kind}\n{moment}").hex


def content_event(
    case: Case, standing: Standing, findings: Sequence[Finding], *, target: Target
) -> Event:
    """Return the one content event of a good look; the first finding gives it kind and words."""
    first = findings[0]
    return Event(
        id=event_id(target.url, first.kind, case.after.at),
        url=target.url,
        target_id=target.id,
        site=target.site,
        kind=first.kind,
        axis=first.axis,
        alert=_loudest(findings),
        severity=max((one.severity for one in findings), key=list(Severity).index),
        summary=first.summary,
        captured_at=case.after.at,
        capture_id=case.after.capture_id,
        before_capture_id=_before(case, standing),
        findings=tuple(findings),
        diff=_diff(case),
    )


def restored_event(
    case: Case, standing: Standing, findings: Sequence[Finding], *, target: Target, alert: Alert
) -> Event:
    """Return the event that a page is back, with the way from the last good text to this one."""
    at = case.after.at
    gone_for = f" after {duration(at - standing.since)}" if standing.since else ""
    changes = "as it was"
    if case.diff is not None and case.diff.changed:
        changes = f"with {counted(changed_words(case.diff), 'word')} changed"
    elif any(one.alert is not Alert.NONE for one in findings):
        changes = f"with changes: {findings[0].summary}"
    return Event(
        id=event_id(target.url, "restored", at),
        url=target.url,
        target_id=target.id,
        site=target.site,
        kind="restored",
        axis=Axis.AVAILABILITY,
        alert=alert,
        severity=Severity.NOTICE,
        summary=f"The page is back{gone_for}, {changes}.",
        captured_at=at,
        phase=Phase.OK,
        capture_id=case.after.capture_id,
        before_capture_id=_before(case, standing),
        findings=tuple(findings),
        looks=standing.looks,
        diff=_diff(case),
    )


def state_event(
    case: Case, standing: Standing, finding: Finding, findings: Sequence[Finding], *, target: Target
) -> Event:
    """Return the event that a bad state is confirmed; it is about the first bad look."""
    first = standing.looks[0]
    return Event(
        id=event_id(target.url, finding.kind, first.at),
        url=target.url,
        target_id=target.id,
        site=target.site,
        kind=finding.kind,
        axis=finding.axis,
        alert=finding.alert,
        severity=finding.severity,
        summary=finding.summary,
        captured_at=first.at,
        confirmed_at=case.after.at,
        phase=Phase.CONFIRMED,
        capture_id=first.capture_id,
        before_capture_id=_before(case, standing),
        findings=tuple(findings),
        looks=standing.looks,
    )


def down_finding(
    standing: Standing, cause: Finding, *, now: datetime, success: float | None
) -> Finding:
    """Return the finding that an outage has lasted too long, or that outages come too often."""
    assert standing.since is not None
    said = f"The page has been out of reach for {duration(now - standing.since)}."
    signals = cause.signals
    if success is not None:
        said = f"The page answered well in {success:.0%} of the last two weeks only."
        signals = (*signals, Signal(name="success_rate", value=f"{success:.2f}", threshold="0.75"))
    return Finding(
        kind="down",
        axis=Axis.AVAILABILITY,
        rule="judge",
        alert=Alert.NOW,
        severity=Severity.HIGH,
        summary=f"{said} {cause.summary}",
        signals=signals,
    )


_OF_HOST = {
    "host_down": ("All watched pages of {host} fail alike.", Axis.AVAILABILITY),
    "host_parked": ("Several watched pages of {host} show the same page.", Axis.AVAILABILITY),
    "host_blocking": ("{host} has begun to refuse us or to challenge us.", Axis.OPERATIONS),
}


def host_event(
    case: Case, standing: Standing, cause: Finding, *, target: Target, kind: str
) -> Event:
    """Return the event about a whole host; the id is the host's, whoever writes it."""
    since = standing.since or case.after.at
    words, axis = _OF_HOST[kind]
    return Event(
        id=event_id(target.host, kind, since.date().isoformat()),
        url=target.url,
        target_id=target.id,
        site=target.site,
        kind=kind,
        axis=axis,
        alert=Alert.NOW,
        severity=Severity.HIGH,
        summary=f"{words.format(host=target.host)} {cause.summary}",
        captured_at=since,
        confirmed_at=case.after.at,
        phase=Phase.CONFIRMED,
        capture_id=standing.looks[0].capture_id if standing.looks else case.after.capture_id,
        before_capture_id=_before(case, standing),
        findings=(cause,),
        looks=standing.looks,
    )


def vanishing(target: Target, *, since: datetime, lost: float, usual: float) -> Event:
    """Return the event that pages of a host are lost much faster than before; one a host and day.

    ``lost`` were seen in the last two days, where looks led to expect ``usual``.
    """
    kind = "host_vanishing"
    finding = Finding(
        kind=kind,
        axis=Axis.OPERATIONS,
        rule="planner",
        alert=Alert.NOW,
        severity=Severity.HIGH,
        summary=f"Pages of {target.host} vanish much faster than they used to: in two days about"
        f" {lost:.0f}, where {usual:.2g} would be usual. The others are looked at sooner.",
        signals=(
            Signal(name="losses", value=f"{lost:.2f}"),
            Signal(name="losses_expected", value=f"{usual:.2f}"),
        ),
    )
    return Event(
        id=event_id(target.host, kind, since.date().isoformat()),
        url=target.url,
        target_id=target.id,
        site=target.site,
        kind=kind,
        axis=finding.axis,
        alert=finding.alert,
        severity=finding.severity,
        summary=finding.summary,
        captured_at=since,
        findings=(finding,),
    )


def duration(length: timedelta) -> str:
    """Return a length of time as a person says it: ``3 days``, ``2 hours``, ``40 seconds``."""
    seconds = max(0.0, length.total_seconds())
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= 2 * size or (unit == "day" and seconds >= size):
            return counted(round(seconds / size), unit)
    return counted(round(seconds), "second")


def _loudest(findings: Sequence[Finding]) -> Alert:
    return max((one.alert for one in findings), key=list(Alert).index)


def _before(case: Case, standing: Standing) -> int | None:
    known = case.before.capture_id if case.before is not None else None
    return known if known is not None else standing.good_capture_id


def _diff(case: Case) -> str:
    return "" if case.diff is None else as_text(case.diff, limit_words=_DIFF_WORDS)
