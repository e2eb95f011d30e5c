"""The metadata that all tables of this package hang on."""

from sqlalchemy import MetaData

from infra.database import SCHEMA

metadata = MetaData(schema=SCHEMA)
