"""The audit becomes a chain that is only added to; a sync may be run by a login that owns no table.

Entries that are there already are linked in the order of their numbers.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

SCHEMA = "onward"

_LINKING = """
    CREATE FUNCTION onward.audit_append(entry onward.audit_entry) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
        last onward.audit_link;
        content text;
    BEGIN
        -- One at a time, until the transaction has ended: the next one must see this link.
        PERFORM pg_advisory_xact_lock(1869510497);
        SELECT * INTO last FROM onward.audit_link ORDER BY number DESC LIMIT 1;
        SELECT string_agg(coalesce(length(field) || ':' || field, '-'), ',' ORDER BY place) INTO content
        FROM unnest(ARRAY[
            entry.id::text, trim_scale(extract(epoch FROM entry.at) * 1000000)::text, entry.actor,
            entry.action, entry.subject, entry.before::text, entry.after::text, entry.source
        ]) WITH ORDINALITY AS written(field, place);
        INSERT INTO onward.audit_link (number, entry_id, previous, digest)
        SELECT coalesce(last.number, 0) + 1, entry.id, before.digest,
               sha256(before.digest || convert_to(content, 'UTF8'))
        FROM (SELECT coalesce(last.digest, decode(repeat('00', 32), 'hex')) AS digest) AS before;
    END $$
"""
_LINKED = """
    CREATE FUNCTION onward.audit_linked() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
        PERFORM onward.audit_append(NEW);
        RETURN NULL;
    END $$
"""
_LINK_AT_COMMIT = """
    CREATE CONSTRAINT TRIGGER audit_entry_linked AFTER INSERT ON onward.audit_entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION onward.audit_linked()
"""
_REFUSAL = """
    CREATE FUNCTION onward.audit_refuses() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE insufficient_privilege USING MESSAGE = format('%s is only added to', TG_TABLE_NAME);
    END $$
"""
_REFUSE = """
    CREATE TRIGGER {table}_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON onward.{table}
    FOR EACH STATEMENT EXECUTE FUNCTION onward.audit_refuses()
"""
_EXISTING = """
    DO $$
    DECLARE
        entry onward.audit_entry;
    BEGIN
        FOR entry IN SELECT * FROM onward.audit_entry ORDER BY id LOOP
            PERFORM onward.audit_append(entry);
        END LOOP;
    END $$
"""
_ANALYZED = """
    CREATE FUNCTION onward.analyze_event_sync_session() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
        ANALYZE onward.event_sync_session;
    END $$
"""


def upgrade() -> None:
    op.create_table(
        "audit_link",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("entry_id", sa.BigInteger, nullable=False, unique=True),
        sa.Column("previous", sa.LargeBinary, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        schema=SCHEMA,
    )
    # Newest first, of one actor, of one subject: what the page asks, each walked by key.
    for name in ("actor", "action", "subject"):
        op.create_index(f"audit_entry_{name}_id", "audit_entry", [name, "id"], schema=SCHEMA)
    for statement in (_LINKING, _LINKED, _REFUSAL, _EXISTING, _LINK_AT_COMMIT, _ANALYZED):
        op.execute(statement)
    for table in ("audit_entry", "audit_link"):
        op.execute(_REFUSE.format(table=table))
    op.execute("REVOKE EXECUTE ON FUNCTION onward.audit_append(onward.audit_entry) FROM PUBLIC")
