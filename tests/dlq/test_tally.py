"""The tally agrees with the letters whatever is done to them, folded or not."""

import random
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import delete, func, select, text, update

from dlq import console, counting, tally
from dlq.letters import Kind, Status
from dlq.queries import LetterFilter
from dlq.redaction import Redactor
from dlq.tables import dead_letter, dead_letter_tally
from dlq.tally import DIMENSIONS, HOUR_MS
from dlq.times import to_ms
from tests.dlq.builders import NOON, Operator, RecordedAudit, envelope, fail, failure, noon, succeed

pytestmark = pytest.mark.servers
OLGA = Operator()
EVER = 2**62


def tallied(engine, span_ms=HOUR_MS):
    """Letters by bucket and dimensions, as the tally and as the letters themselves say."""
    tally_sum, letters = Counter(), Counter()
    with engine.connect() as connection:
        for row in connection.execute(select(dead_letter_tally)).mappings():
            bucket = row["bucket_ms"] // span_ms * span_ms
            tally_sum[(bucket, *(row[name] for name in DIMENSIONS))] += row["letters"]
        for row in connection.execute(select(dead_letter)).mappings():
            bucket = row["first_failed_at_ms"] // span_ms * span_ms
            letters[(bucket, *(row[name] for name in DIMENSIONS))] += 1
    return {key: number for key, number in tally_sum.items() if number}, dict(letters)


def rows(engine, *conditions):
    with engine.connect() as connection:
        return connection.execute(
            select(func.count()).select_from(dead_letter_tally).where(*conditions)
        ).scalar()


def some_letters(engine, number=6):
    for at in range(number):
        fail(
            engine,
            envelope(f"t{at}", task_name=f"shop.{'ab'[at % 2]}", queue="q"),
            failure(Kind.WORKER_LOST if at % 3 else Kind.EXCEPTION, after_seconds=-at * 4 * 3600),
        )


def test_every_way_to_change_letters_is_counted(engine):
    some_letters(engine)
    fail(engine, envelope("t1"), failure(after_seconds=60))
    succeed(engine, envelope("t2"))
    console.discard(engine, OLGA, 1, redactor=Redactor(), audit=RecordedAudit(), clock=noon)
    with engine.begin() as connection:
        connection.execute(update(dead_letter).where(dead_letter.c.id > 3).values(queue="other"))
        connection.execute(delete(dead_letter).where(dead_letter.c.id == 5))
    counted, there = tallied(engine)
    assert counted == there
    assert len(there) > 3


def test_a_change_that_moves_no_number_writes_none(engine):
    some_letters(engine, 2)
    before = rows(engine)
    with engine.begin() as connection:
        connection.execute(update(dead_letter).values(occurrences=7))
    assert rows(engine) == before


def test_many_letters_in_one_statement_write_few_rows(engine):
    some_letters(engine)
    before = rows(engine)
    with engine.begin() as connection:
        connection.execute(update(dead_letter).values(first_failed_at_ms=to_ms(NOON), fingerprint="f"))
    assert rows(engine) - before <= 12
    assert tallied(engine)[0] == tallied(engine)[1]


def test_emptying_the_table_empties_the_tally(engine):
    some_letters(engine)
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE onward.dead_letter CASCADE"))
    assert rows(engine) == 0


def test_folding_keeps_every_sum_and_leaves_one_row_each(engine, monkeypatch):
    monkeypatch.setattr(tally, "BATCH", 3)
    some_letters(engine)
    succeed(engine, envelope("t4"))
    counted, _ = tallied(engine)
    assert tally.fold(engine, clock=noon) == 8
    assert tallied(engine)[0] == counted
    assert rows(engine) == len(counted) == 6
    fail(engine, envelope("again", task_name="shop.a", queue="q"), failure())
    assert tally.fold(engine, clock=noon) == 1
    assert tallied(engine)[0] == tallied(engine)[1]
    assert rows(engine) == 6, "the new letter is added to the sum of its hour"


def test_what_was_folded_can_be_taken_away_again(engine):
    some_letters(engine)
    tally.fold(engine, clock=noon)
    with engine.begin() as connection:
        connection.execute(delete(dead_letter))
    tally.fold(engine, clock=noon)
    assert rows(engine) == 0


def test_only_the_last_hours_keep_sums_of_their_own(engine):
    some_letters(engine, 14)
    tally.fold(engine, clock=noon)
    assert rows(engine, dead_letter_tally.c.grain == "hour") == 7, "from now to 24 hours ago"
    assert rows(engine, dead_letter_tally.c.grain == "past") == 4, "as many as tasks and kinds together"
    tally.fold(engine, clock=lambda: NOON + timedelta(days=30))
    assert rows(engine, dead_letter_tally.c.grain != "past") == 0
    counted, there = tallied(engine, EVER)
    assert counted == there


def test_folding_ends_when_its_time_is_over(engine):
    some_letters(engine)
    assert tally.fold(engine, clock=noon, for_seconds=0) == 0


def test_a_fold_passes_over_rows_that_another_has(engine):
    some_letters(engine)
    with engine.begin() as other:
        other.execute(select(dead_letter_tally).with_for_update())
        assert tally.fold(engine, clock=noon) == 0
    assert tally.fold(engine, clock=noon) == 6


@pytest.mark.parametrize(
    "narrowed",
    [
        {},
        {"status": (Status.DEAD, Status.RESOLVED)},
        {"task_name": "shop.a", "kind": (Kind.WORKER_LOST,)},
        {"queue": "nowhere"},
        {"text": "plan"},
        {"client_id": "c1"},
        {"clients": ("c1", "c2")},
        {"priority": 0, "task_name": "shop.a"},
        {"priority": 7},
        {"failed_to": NOON - timedelta(hours=9)},
    ],
)
def test_a_count_is_the_number_of_letters_listed(engine, narrowed):
    some_letters(engine)
    fail(engine, envelope("mine", client_id="c1"))
    succeed(engine, envelope("t3"))
    wanted = LetterFilter(**narrowed)
    listed = console.letters(engine, OLGA, wanted, redactor=Redactor()).letters
    assert console.count(engine, OLGA, wanted) == counting.Counted(len(listed), capped=False)
    stats = console.stats(engine, OLGA, wanted)
    assert stats.total == sum(stats.by_status.values()) == sum(stats.by_task_name.values()) == len(listed)
    assert stats.by_kind == dict(Counter(letter.kind.value for letter in listed).most_common())
    waiting = [letter.first_failed_at for letter in listed if letter.status is Status.DEAD]
    assert stats.oldest_open_at == min(waiting, default=None)


def test_counting_letters_one_by_one_ends_and_says_so(engine, monkeypatch):
    monkeypatch.setattr(counting, "CAP", 5)
    monkeypatch.setattr(counting, "TEXT_CAP", 4)
    some_letters(engine)
    assert console.count(engine, OLGA, LetterFilter(failed_to=NOON + timedelta(1))) == counting.Counted(
        5, True
    )
    assert console.count(engine, OLGA, LetterFilter(text="plan")) == counting.Counted(4, capped=True)
    stats = console.stats(engine, OLGA, LetterFilter(text="plan"))
    assert (stats.total, stats.capped) == (4, True)
    assert console.count(engine, OLGA) == counting.Counted(6, capped=False)


def test_a_reader_restricted_to_clients_is_offered_only_their_values(engine):
    fail(engine, envelope("a", task_name="shop.pay", queue="q1", client_id="c1"))
    fail(engine, envelope("b", task_name="shop.ship", queue="q2", client_id="c2"))
    offered = console.choices(engine, Operator(clients=frozenset({"c2", "c3"})))
    assert (offered.task_names, offered.queues) == (("shop.ship",), ("q2",))
    assert console.choices(engine, OLGA).queues == ("q1", "q2")


def test_any_sequence_of_changes_and_folds_agrees(engine):
    dice = random.Random(5)
    changes = dead_letter.c
    some_letters(engine, 12)
    for _ in range(25):
        some = changes.id.in_(dice.sample(range(1, 13), 4))
        statement = dice.choice(
            [
                update(dead_letter).where(some).values(status=dice.choice(list(Status))),
                update(dead_letter).where(some).values(queue=dice.choice("xyz")),
                delete(dead_letter).where(changes.id == dice.randrange(1, 13)),
            ]
        )
        with engine.begin() as connection:
            connection.execute(statement)
        if dice.random() < 0.4:
            tally.fold(engine, clock=noon)
        counted, there = tallied(engine, EVER)
        assert counted == there
