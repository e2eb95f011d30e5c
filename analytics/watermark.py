"""How far a sync may read: a transaction id below which every transaction of this database has ended.

Ids are given out at the start of a transaction and become visible at its end, in any order. A snapshot lists
those that run, in all databases of the server. One that runs in another database cannot write our events and
need not hold us back; but only what the server says positively to be elsewhere is left out. That is exact: an
id from the snapshot that a backend still holds when asked afterwards was this backend's all along, and a
backend never changes its database. The ids of subtransactions play no part: an event carries the id of the
whole transaction.
"""

from sqlalchemy import Connection, text

_SNAPSHOT = text("SELECT pg_current_snapshot()::text")
_OLDEST_OF_OURS = text("""
    SELECT coalesce(
        (SELECT running.id::text FROM pg_snapshot_xip(CAST(:snapshot AS pg_snapshot)) AS running(id)
         WHERE NOT EXISTS (
             SELECT FROM pg_stat_activity backend
             WHERE backend.backend_xid = running.id::xid AND backend.datname <> current_database())
           AND NOT EXISTS (
             SELECT FROM pg_prepared_xacts prepared
             WHERE prepared.transaction = running.id::xid AND prepared.database <> current_database())
         ORDER BY running.id LIMIT 1),
        pg_snapshot_xmax(CAST(:snapshot AS pg_snapshot))::text)
""")


def safe_limit(connection: Connection) -> str:
    """Below this transaction id everything has ended: committed for good, or never to be seen.

    To be asked at the start of a transaction that has not written yet, and before what is read up to it.
    """
    snapshot = connection.execute(_SNAPSHOT).scalar_one()
    connection.execute(text("SELECT pg_stat_clear_snapshot()"))
    return str(connection.execute(_OLDEST_OF_OURS, {"snapshot": snapshot}).scalar_one())
