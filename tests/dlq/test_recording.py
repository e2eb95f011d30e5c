"""How failed runs become letters and what settles them, against the real PostgreSQL."""

import hashlib
import random
import string

import pytest

from dlq import recording, store
from dlq.envelope import NAME_BYTES
from dlq.errors import StoreRefused, StoreUnavailable
from dlq.letters import Kind, Status
from dlq.retries import claims
from infra.database import open_engine
from tests.dlq.builders import (
    NOON,
    UNSEALED,
    body_of,
    count,
    envelope,
    fail,
    failure,
    history,
    letter,
    retried,
    succeed,
)

pytestmark = pytest.mark.servers


def claim(engine, letter_id, task_id="t2", expected=(Status.DEAD, Status.POISONED)):
    with store.transaction(engine) as connection:
        return claims.claim(connection, letter_id, expected, task_id=task_id, by="olga", at=NOON, reason="")


def discard(engine, letter_id):
    with store.transaction(engine) as connection:
        return store.discard(connection, letter_id, by="olga", at=NOON, reason="")


def test_a_failed_run_leaves_a_letter_with_its_bytes(engine):
    body = body_of("é", plan=3)
    row = letter(engine, fail(engine, envelope(body=body, session_id="s1", queue="slow")))
    assert bytes(row["body"]) == body
    assert (row["task_id"], row["task_name"], row["queue"]) == ("t1", "shop.pay", "slow")
    assert (row["status"], row["kind"], row["category"]) == ("dead", "exception", "validation")
    assert (row["session_id"], row["attempts"], row["occurrences"], row["generation"]) == ("s1", 1, 1, 0)
    assert len(row["fingerprint"]) == 16


def test_a_letter_whose_names_are_all_as_long_as_names_may_be_is_kept(engine):
    chance = random.Random(7)  # what repeats itself would be compressed in an index

    def name():
        return "".join(chance.choices(string.ascii_letters + string.digits, k=NAME_BYTES))

    named = {"task_name": name(), "queue": name(), "client_id": name(), "session_id": name()}
    row = letter(engine, fail(engine, envelope(name(), **named), failure(exception_type=name())))
    assert {column: row[column] for column in named} == named


def test_the_same_run_reported_twice_is_one_letter_with_two_occurrences(engine):
    first, second = fail(engine, envelope()), fail(engine, envelope(headers={"redelivered": True}))
    assert first == second
    row = letter(engine, first)
    assert (row["occurrences"], row["attempts"]) == (2, 1)
    assert count(engine, "dead_letter_attempt") == 2


def test_the_same_capture_stored_twice_counts_once(engine):
    how = failure()
    letter_id = fail(engine, envelope(), how)
    with store.transaction(engine) as connection:
        assert recording.record_failure(connection, envelope(), how, 3, sealer=UNSEALED) is None
    assert letter(engine, letter_id)["occurrences"] == 1
    assert count(engine, "dead_letter_attempt") == 1


def test_two_bodies_under_one_task_id_are_both_kept(engine):
    first, second = fail(engine, envelope(body=body_of(1))), fail(engine, envelope(body=body_of(2)))
    assert first != second
    assert bytes(letter(engine, second)["body"]) == body_of(2)
    assert fail(engine, envelope(body=body_of(2))) == second


def test_messages_without_id_are_told_apart_by_content_and_delivery(engine):
    def nameless(body, tag):
        return envelope("", body=body, properties={"delivery_tag": tag})

    letters = [fail(engine, nameless(body, tag)) for body, tag in [(b"a", "1"), (b"b", "1"), (b"a", "2")]]
    assert len(set(letters)) == 3
    assert fail(engine, nameless(b"a", "1")) == letters[0]


def test_a_retry_that_succeeds_resolves_its_letter(engine):
    letter_id = fail(engine, envelope())
    claim(engine, letter_id)
    assert succeed(engine, retried(envelope(), letter_id, "t2")) == letter_id
    row = letter(engine, letter_id)
    assert (row["status"], row["resolved_at_ms"] is not None) == ("resolved", True)
    assert history(engine, letter_id) == [
        (None, "dead", "worker"),
        ("dead", "retrying", "olga"),
        ("retrying", "resolved", "worker"),
    ]


def test_a_retry_that_fails_turns_the_same_letter_back(engine):
    letter_id = fail(engine, envelope())
    claim(engine, letter_id)
    how = failure(exception_type="KeyError", message="plan", after_seconds=60)
    assert fail(engine, retried(envelope(), letter_id, "t2"), how) == letter_id
    row = letter(engine, letter_id)
    assert (row["status"], row["attempts"], row["exception_type"]) == ("dead", 2, "KeyError")
    assert row["last_failed_at_ms"] - row["first_failed_at_ms"] == 60_000
    assert count(engine, "dead_letter") == 1
    assert count(engine, "dead_letter_attempt") == 2


def test_a_letter_that_fails_up_to_the_limit_is_poisoned(engine):
    letter_id = fail(engine, envelope())
    for generation, task_id in enumerate(["t2", "t3"], start=1):
        claim(engine, letter_id, task_id)
        fail(engine, retried(envelope(), letter_id, task_id, generation))
    assert letter(engine, letter_id)["status"] == "poisoned"
    assert claim(engine, letter_id, "t4", expected=(Status.DEAD,)) is None


def test_a_message_that_loops_is_poisoned_at_once(engine):
    assert letter(engine, fail(engine, envelope(), failure(Kind.POISON)))["status"] == "poisoned"


def test_an_old_run_does_not_settle_a_newer_retry(engine):
    letter_id = fail(engine, envelope())
    claim(engine, letter_id, "t2")
    fail(engine, retried(envelope(), letter_id, "t2", 1))
    claim(engine, letter_id, "t3")
    assert succeed(engine, retried(envelope(), letter_id, "t2", 1)) is None
    assert fail(engine, retried(envelope(), letter_id, "t2", 1)) == letter_id
    row = letter(engine, letter_id)
    assert (row["status"], row["attempts"], row["occurrences"]) == ("retrying", 2, 2)


def test_an_old_run_under_an_id_that_never_changes_does_not_settle_a_newer_retry(engine):
    """Messages of Celery's first protocol hold their id in the body: each retry has the same one."""
    letter_id = fail(engine, envelope())
    claim(engine, letter_id, "t1")
    fail(engine, retried(envelope(), letter_id, "t1", 1))
    claim(engine, letter_id, "t1")
    assert succeed(engine, retried(envelope(), letter_id, "t1", 1)) is None
    assert succeed(engine, retried(envelope(), letter_id, "t1", 2)) == letter_id


def test_headers_copied_to_another_task_settle_nothing(engine):
    letter_id = fail(engine, envelope())
    claim(engine, letter_id, "t2")
    child = retried(envelope(), letter_id, "child")
    assert succeed(engine, child) is None
    assert fail(engine, child) != letter_id
    assert letter(engine, letter_id)["status"] == "retrying"


def test_a_retry_whose_letter_was_purged_leaves_a_new_one(engine):
    assert letter(engine, fail(engine, retried(envelope(), 4711, "t2")))["status"] == "dead"


def test_a_run_written_off_that_succeeds_after_redelivery_resolves_its_letter(engine):
    letter_id = fail(engine, envelope(), failure(Kind.WORKER_LOST))
    assert succeed(engine, envelope(headers={"redelivered": True})) == letter_id
    assert letter(engine, letter_id)["status"] == "resolved"


def test_a_first_run_does_not_resolve_a_letter_that_was_sent_again(engine):
    letter_id = fail(engine, envelope())
    claim(engine, letter_id)
    assert succeed(engine, envelope(headers={"redelivered": True})) is None


@pytest.mark.parametrize("settle", [discard, lambda engine, letter_id: succeed(engine, envelope())])
def test_a_task_published_anew_under_a_settled_id_is_dead_again(engine, settle):
    letter_id = fail(engine, envelope())
    settle(engine, letter_id)
    assert fail(engine, envelope(), failure(after_seconds=60)) == letter_id
    row = letter(engine, letter_id)
    assert (row["status"], row["attempts"], row["resolved_at_ms"], row["discarded_at_ms"]) == (
        "dead",
        2,
        None,
        None,
    )


def test_a_late_report_of_the_old_run_leaves_a_settled_letter_alone(engine):
    letter_id = fail(engine, envelope())
    discard(engine, letter_id)
    fail(engine, envelope(headers={"redelivered": True}))
    assert letter(engine, letter_id)["status"] == "discarded"


def test_long_names_fit_the_indexes(engine):
    digest = hashlib.sha512(b"").hexdigest()
    long = "\U0001f4ee" * 300 + digest  # four bytes a piece, incompressible enough
    fail(engine, envelope(long[:500], task_name=long[:500], queue=long[:500], session_id=long[:500]))


def test_what_postgresql_cannot_hold_is_refused_with_its_words(engine):
    with pytest.raises(StoreRefused, match="NUL"):
        fail(engine, envelope(), failure(message="a\x00b"))


def test_a_database_that_is_away_is_unavailable(database_url):
    engine = open_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
    with pytest.raises(StoreUnavailable, match="Try again"), store.transaction(engine):
        pass
    engine.dispose()
