"""Name the tables of the catalogue; migrations/ holds the steps that make them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
)

from storage.catalogue.columns import Id, Moment, Noun, Words, member
from storage.codec import Codec
from storage.model import (
    Alert,
    Article,
    Axis,
    Cause,
    DeliveryState,
    Finding,
    FoundBy,
    Look,
    Outcome,
    Phase,
    RequisiteKind,
    Robots,
    Role,
    Severity,
    Site,
    TargetState,
    Template,
    Truncation,
)

ARTICLE = Codec(Article)
TEMPLATE = Codec(Template)

_LOOKS = Codec(tuple[Look, ...])
_ADDRESSES = _NAMES = Codec(tuple[str, ...])

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

sites = Table(
    "sites",
    metadata,
    Column("name", Words, primary_key=True),
    Column("options", Noun(Codec(Site)), nullable=False),
    Column("from_file", Boolean, nullable=False),
    # A site that holdfast.toml no longer names: its captures stay, its targets are not visited.
    Column("gone", Boolean, nullable=False),
)

targets = Table(
    "targets",
    metadata,
    Column("id", Id, primary_key=True),
    Column("site", Words, nullable=False),
    Column("url", Words, nullable=False, unique=True),
    Column("host", Words, nullable=False),
    Column("state", member(TargetState), nullable=False),
    Column("found_by", member(FoundBy), nullable=False),
    Column("found_on", Words),
    Column("found_at", Moment, nullable=False),
    Column("every", Words),
    Column("robots", member(Robots)),
    Column("muted", Boolean, nullable=False),
    Column("read_as", Words),
    Column("due_at", Moment),
    # due_at while the target may be claimed, else NULL: the queue of a host is one range of an
    # index, however many of its targets are paused. Kept by hosts.queued().
    Column("queue_at", Moment),
    Column("last_visit_at", Moment),
    Column("last_outcome", member(Outcome)),
    Column("last_status", Integer),
    # How long it was to wait from its last visit to its next: a class (see pace.py), of
    # which the target that was due first is the latest. Kept by pace.paced().
    Column("pace", Integer, nullable=False, server_default="0"),
    Index(None, "host", "queue_at"),
    Index(None, "host", "pace", "queue_at"),
    Index(None, "queue_at", "site"),
    Index(None, "site", "state"),
    Index(None, "found_on"),
)

hosts = Table(
    "hosts",
    metadata,
    Column("host", Words, primary_key=True),
    # The least queue_at of the host's targets. Kept by hosts.settle().
    Column("head_due_at", Moment),
    Column("next_ok_at", Moment),
    Column("lease_worker", Words),
    Column("lease_until", Moment),
    Column("fence", BigInteger, nullable=False),
    # Until when nobody may claim the host, be it for a lease or a delay. Sleepers are not in the
    # index that claim() reads, so that a thousand of them cost it nothing.
    Column("asleep_until", Moment),
)
Index(
    "ix_hosts_awake",
    hosts.c.head_due_at,
    sqlite_where=hosts.c.asleep_until.is_(None),
    postgresql_where=hosts.c.asleep_until.is_(None),
)
# Without the sleepers' condition SQLite takes this index for those awake, and sorts them all.
Index(
    "ix_hosts_asleep",
    hosts.c.asleep_until,
    sqlite_where=hosts.c.asleep_until.is_not(None),
    postgresql_where=hosts.c.asleep_until.is_not(None),
)

visits = Table(
    "visits",
    metadata,
    Column("id", Id, primary_key=True),
    Column("target_id", ForeignKey("targets.id"), nullable=False),
    Column("site", Words, nullable=False),
    Column("url", Words, nullable=False),
    Column("host", Words, nullable=False),
    Column("worker", Words, nullable=False),
    Column("due_at", Moment),
    Column("started_at", Moment, nullable=False),
    Column("finished_at", Moment, nullable=False),
    Column("outcome", member(Outcome), nullable=False),
    Column("reason", Words, nullable=False),
    Column("status", Integer),
    Column("read_at", Moment),
    Index(None, "target_id"),
    Index(None, "host", "finished_at"),
    Index(None, "site", "finished_at"),
)
Index(
    "ix_visits_unread",
    visits.c.site,
    visits.c.id,
    sqlite_where=visits.c.read_at.is_(None),
    postgresql_where=visits.c.read_at.is_(None),
)

texts = Table(
    "texts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("target_id", ForeignKey("targets.id"), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("article", Noun(ARTICLE), nullable=False),
    UniqueConstraint("target_id", "digest"),
)

templates = Table(
    "templates",
    metadata,
    Column("site", Words, primary_key=True),
    Column("template", Noun(TEMPLATE), nullable=False),
)

captures = Table(
    "captures",
    metadata,
    Column("id", Id, primary_key=True),
    Column("visit_id", ForeignKey("visits.id"), nullable=False),
    Column("target_id", ForeignKey("targets.id"), nullable=False),
    Column("site", Words, nullable=False),
    Column("url", Words, nullable=False),
    Column("role", member(Role), nullable=False),
    Column("hop", Integer, nullable=False),
    Column("captured_at", Moment, nullable=False),
    Column("outcome", member(Outcome), nullable=False),
    Column("reason", Words, nullable=False),
    Column("status", Integer),
    Column("content_type", Words),
    Column("location", Words),
    Column("address", Words),
    Column("record_file", Words),
    Column("record_offset", BigInteger),
    Column("record_length", BigInteger),
    Column("record_digest", Words),
    Column("request_file", Words),
    Column("request_offset", BigInteger),
    Column("request_length", BigInteger),
    Column("request_digest", Words),
    Column("record_id", Words),
    Column("refers_to", Words),
    Column("transfer", Words, nullable=False),
    Column("payload_digest", Words),
    Column("payload_bytes", BigInteger, nullable=False),
    Column("truncated", member(Truncation)),
    Column("text_id", ForeignKey("texts.id")),
    Index(None, "visit_id"),
    # Role and outcome let the newest good capture be found among failed looks and requisites
    # without a look at their rows.
    Index(None, "target_id", "captured_at", "role", "outcome"),
    Index(None, "url", "captured_at"),
    Index(None, "site", "captured_at"),
)

standings = Table(
    "standings",
    metadata,
    Column("target_id", ForeignKey("targets.id"), primary_key=True, autoincrement=False),
    Column("phase", member(Phase), nullable=False),
    Column("kind", Words, nullable=False),
    Column("since_at", Moment),
    Column("looks", Noun(_LOOKS), nullable=False),
    Column("good_capture_id", ForeignKey("captures.id")),
    Column("told", Boolean, nullable=False),
    Column("told_kind", Words, nullable=False),
    Column("relook_at", Moment),
    Column("moved_to", Noun(_ADDRESSES), nullable=False),
    Column("noise", Noun(_NAMES), nullable=False, server_default="[]"),
    Column("twin_capture_id", Id),
    Index(None, "phase"),
)

events = Table(
    "events",
    metadata,
    Column("id", Words, primary_key=True),
    Column("url", Words, nullable=False),
    # NULL for what is said of a host or a site, in the noun 0.
    Column("target_id", ForeignKey("targets.id")),
    Column("site", Words, nullable=False),
    Column("kind", Words, nullable=False),
    Column("axis", member(Axis), nullable=False),
    Column("alert", member(Alert), nullable=False),
    Column("severity", member(Severity), nullable=False),
    Column("summary", Words, nullable=False),
    Column("captured_at", Moment, nullable=False),
    Column("confirmed_at", Moment),
    # confirmed_at, else captured_at: when it could be told, the order of every listing.
    Column("told_at", Moment, nullable=False),
    Column("phase", member(Phase)),
    Column("capture_id", ForeignKey("captures.id")),
    Column("before_capture_id", ForeignKey("captures.id")),
    Column("findings", Noun(Codec(tuple[Finding, ...])), nullable=False),
    Column("looks", Noun(_LOOKS), nullable=False),
    Column("diff", Words, nullable=False),
    Column("acknowledged_at", Moment),
    Index(None, "told_at"),
    Index(None, "site", "told_at"),
    Index(None, "url", "told_at"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Words, primary_key=True),
    Column("alert", Words, nullable=False),
    Column("state", member(DeliveryState), nullable=False),
    # Open: it takes further events until it is due, and is then bundled with others and closed.
    Column("gathers", Boolean, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_try_at", Moment, nullable=False),
    # Its channel is not well: until its next try nothing else goes through that alert.
    Column("holds_up", Boolean, nullable=False),
    Column("last_error", Words, nullable=False),
    Column("sent_at", Moment),
    Index(None, "state", "next_try_at"),
    Index(None, "alert", "next_try_at"),
)

delivery_events = Table(
    "delivery_events",
    metadata,
    Column("delivery_id", ForeignKey("deliveries.id"), nullable=False),
    Column("place", Integer, nullable=False),
    Column("alert", Words, nullable=False),
    Column("event_id", ForeignKey("events.id"), nullable=False),
    PrimaryKeyConstraint("delivery_id", "place"),
    # An event goes through a channel once, however often it is enqueued.
    UniqueConstraint("alert", "event_id"),
)

missing = Table(
    "missing",
    metadata,
    # What a page needs and the archive could not get, or has not yet asked for.
    Column("target_id", ForeignKey("targets.id"), primary_key=True, autoincrement=False),
    Column("url", Words, primary_key=True),
    Column("site", Words, nullable=False),
    Column("kind", member(RequisiteKind), nullable=False),
    Column("via", Words, nullable=False),
    Column("encoding", Words, nullable=False),
    Column("depth", Integer, nullable=False),
    Column("outcome", member(Outcome)),
    Column("status", Integer),
    Column("reason", Words, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("since_at", Moment, nullable=False),
    Column("next_try_at", Moment, nullable=False),
    # The last try of a site at an address holds for all its pages.
    Index(None, "site", "url", "next_try_at"),
)

payloads = Table(
    "payloads",
    metadata,
    # One row for each different payload the archive holds whole: what a revisit record must say of
    # the record that has it. No index by file: a file is lost less often than a payload is kept.
    Column("digest", Words, primary_key=True),
    Column("transfer", Words, primary_key=True),
    Column("record_id", Words, nullable=False),
    # Letter by letter as they stand in the record, so no Moment.
    Column("uri", Words, nullable=False),
    Column("date", Words, nullable=False),
    Column("file", Words, nullable=False),
    Column("offset", BigInteger, nullable=False),
)

tallies = Table(
    "tallies",
    metadata,
    # Visits and captures of a site, counted as they are finished: the overview scans nothing.
    Column("site", Words, primary_key=True),
    Column("outcome", member(Outcome), primary_key=True),
    Column("visits", BigInteger, nullable=False),
    Column("captures", BigInteger, nullable=False),
    Column("last_visit_at", Moment, nullable=False),
)

beats = Table(
    "beats",
    metadata,
    # One row: when the service last ran. What comes after it and before the next start was missed.
    Column("name", Words, primary_key=True),
    Column("at", Moment, nullable=False),
)

stoppages = Table(
    "stoppages",
    metadata,
    # A time in which nothing was visited, or nothing of a site or host: one row, whatever was due.
    Column("id", Id, primary_key=True),
    Column("cause", member(Cause), nullable=False),
    Column("site", Words),
    Column("host", Words),
    Column("began_at", Moment, nullable=False),
    # NULL while it lasts.
    Column("ended_at", Moment),
    Index(None, "ended_at"),
)

waits = Table(
    "waits",
    metadata,
    # A target whose planned visit was put off: when it was planned, why, and since when it waits.
    # Taken out by the visit that is made at last.
    Column("target_id", ForeignKey("targets.id"), primary_key=True, autoincrement=False),
    Column("cause", member(Cause), nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("since_at", Moment, nullable=False),
    Column("until_at", Moment),
)

gaps = Table(
    "gaps",
    metadata,
    # Planned visits of a target, one after another, that were not made for one cause.
    Column("id", Id, primary_key=True),
    Column("target_id", ForeignKey("targets.id"), nullable=False),
    Column("site", Words, nullable=False),
    Column("cause", member(Cause), nullable=False),
    Column("first_at", Moment, nullable=False),
    Column("last_at", Moment, nullable=False),
    Column("visits", BigInteger, nullable=False),
    # The visit that ended it.
    Column("visit_id", ForeignKey("visits.id"), nullable=False),
    Index(None, "target_id"),
    Index(None, "visit_id"),
    Index(None, "site", "cause"),
)

habits = Table(
    "habits",
    metadata,
    # What is learnt of a page, for its next look: see crawler/revisit/habits.py. Times are days.
    Column("target_id", ForeignKey("targets.id"), primary_key=True, autoincrement=False),
    Column("site", Words, nullable=False),
    Column("host", Words, nullable=False),
    Column("role", Words, nullable=False),
    Column("born_at", Float, nullable=False),
    Column("importance", Float, nullable=False),
    Column("shape", Float, nullable=False),
    Column("scale", Float, nullable=False),
    Column("looked_at", Float, nullable=False),
    Column("looks", Integer, nullable=False),
    Column("changes", Integer, nullable=False),
    Column("noise", Float, nullable=False),
    Column("lost", Integer, nullable=False),
    Column("hinted_at", Float),
    Column("interval", Float, nullable=False),
    Column("price", Float, nullable=False),
    Column("expected", Float, nullable=False),
    Column("hazard", Float, nullable=False),
    Column("digest", Words, nullable=False),
    Column("stamp", Words, nullable=False, server_default=""),
    Index(None, "site", "target_id"),
    Index(None, "host"),
)

lessons = Table(
    "lessons",
    metadata,
    # What is learnt of many pages together: curves by role, kin and lists by host, prices by site.
    Column("kind", Words, primary_key=True),
    Column("name", Words, primary_key=True),
    Column("facts", Words, nullable=False),
)

marks = Table(
    "marks",
    metadata,
    # How many bytes of a file that is written before the catalogue are taken into it.
    Column("name", Words, primary_key=True),
    Column("taken_bytes", BigInteger, nullable=False),
)
