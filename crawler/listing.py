"""Put events into dictionaries for programs: the same keys in listings, webhooks and the API."""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum

from storage.catalogue.gaps import Gap
from storage.model import BY_RULE, Alert, Capture, Event, Finding, Look, Target, Visit


class RecordType(StrEnum):
    """Type of the record that a capture points to."""

    RESPONSE = "response"
    REVISIT = "revisit"
    METADATA = "metadata"
    """What came is not HTTP, or nothing came: then it names the failure."""
    NONE = "none"
    """Nothing was asked, so nothing was written."""


def event_dict(event: Event) -> dict[str, object]:
    """Return an event as JSON values.

    ``alert`` is true for what is told at once; what waits for a digest, and what is only counted,
    say so in ``routing`` (``now``, ``digest`` or ``none``).
    """
    return {
        "id": event.id,
        "url": event.url,
        "kind": event.kind,
        "captured_at": iso(event.captured_at),
        "alert": event.alert is Alert.NOW,
        "routing": event.alert.value,
        "severity": event.severity.value,
        "site": event.site,
        "axis": event.axis.value,
        "phase": event.phase.value if event.phase is not None else None,
        "summary": event.summary,
        "confirmed_at": _iso_or_none(event.confirmed_at),
        "acknowledged_at": _iso_or_none(event.acknowledged_at),
        "capture_id": event.capture_id,
        "before_capture_id": event.before_capture_id,
        "diff": event.diff,
        "findings": [_finding(finding) for finding in event.findings],
        "looks": [_look(look) for look in event.looks],
    }


def told_dict(event: Event, captures: Mapping[int, Capture], *, brief: bool) -> dict[str, object]:
    """Return an event as an alert tells it: with the records that prove it.

    A ``brief`` one, of a large delivery, leaves out findings, looks and diff.
    """
    told = event_dict(event)
    if brief:
        for key in ("findings", "looks", "diff"):
            del told[key]
    return told | {
        "record": _proof(captures.get(event.capture_id or 0)),
        "before_record": _proof(captures.get(event.before_capture_id or 0)),
    }


def _proof(capture: Capture | None) -> dict[str, object] | None:
    if capture is None:
        return None
    names = ("captured_at", "url", "status", "warc_file", "warc_offset", "warc_length")
    every = capture_dict(capture)
    return {name: every[name] for name in (*names, "payload_digest", "record_id")}


def capture_dict(capture: Capture) -> dict[str, object]:
    """Return a capture, or a failed exchange with its reason, as JSON values."""
    record = capture.record
    return {
        "url": capture.url,
        "captured_at": iso(capture.captured_at),
        "status": capture.status,
        "outcome": capture.outcome.value,
        "reason": capture.reason,
        "warc_file": record.file if record is not None else None,
        "warc_offset": record.offset if record is not None else None,
        "warc_length": record.length if record is not None else None,
        "payload_digest": capture.payload_digest,
        "payload_bytes": capture.payload_bytes,
        "content_type": capture.content_type,
        "role": capture.role.value,
        "hop": capture.hop,
        "location": capture.location,
        "address": capture.address,
        "truncated": capture.truncated.value if capture.truncated is not None else None,
        "site": capture.site,
        "id": capture.id,
        "visit_id": capture.visit_id,
        "record_type": record_type(capture).value,
        "record_id": capture.record_id,
        "refers_to": capture.refers_to,
    }


def record_type(capture: Capture) -> RecordType:
    """Say of what type the record of a capture is (WARC/1.1 §6): what is read at its place."""
    if capture.record is None:
        return RecordType.NONE
    if capture.refers_to is not None:
        return RecordType.REVISIT
    return RecordType.RESPONSE if capture.status is not None else RecordType.METADATA


def visit_dict(visit: Visit) -> dict[str, object]:
    """Return a visit as JSON values: what was promised, what was made of it."""
    return {
        "id": visit.id,
        "url": visit.url,
        "site": visit.site,
        "due_at": _iso_or_none(visit.due_at),
        "started_at": iso(visit.started_at),
        "finished_at": iso(visit.finished_at),
        "outcome": visit.outcome.value,
        "reason": visit.reason,
        "status": visit.status,
        "captures": len(visit.captures),
        "worker": visit.worker,
    }


def gap_dict(gap: Gap) -> dict[str, object]:
    """Return planned visits that were not made as JSON values; no visit_id: they are still due."""
    return {
        "url": gap.url,
        "site": gap.site,
        "result": "skipped" if gap.cause in BY_RULE else "missed",
        "cause": gap.cause.value,
        "visits": gap.visits,
        "first_at": iso(gap.first_at),
        "last_at": iso(gap.last_at),
        "visit_id": gap.visit_id,
    }


def target_dict(target: Target) -> dict[str, object]:
    """Return a watched target as JSON values."""
    return {
        "url": target.url,
        "site": target.site,
        "state": target.state.value,
        "muted": target.muted,
        "every": target.every,
        "due_at": _iso_or_none(target.due_at),
        "last_visit_at": _iso_or_none(target.last_visit_at),
        "last_outcome": target.last_outcome.value if target.last_outcome is not None else None,
        "last_status": target.last_status,
        "found_by": target.found_by.value,
        "found_on": target.found_on,
        "found_at": iso(target.found_at),
        "id": target.id,
    }


def iso(at: datetime) -> str:
    """Return a time as ISO 8601 in UTC with microseconds: ``2026-11-22T13:14:05.123456Z``."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _iso_or_none(at: datetime | None) -> str | None:
    return iso(at) if at is not None else None


def _finding(finding: Finding) -> dict[str, object]:
    return {
        "kind": finding.kind,
        "axis": finding.axis.value,
        "rule": finding.rule,
        "severity": finding.severity.value,
        "summary": finding.summary,
        "signals": [
            {"name": signal.name, "value": signal.value, "threshold": signal.threshold}
            for signal in finding.signals
        ],
        "details": dict(finding.details),
    }


def _look(look: Look) -> dict[str, object]:
    return {
        "visit_id": look.visit_id,
        "at": iso(look.at),
        "outcome": look.outcome.value,
        "status": look.status,
        "kind": look.kind,
    }
