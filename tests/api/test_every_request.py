"""Requests invented from the description: none breaks a route, none is answered in a way it does not name."""

import os
from datetime import UTC, datetime

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from infra.access import tokens
from infra.access.roles import Person, Role
from tests.access.people import ROOT

pytestmark = pytest.mark.servers

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


#: Of each route; `EXAMPLES=500` asks more, as docs/rest.md says.
EXAMPLES = int(os.environ.get("EXAMPLES", "8"))


@pytest.fixture
def described(world, engine, client):
    world.funnel()
    world.session("s1", "visited", "signed up")
    world.sync()
    world.letter(task_id="t1")
    token = tokens.create(engine, ROOT, Person("asker", Role.ADMIN), "tests", days=1, now=datetime.now(UTC))
    signed = {"authorization": f"Bearer {token}"}
    return schemathesis.openapi.from_asgi("/api/v1/openapi.json", client.app, headers=signed), signed


def test_any_request_is_answered_as_described(described):
    schema, signed = described
    asked = 0
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in GenerationMode)))
        def ask(case):
            nonlocal asked
            asked += 1
            answer = case.call(headers=signed)
            case.validate_response(answer, checks=CHECKS)

        ask()
    assert asked > 100
