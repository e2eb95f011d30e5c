"""What pages read of the process they run in, and the choices that their filters offer."""

from datetime import UTC, datetime
from pathlib import Path

import streamlit as st
from sqlalchemy import Engine

from analytics.choices import DimensionChoice
from analytics.definitions import all_latest
from analytics.funnels import FunnelDefinition
from dlq.broker.control import BrokerControl
from dlq.broker.watch import BrokerWatch
from dlq.redaction import Redactor
from dlq.retries.retry import RetryClient
from dlq.sealing import Sealer
from infra.access.roles import Person
from recovery.dashboard import dashboard
from recovery.funnels import Funnels
from recovery.wording import Wording


def now() -> datetime:
    return datetime.now(UTC)


def engine() -> Engine:
    return dashboard().engine


def funnels() -> Funnels:
    return dashboard().funnels


def wording() -> Wording:
    return dashboard().wording


def retries() -> RetryClient:
    return dashboard().retries


def redactor() -> Redactor:
    return dashboard().redactor


def sealer() -> Sealer:
    return dashboard().sealer


def watch() -> BrokerWatch:
    return dashboard().watch


def control() -> BrokerControl:
    return dashboard().control


def definitions() -> list[FunnelDefinition]:
    return [saved.definition for saved in all_latest(engine())]


def dimensions(by: Person, definition: FunnelDefinition) -> list[DimensionChoice]:
    return funnels().dimensions(by, definition)


def values(by: Person, definition: FunnelDefinition, dimension: str) -> list[str]:
    return [choice.value for choice in funnels().values(by, definition.dimension(dimension))]


@st.cache_data
def stylesheet() -> str:
    return (Path(__file__).parent / "style.css").read_text(encoding="utf-8")
