"""Judge a look that carries the article: a suspicion ends, edits are told or looked at again."""

from collections.abc import Sequence

from crawler.changes import telling, twins
from crawler.changes.hearing import Hearing, Verdict
from crawler.changes.suspicion import CHALLENGE, HOST_DOWN
from storage.model import Alert, Axis, Event, Finding, Standing


def good(hearing: Hearing) -> Verdict:
    """Judge a look that carries the article: the suspicion ends, edits are told."""
    case, standing, target = hearing.case, hearing.standing, hearing.target
    found = _news(hearing)
    events: tuple[Event, ...] = ()
    noted = bool(standing.told_kind)
    lesson = twins.is_lesson(case, standing)
    if not noted and not lesson and twins.wants_twin(case, target, hearing.site, found):
        return _doubted(hearing)
    if noted and not standing.told:
        # Nobody was told of the outage, so its end is only written down.
        quiet_end = telling.restored_event(case, standing, found, target=target, alert=Alert.NONE)
        events = (quiet_end,)
    elif standing.told:
        quiet = standing.told_kind in (CHALLENGE, HOST_DOWN)
        alert = Alert.DIGEST if quiet else Alert.NOW
        events = (telling.restored_event(case, standing, found, target=target, alert=alert),)
    elif not lesson and any(one.alert is not Alert.NONE for one in found):
        told = [one for one in found if one.alert is not Alert.NONE]
        rest = [one for one in found if one.alert is Alert.NONE]
        events = (telling.content_event(case, standing, [*told, *rest], target=target),)
    capture_id = case.after.capture_id if case.after.article is not None else None
    teach = twins.wants_lesson(case, target, hearing.site)
    again = hearing.now + twins.wait(hearing.site) if teach else None
    return Verdict(
        standing=Standing(
            target_id=standing.target_id,
            good_capture_id=capture_id if capture_id is not None else standing.good_capture_id,
            moved_to=_addresses(standing, found),
            noise=twins.learnt(case, standing, edited=_is_edited(events)),
            twin_capture_id=capture_id if teach else None,
        ),
        events=events,
        findings=hearing.findings,
        look_again_at=again,
        deciding=again is not None,
    )


def _doubted(hearing: Hearing) -> Verdict:
    """Have a page fetched once more before an edit is believed: rotations vanish, edits stay."""
    standing, again = hearing.standing, hearing.now + twins.wait(hearing.site)
    kept = Standing(
        target_id=standing.target_id,
        good_capture_id=standing.good_capture_id,
        moved_to=standing.moved_to,
        noise=standing.noise,
        twin_capture_id=hearing.case.after.capture_id,
    )
    removed = any(one.kind == "content_removed" for one in hearing.findings)
    return Verdict(
        standing=kept,
        findings=hearing.findings,
        look_again_at=again,
        needs_probe=removed and hearing.case.probe is None,
        deciding=True,
    )


def _is_edited(events: Sequence[Event]) -> bool:
    return any(one.axis is Axis.CONTENT for one in events)


def _news(hearing: Hearing) -> list[Finding]:
    """Return the content findings, without a move to an address that was told before."""
    return [
        one
        for one in hearing.of(Axis.CONTENT)
        if one.details.get("moved_to") not in hearing.standing.moved_to
    ]


def _addresses(standing: Standing, found: Sequence[Finding]) -> tuple[str, ...]:
    new = [one.details["moved_to"] for one in found if "moved_to" in one.details]
    return tuple(dict.fromkeys((*standing.moved_to, *new)))
