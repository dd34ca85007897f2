"""Hold the words for people and the keys for programs to their claims."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler import wording
from crawler.deliver import trial
from crawler.listing import event_dict, iso, told_dict
from crawler.placeholders import check
from crawler.wording import body, cut, one_line, shown, subject
from storage.model import (
    Alert,
    Axis,
    Capture,
    Delivery,
    Event,
    Finding,
    Look,
    Outcome,
    Phase,
    RecordRef,
    Role,
    Severity,
    Signal,
)

NOW = datetime(2026, 11, 22, 13, 14, 5, tzinfo=UTC)
EVENT = trial("desk", now=NOW).events[0]


KEYS = {
    *("id", "url", "kind", "captured_at", "alert", "routing", "severity", "site", "axis"),
    *("phase", "summary", "confirmed_at", "acknowledged_at", "capture_id", "before_capture_id"),
    *("diff", "findings", "looks"),
}


def delivery(*events: Event) -> Delivery:
    return replace(trial("desk", now=NOW), events=events)


@given(st.text(st.characters(codec=None, categories=None)))
def test_shown_text_is_one_line_that_nothing_obeys(text: str) -> None:
    """Whatever a page holds, its shown form has no control, no direction mark, no line end."""
    safe = shown(text)
    assert len(safe.splitlines()) <= 1
    assert not any(ord(one) < 32 or 127 <= ord(one) < 160 for one in safe)
    assert not set(safe) & set("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    safe.encode("utf-8")


def test_letters_of_every_script_stay_themselves() -> None:
    """Arabic, Persian joiners, no-break spaces and emoji are words, not attacks."""
    text = "الأخبار می\u200cخواهم Köln\u00a0— 日本 🗞"  # noqa: RUF001 - the claim is about them
    assert shown(text) == text


def test_controls_become_escapes_a_person_can_read() -> None:
    """What was there is still to be seen."""
    assert shown("a\x1b[31m\r\n\u202eb\ud800") == "a\\x1b[31m\\r\\n\\u202eb\\ud800"


def test_the_subject_of_one_event_names_kind_and_address() -> None:
    """A person sees in the list of mails what happened where, and whether it is severe."""
    event = replace(EVENT, kind="content_removed", severity=Severity.HIGH, url="https://a.test/1")
    assert subject(delivery(event)) == "Holdfast: content removed (high): https://a.test/1"


def test_the_subject_of_many_counts_them_the_severe_first() -> None:
    """A digest says how much of what it holds."""
    gone = replace(EVENT, kind="gone", severity=Severity.HIGH)
    edit = replace(EVENT, kind="minor_edit")
    assert subject(delivery(edit, gone, edit)) == "Holdfast: 3 events: gone (1), minor edit (2)"


def test_a_long_address_is_cut_in_the_subject() -> None:
    """No address makes a subject of thousands of letters."""
    line = subject(delivery(replace(EVENT, url="https://a.test/" + "x" * 5000)))
    assert len(line) == wording.SUBJECT_LENGTH
    assert line.endswith("…")
    assert cut("short", 5) == "short"


def test_the_body_tells_times_looks_diff_and_evidence() -> None:
    """Everything a person needs to judge the event stands in the mail."""
    look = Look(visit_id=1, at=NOW, outcome=Outcome.CLIENT_ERROR, status=404, kind="gone")
    event = replace(
        EVENT,
        id="ev1",
        kind="gone",
        summary="The page answers 404.",
        confirmed_at=NOW + timedelta(hours=1),
        looks=(look, replace(look, status=None, outcome=Outcome.TIMEOUT)),
        diff="a [-b-]\r\nc {+d+}",
    )
    text = body(delivery(event))
    for line in (
        "1. gone (info)",
        "   The page answers 404.",
        "   captured   2026-11-22 13:14:05 UTC",
        "   confirmed  2026-11-22 14:14:05 UTC",
        "   look       2026-11-22 13:14:05 UTC  gone (client_error 404)",
        "   look       2026-11-22 13:14:05 UTC  gone (timeout)",
        "   evidence   holdfast show --archive ARCHIVE ev1",
        "     a [-b-]",
        "     c {+d+}",
    ):
        assert line in text.splitlines()


def test_a_long_diff_is_cut_with_a_note() -> None:
    """The mail says how much is missing and how to see it."""
    event = replace(EVENT, id="ev1", diff="x" * (wording.DIFF_LENGTH + 7))
    text = body(delivery(event))
    assert "[cut here, 7 characters more: holdfast diff --archive ARCHIVE ev1]" in text


def test_a_huge_digest_stays_a_mail() -> None:
    """A line each for five hundred, fifty of them in full, then a number; the severe first."""
    many = [replace(EVENT, id=f"ev{n}", url=f"https://a.test/{n}") for n in range(2000)]
    severe = replace(EVENT, kind="gone", severity=Severity.HIGH)
    text = body(delivery(*many, severe))
    lines = text.splitlines()
    assert lines[0] == "test: gone (1), test (499)"
    assert lines[1].startswith("  gone: https://example.org/holdfast-test: ")
    assert "\n1. gone (high)\n" in text
    assert text.count("   evidence   ") == wording.FULL_EVENTS
    assert "And 1501 more: see `holdfast events`." in text
    assert len(text) < 200_000


def test_one_line_is_one_line() -> None:
    """A log or a table gets a line, whatever the page wrote."""
    line = one_line(replace(EVENT, kind="gone", url="https://a.test/\n", summary="404\x07"))
    assert line == "gone: https://a.test/\\n: 404\\x07"


def test_the_dictionary_has_the_promised_keys_as_json() -> None:
    """Programs read the same keys everywhere, with times in UTC and plain values."""
    finding = Finding(
        kind="gone",
        axis=Axis.AVAILABILITY,
        rule="gone",
        alert=Alert.NOW,
        severity=Severity.HIGH,
        summary="404",
        signals=(Signal(name="status", value="404", threshold="404 or 410"),),
        details={"status": "404"},
    )
    look = Look(visit_id=9, at=NOW, outcome=Outcome.CLIENT_ERROR, status=404, kind="gone")
    event = replace(
        EVENT, phase=Phase.CONFIRMED, confirmed_at=NOW, findings=(finding,), looks=(look,)
    )
    listed = json.loads(json.dumps(event_dict(event)))
    assert set(listed) == KEYS
    assert listed["phase"] == "confirmed"
    assert listed["acknowledged_at"] is None
    assert listed["findings"][0]["signals"][0]["threshold"] == "404 or 410"
    assert listed["looks"][0]["outcome"] == "client_error"


def test_only_what_is_told_at_once_is_an_alert() -> None:
    """A digest is told later, a counted event never: ``alert`` is false, ``routing`` says it."""
    seen = {
        alert: (listed["alert"], listed["routing"])
        for alert in Alert
        if (listed := event_dict(replace(EVENT, alert=alert)))
    }
    assert seen == {
        Alert.NOW: (True, "now"),
        Alert.DIGEST: (False, "digest"),
        Alert.NONE: (False, "none"),
    }


def test_times_are_told_in_utc() -> None:
    """A time of another zone is the same moment in UTC."""
    berlin = timezone(timedelta(hours=1))
    assert iso(datetime(2026, 1, 1, tzinfo=berlin)) == "2025-12-31T23:00:00.000000Z"


def test_an_event_is_told_with_its_digest_and_record() -> None:
    """Mail and webhook say which bytes prove the event, and in which file they lie."""
    ref = RecordRef(file="warc/2026/11/x.warc.gz", offset=4711, length=99, digest="sha1:AAAA")
    capture = Capture(
        id=7,
        url=EVENT.url,
        role=Role.TARGET,
        captured_at=NOW,
        outcome=Outcome.OK,
        status=200,
        record=ref,
        record_id="<urn:uuid:7>",
        payload_digest="sha1:AAAA",
    )
    sent = replace(delivery(replace(EVENT, capture_id=7)), captures={7: capture})
    assert "   capture    sha1:AAAA\n              warc/2026/11/x.warc.gz, at 4711\n" in body(sent)
    told = told_dict(sent.events[0], sent.captures, brief=True)
    assert told["record"] == {
        "captured_at": iso(NOW),
        "url": EVENT.url,
        "status": 200,
        "warc_file": ref.file,
        "warc_offset": 4711,
        "warc_length": 99,
        "payload_digest": "sha1:AAAA",
        "record_id": "<urn:uuid:7>",
    }
    assert told["before_record"] is None
    assert not {"diff", "findings", "looks"} & told.keys()
    line = one_line(sent.events[0], sent.captures, line="{digest} {warc_file}@{warc_offset}")
    assert line == "sha1:AAAA warc/2026/11/x.warc.gz@4711"


def test_a_template_fills_in_names_and_runs_nothing() -> None:
    """What a page wrote is never read as a placeholder, and a name reaches no attribute."""
    hostile = replace(EVENT, kind="gone", summary="{url} {event.__class__} {0}")
    assert one_line(hostile, line="[{kind}] {{x}} {summary}") == (
        "[gone] {x} {url} {event.__class__} {0}"
    )
    for wrong in ("{event.id}", "{0}", "{}", "{kind!r}", "{kind:>9}", "{", "x}", "{url[0]}"):
        with pytest.raises(ValueError, match=r"placeholder|single"):
            check(wrong, wording.EVENT_NAMES)
    with pytest.raises(ValueError, match=r"did you mean \{summary\}"):
        check("{sumary}", wording.EVENT_NAMES)
    assert subject(delivery(hostile, hostile), template="{alert}: {count} ({sites})") == (
        "desk: 2 (test)"
    )


def test_each_site_has_its_group() -> None:
    """A message about several sites tells of one after the other."""
    here, there = replace(EVENT, site="here"), replace(EVENT, site="there", kind="gone")
    text = body(delivery(here, there, here), full=False)
    assert text.startswith("here: test (2)\n  test: ")
    assert "\nthere: gone (1)\n  gone: " in text
    assert "evidence" not in text
