"""Make a small archive with one of everything, and ask each listing which keys it prints."""

import contextlib
import gzip
import io
import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from crawler import opening
from crawler.commands import main
from storage.archive import create
from storage.catalogue import (
    deliveries,
    events,
    missing,
    standings,
    targets,
    texts,
    visits,
)
from storage.model import (
    Alert,
    Article,
    Axis,
    Block,
    Capture,
    Event,
    Finding,
    Found,
    FoundBy,
    Image,
    Look,
    Missing,
    Origin,
    Outcome,
    Phase,
    RecordRef,
    RequisiteKind,
    Role,
    Severity,
    Signal,
    Standing,
    Target,
    Truncation,
    Visit,
)

PAGE = "https://paper.example/node/7"
EDIT, TAKEDOWN = "e" * 32, "d" * 32
AT = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)

CONFIGURATION = """\
[[site]]
name = "paper"
start = ["https://paper.example/"]
alerts = ["desk"]

[[alert]]
name = "desk"
channel = "log"
"""

LISTINGS: dict[str, tuple[str, ...]] = {
    "captures": ("captures",),
    "events": ("events",),
    "visits": ("visits",),
    "visits --gaps": ("visits", "--gaps"),
    "coverage": ("coverage",),
    "coverage --url": ("coverage", "--url", PAGE),
    "watch list": ("watch", "list"),
    "show EVENT": ("show", EDIT),
    "show URL": ("show", PAGE),
    "text": ("text", PAGE),
    "diff EVENT": ("diff", EDIT),
    "diff URL": ("diff", PAGE),
    "explain": ("explain", PAGE),
    "status": ("status",),
    "alerts list": ("alerts", "list"),
    "alerts deliveries": ("alerts", "deliveries"),
    "check-config": ("check-config",),
    "doctor": ("doctor",),
    "verify": ("verify",),
}
"""Every listing with ``--json``: how the reference names it, and the words that print it."""

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_BY_DATA = frozenset({"details", "outcomes"})
"""Objects whose keys are data: a listing of keys names none of them."""


@contextlib.contextmanager
def without_settings() -> Iterator[None]:
    """Take HOLDFAST_ variables out of the environment for a while: the reference is everyone's."""
    own = {name: value for name, value in os.environ.items() if name.startswith("HOLDFAST_")}
    for name in own:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(own)


def listed_keys() -> dict[str, dict[str, str]]:
    """Return for each listing its keys and what kind of value each has, as they are printed."""
    with TemporaryDirectory() as folder:
        root = Path(folder, "archive")
        _fill(root)
        return {name: _keys(_printed(words, root)) for name, words in LISTINGS.items()}


def _printed(words: tuple[str, ...], root: Path) -> list[dict[str, object]]:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        main([*words, "--archive", str(root), "--json"])
    rows = [json.loads(line) for line in said.getvalue().splitlines()]
    if not rows:
        raise AssertionError(f"holdfast {' '.join(words)} printed nothing of the example archive")
    return rows


def _keys(rows: list[dict[str, object]]) -> dict[str, str]:
    kinds: dict[str, set[str]] = {}
    for row in rows:
        for key, kind in _flat(row):
            kinds.setdefault(key, set()).add(kind)
    return {key: _named(kind) for key, kind in kinds.items()}


def _named(kinds: set[str]) -> str:
    # Nearly everything may be null, and one example cannot show all of it: that is said in words.
    return " or ".join(sorted(kinds - {"null"})) or "text"


def _flat(row: dict[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in row.items():
        key = prefix + name
        match value:
            case dict() if name not in _BY_DATA:
                yield key, "object"
                yield from _flat(value, f"{key}.")
            case list():
                yield key, "list"
                for one in value:
                    if isinstance(one, dict):
                        yield from _flat(one, f"{key}[].")
            case _:
                yield key, _kind(value)


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "number"
        case str():
            return "time" if _TIME.match(value) else "text"
        case _:
            return "object"


# --- the archive ------------------------------------------------------------------------------


def _fill(root: Path) -> None:
    archive = create(root, config=CONFIGURATION)
    own = opening.parts(root)
    (archive.warc / "damaged.warc.gz").write_bytes(gzip.compress(b"no record"))
    opening.publish_sites(own)
    with own.catalogue.write() as db:
        start = targets.listing(db, site="paper")[0]
        visits.finish(db, _visit(start, AT), claim=None, next_due_at=AT + HOUR)
        found = [Found(url=PAGE, found_by=FoundBy.LINK, found_on=start.url)]
        (page,) = targets.add(db, found, site="paper", now=AT, due_at=AT)
        first = visits.finish(db, _visit(page, AT), claim=None, next_due_at=AT + HOUR)
        second = visits.finish(db, _visit(page, AT + HOUR), claim=None, next_due_at=AT + 2 * HOUR)
        lost = visits.finish(db, _failed(page), claim=None, next_due_at=AT + 3 * HOUR)
        missing.put(db, [_lacked(page)])
        for visit, words in ((first, "one sum"), (second, "another sum")):
            texts.put(db, visit.captures[-1].id, _article(words))
        look = Look(
            visit_id=lost.id,
            at=lost.started_at,
            outcome=lost.outcome,
            status=None,
            kind="unreachable",
            capture_id=lost.captures[-1].id,
        )
        good = second.captures[-1].id
        standings.put(
            db,
            Standing(
                target_id=page.id,
                phase=Phase.SUSPECT,
                kind=look.kind,
                since=look.at,
                looks=(look,),
                good_capture_id=good,
            ),
        )
        edit = _edit(page, second, before=first.captures[-1].id)
        for event in (edit, _takedown(page, look, before=good)):
            events.put(db, event)
            deliveries.enqueue(db, event, alerts=("desk",), at=AT, gather=False)
        sent = deliveries.due(db, now=AT, limit=1)
        deliveries.sent(db, sent[0].id, at=AT)
        events.acknowledge(db, edit.id, at=AT)
    own.catalogue.close()


def _visit(page: Target, at: datetime) -> Visit:
    record = RecordRef(file="warc/2026/11/x.warc.gz", offset=0, length=9, digest="sha1:A")
    moved = Capture(
        url=page.url,
        role=Role.TARGET,
        captured_at=at,
        outcome=Outcome.REDIRECT,
        status=301,
        location=f"{page.url}/",
        record=record,
    )
    whole = Capture(
        url=f"{page.url}/",
        role=Role.REDIRECT,
        hop=1,
        captured_at=at,
        outcome=Outcome.OK,
        status=200,
        content_type="text/html",
        address="192.0.2.7",
        record=record,
        payload_digest="sha1:A",
        payload_bytes=9,
        truncated=Truncation.LENGTH,
    )
    return Visit(
        target_id=page.id,
        site=page.site,
        url=page.url,
        worker="worker-1",
        due_at=at,
        started_at=at,
        finished_at=at,
        outcome=Outcome.OK,
        status=200,
        captures=(moved, whole),
    )


def _failed(page: Target) -> Visit:
    at = AT + 2 * HOUR
    reason = "the name is not known"
    none = Capture(
        url=page.url, role=Role.TARGET, captured_at=at, outcome=Outcome.DNS, reason=reason
    )
    return Visit(
        target_id=page.id,
        site=page.site,
        url=page.url,
        worker="worker-1",
        started_at=at,
        finished_at=at,
        outcome=Outcome.DNS,
        reason=reason,
        captures=(none,),
    )


def _lacked(page: Target) -> Missing:
    return Missing(
        target_id=page.id,
        site=page.site,
        url=f"{PAGE}.png",
        kind=RequisiteKind.IMAGE,
        via=page.url,
        outcome=Outcome.CLIENT_ERROR,
        status=404,
        tries=1,
        since_at=AT,
        next_try_at=AT + HOUR,
    )


def _article(words: str) -> Article:
    return Article(
        url=PAGE,
        title="The bridge",
        byline=("Mara Teal",),
        published="2014-10-10",
        modified="2014-10-11",
        language="en",
        canonical_url=PAGE,
        blocks=(Block(kind="paragraph", text=f"The bridge cost {words}."),),
        images=(Image(url=f"{PAGE}.png"),),
        origins=(Origin(field="title", source="h1", confidence=0.95),),
        fingerprint=words,
    )


def _edit(page: Target, visit: Visit, *, before: int) -> Event:
    finding = Finding(
        kind="substantive_edit",
        axis=Axis.CONTENT,
        rule="substantive_edit",
        alert=Alert.NOW,
        severity=Severity.NOTICE,
        summary="1 word changed.",
        signals=(Signal(name="survival", value="0.800", threshold="0.85"),),
    )
    return Event(
        id=EDIT,
        url=page.url,
        target_id=page.id,
        site=page.site,
        kind=finding.kind,
        axis=finding.axis,
        alert=finding.alert,
        severity=finding.severity,
        summary=finding.summary,
        captured_at=visit.started_at,
        capture_id=visit.captures[-1].id,
        before_capture_id=before,
        findings=(finding,),
        looks=(
            Look(
                visit_id=visit.id,
                at=visit.started_at,
                outcome=visit.outcome,
                status=visit.status,
                kind="ok",
            ),
        ),
        diff="cost [-one-]{+another+} sum",
    )


def _takedown(page: Target, look: Look, *, before: int) -> Event:
    return Event(
        id=TAKEDOWN,
        url=page.url,
        target_id=page.id,
        site=page.site,
        kind="gone",
        axis=Axis.AVAILABILITY,
        alert=Alert.NOW,
        severity=Severity.HIGH,
        summary="The server answers 404: not found.",
        captured_at=look.at,
        confirmed_at=look.at + HOUR,
        phase=Phase.CONFIRMED,
        before_capture_id=before,
        looks=(look,),
    )
