"""Hold the sentences of the command line reference that no parser knows."""

from collections.abc import Iterable
from enum import StrEnum

from crawler.commands import (
    EXIT_BROKEN_PIPE,
    EXIT_CONFIG,
    EXIT_ERROR,
    EXIT_INTERRUPTED,
    EXIT_LOCKED,
    EXIT_USAGE,
)
from crawler.listing import RecordType
from storage.model import (
    Alert,
    Axis,
    Cause,
    DeliveryState,
    FoundBy,
    Outcome,
    Phase,
    RequisiteKind,
    Role,
    Severity,
    TargetState,
    Truncation,
)
from storage.warc.verify import Gravity

OPENING = """\
# The command line

<!-- Made by `make docs` from the verbs themselves; edit crawler/commands/ and deploy/make_docs*.py,
not this file. -->

`holdfast VERB …`; `holdfast --help` lists the verbs, `holdfast VERB --help` says more of each, and
`holdfast --version` names the release.

Nearly every verb works on one archive, named with `--archive FOLDER`. It may be named once for all
in the environment instead: `export HOLDFAST_ARCHIVE=/srv/archive`. What else the environment may
set stands in [configuration.md](configuration.md).

Every listing prints a table for people, and with `--json` one JSON object a line for programs.
Tables have colours only on a terminal, and never where `NO_COLOR` is set. Whatever came from the
web is shown with its control characters escaped.

A TIME is a date (`2026-11-22`), a time (`2026-11-22T13:00Z`), or a length of time before now
(`6h`). Without a zone it is UTC.
"""

EXIT_STATUSES = {
    0: "done. For `capture`: every URL has a capture. For `run`: a clean end. For `verify`: no "
    "fault",
    EXIT_ERROR: "something could not be done; one line on the error output says what, what it "
    "means for the archive, and what to do",
    EXIT_USAGE: "the words of the command were wrong: an unknown verb or option, or one missing",
    EXIT_LOCKED: "another process holds the archive; the line names it. Later it may be free",
    EXIT_CONFIG: "`holdfast.toml` is wrong or cannot be read; mend it first, trying again will not "
    "help",
    EXIT_INTERRUPTED: "ended by Ctrl-C; what was not visited stays due",
    EXIT_BROKEN_PIPE: "the program that read the output went away, as in `holdfast events | head`",
}

OUTCOMES = {
    Outcome.OK: "a whole answer with a page: 2xx, or 3xx that leads nowhere",
    Outcome.REDIRECT: "a whole answer that sends us elsewhere; the next hop has its own line. As "
    "the outcome of a visit: there were too many redirects",
    Outcome.NOT_MODIFIED: "304: the server says that the page is as it was (see `conditional` in "
    "[configuration.md](configuration.md))",
    Outcome.CLIENT_ERROR: "a whole answer of 4xx: not found, gone, forbidden, withheld",
    Outcome.SERVER_ERROR: "a whole answer of 5xx, or robots.txt answered so",
    Outcome.BLOCKED_ADDRESS: "not asked: the address is not of the public web (see "
    "`allow_addresses`), or the URL is none that is fetched",
    Outcome.BLOCKED_ROBOTS: "not asked: robots.txt disallows it",
    Outcome.DNS: "the name of the host could not be looked up",
    Outcome.REFUSED: "no connection: the host or the proxy refused it, or no way leads there",
    Outcome.TLS: "no secure connection could be agreed on. A certificate that is not trusted is "
    "recorded and is no failure",
    Outcome.TIMEOUT: "it took too long; what had come is kept",
    Outcome.RESET: "the connection ended before any answer came",
    Outcome.TRUNCATED: "the connection ended in the middle of the answer; what had come is kept",
    Outcome.NOT_HTTP: "what came is not HTTP; it is kept",
    Outcome.TOO_LARGE: "larger than the limits; what had come is kept",
}


def _one_of(members: type[StrEnum] | Iterable[StrEnum]) -> str:
    return "one of " + ", ".join(f"`{one.value}`" for one in members)


_RECORDED = (
    "of the response or revisit record; without an answer of the record that names the failure"
)
KEYS = {
    "acknowledged_at": "when a person said it was seen",
    "address": "IP address that was talked to",
    "after": "the capture the event is about: an object as in `captures`",
    "alert": "whether it is told at once; see `routing`",
    "alerts": "how many `[[alert]]` are configured",
    "archive": "folder of the archive",
    "at": "when",
    "attempts": "how often it was tried",
    "axis": _one_of(Axis),
    "because": "the sentences",
    "before": "the last good capture before it: an object as in `captures`",
    "before_capture_id": "`id` of the last good capture before it",
    "blocks": "the runs of text of the article, in order",
    "byline": "who wrote it",
    "canonical_url": "address the page gives itself",
    "capture_id": "`id` of the capture the event is about",
    "captured_at": "when the exchange began",
    "captures": "how many captures",
    "channel": "file of `crawler/alerts/`",
    "check": "what was looked at",
    "confirmed": "pages whose takedown or outage is confirmed",
    "confirmed_at": "when the re-looks had agreed",
    "content_type": "the Content-Type field of the answer",
    "details": "facts of this kind of finding, such as `moved_to`",
    "diff": "word diff, removed words `[-…-]`, added words `{+…+}`",
    "disk_free_bytes": "room left on the disk of the archive",
    "due_at": "when a visit is, or was, promised",
    "due_now": "pages whose visit is due",
    "engine": "what read the article, with its version",
    "event": "`id` of the event",
    "events": "how many events",
    "every": "its schedule, or that of its site",
    "file": "the configuration",
    "findings": "what each change rule said",
    "fingerprint": "equal when the article is the same",
    "finished_at": "when the last of its bytes was safe",
    "found_at": "when it was first known",
    "found_by": _one_of(FoundBy),
    "found_on": "the page that led to it",
    "from": "when the earlier text was captured",
    "headline": "text of the page's h1",
    "held": "pages with at least one good capture",
    "held_at": "when it was last had before; its page is shown with the bytes of then",
    "held_by": "the service or command that holds the archive",
    "hop": "place in the redirect chain, from 0",
    "id": "its number or name in the catalogue",
    "images": "pictures inside the article, with captions",
    "kind": "kind of event, see [events.md](events.md)",
    "language": "language of the page",
    "last_error": "why it was not taken last time",
    "last_outcome": "how its last visit ended",
    "last_status": "HTTP status of its last visit",
    "last_visit_at": "when it was last visited",
    "location": "whole address a redirect points to",
    "look_captures": "the captures of all its looks: objects as in `captures`",
    "looks": "the visits the state machine counted",
    "missing": "different addresses that pages need to be shown and that were never had",
    "modified": "when the page says it was changed",
    "name": "its name",
    "never_had": "pages without a good capture",
    "next_due_at": "when the next visit is due",
    "next_look_at": "when it is looked at again",
    "next_try_at": "when it is, or was last, tried",
    "ok": "whether the configuration is right; if not, `problems` lists why",
    "outcome": "one of the [outcomes](#outcomes)",
    "page_title": "text of the `<title>` element",
    "path": "where in the page the block stood",
    "paused": "pages that are paused",
    "payload_bytes": "length of the payload",
    "payload_digest": "`sha1:` and base 32 over the entity body: transfer coding removed, content "
    "coding kept",
    "phase": f"state it announces, or is in: {_one_of(Phase)}",
    "published": "when the page says it was published",
    "reason": "why it ended so, one sentence; empty for an ordinary ending",
    "requisites": "different addresses held that pages need to be shown",
    "role": f"what it was fetched for: {_one_of(Role)}",
    "routing": f"how it is told: {_one_of(Alert)}",
    "rule": "file of `crawler/changes/rules/`, or `judge`",
    "says": "what was found",
    "sent_at": "when its channel took it",
    "severity": _one_of(Severity),
    "signals": "what was measured",
    "signs": "marks of what is no article, such as `password-field`",
    "since": "when the first bad look was",
    "site": "name of its site",
    "sites": "its sites, or how many there are",
    "started_at": "when the visit began",
    "state": "its state",
    "muted": "whether its events are kept and told to nobody",
    "record_id": f"`WARC-Record-ID` {_RECORDED}",
    "record_type": f"type of that record, {_one_of(RecordType)}: `revisit` where the same payload "
    "was kept before, `metadata` where no HTTP answer came, `none` where nothing was asked",
    "refers_to": "of a revisit record, the `record_id` of the one that holds its payload",
    "remarks": "sentences for a person, such as of a budget that is spent",
    "status": "HTTP status",
    "summary": "one sentence for a person",
    "suspects": "pages under suspicion",
    "targets": "pages that are watched",
    "text": "the text of the article, or of a block",
    "threshold": "what it was held against",
    "title": "best title of the article",
    "to": "when the later text was captured",
    "totals": "of the whole archive",
    "totals.deliveries_given_up": "deliveries tried for the last time",
    "totals.deliveries_waiting": "deliveries still to be sent",
    "totals.not_yet_compared": "visits still to be compared",
    "totals.oldest_due_at": "when the most overdue target was due",
    "totals.outcomes": "how many visits ended in each outcome",
    "tries": "how often it was asked for in vain",
    "troubled": "pages that are suspected or confirmed as lost",
    "truncated": f"why the answer was cut short: {_one_of(Truncation)}",
    "url": "the address",
    "planned": "how many planned visits this one stands for: itself, and those before it that were "
    "not made",
    "skipped": "planned visits that were left out by rule: robots.txt, budget, pause, a host that "
    "asked to be left alone",
    "missed": "planned visits that were not made although nobody wanted it so",
    "not_made": "planned visits before this one that were not made, an object for each cause",
    "result": "`made`; `skipped` by rule; or `missed`",
    "cause": f"why it was not made: {_one_of(Cause)}",
    "first_at": "when the first of them was planned",
    "last_at": "when the last of them was over",
    "value": "what was found",
    "via": "what names it: the page, or a style sheet or frame the page needs",
    "visit_id": "`id` of its visit",
    "visits": "how many visits",
    "warc_file": f"file {_RECORDED}; relative to the archive, and without the `.open` it has while "
    "it is written",
    "warc_length": f"length in bytes {_RECORDED}",
    "warc_offset": f"place in bytes {_RECORDED}",
    "warnings": "what should be seen to",
    "what": "the event or address that was asked about",
    "worker": "process that made it",
}
"""What each key of a listing is. A key whose meaning differs has its listing before it below."""

KEYS_OF = {
    ("alerts deliveries", "alert"): "name of the `[[alert]]`",
    ("alerts deliveries", "events"): "`id` of each event in it",
    ("alerts deliveries", "state"): _one_of(DeliveryState),
    ("alerts list", "sites"): "the sites that name it",
    ("check-config", "sites"): "how many `[[site]]` are configured",
    ("coverage --url", "kind"): _one_of(RequisiteKind),
    ("coverage --url", "next_try_at"): "it is tried at the next visit of its page after this",
    (
        "coverage --url",
        "outcome",
    ): "how the last try ended: one of the [outcomes](#outcomes); null where it was not asked for",
    ("coverage --url", "reason"): "why it is missing, where the outcome does not say it",
    ("coverage --url", "since"): "since when it is missing",
    ("doctor", "state"): "one of `ok`, `note`, `fault`",
    ("events", "captured_at"): "time of the capture it is about; for a takedown the first bad look",
    ("events", "id"): "always the same for the same page, kind and time",
    ("events", "findings[].signals[].name"): "what was measured",
    ("events", "looks[].at"): "when the look began",
    ("events", "looks[].kind"): "what it was seen as: an availability kind, or `ok`",
    ("show URL", "captures"): "newest first: objects as in `captures`",
    ("show URL", "events"): "oldest first: objects as in `events`",
    ("status", "sites"): "one object a site",
    ("status", "troubled[].looks"): "how many looks there were since",
    ("status", "troubled[].kind"): "what it is suspected of, see [events.md](events.md)",
    (
        "text",
        "blocks[].kind",
    ): "`paragraph`, `heading`, `quote`, `item`, `caption`, `cell` or `code`",
    ("text", "images[].caption"): "its caption",
    ("text", "images[].credit"): "who made it, as the page says",
    ("text", "origins"): "for each field that was found, where; see [metadata.md](metadata.md)",
    ("text", "origins[].confidence"): "what a source of its kind is worth, from 0 to 1",
    ("text", "origins[].field"): "name of the field",
    ("text", "origins[].source"): "where it was read, such as `json-ld`, `meta`, `h1`, `line`",
    ("text", "residue"): "equal when all else on the page that is not on every page is the same",
    ("text", "surface"): "equal when all the page shows and says of itself is the same",
    ("text", "rest"): "marks of the visible blocks that are not the article",
    ("text", "template"): "version of the site's template the page was read with",
    ("text", "captured_at"): "when the capture was made that it was read from",
    ("text", "warnings"): "what the reading met with",
    ("verify", "captured_at"): "`WARC-Date` of the record, as it stands there",
    ("verify", "file"): "the file, relative to the archive and without `.open`; one that was named "
    "on the command line as it was named",
    ("verify", "kind"): "what is wrong, see [verify.md](verify.md)",
    ("verify", "message"): "what is wrong, in a sentence",
    ("verify", "offset"): "where the record begins in the file; null when the file is meant",
    ("verify", "severity"): _one_of(Gravity),
    ("verify", "url"): "`WARC-Target-URI` of the record, as it stands there",
    ("status", "visits"): "the ledger: what was planned is what was made, skipped and missed",
    ("status", "visits.planned"): "planned visits that are over",
    ("status", "visits.made"): "those that were made, whatever came of them",
    ("status", "visits.skipped"): "those left out by rule",
    ("status", "visits.missed"): "those not made although nobody wanted it so",
    ("status", "visits.not_made"): "an object for each cause",
    ("status", "visits.not_made[].because"): "the cause in words",
    ("status", "visits.not_made[].visits"): "how many visits",
    ("status", "visits.not_made[].waiting"): "pages whose visit is due and waits for this cause",
    ("status", "visits.not_made[].waiting_since"): "when the first of these visits was planned",
    ("visits --gaps", "visits"): "how many planned visits, one after another",
    ("visits --gaps", "visit_id"): "`id` of the visit that ended it; null while it lasts",
    ("visits", "outcome"): "how its last hop ended: one of the [outcomes](#outcomes)",
    ("watch list", "state"): _one_of([TargetState.ACTIVE, TargetState.PAUSED]),
}
