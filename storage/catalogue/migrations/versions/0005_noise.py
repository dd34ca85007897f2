"""Add what is learnt of a page's noise, and which capture waits for a second fetch."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add two columns; a page of before knows of no noise, and waits for nothing."""
    op.add_column("standings", sa.Column("noise", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("standings", sa.Column("twin_capture_id", ID))
