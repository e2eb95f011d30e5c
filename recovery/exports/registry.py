"""All tables that can be exported, by name."""

from collections.abc import Mapping

from recovery.exports import audit, broker, definitions, letters, people, sessions, views
from recovery.exports.errors import UnknownTable
from recovery.exports.table import Table

TABLES: Mapping[str, Table] = {
    table.name: table
    for module in (views, sessions, letters, broker, definitions, people, audit)
    for table in module.TABLES
}


def table_named(name: str) -> Table:
    """Raises UnknownTable."""
    if name not in TABLES:
        raise UnknownTable(name, TABLES)
    return TABLES[name]
