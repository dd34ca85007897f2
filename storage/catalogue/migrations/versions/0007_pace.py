"""Add at what pace each page is looked at, by which those that are due take their turns."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; pages of before are of one pace until they are planned anew."""
    op.add_column("targets", sa.Column("pace", sa.Integer(), nullable=False, server_default="0"))
    op.create_index("ix_targets_host_pace_queue_at", "targets", ["host", "pace", "queue_at"])
