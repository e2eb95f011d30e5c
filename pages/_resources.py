"""The handles that every page shares: one of each per process, opened on first use."""

from datetime import UTC, datetime
from pathlib import Path

import streamlit as st
from celery import Celery
from sqlalchemy import Engine

from analytics import choices
from analytics.cache import ViewCache
from analytics.choices import DimensionChoice
from analytics.definitions import all_latest
from analytics.funnels import FunnelDefinition
from analytics.queries import Reader
from analytics.settings import Settings as AnalyticsSettings
from analytics.store import EventStore
from dlq.redaction import Redactor
from dlq.settings import Settings as DlqSettings
from infra.celery_app import create_celery
from infra.database import open_engine
from infra.errors import SettingsError
from infra.redis_client import open_redis
from infra.settings import Settings
from recovery.funnels import Funnels


def now() -> datetime:
    return datetime.now(UTC)


@st.cache_resource
def settings() -> Settings:
    return Settings.from_env()


@st.cache_resource
def engine() -> Engine:
    url = settings().database_url
    if url is None:
        raise SettingsError("DATABASE_URL", "must be set for the dashboard; `make run` sets it.")
    return open_engine(url, pool_size=10)


@st.cache_resource
def celery_client() -> Celery:
    return create_celery(_redis_url())


def _redis_url() -> str:
    url = settings().redis_url
    if url is None:
        raise SettingsError("REDIS_URL", "must be set for the dashboard; `make run` sets it.")
    return url


@st.cache_data
def stylesheet() -> str:
    return (Path(__file__).parent / "style.css").read_text(encoding="utf-8")


@st.cache_resource
def reader() -> Reader:
    analytics = AnalyticsSettings.from_env()
    store = EventStore.open(analytics, settings().home / "events")
    return Reader(engine(), store, memory_bytes=analytics.memory_bytes)


@st.cache_resource
def funnels() -> Funnels:
    return Funnels(reader(), ViewCache(open_redis(_redis_url()), AnalyticsSettings.from_env().cache_seconds))


def definitions() -> list[FunnelDefinition]:
    return [saved.definition for saved in all_latest(engine())]


def dimensions(definition: FunnelDefinition) -> list[DimensionChoice]:
    return choices.dimensions(engine(), definition)


def values(definition: FunnelDefinition, dimension: str) -> list[str]:
    return [choice.value for choice in choices.values(reader(), definition.dimension(dimension))]


@st.cache_resource
def redactor() -> Redactor:
    return Redactor(email=DlqSettings.from_env().redact_email)
