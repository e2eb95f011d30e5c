"""The migrations make the tables that the code describes."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from dlq.tables import metadata

pytestmark = pytest.mark.servers


def is_ours(name, kind, parents):
    return name == "onward" if kind == "schema" else kind != "table" or name.startswith("dead_letter")


def test_tables_columns_and_indexes_are_those_of_the_migrations(database_url):
    # Alembic passes over the default schema, which is that of the user's own name.
    engine = create_engine(database_url, connect_args={"options": "-c search_path=public"})
    with engine.connect() as connection:
        options = {"include_schemas": True, "include_name": is_ours}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
    engine.dispose()
