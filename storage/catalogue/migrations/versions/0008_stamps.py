"""Add what the server of a page said last of when it changed."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; of pages of before nothing was noted."""
    op.add_column("habits", sa.Column("stamp", sa.Text(), nullable=False, server_default=""))
