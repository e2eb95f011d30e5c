"""A language model may choose the words, and nothing else."""

import datetime as dt
import json
from dataclasses import replace
from typing import Any

import pytest
import redis
from openai import APIError

from analytics.advice.records import EstimatedImpact, Evidence, Recommendation
from analytics.rates import Rate
from analytics.views.records import Period
from recovery.settings import Settings
from recovery.wording import Wording

pytestmark = pytest.mark.servers

DAY = dt.date(2024, 1, 10)
ONE = Recommendation(
    type="fix_step_for_segment",
    priority="high",
    title="Plan free: too few go on from Cart to Paid",
    evidence=(
        Evidence(
            "Plan free: 40 of 1,200 (3.3%) went on.",
            Rate.of_counts(40, 1200),
            Period(DAY, DAY, 1),
            "cohorts",
            None,
        ),
    ),
    suggested_actions=("Open the sessions that left at Cart.", "Try it within 30 minutes."),
    estimated_impact=EstimatedImpact(12.5, 8.0, 17.0, "As often as all others."),
)
GOOD = {"title": "Free plans stop at Cart", "actions": ["Look at the 40 of 1,200.", "Try it in 30 minutes."]}


@pytest.fixture
def client(redis_url):
    with redis.Redis.from_url(redis_url) as client:
        yield client


def answering(client, *answers: Any) -> Wording:
    said = iter(json.dumps({"recommendations": [answer]}) for answer in answers)
    return Wording(lambda _facts: next(said), client)


def test_title_and_actions_are_reworded_and_nothing_else(client):
    (worded,) = answering(client, GOOD).reworded([ONE])
    assert (worded.title, worded.suggested_actions) == (GOOD["title"], tuple(GOOD["actions"]))
    assert replace(worded, title=ONE.title, suggested_actions=ONE.suggested_actions) == ONE


@pytest.mark.parametrize(
    "answer",
    [
        GOOD | {"title": "Gain 41 sessions"},
        GOOD | {"title": "Gain 12.5 sessions"},
        GOOD | {"title": "Gain 1200 sessions"},
        GOOD | {"title": "Twice as many could pay"},
        GOOD | {"actions": ["Look at forty of them.", "Try it."]},
        GOOD | {"actions": ["Look at the 40.", "Try it within 40 minutes."]},
        GOOD | {"title": "1,200 carts, and \u00bd of them paid"},
        GOOD | {"actions": ["Only one."]},
        GOOD | {"actions": "Look. Try."},
        GOOD | {"title": ""},
        GOOD | {"title": "x" * 301},
        {"title": "no actions"},
        "text",
        None,
    ],
)
def test_an_answer_with_a_number_of_its_own_or_of_another_form_is_not_taken(client, answer):
    assert answering(client, answer).reworded([ONE]) == (ONE,)


@pytest.mark.parametrize(
    ("title", "is_taken"),
    [
        ("Slow carts, above 8m 50s, pay less", True),
        ("Slow carts pay less", True),
        ("Carts above 50m 8s pay less", False),
        ("Carts above 40s pay less", False),
        ("Carts above 50s pay less than 8m", False),
    ],
)
def test_a_number_of_the_facts_does_not_stand_for_another(client, title, is_taken):
    one = replace(ONE, title="Those above 8m 50s in the cart pay less often")
    (worded,) = answering(client, GOOD | {"title": title}).reworded([one])
    assert (worded.title == title) is is_taken


@pytest.mark.parametrize("text", ["", "no JSON", "[]", '{"recommendations": 7}', '{"recommendations": []}'])
def test_an_answer_that_is_no_list_of_them_leaves_all_as_they_are(client, text):
    assert Wording(lambda _facts: text, client).reworded([ONE]) == (ONE,)


def test_an_endpoint_that_times_out_is_not_asked_again_for_the_same(client):
    asked = []

    def slow(facts: str) -> str:
        asked.append(facts)
        raise APIError("it did not answer in time", None, body=None)

    wording = Wording(slow, client)
    assert wording.reworded([ONE]) == wording.reworded([ONE]) == (ONE,)
    assert len(asked) == 1


def test_the_same_facts_are_reworded_once(client):
    wording = answering(client, GOOD)
    assert wording.reworded([ONE]) == wording.reworded([ONE])


def test_without_redis_it_is_asked_every_time():
    away = redis.Redis(host="127.0.0.1", port=9, socket_connect_timeout=0.2)
    assert answering(away, GOOD).reworded([ONE])[0].title == GOOD["title"]


def test_nobody_is_asked_unless_the_setting_says_so(client):
    assert Wording.of(Settings.from_env({}), client).reworded([ONE]) == (ONE,)
    assert Wording.of(Settings.from_env({"WORDING_LLM_URL": "http://127.0.0.1:9/v1"}), client).ask is not None


def test_only_what_the_page_shows_is_sent(client):
    sent = []
    Wording(lambda facts: sent.append(facts) or "", client).reworded([ONE])
    assert set(json.loads(sent[0])[0]) == {"type", "title", "evidence", "actions", "if"}
