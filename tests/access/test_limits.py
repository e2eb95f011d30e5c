"""How often one caller may ask, by a clock that the test turns."""

from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from infra.access import limits
from infra.access.limits import Rate, RateLimits


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(clock: Clock) -> Iterator[TestClient]:
    """At most 6 requests a minute from an address, and 3 from a caller."""
    limited = Middleware(RateLimits, per_address=6, per_caller=3, cookie="onward", monotonic=clock)
    routes = [Route("/{path:path}", lambda _: PlainTextResponse("here"))]
    with TestClient(Starlette(routes=routes, middleware=[limited])) as client:
        yield client


def statuses(client: TestClient, times: int, path: str = "/api/v1/x", **headers: str) -> list[int]:
    return [client.get(path, headers=headers).status_code for _ in range(times)]


def test_a_token_that_asks_too_often_is_told_to_wait(client: TestClient) -> None:
    assert statuses(client, 3, authorization="Bearer ci") == [200, 200, 200]
    refused = client.get("/api/v1/x", headers={"authorization": "Bearer ci"})
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "20")
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json() == {
        "type": "about:blank",
        "title": "Too Many Requests",
        "status": 429,
        "detail": "At most 3 requests a minute. Try again in 20 s.",
        "instance": "/api/v1/x",
    }


@pytest.mark.parametrize("written", ["bearer ci", "Bearer  ci", "Bearer ci "])
def test_a_token_written_another_way_is_the_same_token(client: TestClient, written: str) -> None:
    assert statuses(client, 3, authorization="Bearer ci") == [200, 200, 200]
    assert statuses(client, 1, authorization=written) == [429]


def test_an_authorization_that_nobody_reads_does_not_help_a_session(client: TestClient) -> None:
    forged = [statuses(client, 1, cookie="onward=ada", authorization=f"Basic {n}")[0] for n in range(4)]
    assert forged == [200, 200, 200, 429]


def test_a_session_is_counted_by_itself(client: TestClient) -> None:
    assert statuses(client, 4, cookie="onward=ada")[-1] == 429
    assert statuses(client, 1, cookie="onward=vic") == [200]


def test_many_forged_tokens_do_not_help_an_address(client: TestClient) -> None:
    answers = [statuses(client, 1, authorization=f"Bearer {number}")[0] for number in range(7)]
    assert answers == [200] * 6 + [429]


@pytest.mark.parametrize("path", ["/sign-in", "/sso/login", "/metrics"])
def test_the_ways_in_are_counted_too(client: TestClient, path: str) -> None:
    assert statuses(client, 7, path) == [200] * 6 + [429]


def test_pages_are_not_counted(client: TestClient) -> None:
    assert set(statuses(client, 20, "/funnel")) == {200}


def test_every_answer_says_what_is_left(client: TestClient) -> None:
    answer = client.get("/api/v1/x", headers={"authorization": "Bearer ci"})
    told = {name: value for name, value in answer.headers.items() if name.startswith("ratelimit")}
    assert told == {"ratelimit-limit": "3", "ratelimit-remaining": "2", "ratelimit-reset": "20"}


def test_waiting_as_told_is_enough(client: TestClient, clock: Clock) -> None:
    statuses(client, 4, authorization="Bearer ci")
    clock.seconds += 19.9
    assert statuses(client, 1, authorization="Bearer ci") == [429]
    clock.seconds += 0.1
    assert statuses(client, 2, authorization="Bearer ci") == [200, 429]


def test_a_long_pause_earns_a_minutes_requests_and_no_more(clock: Clock) -> None:
    rate = Rate(3, clock)
    rate.take("ada")
    clock.seconds += 3600
    assert [rate.take("ada").wait_seconds for _ in range(4)] == [0, 0, 0, 20]


def test_only_so_many_callers_are_remembered(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_CALLERS", 2)
    rate = Rate(1, clock)
    for caller in ("ada", "vic", "ada", "eve"):
        rate.take(caller)
    assert rate.take("ada").wait_seconds > 0
    assert rate.take("vic").wait_seconds == 0
