"""When each name last happened in a file, which tells on which day a funnel was last entered.

For files written before, it is the time of their last event until they are written again.
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        UPDATE onward.event_partition
        SET profile = profile || jsonb_build_object(
            'newest_ms',
            (SELECT jsonb_object_agg(name, last_ms) FROM jsonb_object_keys(profile -> 'names') AS name)
        )
        """
    )
