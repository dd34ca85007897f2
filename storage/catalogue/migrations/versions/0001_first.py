"""Make the tables of the first release."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Types are spelled out here, not taken from tables.py: a step stays what it was when it was released.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables, parents first."""
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("alert", sa.Text(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("gathers", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("holds_up", sa.Boolean(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
    )
    op.create_index("ix_deliveries_alert_next_try_at", "deliveries", ["alert", "next_try_at"])
    op.create_index("ix_deliveries_state_next_try_at", "deliveries", ["state", "next_try_at"])
    op.create_table(
        "hosts",
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("head_due_at", sa.DateTime(timezone=True)),
        sa.Column("next_ok_at", sa.DateTime(timezone=True)),
        sa.Column("lease_worker", sa.Text()),
        sa.Column("lease_until", sa.DateTime(timezone=True)),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("asleep_until", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("host", name="pk_hosts"),
    )
    op.create_index(
        "ix_hosts_asleep",
        "hosts",
        ["asleep_until"],
        sqlite_where=sa.text("asleep_until IS NOT NULL"),
        postgresql_where=sa.text("asleep_until IS NOT NULL"),
    )
    op.create_index(
        "ix_hosts_awake",
        "hosts",
        ["head_due_at"],
        sqlite_where=sa.text("asleep_until IS NULL"),
        postgresql_where=sa.text("asleep_until IS NULL"),
    )
    op.create_table(
        "payloads",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("transfer", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("date", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", "transfer", name="pk_payloads"),
    )
    op.create_table(
        "sites",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("from_file", sa.Boolean(), nullable=False),
        sa.Column("gone", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_sites"),
    )
    op.create_table(
        "tallies",
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("visits", sa.BigInteger(), nullable=False),
        sa.Column("captures", sa.BigInteger(), nullable=False),
        sa.Column("last_visit_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("site", "outcome", name="pk_tallies"),
    )
    op.create_table(
        "targets",
        sa.Column("id", ID, nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("found_by", sa.String(32), nullable=False),
        sa.Column("found_on", sa.Text()),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("every", sa.Text()),
        sa.Column("robots", sa.String(32)),
        sa.Column("muted", sa.Boolean(), nullable=False),
        sa.Column("read_as", sa.Text()),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("queue_at", sa.DateTime(timezone=True)),
        sa.Column("last_visit_at", sa.DateTime(timezone=True)),
        sa.Column("last_outcome", sa.String(32)),
        sa.Column("last_status", sa.Integer()),
        sa.PrimaryKeyConstraint("id", name="pk_targets"),
        sa.UniqueConstraint("url", name="uq_targets_url"),
    )
    op.create_index("ix_targets_host_queue_at", "targets", ["host", "queue_at"])
    op.create_index("ix_targets_queue_at_site", "targets", ["queue_at", "site"])
    op.create_index("ix_targets_site_state", "targets", ["site", "state"])
    op.create_index("ix_targets_found_on", "targets", ["found_on"])
    op.create_table(
        "texts",
        sa.Column("id", ID, nullable=False),
        sa.Column("target_id", ID, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("article", sa.Text(), nullable=False),
        sa.UniqueConstraint("target_id", "digest", name="uq_texts_target_id_digest"),
        sa.ForeignKeyConstraint(["target_id"], ["targets.id"], name="fk_texts_target_id"),
        sa.PrimaryKeyConstraint("id", name="pk_texts"),
    )
    op.create_table(
        "visits",
        sa.Column("id", ID, nullable=False),
        sa.Column("target_id", ID, nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("read_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["target_id"], ["targets.id"], name="fk_visits_target_id"),
        sa.PrimaryKeyConstraint("id", name="pk_visits"),
    )
    op.create_index("ix_visits_host_finished_at", "visits", ["host", "finished_at"])
    op.create_index("ix_visits_site_finished_at", "visits", ["site", "finished_at"])
    op.create_index("ix_visits_target_id", "visits", ["target_id"])
    op.create_index(
        "ix_visits_unread",
        "visits",
        ["site", "id"],
        sqlite_where=sa.text("read_at IS NULL"),
        postgresql_where=sa.text("read_at IS NULL"),
    )
    op.create_table(
        "captures",
        sa.Column("id", ID, nullable=False),
        sa.Column("visit_id", ID, nullable=False),
        sa.Column("target_id", ID, nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("hop", sa.Integer(), nullable=False),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("content_type", sa.Text()),
        sa.Column("location", sa.Text()),
        sa.Column("address", sa.Text()),
        sa.Column("record_file", sa.Text()),
        sa.Column("record_offset", sa.BigInteger()),
        sa.Column("record_length", sa.BigInteger()),
        sa.Column("record_digest", sa.Text()),
        sa.Column("request_file", sa.Text()),
        sa.Column("request_offset", sa.BigInteger()),
        sa.Column("request_length", sa.BigInteger()),
        sa.Column("request_digest", sa.Text()),
        sa.Column("record_id", sa.Text()),
        sa.Column("refers_to", sa.Text()),
        sa.Column("transfer", sa.Text(), nullable=False),
        sa.Column("payload_digest", sa.Text()),
        sa.Column("payload_bytes", sa.BigInteger(), nullable=False),
        sa.Column("truncated", sa.String(32)),
        sa.Column("text_id", ID),
        sa.ForeignKeyConstraint(["visit_id"], ["visits.id"], name="fk_captures_visit_id"),
        sa.ForeignKeyConstraint(["target_id"], ["targets.id"], name="fk_captures_target_id"),
        sa.ForeignKeyConstraint(["text_id"], ["texts.id"], name="fk_captures_text_id"),
        sa.PrimaryKeyConstraint("id", name="pk_captures"),
    )
    op.create_index("ix_captures_site_captured_at", "captures", ["site", "captured_at"])
    op.create_index(
        "ix_captures_target_id_captured_at_role_outcome",
        "captures",
        ["target_id", "captured_at", "role", "outcome"],
    )
    op.create_index("ix_captures_url_captured_at", "captures", ["url", "captured_at"])
    op.create_index("ix_captures_visit_id", "captures", ["visit_id"])
    op.create_table(
        "events",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("target_id", ID),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("axis", sa.String(32), nullable=False),
        sa.Column("alert", sa.String(32), nullable=False),
        sa.Column("severity", sa.String(32), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True)),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("phase", sa.String(32)),
        sa.Column("capture_id", ID),
        sa.Column("before_capture_id", ID),
        sa.Column("findings", sa.Text(), nullable=False),
        sa.Column("looks", sa.Text(), nullable=False),
        sa.Column("diff", sa.Text(), nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["target_id"], ["targets.id"], name="fk_events_target_id"),
        sa.ForeignKeyConstraint(["capture_id"], ["captures.id"], name="fk_events_capture_id"),
        sa.ForeignKeyConstraint(
            ["before_capture_id"], ["captures.id"], name="fk_events_before_capture_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
    )
    op.create_index("ix_events_site_told_at", "events", ["site", "told_at"])
    op.create_index("ix_events_told_at", "events", ["told_at"])
    op.create_index("ix_events_url_told_at", "events", ["url", "told_at"])
    op.create_table(
        "missing",
        sa.Column("target_id", ID, autoincrement=False, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("via", sa.Text(), nullable=False),
        sa.Column("encoding", sa.Text(), nullable=False),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(32)),
        sa.Column("status", sa.Integer()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("since_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["target_id"], ["targets.id"], name="fk_missing_target_id"),
        sa.PrimaryKeyConstraint("target_id", "url", name="pk_missing"),
    )
    op.create_index(
        "ix_missing_site_url_next_try_at", "missing", ["site", "url", "next_try_at"]
    )
    op.create_table(
        "standings",
        sa.Column("target_id", ID, autoincrement=False, nullable=False),
        sa.Column("phase", sa.String(32), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("since_at", sa.DateTime(timezone=True)),
        sa.Column("looks", sa.Text(), nullable=False),
        sa.Column("good_capture_id", ID),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.Column("told_kind", sa.Text(), nullable=False),
        sa.Column("relook_at", sa.DateTime(timezone=True)),
        sa.Column("moved_to", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["target_id"], ["targets.id"], name="fk_standings_target_id"),
        sa.ForeignKeyConstraint(
            ["good_capture_id"], ["captures.id"], name="fk_standings_good_capture_id"
        ),
        sa.PrimaryKeyConstraint("target_id", name="pk_standings"),
    )
    op.create_index("ix_standings_phase", "standings", ["phase"])
    op.create_table(
        "delivery_events",
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("alert", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.UniqueConstraint("alert", "event_id", name="uq_delivery_events_alert_event_id"),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["deliveries.id"], name="fk_delivery_events_delivery_id"
        ),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name="fk_delivery_events_event_id"),
        sa.PrimaryKeyConstraint("delivery_id", "place", name="pk_delivery_events"),
    )
