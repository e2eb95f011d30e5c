"""REST for somebody who is restricted to one of two clients."""

import pytest
import redis

from infra.access.roles import Role
from tests.recovery.two_clients import TwoClients

pytestmark = pytest.mark.servers

SAME_SITE = {"origin": "http://testserver"}
TASKS = "/api/v1/admin/dlq/tasks/"
ANALYTICS = "/api/v1/onboarding/analytics/"
FUNNEL = {"name": "sign-up"}


@pytest.fixture
def rita(engine, redis_url, tmp_path, sign_in):
    with redis.Redis.from_url(redis_url) as client:
        both = TwoClients(engine, client, tmp_path)
        both.of_acme()
        both.of_others()
        yield sign_in(Role.OPERATOR, clients=frozenset({"acme"}))


def test_every_list_and_file_holds_what_is_theirs_alone(rita):
    for path, query in (
        (TASKS, {}),
        (TASKS, {"clients": "globex"}),
        (f"{TASKS}export.csv", {}),
        (f"{ANALYTICS}funnel/", {**FUNNEL, "by": "plan"}),
        (f"{ANALYTICS}funnel/export.csv", {**FUNNEL, "by": "client_id"}),
        (f"{ANALYTICS}sessions/", FUNNEL),
        (f"{ANALYTICS}sessions/export.csv", FUNNEL),
    ):
        answer = rita.get(path, params=query)
        assert answer.status_code == 200, (path, answer.text)
        assert "globex" not in answer.text, path
        assert "acme" in answer.text or query.get("clients"), path


def test_what_is_anothers_is_not_found(rita):
    task = "globex-globex-t2-None"
    assert rita.get(f"{TASKS}{task}/").status_code == 404
    assert rita.post(f"{TASKS}{task}/retry/", headers=SAME_SITE).status_code == 404
    assert rita.get(f"{ANALYTICS}sessions/globex-1/", params=FUNNEL).status_code == 404


def test_another_client_cannot_be_asked_for(rita):
    answer = rita.get(f"{ANALYTICS}funnel/", params={**FUNNEL, "client": "globex"})
    assert (answer.status_code, "yours: acme" in answer.text) == (422, True)


def test_events_of_others_are_refused_by_their_place(rita):
    said = {"session_id": "new", "name": "visited", "occurred_at": "2026-03-02T12:00:00Z"}
    sent = [{**said, "client_id": "acme"}, {**said, "client_id": "globex"}]
    answer = rita.post("/api/v1/events/", json={"events": sent}, headers=SAME_SITE).json()
    assert (answer["accepted"], [one["index"] for one in answer["rejected"]]) == (1, [1])
