"""What clients of the twelve paths rely on: the keys of each answer, refusals as problems, and tags."""

import json

import pytest
from sqlalchemy import select

from infra.access.roles import Role
from infra.audit import audit_entry
from tests.dlq import builders

pytestmark = pytest.mark.servers

OURS = {"origin": "http://testserver"}
ANALYTICS = "/api/v1/onboarding/analytics"
DLQ = "/api/v1/admin/dlq"
FUNNEL = f"{ANALYTICS}/funnel/"
RANGE = {"name": "sign-up", "from": "2026-03-02", "to": "2026-03-06"}


@pytest.fixture
def seen(world):
    world.funnel()
    for number in range(6):
        world.session(f"s{number}", *("visited", "signed up", "paid")[: 1 + number % 3], days=number % 5)
    world.sync()
    return world


@pytest.mark.parametrize(
    ("view", "more", "keys"),
    [
        ("drop-off-heatmap", {}, {"total_incomplete", "error_patterns", "time_analysis", "common_reasons"}),
        ("cohort-comparison", {}, {"segments", "insights"}),
        ("recommendations", {}, {"recommendations"}),
        ("realtime", {}, {"real_time"}),
        ("comparison", {}, {"period1", "period2", "changes"}),
    ],
)
def test_an_analytics_answer_has_the_keys_that_its_clients_read(seen, sign_in, view, more, keys):
    answer = sign_in(Role.VIEWER).get(f"{ANALYTICS}/{view}/", params=RANGE | more)
    assert answer.status_code == 200
    assert keys <= answer.json().keys()


def test_funnel_analytics_api_response_format(seen, sign_in):
    answer = sign_in(Role.VIEWER).get(FUNNEL, params=RANGE)
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert body["period"] == {"first": "2026-03-02", "last": "2026-03-06", "days": 5}
    assert body["total_sessions"] == 6
    assert body["overall_conversion_rate"] == pytest.approx(2 / 6)
    assert [(stage["label"], stage["reached"]) for stage in body["stages"]] == [
        ("Visited", 6), ("Signed up", 4), ("Paid", 2),
    ]  # fmt: skip
    assert [point["label"] for point in body["top_drop_off_points"]] == ["Visited", "Signed up"]
    assert body["recommendations"] == []


def test_the_numbers_of_the_other_answers_lie_under_their_names(seen, sign_in):
    client = sign_in(Role.VIEWER)
    real_time = client.get(f"{ANALYTICS}/realtime/", params={"name": "sign-up"}).json()["real_time"]
    assert real_time.keys() == {"last_updated", "total_sessions", "active_sessions", "completion_rate"}
    changes = client.get(f"{ANALYTICS}/comparison/", params=RANGE).json()["changes"]
    assert {"conversion_rate_change", "trend"} <= changes.keys()


def test_dlq_admin_workflow_end_to_end(world, sign_in, published):
    for number in range(3):
        world.letter(task_id=f"t{number}", session_id=f"s{number}", body=builders.body_of(f"s{number}"))
    client = sign_in(Role.ADMIN)

    listed = client.get(f"{DLQ}/tasks/", params={"limit": 2, "offset": 1, "task_name": "shop.pay"}).json()
    assert {"tasks", "total", "limit", "offset", "filters"} <= listed.keys()
    assert (listed["total"], listed["limit"], listed["offset"]) == (3, 2, 1)
    assert listed["filters"] == {"task_name": "shop.pay"}
    assert [task["task_id"] for task in listed["tasks"]] == ["t1", "t0"]

    detail = client.get(f"{DLQ}/tasks/t0/").json()
    assert detail["task_id"] == "t0"
    assert "in pay" in detail["exception_traceback"]
    assert (detail["args"], detail["history"][0]["to_status"]) == (["s0"], "dead")

    retried = client.post(f"{DLQ}/tasks/t0/retry/", headers=OURS).json()
    assert retried["status"] == "queued"
    assert [message.headers["id"] for message in published] == [retried["task_id"]]
    assert client.post(f"{DLQ}/tasks/t0/retry/", headers=OURS).status_code == 409

    assert client.delete(f"{DLQ}/tasks/t1/delete/", headers=OURS).json() == {
        "status": "deleted", "task_id": "t1",
    }  # fmt: skip
    assert client.delete(f"{DLQ}/tasks/t1/delete/", headers=OURS).status_code == 409
    assert client.post(f"{DLQ}/tasks/t1/restore/", headers=OURS).json()["status"] == "restored"

    stats = client.get(f"{DLQ}/stats/").json()
    assert stats["total_tasks"] == 3
    assert stats["tasks_by_type"] == {"shop.pay": 3}
    assert stats["tasks_by_exception"] == {"ValueError": 3}
    assert stats["oldest_task_age_hours"] > 0

    previewed = clear(client, filter_task_name="shop.pay")
    assert (previewed["status"], previewed["tasks"], previewed["operation_id"]) == ("previewed", 2, None)
    started = clear(client, filter_task_name="shop.pay", older_than_hours=1, dry_run=False, reason="tests")
    assert (started["status"], started["tasks"]) == ("started", 2)
    with world.engine.connect() as connection:
        done = connection.execute(select(audit_entry.c.action).order_by(audit_entry.c.id)).scalars().all()
    assert done[-4:] == ["letter.retry", "letter.discard", "letter.restore", "operation.start"]


@pytest.mark.parametrize("name", ["\0", "\ud800"])
def test_a_name_that_no_text_can_hold_is_refused(seen, sign_in, name):
    answer = sign_in(Role.ADMIN).request(
        "DELETE",
        f"{DLQ}/clear/",
        content=json.dumps({"filter_task_name": name}),
        headers=OURS | {"content-type": "application/json"},
    )
    assert answer.status_code == 422


def test_a_body_that_is_missing_is_asked_for(sign_in):
    answer = sign_in(Role.ADMIN).request("DELETE", f"{DLQ}/clear/", headers=OURS)
    assert (answer.status_code, answer.json()["detail"]) == (422, "body: is missing; send a JSON object")


def clear(client, **what):
    answer = client.request("DELETE", f"{DLQ}/clear/", json=what, headers=OURS)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_pages_by_number_reach_so_far_and_then_name_the_way_on(world, sign_in):
    for number in range(3):
        world.letter(task_id=f"t{number}")
    client = sign_in(Role.OPERATOR)
    assert client.get(f"{DLQ}/tasks/", params={"offset": 3}).json()["tasks"] == []
    assert client.get(f"{DLQ}/tasks/", params={"offset": 10_001}).status_code == 422


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"{FUNNEL}?name=nothing", 404),
        ("GET", f"{FUNNEL}?from=yesterday", 422),
        ("GET", f"{FUNNEL}?where=device", 422),
        ("GET", f"{DLQ}/tasks/?status=alive", 422),
        ("GET", f"{DLQ}/tasks/?task_name=%00", 422),
        ("GET", f"{DLQ}/tasks/t9/", 404),
        ("POST", f"{DLQ}/stats/", 405),
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/v9/nothing", 404),
        ("POST", "/api/v9/nothing", 404),
        ("BREW", "/api/nothing", 404),
        ("GET", "/api", 404),
    ],
)
def test_a_refusal_is_a_problem(seen, sign_in, method, path, status):
    answer = sign_in(Role.ADMIN).request(method, path, headers=OURS)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["status"], body["type"]) == (status, "about:blank")
    assert body["detail"]
    assert body["instance"] == path.partition("?")[0]


def test_an_answer_is_not_sent_again_to_who_has_it(seen, sign_in):
    client = sign_in(Role.VIEWER)
    first = client.get(FUNNEL, params=RANGE)
    again = client.get(FUNNEL, params=RANGE, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    other = client.get(
        FUNNEL, params=RANGE | {"to": "2026-03-03"}, headers={"if-none-match": first.headers["etag"]}
    )
    assert other.status_code == 200
