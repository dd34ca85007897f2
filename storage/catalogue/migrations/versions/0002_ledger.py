"""Add the ledger of visits that were planned and not made."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the four tables of the ledger."""
    op.create_table(
        "beats",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_beats"),
    )
    op.create_table(
        "stoppages",
        sa.Column("id", ID, nullable=False),
        sa.Column("cause", sa.String(32), nullable=False),
        sa.Column("site", sa.Text()),
        sa.Column("host", sa.Text()),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_stoppages"),
    )
    op.create_index("ix_stoppages_ended_at", "stoppages", ["ended_at"])
    op.create_table(
        "waits",
        sa.Column("target_id", ID, autoincrement=False, nullable=False),
        sa.Column("cause", sa.String(32), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("since_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["target_id"], ["targets.id"], name="fk_waits_target_id"),
        sa.PrimaryKeyConstraint("target_id", name="pk_waits"),
    )
    op.create_table(
        "gaps",
        sa.Column("id", ID, nullable=False),
        sa.Column("target_id", ID, nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("cause", sa.String(32), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("visits", sa.BigInteger(), nullable=False),
        sa.Column("visit_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["target_id"], ["targets.id"], name="fk_gaps_target_id"),
        sa.ForeignKeyConstraint(["visit_id"], ["visits.id"], name="fk_gaps_visit_id"),
        sa.PrimaryKeyConstraint("id", name="pk_gaps"),
    )
    op.create_index("ix_gaps_site_cause", "gaps", ["site", "cause"])
    op.create_index("ix_gaps_target_id", "gaps", ["target_id"])
    op.create_index("ix_gaps_visit_id", "gaps", ["visit_id"])
