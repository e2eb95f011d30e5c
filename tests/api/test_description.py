"""The description of the interface: complete, true to its examples, and shown without another host."""

import re

import pytest
from pydantic import TypeAdapter

from analytics.history import SessionHistory
from analytics.recording import Recorded
from analytics.sessions import SessionPage
from analytics.views.all_kinds import KINDS
from api.analytics_routes import FunnelAnswer
from api.examples import FOLDER, example
from api.letter_records import Cleared, Deleted, Queued, Restored, Stats, TaskDetail, Tasks
from infra.access.roles import Role

pytestmark = pytest.mark.servers

RECORDS = {
    **{kind.name: kind.record for kind in KINDS.values()},
    "funnel": FunnelAnswer,
    "sessions": SessionPage,
    "session": SessionHistory,
    "tasks": Tasks,
    "task": TaskDetail,
    "stats": Stats,
    "clear": Cleared,
    "retry": Queued,
    "delete": Deleted,
    "restore": Restored,
    "events": Recorded,
}


@pytest.fixture
def described(sign_in):
    return sign_in(Role.VIEWER).get("/api/v1/openapi.json").json()


@pytest.mark.parametrize("name", RECORDS)
def test_an_example_is_an_answer(name):
    assert TypeAdapter(RECORDS[name]).validate_python(example(name), strict=False) is not None


def test_no_example_is_left_over():
    assert {path.stem for path in FOLDER.glob("*.json")} == {*RECORDS, "events-sent"}


def test_every_route_has_a_meaning_an_answer_and_its_refusals(described):
    for path, methods in described["paths"].items():
        for method, route in methods.items():
            assert route.get("description") or route.get("summary"), (method, path)
            assert {"200", "401", "403", "422", "429", "503"} <= route["responses"].keys(), (method, path)
            answer = next(iter(route["responses"]["200"]["content"].values()))
            assert answer.get("example") or "export." in path, (method, path)


def test_views_and_letters_come_before_their_files(described):
    tags = [tag["name"] for tag in described["tags"]]
    used = {
        tag for methods in described["paths"].values() for route in methods.values() for tag in route["tags"]
    }
    assert (set(tags), tags[-1]) == (used, "exports")
    assert described["paths"]["/admin/dlq/tasks/export.csv"]["get"]["summary"] == "Dead letters as CSV"


def test_every_parameter_has_a_meaning_or_says_it_by_its_name(described):
    plain = {"name", "task_id", "session_id", "reason", "limit"}
    unsaid = [
        (path, each["name"])
        for path, methods in described["paths"].items()
        for route in methods.values()
        for each in route.get("parameters", ())
        if not each.get("description") and each["name"] not in plain
    ]
    assert unsaid == []


def test_the_page_of_the_description_loads_from_us_alone(sign_in):
    client = sign_in(Role.VIEWER)
    page = client.get("/api/v1/docs")
    assert page.status_code == 200
    assert "//" not in re.sub(r"<!doctype html>", "", page.text)
    linked = re.findall(r'(?:src|href)="(docs/[^"]+)"', page.text)
    assert len(linked) == 3
    for name in linked:
        assert client.get(f"/api/v1/{name}").status_code == 200
