"""No secret leaves with a dead letter, wherever in its message or failure it stands and by whichever door."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from celery import Celery
from cryptography.fernet import Fernet
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from starlette.testclient import TestClient

from api.export_routes import export_routes
from api.letter_routes import letter_routes
from dlq import console, versions
from dlq.__main__ import main
from dlq.groups import console as groups
from dlq.redaction import Redactor
from dlq.retries.retry import RetryClient
from dlq.sealing import Sealer
from dlq.tables import dead_letter_words
from dlq.times import utc_now
from infra import audit
from infra.access.roles import Person, Role
from recovery.exports.table import Sources
from tests.dlq import builders
from tests.dlq.builders import UNSEALED, body_of, envelope, failure
from tests.dlq.planted import planted

pytestmark = pytest.mark.servers

ADA = Person("ada", Role.ADMIN)
REDACTOR = Redactor()
KEY = Fernet.generate_key().decode()
SEALER = Sealer((KEY,))


@pytest.fixture
def doors(engine, database_url, redis_url, monkeypatch, capsys):
    """Everything that is shown of one letter, as one text."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REDIS_URL", redis_url)

    def shown(letter_id, sealer):
        return "\n".join(
            [*_told(engine, letter_id, sealer), *_answered(engine, sealer), *_printed(letter_id, capsys)]
        )

    return shown


def _told(engine, letter_id, sealer):
    retries = RetryClient(
        engine, Celery("x", set_as_current=False), audit.record, publish=print, sealer=sealer
    )
    yield repr(console.letters(engine, ADA, redactor=REDACTOR))
    yield repr(console.letter(engine, ADA, letter_id, redactor=REDACTOR, sealer=sealer))
    yield repr(versions.versions(engine, ADA, letter_id, redactor=REDACTOR, sealer=sealer))
    yield repr(groups.groups(engine, ADA, redactor=REDACTOR, now=datetime.now(UTC)))
    yield repr(retries.preview(letter_id, ADA))
    with engine.connect() as connection:
        yield repr(connection.execute(select(dead_letter_words.c.words)).all())


def _answered(engine, sealer):
    api = FastAPI()
    api.include_router(export_routes(Sources(engine, None, REDACTOR, None, lambda: datetime.now(UTC))))
    api.include_router(letter_routes(engine, None, REDACTOR, sealer, utc_now))

    @api.middleware("http")
    async def as_ada(request, go_on):
        request.state.person = ADA
        return await go_on(request)

    client = TestClient(api)
    for path in ("tasks/", "tasks/t1/", "tasks/export.csv", "groups/export.csv"):
        answer = client.get(f"/admin/dlq/{path}")
        assert answer.status_code == 200
        yield answer.text


def _printed(letter_id, capsys):
    for command in (["list"], ["list", "--json"], ["show", str(letter_id), "--json"], ["stats", "--json"]):
        assert main(command) == 0
        yield capsys.readouterr().out


@settings(
    max_examples=20,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking runs every door again, for minutes
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    secret=planted(),
    place=st.sampled_from(["args", "kwargs", "headers", "message", "traceback", "callbacks"]),
    sealer=st.sampled_from([UNSEALED, SEALER]),
)
def test_a_secret_anywhere_in_a_letter_is_shown_nowhere(engine, doors, monkeypatch, secret, place, sealer):
    value, mark = secret
    said = value if isinstance(value, str) else repr(value)
    message = envelope(
        body=body_of(
            *([value] if place == "args" else []),
            options={"callbacks": [{"task": "x", "kwargs": {"v": value}}]} if place == "callbacks" else {},
            **({"order": value} if place == "kwargs" else {}),
        ),
        headers={"order": value, "argsrepr": repr((value,))} if place == "headers" else {},
    )
    how = failure(message=said if place == "message" else "no such plan")
    if place == "traceback":
        how = replace(how, traceback=f"Traceback (most recent call last):\n  in pay\nValueError: {said}")
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE onward.dead_letter, onward.dead_letter_group CASCADE"))
    letter_id = builders.fail(engine, message, how, sealer)
    monkeypatch.setenv("DLQ_ENCRYPTION_KEY", "" if sealer is UNSEALED else KEY)
    shown = doors(letter_id, sealer)
    assert shown.count("shop.pay") > 10, "every door shows the letter"
    assert mark not in shown
