"""Runs the migrations on the connection that infra.migrate hands over."""

from alembic import context
from sqlalchemy import inspect
from sqlalchemy.schema import CreateSchema

from infra.database import SCHEMA

connection = context.config.attributes["connection"]
if not inspect(connection).has_schema(SCHEMA):
    # Asked first: IF NOT EXISTS would need the right to create it even where it is.
    connection.execute(CreateSchema(SCHEMA, if_not_exists=True))
connection.commit()
context.configure(connection=connection, version_table_schema=SCHEMA, transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()
