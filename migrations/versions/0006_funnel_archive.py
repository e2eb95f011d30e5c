"""Which funnels are no longer offered."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "funnel_archive",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("archived_by", sa.Text, nullable=False),
        schema="onward",
    )
