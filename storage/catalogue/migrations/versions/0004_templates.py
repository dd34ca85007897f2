"""Add what the pages of a site have taught the reader of their articles."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; no row means that nothing was learnt of a site yet."""
    op.create_table(
        "templates",
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("site", name="pk_templates"),
    )
