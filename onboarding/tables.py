"""The flow's own state. What the dashboard counts is the event record, written in the same transactions."""

from sqlalchemy import Boolean, Column, DateTime, Float, Index, MetaData, Table, Text, func
from sqlalchemy.dialects.postgresql import JSONB

from infra.database import SCHEMA

metadata = MetaData(schema=SCHEMA)

onboarding_session = Table(
    "onboarding_session",
    metadata,
    Column("id", Text, primary_key=True),
    Column("client_id", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("first_time", Boolean, nullable=False),
    Column("stage", Text, nullable=False),
    Column("checkpoint", JSONB, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("advanced_at", DateTime(timezone=True), nullable=False),
    Index("onboarding_session_stage", "stage", "advanced_at"),
)

onboarding_fault = Table(
    "onboarding_fault",
    metadata,
    Column("name", Text, primary_key=True),
    Column("share", Float, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("changed_by", Text, nullable=False),
)
