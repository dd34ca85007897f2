"""Tell that a host's robots.txt says something else: what may be fetched, and how fast, is new."""

from dataclasses import replace

from crawler.changes.diff import as_text, word_diff
from crawler.changes.hearing import Verdict
from crawler.changes.telling import event_id
from crawler.fetch.robots import LARGEST_BYTES
from crawler.readings import Scene
from crawler.wording import counted
from storage.archive import Archive
from storage.catalogue import captures
from storage.catalogue.engine import Catalogue
from storage.errors import RecordError
from storage.model import Alert, Axis, Capture, Event, Outcome, Role, Severity, Visit
from storage.warc import reader

_MOST_WORDS = 400
"""Words of the difference that are kept with the event."""


def with_robots(
    verdict: Verdict, visit: Visit, *, scene: Scene, archive: Archive, catalogue: Catalogue
) -> Verdict:
    """Return the verdict with the event that robots.txt differs from its last answer, if it does.

    An answer that names no file (404) stands for an empty one; what is no answer (5xx, 429, no
    server) says nothing. Comments, spaces and capitals of field names do not count.
    """
    now = next((one for one in reversed(visit.captures) if _is_answer(one)), None)
    if now is None:
        return verdict
    with catalogue.read() as db:
        before = captures.last_robots(db, now)
    if before is None or (before.status, before.payload_digest) == (now.status, now.payload_digest):
        return verdict
    try:
        old, new = _lines(archive, before), _lines(archive, now)
    except RecordError:
        return verdict  # `holdfast verify` names the record
    if old == new:
        return verdict
    told = _event(scene, before, now, old=old, new=new, closed=_is_closed(visit))
    return replace(verdict, events=(*verdict.events, told))


def _is_answer(capture: Capture) -> bool:
    answered = capture.outcome in (Outcome.OK, Outcome.CLIENT_ERROR) and capture.status != 429
    return capture.role is Role.ROBOTS and answered and capture.record is not None


def _is_closed(visit: Visit) -> bool:
    return visit.outcome is Outcome.BLOCKED_ROBOTS


def _lines(archive: Archive, capture: Capture) -> list[str]:
    """Return the lines that say something, field names in small letters."""
    if capture.outcome is not Outcome.OK or capture.record is None:
        return []
    page = reader.page(archive, capture.record, limit_bytes=LARGEST_BYTES)
    said = []
    for line in page.body.decode("utf-8-sig", "replace").splitlines():
        name, colon, value = line.partition("#")[0].partition(":")
        if name.strip():
            said.append(f"{name.strip().lower()}{colon} {value.strip()}".rstrip())
    return said


def _event(
    scene: Scene, before: Capture, now: Capture, *, old: list[str], new: list[str], closed: bool
) -> Event:
    came, went = len(set(new) - set(old)), len(set(old) - set(new))
    event = Event(
        id=event_id(now.url, "robots_changed", now.captured_at),
        url=now.url,
        target_id=scene.target.id,
        site=scene.site.name,
        kind="robots_changed",
        axis=Axis.OPERATIONS,
        alert=Alert.DIGEST,
        severity=Severity.NOTICE,
        summary=f"robots.txt differs: {counted(came, 'line')} came, {went} went.",
        captured_at=now.captured_at,
        capture_id=now.id,
        before_capture_id=before.id,
        diff=as_text(word_diff(old, new), limit_words=_MOST_WORDS),
    )
    if not closed:
        return event
    effect = f"{event.summary} It forbids {scene.target.url} now."
    return replace(event, alert=Alert.NOW, severity=Severity.HIGH, summary=effect)
