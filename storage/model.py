"""Name the nouns that every room speaks of: sites, targets, visits, exchanges, captures, events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import IO


class Outcome(StrEnum):
    """How one exchange or visit ended; every member is a value we keep, none is an error."""

    OK = "ok"
    REDIRECT = "redirect"
    NOT_MODIFIED = "not_modified"
    CLIENT_ERROR = "client_error"
    SERVER_ERROR = "server_error"
    BLOCKED_ADDRESS = "blocked_address"
    BLOCKED_ROBOTS = "blocked_robots"
    DNS = "dns"
    REFUSED = "refused"
    TLS = "tls"
    TIMEOUT = "timeout"
    RESET = "reset"
    TRUNCATED = "truncated"
    NOT_HTTP = "not_http"
    TOO_LARGE = "too_large"


ANSWERED = frozenset(
    {
        Outcome.OK,
        Outcome.REDIRECT,
        Outcome.NOT_MODIFIED,
        Outcome.CLIENT_ERROR,
        Outcome.SERVER_ERROR,
    }
)
"""Outcomes of a complete HTTP answer; a visit that ends in one of them is a capture."""


NOT_ASKED = frozenset({Outcome.BLOCKED_ADDRESS, Outcome.BLOCKED_ROBOTS})
"""Outcomes of what we did not ask for: no request was made, and the host said nothing."""


class Truncation(StrEnum):
    """Why an answer was cut short: the values of ``WARC-Truncated`` (WARC/1.1 §5.13)."""

    LENGTH = "length"
    TIME = "time"
    DISCONNECT = "disconnect"


class Role(StrEnum):
    """What an exchange was made for."""

    TARGET = "target"
    REDIRECT = "redirect"
    ROBOTS = "robots"
    REQUISITE = "requisite"
    PROBE = "probe"


class Robots(StrEnum):
    """What a site's ``robots.txt`` means to us: obeyed, not asked for, or kept but not obeyed."""

    OBEY = "obey"
    IGNORE = "ignore"
    RECORD = "record"


class FoundBy(StrEnum):
    """How we came to know a target."""

    USER = "user"
    START = "start"
    LINK = "link"
    SITEMAP = "sitemap"
    FEED = "feed"
    REDIRECT = "redirect"
    CONTROL = "control"
    PROBE = "probe"
    """An address nobody knows, asked for to see how the host answers such."""


class RequisiteKind(StrEnum):
    """What a page needs something for."""

    IMAGE = "image"
    STYLE = "style"
    SCRIPT = "script"
    FONT = "font"
    FRAME = "frame"
    ICON = "icon"
    MEDIA = "media"
    """Films and sounds themselves; their posters are images, their captions data."""
    DATA = "data"
    """Plug-in content, captions, manifests."""
    OTHER = "other"


class TargetState(StrEnum):
    """Whether a target is being watched."""

    ACTIVE = "active"
    PAUSED = "paused"
    REMOVED = "removed"
    ONCE = "once"


class Phase(StrEnum):
    """Where a target stands in the takedown state machine (EVENTS: OK, SUSPECT, CONFIRMED)."""

    OK = "ok"
    SUSPECT = "suspect"
    CONFIRMED = "confirmed"


class Axis(StrEnum):
    """Content events compare two good captures; availability events follow one target's looks."""

    CONTENT = "content"
    AVAILABILITY = "availability"
    OPERATIONS = "operations"


class Alert(StrEnum):
    """Whether an event is worth telling: never, collected into a digest, or at once."""

    NONE = "none"
    DIGEST = "digest"
    NOW = "now"


class Severity(StrEnum):
    """How much an event weighs."""

    INFO = "info"
    NOTICE = "notice"
    HIGH = "high"


class Cause(StrEnum):
    """Why a planned visit was not made."""

    NOT_RUNNING = "not_running"
    ASLEEP = "asleep"
    """The machine slept, or stood still, while the service ran."""
    CLOCK = "clock"
    """The clock was set ahead over the planned time: it never came."""
    DISK_FULL = "disk_full"
    FAULT = "fault"
    BUSY = "busy"
    """Its turn had not come: other pages of its host, or of the archive, were before it."""
    ASKED = "asked_to_wait"
    """Its host was left alone, because it asked for that or by its delay."""
    BUDGET = "budget"
    HOST_BUDGET = "host_budget"
    ROBOTS = "robots"
    ADDRESS = "address"
    PAUSED = "paused"
    SITE_GONE = "site_gone"


BY_RULE = frozenset(
    {
        *(Cause.ASKED, Cause.BUDGET, Cause.HOST_BUDGET),
        *(Cause.ROBOTS, Cause.ADDRESS, Cause.PAUSED, Cause.SITE_GONE),
    }
)
"""Causes by which a visit is skipped, because somebody wants it so; by the others it is missed."""


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    SENT = "sent"
    GIVEN_UP = "given_up"


# --- what we promised -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Targets under one name, with one scope, pace, schedule and alerts."""

    name: str
    start: tuple[str, ...] = ()
    spider: str = "site"
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    every: str = "auto"
    time_zone: str = "UTC"
    robots: Robots = Robots.OBEY
    delay: timedelta = timedelta(seconds=2)
    budget_per_day: int = 5000
    host_budget_per_day: int | None = None
    """Visits a day that one host gets at most, whichever sites they are for; None sets no limit."""
    shortest: timedelta = timedelta(minutes=5)
    """The least time between two looks at a page under ``every = "auto"``."""
    longest: timedelta = timedelta(days=7)
    """The most, as long as the budget reaches and the page is not lost."""
    confirm: tuple[timedelta, ...] = (
        timedelta(minutes=1),
        timedelta(minutes=10),
        timedelta(hours=1),
        timedelta(hours=6),
    )
    confirm_access: tuple[timedelta, ...] = (
        timedelta(minutes=10),
        timedelta(hours=6),
        timedelta(hours=24),
    )
    down_after: timedelta = timedelta(days=3)
    requisites: bool = True
    requisites_every: timedelta = timedelta(days=7)
    """After what time a requisite is fetched again, if a page still needs it."""
    requisites_include: tuple[str, ...] = ()
    requisites_exclude: tuple[str, ...] = ()
    requisites_media: bool = False
    """Whether films and sounds are requisites too."""
    conditional: bool = False
    """Whether a page is asked for only where it changed: saves the server, and is less evidence."""
    second_look: bool = True
    """Whether a page is fetched twice at first, and once more where it seems changed."""
    alerts: tuple[str, ...] = ()
    edits: str = "now"
    """When edits are told: ``now``, after a length of time, ``daily 08:00``, ``weekly mon …``."""
    only_css: tuple[str, ...] = ()
    """Selectors of what alone is read of a page; empty where all of it is."""
    without_css: tuple[str, ...] = ()
    """Selectors of what is left out of it."""
    ignore_slots: tuple[str, ...] = ()
    """Slots whose text is noise, by the end of their name."""
    phrases: tuple[str, ...] = ()
    """Words that are told when they come or go."""
    from_file: bool = False
    """True for a site of ``holdfast.toml``; False for one added by command or web."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A URL somebody or some page led us to, not yet a target."""

    url: str
    found_by: FoundBy
    found_on: str | None = None
    changed_at: datetime | None = None
    """When it changed, as the feed or sitemap says that named it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requisite:
    """Something a page needs to be shown: an image, a style sheet, a frame."""

    url: str
    kind: RequisiteKind = RequisiteKind.OTHER
    encoding: str = ""
    """Charset of what names it: that of a style sheet that does not say its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A requisite that a page needs and the archive could not get, or has not yet asked for."""

    target_id: int
    site: str
    url: str
    kind: RequisiteKind
    via: str
    """What names it: the page itself, or a style sheet or frame that the page needs."""
    encoding: str = ""
    """Charset of what names it."""
    depth: int = 0
    """How many style sheets and frames lie between the page and it."""
    outcome: Outcome | None = None
    """How the last try ended; None where it was not asked for: it is refused, or waits its turn."""
    status: int | None = None
    reason: str = ""
    tries: int = 0
    since_at: datetime
    next_try_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A URL we promised to watch; ``due_at`` None means no visit is planned."""

    id: int
    site: str
    url: str
    host: str
    state: TargetState
    found_by: FoundBy
    found_on: str | None
    found_at: datetime
    every: str | None
    robots: Robots | None
    due_at: datetime | None
    last_visit_at: datetime | None
    last_outcome: Outcome | None
    last_status: int | None
    muted: bool = False
    """Whether its events are kept but told to nobody."""
    read_as: str | None = None
    """Names what its spider read last: its own name, and the address and digest of the page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One host with its due targets, lent to a worker until ``until``; ``fence`` guards writes."""

    host: str
    worker: str
    fence: int
    until: datetime
    targets: tuple[Target, ...]


# --- what the wire carried --------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """What the TLS handshake agreed on; ``chain`` is the peer's certificates in DER, leaf first."""

    version: str
    cipher: str
    chain: tuple[bytes, ...]
    fault: str | None
    """Why the certificate would not be trusted, or None; what came is kept all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """Request and answer, as the wire carried them.

    ``answer`` is an open, seekable binary file with the final response message only: head and body
    with their framing, nothing before it and nothing after it; None when no byte of it came.
    ``interim`` holds the 1xx answers before it, ``surplus`` the bytes after its end.
    ``head_bytes`` is the length of its head with the empty line, 0 when what came is not HTTP.
    Digests are ``sha1:BASE32``. The payload is the entity body: transfer coding removed, content
    coding kept (RFC 9110 §6.4, WARC/1.1 §5.9).
    """

    url: str
    method: str
    started_at: datetime
    took: timedelta
    outcome: Outcome
    reason: str
    """Empty for an ordinary ending, else one sentence for a person."""
    request: bytes
    answer: IO[bytes] | None = None
    answer_bytes: int = 0
    head_bytes: int = 0
    status: int | None = None
    version: str = ""
    """Protocol of the answer as its status line spells it; empty when there is none."""
    headers: tuple[tuple[str, str], ...] = ()
    """Fields of the answer in wire order, as latin-1, unfolded; names keep their case."""
    block_digest: str | None = None
    """Of all bytes of the answer; None where it is in memory, and its record's writer makes it."""
    payload_digest: str | None = None
    payload_bytes: int = 0
    truncated: Truncation | None = None
    interim: bytes = b""
    surplus: bytes = b""
    address: str | None = None
    """IP address the socket was connected to."""
    tls: Tls | None = None
    earlier: tuple["Exchange", ...] = ()
    """Attempts at the same request before this one, on connections that died under them."""


# --- what we kept -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRef:
    """Where one WARC record lies: ``file`` is relative to the archive, without ``.open``."""

    file: str
    offset: int
    length: int
    digest: str | None
    """Payload digest of the record, where it has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """The earlier record a revisit stands for, its fields letter by letter as they lie there.

    ``reader.original`` makes it from the reference of that record.
    """

    record_id: str
    uri: str
    date: str
    payload_digest: str
    place: tuple[str, int] | None = None
    """Name of the WARC file and offset in it, so that its page is found without an index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """One exchange of a visit as the catalogue knows it; ``record`` None when nothing was written.

    Failed exchanges are kept as well, with the outcome and its reason; their record is the one of
    the request or of the metadata that names the failure.
    """

    id: int = 0
    visit_id: int = 0
    target_id: int = 0
    site: str = ""
    url: str
    role: Role
    hop: int = 0
    """Place in the visit's redirect chain, from 0."""
    captured_at: datetime
    outcome: Outcome
    reason: str = ""
    status: int | None = None
    content_type: str | None = None
    location: str | None = None
    """Absolute address a redirect points to."""
    address: str | None = None
    record: RecordRef | None = None
    request_record: RecordRef | None = None
    record_id: str | None = None
    """``WARC-Record-ID`` of ``record``, as it lies there."""
    refers_to: str | None = None
    """For a revisit record the id of the record that holds its payload."""
    transfer: str = ""
    """Transfer codings of the answer, in lower case; a revisit has those of its original."""
    payload_digest: str | None = None
    payload_bytes: int = 0
    truncated: Truncation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One attempt to fetch a target: what came of the last hop, and the captures it made."""

    id: int = 0
    target_id: int
    site: str
    url: str
    worker: str = ""
    due_at: datetime | None = None
    """When it was promised; ``started_at - due_at`` is its lateness."""
    started_at: datetime
    finished_at: datetime
    outcome: Outcome
    reason: str = ""
    status: int | None = None
    captures: tuple[Capture, ...] = ()
    found: tuple[Found, ...] = ()
    read_as: str | None = None
    """Names what the spider read, for its target; None where it read nothing."""


# --- what we read out of it -------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A paragraph-like run of text of the article."""

    kind: str
    """``paragraph``, ``heading``, ``quote``, ``item``, ``caption``, ``cell`` or ``code``."""
    text: str
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A picture inside the article."""

    url: str
    caption: str = ""
    credit: str = ""
    """Who made it, as the page says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where one field of an Article was read, and how sure that is."""

    field: str
    source: str
    """Such as ``json-ld``, ``meta``, ``h1``, ``line``, ``url`` or ``rule``."""
    confidence: float
    """From 0 to 1; what the sources of its kind are worth, not a probability."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """What a reader would call the article, and who wrote it when."""

    url: str
    title: str = ""
    byline: tuple[str, ...] = ()
    published: str | None = None
    modified: str | None = None
    language: str | None = None
    canonical_url: str | None = None
    blocks: tuple[Block, ...] = ()
    images: tuple[Image, ...] = ()
    headline: str = ""
    """Text of the h1; ``title`` is the best title, ``page_title`` the ``<title>`` element."""
    page_title: str = ""
    fingerprint: str = ""
    """Digest over title, byline, date and ordered blocks: equal when the article is."""
    engine: str = ""
    warnings: tuple[str, ...] = ()
    origins: tuple[Origin, ...] = ()
    """For each field that was found: its source and confidence. No part of the fingerprint."""
    signs: tuple[str, ...] = ()
    """Marks of what is no article, such as ``challenge`` or ``password-field``."""
    residue: str = ""
    """Digest over what is visible beside the article and is not on every page of the site."""
    rest: tuple[str, ...] = ()
    """Marks of the visible blocks that are not the article; ``~`` before what the site repeats."""
    surface: str = ""
    """Digest over all the page shows and says of itself, by which the next capture is the same."""
    template: int = 0
    """Version of the site's template the page was read with."""

    @property
    def text(self) -> str:
        """Return the article's text, a blank line between blocks."""
        return "\n\n".join(block.text for block in self.blocks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """What stood in one slot (a path of tags and classes) of a site's pages so far, in words."""

    article: float
    all: float
    pages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """What is known of the pages of one site; a new lesson makes a new version."""

    version: int = 0
    """How many pages have taught."""
    pages: tuple[tuple[str, tuple[tuple[str, int], ...]], ...] = ()
    """The last pages that taught: their marks and the longest blocks of their articles, by mark
    and words."""
    blocks: tuple[tuple[str, int], ...] = ()
    """Marks of blocks and on how many pages they stood; the oldest of the rarest are forgotten."""
    slots: tuple[tuple[str, Slot], ...] = ()


# --- what it means ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One measured reason for a finding, with the threshold it was held against."""

    name: str
    value: str
    threshold: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one change rule says of two captures, or of one look."""

    kind: str
    axis: Axis
    rule: str
    alert: Alert
    severity: Severity
    summary: str
    """One sentence for a person, plain text."""
    signals: tuple[Signal, ...] = ()
    details: Mapping[str, str] = field(default_factory=dict)
    """Facts of this kind of finding, such as ``moved_to``; keys belong to the rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One visit as the state machine sees it."""

    visit_id: int
    at: datetime
    outcome: Outcome
    status: int | None
    kind: str
    """Kind of the availability finding, or ``ok``."""
    capture_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where one target stands: phase, looks since the first bad one, last good capture."""

    target_id: int
    phase: Phase = Phase.OK
    kind: str = ""
    since: datetime | None = None
    looks: tuple[Look, ...] = ()
    good_capture_id: int | None = None
    """The last capture that carried the article."""
    told: bool = False
    """Whether the present bad state was alerted, so that its end is told too."""
    told_kind: str = ""
    """What was alerted of it last; a state the target falls back to is not told again."""
    relook_at: datetime | None = None
    """When the next re-look of the suspicion is due; None when it is looked at by schedule."""
    moved_to: tuple[str, ...] = ()
    """Addresses of which a move was told."""
    noise: tuple[str, ...] = ()
    """Names of what was learnt to change on the page while its article does not, oldest first."""
    twin_capture_id: int | None = None
    """A capture that waits for a second fetch of the page: only what both show counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A finding worth telling, stored for ever; its id derives from url, kind and captured_at."""

    id: str
    url: str
    target_id: int
    site: str
    kind: str
    axis: Axis
    alert: Alert
    severity: Severity
    summary: str
    captured_at: datetime
    """Time of the capture the event is about; for a takedown that of the first bad look."""
    confirmed_at: datetime | None = None
    phase: Phase | None = None
    """Phase an availability event announces; None for content events."""
    capture_id: int | None = None
    before_capture_id: int | None = None
    findings: tuple[Finding, ...] = ()
    looks: tuple[Look, ...] = ()
    diff: str = ""
    """Word diff as text, removed words ``[-…-]`` and added words ``{+…+}``."""
    acknowledged_at: datetime | None = None

    @property
    def urgent(self) -> bool:
        """Whether it is told at once, in quiet hours too: takedowns, removals, returns, hosts."""
        weighs = self.severity is Severity.HIGH or self.axis is not Axis.CONTENT
        return self.alert is Alert.NOW and weighs


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Events sent together through one alert channel, at least once, under one id."""

    id: str
    alert: str
    """Name of the ``[[alert]]`` it goes through."""
    state: DeliveryState
    events: tuple[Event, ...]
    attempts: int
    next_try_at: datetime
    last_error: str = ""
    sent_at: datetime | None = None
    captures: Mapping[int, Capture] = field(default_factory=dict)
    """The captures that its events are about, by their ids: what proves each event, and where."""


def payload_captures(captures: Sequence[Capture]) -> list[Capture]:
    """Return the captures of a visit that lead to its page, in order: the target and its hops."""
    return [one for one in captures if one.role in (Role.TARGET, Role.REDIRECT)]
