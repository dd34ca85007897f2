"""Write the plain texts of a dossier: what happened, the diff, the articles, how to verify it."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from crawler.changes.diff import as_text
from crawler.dossier.gather import Evidence, Side
from crawler.listing import iso
from crawler.wording import clock, named, shown, shown_lines
from storage.model import Article, Capture, Event, payload_captures
from storage.warc.excerpt import Copied

WARC = "captures.warc.gz"


def event_text(evidence: Evidence) -> str:
    """Return what happened, how it was seen, and every signal with what it was held against."""
    return _text(_event_lines(evidence))


def _event_lines(evidence: Evidence) -> Iterator[str]:
    event = evidence.event
    yield from (f"{named(event.kind).upper()}", shown(event.url), "", shown(event.summary), "")
    yield f"event      {shown(event.id)}"
    yield f"site       {shown(event.site)}"
    yield f"captured   {clock(event.captured_at)}"
    if event.confirmed_at is not None:
        yield f"confirmed  {clock(event.confirmed_at)}"
    for side in (evidence.before, evidence.after):
        if side is not None:
            yield from ("", "BEFORE: the last good capture" if side.name == "before" else "AFTER")
            yield from _side_lines(side)
    yield from _look_lines(evidence)
    yield from _finding_lines(event)
    if evidence.missing:
        yield from ("", "NOT IN THE ARCHIVE, so the pages are shown without it")
        yield from (f"  {shown(url)}" for url in evidence.missing)
    if evidence.faults:
        yield from ("", "COULD NOT BE READ IN THE ARCHIVE, and is not in this dossier")
        yield from (f"  {shown(fault)}" for fault in evidence.faults)


def _look_lines(evidence: Evidence) -> Iterator[str]:
    if evidence.looks:
        yield from ("", "THE LOOKS at the page since the first bad one")
    for look, made in evidence.looks:
        status = f" {look.status}" if look.status is not None else ""
        yield f"  {clock(look.at)}  {look.outcome}{status}, seen as {named(look.kind)}"
        yield from (f"    {one}" for one in _records_of(payload_captures(made)))
    if evidence.controls:
        yield from ("", "OTHER PAGES OF THE HOST that answered well in that minute")
    for one in evidence.controls:
        yield f"  {clock(one.captured_at)}  {one.status}  {shown(one.url)}"


def _finding_lines(event: Event) -> Iterator[str]:
    yield from ("", "WHAT WAS FOUND, and what it was held against")
    for finding in event.findings:
        yield f"  {named(finding.kind)}, by the rule {shown(finding.rule)}:"
        yield f"    {shown(finding.summary)}"
        for signal in finding.signals:
            held = f"  (held against {shown(signal.threshold)})" if signal.threshold else ""
            yield f"    {shown(signal.name)}: {shown(signal.value)}{held}"
        yield from (f"    {shown(key)}: {shown(text)}" for key, text in finding.details.items())


def _side_lines(side: Side) -> Iterator[str]:
    for hop in side.hops:
        yield f"  {clock(hop.captured_at)}  {hop.status or hop.outcome}  {shown(hop.url)}"
        if hop.location:
            yield f"    leads to {shown(hop.location)}"
        if hop.address:
            yield f"    answered by {shown(hop.address)}"
        yield from (f"    {one}" for one in _records_of([hop]))
    if side.article is None:
        yield f"    no text was read from it{f': {shown(side.fault)}' if side.fault else ''}"


def _records_of(captures: Sequence[Capture]) -> Iterator[str]:
    for one in captures:
        if one.record_id:
            yield f"record {shown(one.record_id)}"
        if one.payload_digest:
            yield f"payload {shown(one.payload_digest)}"


def diff_text(evidence: Evidence) -> str:
    """Return the word diff as text: removed words ``[-…-]``, added words ``{+…+}``."""
    if evidence.diff is None:
        return "There is no text to compare.\n"
    made = as_text(evidence.diff, context_words=40)
    return _text(shown_lines(made)) if made else "No word is different.\n"


def article_text(article: Article) -> str:
    """Return an article for a reader: title, by-line, date, then its paragraphs."""
    head = [article.title, ", ".join(article.byline), article.published or ""]
    lines = [line for text in head if text for line in shown_lines(text)]
    return _text([*lines, "", *shown_lines(article.text)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What came up while the files of a dossier were written."""

    copied: Sequence[Copied]
    coded: Collection[str]
    """Ids of the records whose body is compressed on the wire."""
    carries_secrets: bool
    """Whether request records hold what the archive is known by to the site."""


def how_to_verify(evidence: Evidence, found: Found, *, kept_by: str) -> str:
    """Return the steps by which a stranger checks the dossier with tools that are not ours."""
    return _text(_steps(evidence, found, kept_by=kept_by))


def _steps(evidence: Evidence, found: Found, *, kept_by: str) -> Iterator[str]:
    event = evidence.event
    yield f"HOW TO VERIFY THIS DOSSIER: {named(event.kind)}"
    yield shown(event.url)
    yield from ("", *_FILES.splitlines())
    if kept_by:
        yield from ("", f"The archive is kept by {shown(kept_by)}.")
    if found.carries_secrets:
        yield from ("", *_SECRETS.splitlines())
    sides = [one for one in (evidence.before, evidence.after) if one is not None]
    yield from ("", *_WHOLE.splitlines(), "", *_SOUND.splitlines(), "", *_PAYLOAD.splitlines())
    for side in sides:
        yield from _payload_steps(side.name, side.capture, found)
    yield from ("", *_SHOW.splitlines())
    for side in sides:
        at = f"{side.capture.captured_at:%Y%m%d%H%M%S}"
        yield f"     http://localhost:8080/dossier/{at}/{shown(side.capture.url)}"
    for part in (_CERTIFICATES, _ORIGIN, _LIMITS):
        yield from ("", *part.splitlines())


def _payload_steps(name: str, capture: Capture, found: Found) -> Iterator[str]:
    """Yield how the payload of one capture is taken out; that of a revisit lies elsewhere."""
    places = {one.member.id: one.offset for one in found.copied}
    offset = places.get(capture.record_id or "")
    if offset is None or capture.payload_digest is None:
        return
    title = "the last good capture" if name == "before" else name
    yield from ("", f"   {title}: {clock(capture.captured_at)}, {shown(capture.url)}")
    yield f"     warcio extract --headers {WARC} {offset}"
    holder = capture.record_id or ""
    if capture.refers_to is not None and capture.refers_to in places:
        holder = capture.refers_to
        yield "   It is a revisit record: the server sent what it had sent before, and the body"
        yield f"   lies in the record that its WARC-Refers-To names, at {places[holder]}."
    if holder in found.coded:
        yield "   Its body came compressed. warcio shows it unpacked; step 2 has held the digest"
        yield "   against it as it came."
        yield f"     warcio extract --payload {WARC} {places[holder]}"
    else:
        yield f"     warcio extract --payload {WARC} {places[holder]} |"
        yield "       openssl dgst -sha1 -binary | base32"
    yield f"   {shown(capture.payload_digest)}"


_FILES = """\
event.txt, event.json   what happened and when, each look, each signal and what it was held against
diff.html, diff.txt     the two texts side by side, and as words removed [-…-] and added {+…+}
before/, after/         of each capture the article, the request and the head of the answer
tls/                    the certificates the servers showed
captures.warc.gz        every record of both captures, of all looks and of what the pages need to
                        be shown, as the wire carried them (WARC/1.1, ISO 28500)
records.jsonl           where each of these records lies in the archive, and its SHA-256
SHA256SUMS              the SHA-256 of every file of this dossier

The tools named below come with every Linux (sha256sum, openssl) or are free to have: warcio and
pywb (pip install warcio pywb), ReplayWeb.page (in a browser). None of them is from the makers of
this dossier."""

_SECRETS = """\
CAREFUL: request records hold fields by which the archive was known to the site (cookie or
authorization). Take them out of captures.warc.gz before you publish it, and say so."""

_WHOLE = """\
1. Nothing was changed since the dossier was made.
     sha256sum -c SHA256SUMS
   Compare the SHA-256 of SHA256SUMS itself with one that you were given by another way:
     sha256sum SHA256SUMS"""

_SOUND = """\
2. The WARC file is sound: every record has the digest it names.
     warcio check -v captures.warc.gz"""

_PAYLOAD = """\
3. The bytes of the two captures are those the event was judged by: their payload digests stand in
   event.txt. Each is a SHA-1 in base 32 over the body as it was sent, chunks put together and
   compression left on."""

_SHOW = """\
4. See the pages as they were. Open captures.warc.gz in https://replayweb.page (the file stays in
   your browser), or with pywb:
     wb-manager init dossier && wb-manager add dossier captures.warc.gz && wayback
   and then in a browser"""

_CERTIFICATES = """\
5. Who answered. The certificates in tls/ are those the servers showed; the last field of a file's
   name is the SHA-256 of the first certificate in it. Which capture had which is in records.jsonl.
     openssl crl2pkcs7 -nocrl -certfile tls/NAME.pem | openssl pkcs7 -print_certs -noout -text"""

_ORIGIN = """\
6. The records are the archive's own. Each was copied byte for byte, still compressed: who has the
   archive can compare the place in records.jsonl (file, offset, length):
     tail -c +$((OFFSET + 1)) FILE | head -c LENGTH | sha256sum"""

_LIMITS = """\
WHAT THIS DOES NOT PROVE. A server does not sign what it sends: that these bytes came from it rests
on whoever kept the archive, on the addresses and certificates recorded, and on others who captured
the page at that time. Times are those of the archive's own clock, in UTC. The texts in before/ and
after/ and the diff were read out of the pages by a program; the WARC file is the evidence."""


def _text(lines: Iterator[str] | Sequence[str]) -> str:
    return "\n".join(lines).rstrip("\n") + "\n"


def look_times(evidence: Evidence) -> list[dict[str, object]]:
    """Return each look with the records it made."""
    return [
        {
            "at": iso(look.at),
            "outcome": look.outcome.value,
            "status": look.status,
            "kind": look.kind,
            "record_ids": [one.record_id for one in payload_captures(made) if one.record_id],
        }
        for look, made in evidence.looks
    ]
