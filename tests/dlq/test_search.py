"""Pages of a search: newest first, each letter once, however many rows each step looks at."""

from datetime import timedelta

import pytest

from dlq import console, search
from dlq.letters import Status
from dlq.queries import LetterFilter
from dlq.redaction import Redactor
from tests.dlq.builders import NOON, Operator, body_of, envelope, fail, failure, succeed

pytestmark = pytest.mark.servers
OLGA = Operator()
DAY = 86_400


def found(engine, text, limit=50, **narrowed):
    """Task ids over all pages."""
    seen, after = [], None
    for _ in range(200):
        wanted = LetterFilter(text=text, **narrowed)
        page = console.letters(engine, OLGA, wanted, after, limit, redactor=Redactor())
        assert len(page.letters) <= limit
        seen += [letter.task_id for letter in page.letters]
        after = page.next
        if after is None:
            return seen
    raise AssertionError("the pages do not end")


@pytest.fixture
def bounded(monkeypatch):
    """Steps so small that a few letters need them all."""
    monkeypatch.setattr(search, "WALKED", 2)
    monkeypatch.setattr(search, "CANDIDATES", 3)


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
def test_pages_of_a_search_follow_each_other_without_gap_or_repeat(engine, bounded, limit):
    for at in range(12):
        said = "rare words" if at % 3 else "other words"
        fail(engine, envelope(f"t{at}"), failure(message=said, after_seconds=-at * at * DAY))
    assert found(engine, "words", limit) == [f"t{at}" for at in range(12)]
    assert found(engine, "words rar", limit) == [f"t{at}" for at in range(12) if at % 3]
    assert found(engine, "nothing", limit) == []


def test_letters_of_one_moment_are_told_apart(engine, bounded):
    for at in range(9):
        fail(engine, envelope(f"t{at}"), failure(message="same" if at % 2 else "else"))
    assert found(engine, "same", 1) == ["t7", "t5", "t3", "t1"]


def test_a_search_is_narrowed_by_everything_that_a_list_is(engine, bounded):
    for at in range(10):
        message = envelope(
            f"t{at}", task_name=f"shop.{'ab'[at % 2]}", queue="q", session_id=f"s{at}", client_id=f"c{at % 5}"
        )
        fail(engine, message, failure(after_seconds=-at * DAY))
    succeed(engine, envelope("t3"))
    assert found(engine, "plan", task_name="shop.b") == ["t1", "t3", "t5", "t7", "t9"]
    assert found(engine, "plan", status=(Status.RESOLVED,)) == ["t3"]
    assert found(engine, "plan", session_id="s7", category="validation") == ["t7"]
    assert found(engine, "plan", clients=("c2", "c3"), queue="q") == ["t2", "t3", "t7", "t8"]
    assert found(engine, "plan", failed_from=NOON - timedelta(days=7, hours=1)) == [
        f"t{at}" for at in range(8)
    ]
    assert found(engine, "plan", failed_to=NOON - timedelta(days=8)) == ["t9"]


def test_letters_in_a_rare_state_are_reached_through_many_that_have_the_words(engine, bounded, monkeypatch):
    monkeypatch.setattr(search, "WALKED_IF_RARE", 4)
    monkeypatch.setattr(search, "RARE", 3)
    for at in range(16):
        fail(engine, envelope(f"t{at}"), failure(message="slow shop", after_seconds=-at))
        succeed(engine, envelope(f"t{at}"))
    for at in range(6):
        said = "slow shop" if at in (3, 5) else "no money"
        fail(engine, envelope(f"dead{at}"), failure(message=said, after_seconds=-20 - at))
    dead = LetterFilter(text="slow", status=(Status.DEAD,))
    first = console.letters(engine, OLGA, dead, redactor=Redactor())
    assert [letter.task_id for letter in first.letters] == ["dead3"]
    assert found(engine, "slow", status=(Status.DEAD,)) == ["dead3", "dead5"]


@pytest.fixture
def spans(monkeypatch):
    """For each time that the index of words was asked, whether it was asked alone."""
    asked, older = [], search._older

    def noted(*arguments):
        asked.append(arguments[-1])
        return older(*arguments)

    monkeypatch.setattr(search, "_older", noted)
    return asked


@pytest.mark.parametrize(
    ("narrowed", "text", "alone"),
    [
        ({}, "nothing", True),
        ({"task_name": "shop.pay"}, "nothing", True),
        ({"status": (Status.DEAD,)}, "nothing", True),
        ({"status": (Status.DEAD,)}, "paid", False),
        ({}, "paid no", False),
    ],
)
def test_the_index_is_asked_alone_and_once_for_what_the_newest_letters_say_is_rare(
    engine, bounded, spans, narrowed, text, alone
):
    """The dead letters lack what all others say, and no letter has a word that begins with "no"."""
    for at in range(6):
        fail(engine, envelope(f"dead{at}"), failure(message="late", after_seconds=-at * DAY))
        fail(engine, envelope(f"done{at}"), failure(message="paid", after_seconds=1 - at * DAY))
        succeed(engine, envelope(f"done{at}"))
    assert found(engine, text, **narrowed) == []
    assert spans == [True] if alone else not spans[0]


def test_ids_are_found_whole_or_by_their_beginning(engine):
    fail(engine, envelope("0b1c-77aa", session_id="S-9", client_id="acme/7", correlation_id="c.1x"))
    for text in ("0b1c-77aa", "0b1c-7", "0B1C", "s-9", "acme/7", "c.1", "plan c.1x"):
        assert found(engine, text) == ["0b1c-77aa"], text
    for text in ("77aa", "b1c", "s-90", "acme/7 nothing"):
        assert found(engine, text) == [], text


def test_arguments_are_found_and_new_words_replace_old_ones(engine):
    fail(engine, envelope("a", body=body_of("Lund")), failure(message="first"))
    fail(engine, envelope("a", body=body_of("Lund")), failure(message="again", after_seconds=5))
    assert found(engine, "lund first") == ["a"], "reported twice, it still shows its first failure"
    succeed(engine, envelope("a"))
    fail(engine, envelope("a", body=body_of("Lund")), failure(message="third", after_seconds=9))
    assert found(engine, "lund third") == ["a"]
    assert found(engine, "first") == []


@pytest.mark.parametrize(
    "text", ["'", "\\", "a'b", "it\\'s", "!a | b", "<->", "a:*", "(", "\x00", "é", "İx", "x" * 9_000]
)
def test_nothing_that_is_typed_breaks_a_search(engine, text):
    fail(engine, envelope("a"))
    assert found(engine, text) in ([], ["a"])
