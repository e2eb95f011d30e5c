"""Every view over REST, as JSON and as CSV, and events into the store."""

import csv
import gzip
import io
import json
from dataclasses import fields
from datetime import UTC, datetime

import pytest

from analytics.__main__ import main
from analytics.question import Question
from analytics.records import plain
from analytics.views.all_kinds import KINDS
from analytics.views.records import FunnelView
from analytics.views.report import FunnelReport
from infra.access.roles import Person, Role
from tests.pages.conftest import SIGN_UP

OURS = {"origin": "http://testserver"}
VIEWS = "/api/v1/onboarding/analytics/"
EVENTS = "/api/v1/events/"
PATHS = {
    "funnel": "funnel",
    "drop-off-heatmap": "drop-off-heatmap",
    "cohorts": "cohort-comparison",
    "comparison": "comparison",
    "trend": "trend",
    "time_to_convert": "time-to-convert",
    "realtime": "realtime",
    "correlation": "correlation",
    "recommendations": "recommendations",
}
OPTIONS = {"cohorts": {"dimension": "device"}}
ADA = Person("ada", Role.VIEWER)


@pytest.fixture
def seen(world):
    world.funnel()
    for number in range(4):
        world.session(f"paid {number}", "visited", "signed up", "paid")
    world.session("left", "visited", device="phone")
    world.sync()


@pytest.mark.parametrize("kind", KINDS)
def test_every_view_answers_with_its_record_and_its_table(kind, seen, sign_in, funnels):
    client, params = sign_in(Role.VIEWER), {"name": "sign-up"} | OPTIONS.get(kind, {})
    found = client.get(f"{VIEWS}{PATHS[kind]}/", params=params)
    view = funnels.view(
        Person("ada", Role.VIEWER),
        KINDS[kind],
        SIGN_UP,
        Question(),
        now=datetime.now(UTC),
        **OPTIONS.get(kind, {}),
    ).view
    assert found.status_code == 200, found.text
    assert set(plain(view)) <= set(found.json())
    table = client.get(f"{VIEWS}{PATHS[kind]}/export.csv", params=params)
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert next(csv.reader(io.StringIO(table.text))) == [str(cell) for cell in view.to_rows()[0]]


def test_the_keys_that_clients_know_are_there(seen, sign_in):
    client = sign_in(Role.VIEWER)

    def keys(path, **params):
        return set(client.get(f"{VIEWS}{path}/", params={"name": "sign-up", **params}).json())

    assert keys("funnel") >= {
        "period", "total_sessions", "overall_conversion_rate", "stages", "top_drop_off_points",
        "cohort_analysis", "average_seconds", "recommendations",
    }  # fmt: skip
    assert keys("drop-off-heatmap") >= {
        "total_incomplete",
        "error_patterns",
        "time_analysis",
        "common_reasons",
    }
    assert keys("cohort-comparison", dimension="device") >= {"segments", "insights"}
    assert keys("comparison") >= {"period1", "period2", "changes"}
    assert keys("realtime") >= {"real_time"}
    assert keys("recommendations") >= {"recommendations"}


@pytest.mark.parametrize(("window", "expected"), [(None, [5, 4, 4]), (90, [5, 4, 0])])
def test_page_csv_rest_and_command_line_give_the_same_number(
    seen, sign_in, funnels, engine, redis_url, tmp_path, monkeypatch, capsys, window, expected
):
    client, definition = sign_in(Role.VIEWER), SIGN_UP.within(window)
    params = {"name": "sign-up"} | ({"window_seconds": window} if window else {})
    record = funnels.view(ADA, KINDS["funnel"], definition, Question(), now=datetime.now(UTC)).view
    rest = client.get(f"{VIEWS}funnel/", params=params).json()
    table = csv.DictReader(io.StringIO(client.get(f"{VIEWS}funnel/export.csv", params=params).text))
    monkeypatch.setenv("DATABASE_URL", engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("ANALYTICS_STORE", str(tmp_path / "events"))
    within = ["--window", f"{window}s"] if window else []
    assert main(["view", "funnel", "--name", "sign-up", "--json", *within]) == 0
    command = json.loads(capsys.readouterr().out)
    assert [step.reached for step in record.steps] == expected
    assert [step["reached"] for step in rest["steps"]] == expected
    assert [int(row["reached"]) for row in table] == expected
    assert [step["reached"] for step in command["steps"]] == expected


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("per", "hour", "per"),
        ("where", "device", "where: 'device' must be written dimension=value"),
        ("form", "2026-03-01", "form: is no parameter of this view; did you mean 'from'?"),
        ("window_seconds", "0", "window_seconds: 0 is not between 1 and"),
    ],
)
def test_what_a_view_is_not_asked_with_is_refused_by_name(seen, sign_in, name, value, why):
    refused = sign_in(Role.VIEWER).get(f"{VIEWS}trend/", params={"name": "sign-up", name: value})
    assert refused.status_code == 422
    assert refused.json()["detail"].startswith(why)


def test_events_are_stored_and_seen_in_the_funnel(seen, sign_in, world):
    event = {"session_id": "new", "name": "visited", "occurred_at": "2026-03-02T12:00:00Z"}
    client = sign_in(Role.OPERATOR)
    sent = client.post(EVENTS, json={"events": [event, {"session_id": "new"}]}, headers=OURS)
    assert (sent.status_code, sent.json()) == (
        200,
        {
            "accepted": 1,
            "duplicates": 0,
            "rejected": [{"index": 1, "field": "occurred_at", "problem": "is missing"}],
        },
    )
    world.sync()
    assert client.get(f"{VIEWS}funnel/", params={"name": "sign-up"}).json()["entered"] == 6


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 422), (b"[]", 422), (b'{"events": 1}', 422), (b'{"events": []}', 200),
     (json.dumps({"events": [{}] * 1001}).encode(), 413), (b" " * (5 * 1024 * 1024 + 1), 413)],
)  # fmt: skip
def test_a_body_that_cannot_be_taken_is_refused(body, status, sign_in):
    assert sign_in(Role.OPERATOR).post(EVENTS, content=body, headers=OURS).status_code == status


def test_a_compressed_body_is_told_from_a_broken_one(sign_in):
    client = sign_in(Role.OPERATOR)
    details = [
        client.post(EVENTS, content=body, headers=OURS).json()["detail"]
        for body in (gzip.compress(b'{"events": []}'), b"{")
    ]
    assert details == ["body is compressed; send it as plain JSON", "body is not JSON"]


def test_only_those_who_may_record_send_events(sign_in):
    assert sign_in(Role.ANALYST).post(EVENTS, json={"events": []}, headers=OURS).status_code == 403


def test_no_field_of_the_funnel_has_two_values_over_rest():
    assert not {field.name for field in fields(FunnelView)} & {field.name for field in fields(FunnelReport)}
