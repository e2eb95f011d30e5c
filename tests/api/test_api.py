"""The REST routes behind the guard, as a signed-in browser reaches them."""

import dataclasses
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from analytics.question import Question
from analytics.views.funnel import FUNNEL as FUNNEL_VIEW
from infra import audit
from infra.access.roles import Person, Role
from tests.dlq import builders
from tests.pages.conftest import SIGN_UP

pytestmark = pytest.mark.servers

OURS = {"origin": "http://testserver"}
FUNNEL = "/api/v1/onboarding/analytics/funnel/"
TASKS = "/api/v1/admin/dlq/tasks/"


def test_the_funnel_is_the_record_that_the_page_shows(world, sign_in, funnels):
    world.funnel()
    world.session("a", "visited", "signed up", "paid")
    world.session("b", "visited")
    world.sync()
    answer = sign_in(Role.VIEWER).get(FUNNEL, params={"name": "sign-up", "by": "device"})
    question = Question(breakdown=("device",))
    view = funnels.view(
        Person("ada", Role.VIEWER), FUNNEL_VIEW, SIGN_UP, question, now=datetime.now(UTC)
    ).view
    assert (answer.json()["entered"], answer.json()["converted"]) == (2, 1)
    assert answer.json()["steps"] == [dataclasses.asdict(step) for step in view.steps]


def test_a_range_selects_the_days_of_entry(world, sign_in):
    world.funnel()
    world.session("a", "visited")
    world.session("b", "visited", days=5)
    world.sync()
    answer = sign_in(Role.VIEWER).get(
        FUNNEL, params={"name": "sign-up", "from": "2026-03-07", "to": "2026-03-07"}
    )
    assert answer.json()["entered"] == 1


def test_an_unknown_funnel_is_named_with_those_that_are_saved(world, sign_in):
    world.funnel()
    answer = sign_in(Role.VIEWER).get(FUNNEL, params={"name": "signup"})
    assert answer.status_code == 404
    assert "did you mean 'sign-up'" in answer.json()["detail"]


def test_letters_are_listed_masked_and_found_by_task(world, sign_in):
    world.letter(task_id="t1", body=builders.body_of("s1", password="hunter2"))
    client = sign_in(Role.OPERATOR)
    assert [letter["task_id"] for letter in client.get(TASKS).json()["tasks"]] == ["t1"]
    detail = client.get(f"{TASKS}t1/")
    assert detail.json()["letter"]["task_name"] == "shop.pay"
    assert "hunter2" not in detail.text
    assert client.get(f"{TASKS}t2/").status_code == 404


def test_a_retry_is_queued_once_and_audited(world, sign_in, published):
    world.letter(task_id="t1")
    client = sign_in(Role.OPERATOR)
    answer = client.post(f"{TASKS}t1/retry/", headers=OURS)
    queued = {"status": "queued", "task_id": published[0].headers["id"], "is_published": True}
    assert answer.json() == queued
    assert client.post(f"{TASKS}t1/retry/", headers=OURS).status_code == 409
    assert len(published) == 1
    with world.engine.connect() as connection:
        retries = select(audit.audit_entry).where(audit.audit_entry.c.action == "letter.retry")
        assert [entry.actor for entry in connection.execute(retries)] == ["ada"]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST])
def test_letters_are_not_for_every_role(world, sign_in, published, role):
    world.letter(task_id="t1")
    client = sign_in(role)
    assert client.get(TASKS).status_code == 403
    assert client.get(f"{TASKS}t1/").status_code == 403
    assert client.post(f"{TASKS}t1/retry/", headers=OURS).status_code == 403
    assert published == []


def test_a_retry_from_another_site_is_refused(world, sign_in, published):
    world.letter(task_id="t1")
    answer = sign_in(Role.ADMIN).post(f"{TASKS}t1/retry/", headers={"origin": "http://evil.example"})
    assert answer.status_code == 403
    assert published == []


def test_nothing_answers_without_a_session(client):
    assert {client.get(path).status_code for path in (FUNNEL, TASKS, f"{TASKS}t1/")} == {401}


def test_an_unknown_api_path_is_not_a_page(sign_in):
    assert sign_in(Role.ADMIN).get("/api/v2/anything").status_code == 404


def test_e_mail_addresses_are_masked_when_the_setting_says_so(world, sign_in):
    world.letter(task_id="t1", body=builders.body_of("bob@example.com"))
    assert "bob@example.com" not in sign_in(Role.OPERATOR).get(f"{TASKS}t1/").text
