"""Words to search by, sums of letters kept by triggers, and an index for every filter.

The column `traceback` goes: each attempt has its own. `search_text` becomes words.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

SCHEMA = "onward"

_EXISTING_WORDS = """
    INSERT INTO onward.dead_letter_words (letter_id, failed_at_ms, words)
    SELECT letter.id, letter.last_failed_at_ms, array_to_tsvector(array_agg(DISTINCT left(found.word, 500)))
    FROM onward.dead_letter AS letter
    CROSS JOIN LATERAL (
        SELECT regexp_split_to_table(
            lower(concat_ws(' ', letter.search_text, letter.queue, letter.kind, letter.category)),
            '[^[:alnum:]]+'
        ) AS word
        UNION ALL
        SELECT lower(id) AS word
        FROM unnest(ARRAY[letter.task_id, letter.fingerprint, letter.session_id, letter.client_id,
                          letter.correlation_id, letter.task_name, letter.exception_type, letter.queue,
                          letter.kind, letter.category]) AS id
    ) AS found
    WHERE found.word <> ''
    GROUP BY letter.id
"""

_EXISTING_SUMS = """
    INSERT INTO onward.dead_letter_tally
        (bucket_ms, fingerprint, status, kind, category, task_name, exception_type, queue, letters, grain)
    SELECT first_failed_at_ms / 3600000 * 3600000,
           fingerprint, status, kind, category, task_name, exception_type, queue, count(*), 'hour'
    FROM onward.dead_letter
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
"""

_TALLIED = """
    CREATE FUNCTION onward.dead_letter_tallied() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' THEN
            INSERT INTO onward.dead_letter_tally
                (bucket_ms, fingerprint, status, kind, category, task_name, exception_type, queue, letters)
            SELECT first_failed_at_ms / 3600000 * 3600000,
                   fingerprint, status, kind, category, task_name, exception_type, queue, count(*)
            FROM after_change
            GROUP BY 1, 2, 3, 4, 5, 6, 7, 8;
        ELSIF TG_OP = 'DELETE' THEN
            INSERT INTO onward.dead_letter_tally
                (bucket_ms, fingerprint, status, kind, category, task_name, exception_type, queue, letters)
            SELECT first_failed_at_ms / 3600000 * 3600000,
                   fingerprint, status, kind, category, task_name, exception_type, queue, -count(*)
            FROM before_change
            GROUP BY 1, 2, 3, 4, 5, 6, 7, 8;
        ELSIF TG_OP = 'TRUNCATE' THEN
            DELETE FROM onward.dead_letter_tally;
        ELSE
            INSERT INTO onward.dead_letter_tally
                (bucket_ms, fingerprint, status, kind, category, task_name, exception_type, queue, letters)
            SELECT first_failed_at_ms / 3600000 * 3600000,
                   fingerprint, status, kind, category, task_name, exception_type, queue, sum(change)
            FROM (
                SELECT first_failed_at_ms,
                       fingerprint, status, kind, category, task_name, exception_type, queue, 1 AS change
                FROM after_change
                UNION ALL
                SELECT first_failed_at_ms,
                       fingerprint, status, kind, category, task_name, exception_type, queue, -1
                FROM before_change
            ) AS changed
            GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
            HAVING sum(change) <> 0;
        END IF;
        RETURN NULL;
    END $$
"""

_TRIGGER = """
    CREATE TRIGGER dead_letter_tally_{event} AFTER {event} ON onward.dead_letter
    {tables} FOR EACH STATEMENT EXECUTE FUNCTION onward.dead_letter_tallied()
"""
_BEFORE, _AFTER = "OLD TABLE AS before_change", "NEW TABLE AS after_change"
_EVENTS = (
    ("insert", f"REFERENCING {_AFTER}"),
    ("update", f"REFERENCING {_BEFORE} {_AFTER}"),
    ("delete", f"REFERENCING {_BEFORE}"),
    ("truncate", ""),
)


def upgrade() -> None:
    _words()
    _tally()
    _indexes()
    op.drop_column("dead_letter", "search_text", schema=SCHEMA)
    op.drop_column("dead_letter", "traceback", schema=SCHEMA)


def _words() -> None:
    op.create_table(
        "dead_letter_words",
        sa.Column(
            "letter_id",
            sa.BigInteger,
            sa.ForeignKey(f"{SCHEMA}.dead_letter.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("failed_at_ms", sa.BigInteger, nullable=False),
        sa.Column("words", TSVECTOR, nullable=False),
        schema=SCHEMA,
    )
    op.execute(_EXISTING_WORDS)
    op.create_index(
        "ix_dead_letter_words_newest",
        "dead_letter_words",
        [sa.text("failed_at_ms DESC"), sa.text("letter_id DESC")],
        schema=SCHEMA,
    )
    op.create_index(
        "ix_dead_letter_words_words",
        "dead_letter_words",
        ["words"],
        schema=SCHEMA,
        postgresql_using="gin",
        postgresql_with={"gin_pending_list_limit": "512"},
    )


def _tally() -> None:
    op.create_table(
        "dead_letter_tally",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("grain", sa.Text, nullable=False, server_default="change"),
        sa.Column("bucket_ms", sa.BigInteger, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("task_name", sa.Text, nullable=False),
        sa.Column("exception_type", sa.Text, nullable=False),
        sa.Column("queue", sa.Text, nullable=False),
        sa.Column("letters", sa.Integer, nullable=False),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_dead_letter_tally_fingerprint", "dead_letter_tally", ["fingerprint", "bucket_ms"], schema=SCHEMA
    )
    op.create_index("ix_dead_letter_tally_grain", "dead_letter_tally", ["grain", "bucket_ms"], schema=SCHEMA)
    op.execute(_EXISTING_SUMS)
    op.execute(_TALLIED)
    for event, tables in _EVENTS:
        op.execute(_TRIGGER.format(event=event, tables=tables))


def _indexes() -> None:
    newest = [sa.text("last_failed_at_ms DESC"), sa.text("id DESC")]
    for column in ("kind", "category"):
        op.create_index(f"ix_dead_letter_{column}", "dead_letter", [column, *newest], schema=SCHEMA)
    op.create_index(
        "ix_dead_letter_client",
        "dead_letter",
        ["client_id", "status", *newest],
        schema=SCHEMA,
        postgresql_where=sa.text("client_id IS NOT NULL"),
    )
    op.create_index(
        "ix_dead_letter_operation_id",
        "dead_letter",
        ["operation_id", "status", *newest],
        schema=SCHEMA,
        postgresql_where=sa.text("operation_id IS NOT NULL"),
    )
    op.create_index("ix_dead_letter_run", "dead_letter", ["fingerprint", "status", *newest], schema=SCHEMA)
    op.create_index(
        "ix_dead_letter_open",
        "dead_letter",
        newest,
        schema=SCHEMA,
        postgresql_where=sa.text("status IN ('dead', 'retrying', 'poisoned')"),
    )
    op.create_index(
        "ix_dead_letter_failed",
        "dead_letter",
        ["id"],
        schema=SCHEMA,
        postgresql_where=sa.text("status IN ('dead', 'poisoned')"),
    )
    op.create_index(
        "ix_dead_letter_blocked",
        "dead_letter",
        ["fingerprint", "session_id"],
        schema=SCHEMA,
        postgresql_where=sa.text("status IN ('dead', 'retrying', 'poisoned') AND session_id IS NOT NULL"),
    )
    for status in ("resolved", "discarded"):
        op.create_index(
            f"ix_dead_letter_{status}",
            "dead_letter",
            [f"{status}_at_ms"],
            schema=SCHEMA,
            postgresql_where=sa.text(f"status = '{status}'"),
        )
