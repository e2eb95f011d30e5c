"""A circuit breaker on a real Valkey, by a clock that the test turns."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import redis

from dlq.errors import BreakerOpen
from dlq.strategies.breaker import AWAY_SECONDS, Breaker, BreakerSettings, Circuit, reset, states
from tests.dlq.builders import NOON

SETTINGS = BreakerSettings(failures=3, share=0.5, window_seconds=60, cool_down_seconds=10)


class TurnedClock:
    def __init__(self):
        self.now = NOON

    def __call__(self):
        return self.now

    def turn(self, seconds):
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def client(redis_url):
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def clock():
    return TurnedClock()


@pytest.fixture
def breaker(client, clock):
    return Breaker(client, "assistant", SETTINGS, clock)


def fails(error=None):
    def operation():
        raise error or ConnectionError("no route")

    return operation


def fail(breaker, times=1):
    for _ in range(times):
        with pytest.raises(ConnectionError):
            breaker.call(fails())


def refused(breaker):
    with pytest.raises(BreakerOpen) as caught:
        breaker.call(lambda: pytest.fail("the dependency was called"))
    return caught.value


@pytest.mark.servers
class TestShared:
    def state(self, client, clock):
        [state] = states(client, clock())
        return state

    def test_calls_pass_while_it_is_closed_and_are_counted(self, breaker, client, clock):
        assert breaker.call(lambda: "answer") == "answer"
        fail(breaker, 2)
        state = self.state(client, clock)
        assert (state.dependency, state.circuit) == ("assistant", Circuit.CLOSED)
        assert (state.failures, state.calls, state.reason) == (2, 3, "ConnectionError")
        assert (state.opened_at, state.probe_due_at) == (None, None)

    def test_enough_failures_open_it_for_all_processes(self, breaker, client, clock):
        fail(breaker, 3)
        clock.turn(4)
        assert refused(Breaker(client, "assistant", SETTINGS, clock)).seconds == 6
        assert Breaker(client, "shop", SETTINGS, clock).call(lambda: 1) == 1
        state = next(one for one in states(client, clock()) if one.dependency == "assistant")
        assert (state.circuit, state.failures, state.calls) == (Circuit.OPEN, 3, 3)
        assert state.opened_at == NOON
        assert state.probe_due_at == NOON + timedelta(seconds=10)

    def test_few_failures_among_many_calls_do_not(self, breaker):
        for _ in range(7):
            breaker.call(lambda: 1)
        fail(breaker, 6)
        breaker.call(lambda: 1)
        fail(breaker, 2)
        refused(breaker)

    def test_failures_older_than_the_window_do_not_count(self, breaker, client, clock):
        fail(breaker, 2)
        clock.turn(61)
        assert self.state(client, clock).failures == 0
        fail(breaker, 2)
        assert self.state(client, clock).failures == 2
        fail(breaker)
        refused(breaker)

    def test_the_first_call_after_the_cool_down_is_the_only_probe(self, breaker, client, clock):
        fail(breaker, 3)
        clock.turn(10)

        def probe():
            assert refused(breaker).seconds == 10
            assert self.state(client, clock).circuit == Circuit.HALF_OPEN
            return "back"

        assert breaker.call(probe) == "back"
        assert self.state(client, clock).circuit == Circuit.CLOSED
        fail(breaker, 2)
        breaker.call(lambda: 1)

    def test_a_probe_that_fails_opens_it_for_one_more_cool_down(self, breaker, client, clock):
        fail(breaker, 3)
        clock.turn(12)
        fail(breaker)
        assert refused(breaker).seconds == 10
        assert self.state(client, clock).circuit == Circuit.OPEN

    def test_a_probe_whose_process_died_is_followed_by_another(self, breaker, client, clock):
        fail(breaker, 3)
        clock.turn(10)
        with pytest.raises(SystemExit):
            breaker.call(fails(SystemExit(137)))
        assert refused(breaker).seconds == 10
        clock.turn(10)
        assert breaker.call(lambda: "back") == "back"
        assert self.state(client, clock).circuit == Circuit.CLOSED

    def test_what_began_before_it_opened_neither_closes_nor_prolongs_it(self, breaker, client, clock):
        def late(outcome):
            fail(breaker, 3)
            clock.turn(9)
            return outcome()

        breaker.call(lambda: late(lambda: "late"))
        assert refused(breaker).seconds == 1
        reset(client, "assistant")
        with pytest.raises(ConnectionError):
            breaker.call(lambda: late(fails()))
        assert refused(breaker).seconds == 1

    def test_an_error_that_is_an_answer_does_not_open_it_and_closes_it_as_a_probe(
        self, breaker, client, clock
    ):
        for _ in range(5):
            with pytest.raises(ValueError, match="no such plan"):
                breaker.call(fails(ValueError("no such plan")))
        assert self.state(client, clock).failures == 0
        fail(breaker, 5)
        clock.turn(10)
        with pytest.raises(ValueError, match="no such plan"):
            breaker.call(fails(ValueError("no such plan")))
        assert self.state(client, clock).circuit == Circuit.CLOSED

    def test_it_can_be_closed_by_hand(self, breaker, client):
        fail(breaker, 3)
        assert reset(client, "assistant")
        assert breaker.call(lambda: 1) == 1
        assert not reset(client, "nobody")

    def test_of_many_at_once_one_passes_as_the_probe(self, redis_url, breaker, clock):
        fail(breaker, 3)
        clock.turn(10)
        together = threading.Barrier(16)
        passed = []

        def press(_):
            with redis.Redis.from_url(redis_url) as own:
                together.wait()
                try:
                    Breaker(own, "assistant", SETTINGS, clock).call(
                        lambda: passed.append(1) or together.wait()
                    )
                except BreakerOpen:
                    together.wait()

        with ThreadPoolExecutor(16) as people:
            list(people.map(press, range(16)))
        assert len(passed) == 1

    def test_by_the_clock_of_the_server_a_cool_down_ends_too(self, client):
        breaker = Breaker(client, "x", BreakerSettings(failures=1, cool_down_seconds=0.05))
        fail(breaker)
        assert 0 < refused(breaker).seconds <= 0.05
        threading.Event().wait(0.06)
        assert breaker.call(lambda: 1) == 1

    def test_what_it_keeps_goes_away_by_itself(self, breaker, client):
        fail(breaker)
        [key] = client.keys("*assistant")
        assert 0 < client.pttl(key) <= 60_000
        fail(breaker, 2)
        assert 60_000 < client.pttl(key) <= 86_400_000


def test_without_redis_every_call_passes_and_redis_is_asked_rarely():
    asked = []

    class Away:
        def register_script(self, _):
            def run(keys, args):
                asked.append(1)
                raise redis.ConnectionError("refused")

            return run

    now = [0.0]
    breaker = Breaker(Away(), "assistant", SETTINGS, monotonic=lambda: now[0])
    fail(breaker, 10)
    assert breaker.call(lambda: "answer") == "answer"
    assert len(asked) == 1
    now[0] = AWAY_SECONDS
    assert breaker.call(lambda: "answer") == "answer"
    assert len(asked) == 2


def test_without_a_client_every_call_passes():
    breaker = Breaker(None, "assistant", SETTINGS)
    fail(breaker, 10)
    assert breaker.call(lambda: "answer") == "answer"
