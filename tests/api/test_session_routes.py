"""The sessions behind a number over REST: the same as on the page, for those whose role may see them."""

import csv
import io

import pytest

from infra.access.roles import Role

pytestmark = pytest.mark.servers

SESSIONS = "/api/v1/onboarding/analytics/sessions"
STOPPED = {"name": "sign-up", "stopped": "0"}


@pytest.fixture
def three_sessions(world):
    world.funnel()
    world.session("a", "visited", "signed up", "paid")
    world.session("=b", "visited")
    world.session("c", "visited", "looked around")
    world.sync()


def test_a_page_of_sessions_says_where_the_next_begins(three_sessions, sign_in):
    client = sign_in(Role.ANALYST)
    first = client.get(f"{SESSIONS}/", params={**STOPPED, "limit": "1"}).json()
    assert [row["session_id"] for row in first["sessions"]] == ["=b"]
    rest = client.get(f"{SESSIONS}/", params={**STOPPED, "after": first["next"]}).json()
    assert [row["session_id"] for row in rest["sessions"]] == ["c"]
    assert rest["next"] is None


def test_the_csv_holds_all_of_them_and_nothing_that_a_spreadsheet_runs(three_sessions, sign_in):
    answer = sign_in(Role.ANALYST).get(f"{SESSIONS}/export.csv", params=STOPPED)
    assert answer.headers["content-disposition"] == 'attachment; filename="sign-up-sessions.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["session_id"], row["furthest"], row["outcome"]) for row in rows] == [
        ("'=b", "Visited", "left"),
        ("c", "Visited", "left"),
    ]


def test_one_session_comes_with_its_events(three_sessions, sign_in):
    body = sign_in(Role.ANALYST).get(f"{SESSIONS}/c/", params={"name": "sign-up"}).json()
    assert [(one["name"], one["step"]) for one in body["events"]] == [
        ("visited", "Visited"),
        ("looked around", None),
    ]


def test_what_is_not_known_or_cannot_be_asked_is_refused(three_sessions, sign_in):
    client = sign_in(Role.ANALYST)
    assert client.get(f"{SESSIONS}/nobody/", params={"name": "sign-up"}).status_code == 404
    for path in (f"{SESSIONS}/", f"{SESSIONS}/export.csv"):
        answer = client.get(path, params={**STOPPED, "stopped": "9"})
        assert (answer.status_code, answer.json()["detail"]) == (
            422,
            "stopped: 9 is no step of this funnel; 0 to 2 are",
        )


@pytest.mark.parametrize("path", ["/", "/export.csv", "/export.parquet", "/events/export.csv", "/c/"])
def test_sessions_are_not_for_a_viewer(three_sessions, sign_in, path):
    answer = sign_in(Role.VIEWER).get(SESSIONS + path, params=STOPPED)
    assert answer.status_code == 403
    assert "looked around" not in answer.text
