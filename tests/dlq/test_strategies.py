"""When to try again, how long a server wants us to stay away, and how that is said."""

import httpx2 as httpx
import pytest

from dlq.strategies import words
from dlq.strategies.categories import PASSING, Category
from dlq.strategies.retry_after import retry_after_seconds
from dlq.strategies.strategy import LONGEST_PAUSE_SECONDS, STRATEGIES, Strategy
from dlq.strategies.words import Situation, situated
from tests.dlq.builders import NOON

STEADY = Strategy(limit=9, first_seconds=2, factor=3, cap_seconds=50, jitter=0)


def test_pauses_grow_by_their_factor_up_to_the_cap():
    assert [STEADY.pause_seconds(attempt) for attempt in range(1, 6)] == [2, 6, 18, 50, 50]
    assert STEADY.pause_seconds(10_000) == 50


@pytest.mark.parametrize(("jitter", "shortest"), [(1.0, 0), (0.5, 5), (0, 10)])
def test_jitter_is_the_share_of_a_pause_that_chance_may_take(jitter, shortest):
    strategy = Strategy(limit=1, first_seconds=10, jitter=jitter)
    assert strategy.pause_seconds(1, chance=lambda: 0.0) == 10
    assert strategy.pause_seconds(1, chance=lambda: 1.0) == shortest


def test_what_a_server_asks_for_is_never_cut_short_but_bounded():
    full = Strategy(limit=1, first_seconds=10, jitter=1.0)
    assert full.pause_seconds(1, asked_seconds=30, chance=lambda: 1.0) == 30
    assert full.pause_seconds(1, asked_seconds=30, chance=lambda: 0.0) == 40
    assert full.pause_seconds(1, asked_seconds=1e9) == LONGEST_PAUSE_SECONDS
    deaf = Strategy(limit=1, first_seconds=10, jitter=0, honours_retry_after=False)
    assert deaf.pause_seconds(1, asked_seconds=30) == 10


def test_only_what_may_pass_by_itself_is_tried_again():
    assert STRATEGIES.keys() == set(Category)
    assert {category for category, strategy in STRATEGIES.items() if strategy.limit} == PASSING


def asking(value, name="Retry-After"):
    response = httpx.Response(429, headers={name: value})
    return httpx.HTTPStatusError("x", request=httpx.Request("GET", "http://x"), response=response)


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("17", 17),
        ("1.5", 1.5),
        ("-3", 0),
        ("Sun, 01 Mar 2026 12:01:00 GMT", 60),
        ("Sun, 01 Mar 2026 12:01:00 -0000", 60),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        ("Mon, 99 Nov 9999999 12:00:00 GMT", None),
    ],
)
def test_retry_after_is_read_in_seconds_and_as_a_date(told, seconds):
    assert retry_after_seconds(asking(told), NOON) == seconds


def test_the_header_is_found_however_the_client_keeps_it():
    plain = ConnectionError("x")
    assert retry_after_seconds(plain, NOON) is None
    plain.response = type("Response", (), {})()
    plain.response.headers = {"retry-after": 3}
    assert retry_after_seconds(plain, NOON) == 3
    plain.response = {"ResponseMetadata": {"HTTPHeaders": {"retry-after": "4"}}}
    assert retry_after_seconds(plain, NOON) == 4
    plain.retry_after = 5
    assert retry_after_seconds(plain, NOON) == 5
    plain.retry_after, plain.response = None, "no response at all"
    assert retry_after_seconds(plain, NOON) is None


def test_the_header_is_found_behind_an_error_of_ones_own():
    error = ConnectionError("shop")
    error.__cause__ = asking("17")
    assert retry_after_seconds(error, NOON) == 17


def test_errors_that_stand_behind_each_other_end_the_search():
    error, other = ConnectionError("shop"), ConnectionError("bank")
    error.__cause__, other.__cause__ = other, error
    assert retry_after_seconds(error, NOON) is None


def test_every_category_has_words_for_people_and_for_support():
    said = {words.message(category) for category in Category} | {
        words.hint(category) for category in Category
    }
    assert len(said) == 2 * len(Category)


@pytest.mark.parametrize(
    ("attempt", "next_seconds", "sentence"),
    [
        (1, 4.2, "attempt 1 of 3 of shop.order for session s1 failed, and the next is in 4 s."),
        (
            2,
            0.3,
            "attempt 2 of 3 of shop.order for session s1 failed, and the next is in less than a second.",
        ),
        (2, 300, "attempt 2 of 3 of shop.order for session s1 failed, and the next is in 5 min."),
        (3, None, "attempt 3 of 3 of shop.order for session s1 failed, and it was the last."),
    ],
)
def test_the_log_tells_where_the_task_stands(attempt, next_seconds, sentence):
    at = Situation("shop.order", "s1", attempt, 3, next_seconds)
    assert situated(Category.TIMEOUT, at) == f"This took longer than it may: {sentence}"


def test_a_task_that_gets_one_attempt_only_is_said_not_to_be_tried_again():
    at = Situation("shop.order", None, 1, 1, None)
    assert situated(Category.BUG, at).endswith(
        "attempt 1 of 1 of shop.order failed, and it is not tried again."
    )
