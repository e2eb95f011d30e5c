"""What people get to see: pages by keyset, one letter in full, counts; redacted, for those who may."""

from datetime import timedelta
from inspect import Parameter, signature

import pytest
from celery import Celery
from sqlalchemy import update

from dlq import console
from dlq.errors import BadCursor, NotAllowedNow, UnknownLetter
from dlq.letters import Kind, Status
from dlq.queries import LetterFilter
from dlq.redaction import MASK, Redactor
from dlq.retries.retry import RetryClient
from dlq.tables import dead_letter
from tests.dlq.builders import (
    NOON,
    UNSEALED,
    Operator,
    RecordedAudit,
    Refused,
    body_of,
    envelope,
    fail,
    failure,
    history,
    letter,
    noon,
    retried,
    succeed,
)

pytestmark = pytest.mark.servers
OLGA = Operator()
MASKED = Redactor()


def discard(engine, letter_id, by=OLGA, audit=None, redactor=MASKED):
    return console.discard(
        engine, by, letter_id, "old", redactor=redactor, audit=audit or RecordedAudit(), clock=noon
    )


def restore(engine, letter_id, by=OLGA, audit=None, redactor=MASKED):
    return console.restore(
        engine,
        by,
        letter_id,
        "still needed",
        redactor=redactor,
        audit=audit or RecordedAudit(),
        clock=noon,
    )


def shown(engine, **narrowed):
    return [
        found.task_id
        for found in console.letters(engine, OLGA, LetterFilter(**narrowed), redactor=MASKED).letters
    ]


def test_pages_follow_each_other_without_gap_or_repeat(engine):
    for number in range(7):
        # Three failures share each second: the position must tell them apart.
        fail(engine, envelope(f"t{number}"), failure(after_seconds=number // 3))
    seen, after = [], None
    for _ in range(4):
        page = console.letters(engine, OLGA, after=after, limit=2, redactor=MASKED)
        seen += [found.task_id for found in page.letters]
        after = page.next
    assert seen == [f"t{number}" for number in reversed(range(7))]
    assert after is None


def test_an_empty_list_has_no_next_page(engine):
    page = console.letters(engine, OLGA, redactor=MASKED)
    assert (page.letters, page.next) == ((), None)


@pytest.mark.parametrize("cursor", ["", "1", "a-b", "1-2-3", "-1-2", "9" * 40 + "-1"])
def test_a_position_that_is_none_is_refused(engine, cursor):
    with pytest.raises(BadCursor):
        console.letters(engine, OLGA, after=cursor, redactor=MASKED)


@pytest.mark.parametrize("limit", [0, -5, 10**9])
def test_any_limit_is_brought_into_bounds(engine, limit):
    fail(engine, envelope())
    assert len(console.letters(engine, OLGA, limit=limit, redactor=MASKED).letters) == 1


def test_filters_narrow_the_list(engine):
    fail(engine, envelope("a", task_name="shop.pay", session_id="s1"), failure(message="100% of plan_a gone"))
    fail(engine, envelope("b", queue="slow"), failure(Kind.WORKER_LOST, exception_type="WorkerLostError"))
    succeed(engine, envelope("b"))
    fail(engine, envelope("c", task_name="shop.ship"), failure(after_seconds=60))
    later = NOON + timedelta(seconds=30)
    assert shown(engine, task_name="shop.ship") == ["c"]
    assert shown(engine, session_id="s1") == ["a"]
    assert shown(engine, queue="slow") == ["b"]
    assert shown(engine, status=(Status.RESOLVED,)) == ["b"]
    assert shown(engine, status=(Status.RESOLVED, Status.DEAD), kind=(Kind.EXCEPTION,)) == ["c", "a"]
    assert shown(engine, exception_type="WorkerLostError") == ["b"]
    assert shown(engine, category="resource") == ["b"]
    assert shown(engine, task_id="a") == ["a"]
    assert shown(engine, text="PLAN_A gone") == ["a"]
    assert shown(engine, text="100%") == ["a"]
    assert shown(engine, text="gone plan") == ["a"], "all words, in any place"
    assert shown(engine, text="plan_x") == []
    assert shown(engine, text="_ %") == [], "no word at all matches nothing, not everything"
    assert shown(engine, failed_from=later) == ["c"]
    assert shown(engine, failed_to=later) == ["b", "a"]
    fingerprint = letter(engine, 2)["fingerprint"]
    assert shown(engine, fingerprint=fingerprint) == ["b"]


def test_letters_are_narrowed_and_counted_by_the_priority_of_their_message(engine):
    fail(engine, envelope("plain", properties={}))
    fail(engine, envelope("low", properties={"priority": 0}))
    fail(engine, envelope("high", properties={"priority": 9}))
    fail(engine, envelope("odd", properties={"priority": "urgent"}))
    fail(engine, envelope("huge", properties={"priority": 10**9}))
    assert shown(engine, priority=0) == ["low"]
    assert shown(engine, priority=9) == ["high"]
    assert shown(engine, priority=9, status=(Status.DEAD,), task_name="shop.pay") == ["high"]
    assert shown(engine, priority=9, status=(Status.RESOLVED,)) == []
    assert console.count(engine, OLGA, LetterFilter(priority=0)).count == 1
    stats = console.stats(engine, OLGA, LetterFilter(priority=9))
    assert (stats.total, stats.by_task_name) == (1, {"shop.pay": 1})
    listed = console.letters(engine, OLGA, redactor=MASKED).letters
    assert {found.task_id: found.priority for found in listed} == {
        "plain": None,
        "low": 0,
        "high": 9,
        "odd": None,
        "huge": None,
    }


def test_a_letter_shows_arguments_failures_and_history(engine):
    body = body_of("ana", plan=3)
    letter_id = fail(engine, envelope(body=body, headers={"tenant": "acme"}))
    fail(engine, envelope(body=body, headers={"redelivered": True}), failure(after_seconds=5))
    detail = console.letter(engine, OLGA, letter_id, redactor=MASKED, sealer=UNSEALED)
    assert (detail.args, detail.kwargs, detail.body_problem) == (["ana"], {"plan": 3}, "")
    assert detail.headers["tenant"] == "acme"
    assert detail.body_bytes == len(body)
    assert "shop.py" in detail.traceback
    assert detail.letter.failed_at == detail.letter.first_failed_at == NOON
    assert [attempt.occurred_at for attempt in detail.attempts] == [NOON, NOON + timedelta(seconds=5)]
    assert [(change.from_status, change.to_status) for change in detail.history] == [(None, Status.DEAD)]


def test_a_body_that_cannot_be_read_is_explained_not_hidden(engine):
    detail = console.letter(
        engine, OLGA, fail(engine, envelope(body=b"\xff\x00")), redactor=MASKED, sealer=UNSEALED
    )
    assert (detail.args, detail.kwargs, detail.body_bytes) == ([], {}, 2)
    assert "cannot be read" in detail.body_problem


def test_nothing_shown_holds_a_secret(engine):
    secret = "hunter2hunter2"
    message = envelope(
        body=body_of(f"Bearer {secret}", password=secret, url=f"redis://:{secret}@h/0"),
        headers={"api_key": secret, "note": f"token={secret}"},
        properties={"reply_to": f"amqp://u:{secret}@h"},
    )
    letter_id = fail(engine, message, failure(message=f"login failed: password={secret}"))
    assert secret not in repr(console.letter(engine, OLGA, letter_id, redactor=MASKED, sealer=UNSEALED))
    assert secret not in repr(console.letters(engine, OLGA, redactor=MASKED))
    assert secret.encode() in bytes(letter(engine, letter_id)["body"]), "what is stored stays as it came"


def test_what_is_masked_cannot_be_searched_for(engine):
    said = "login of ana@example.com failed: password=hunter2"
    letter_id = fail(engine, envelope("a"), failure(message=said))
    assert shown(engine, text="LOGIN of") == ["a"]
    assert shown(engine, text="valueerror") == shown(engine, text="shop.p") == ["a"]
    assert [shown(engine, text=guess) for guess in ("hunt", "=h", "ana@")] == [[], [], []]
    again = RetryClient(engine, Celery("x"), RecordedAudit(), noon, lambda message: None, sealer=UNSEALED)
    receipt = again.retry(letter_id, OLGA)
    fail(engine, retried(envelope("a"), letter_id, receipt.task_id), failure(message="token=abc of plan b"))
    assert shown(engine, text="plan b") == ["a"]
    assert shown(engine, text="login") == shown(engine, text="abc") == []


def test_email_is_masked_when_the_redactor_says_so(engine):
    letter_id = fail(engine, envelope(body=body_of("ana@example.com")))
    assert console.letter(engine, OLGA, letter_id, redactor=MASKED, sealer=UNSEALED).args == [
        "ana@example.com"
    ]
    assert console.letter(engine, OLGA, letter_id, redactor=Redactor(email=True), sealer=UNSEALED).args == [
        MASK
    ]


def test_a_changed_letter_is_shown_with_the_redactor_of_the_caller(engine):
    letter_id = fail(engine, envelope(), failure(message="no mail for ana@example.com"))
    masking = Redactor(email=True)
    assert discard(engine, letter_id, redactor=masking).message == f"no mail for {MASK}"
    assert restore(engine, letter_id, redactor=masking).message == f"no mail for {MASK}"


@pytest.mark.parametrize("shows", [console.letters, console.letter, console.discard, console.restore])
def test_how_much_is_masked_is_never_left_to_a_default(shows):
    redactor = signature(shows).parameters["redactor"]
    assert (redactor.kind, redactor.default) == (Parameter.KEYWORD_ONLY, Parameter.empty)


def test_a_letter_is_found_by_task_id(engine):
    fail(engine, envelope("t1"))
    second = fail(engine, envelope("t2"))
    assert console.letter_of_task(engine, OLGA, "t2") == second
    with pytest.raises(UnknownLetter, match="of task nope"):
        console.letter_of_task(engine, OLGA, "nope")


def test_messages_without_id_are_not_found_by_the_empty_id(engine):
    fail(engine, envelope(""))
    with pytest.raises(UnknownLetter):
        console.letter_of_task(engine, OLGA, "")


def test_counts_and_stats_add_up(engine):
    for number in range(3):
        fail(engine, envelope(f"t{number}"), failure(after_seconds=number))
    fail(engine, envelope("x", task_name="shop.ship"), failure(Kind.WORKER_LOST))
    succeed(engine, envelope("x"))
    counts = console.counts(engine, OLGA)
    assert counts == {
        Status.DEAD: 3,
        Status.RETRYING: 0,
        Status.RESOLVED: 1,
        Status.DISCARDED: 0,
        Status.POISONED: 0,
    }
    stats = console.stats(engine, OLGA)
    assert (stats.total, stats.by_task_name) == (4, {"shop.pay": 3, "shop.ship": 1})
    assert list(stats.by_kind) == ["exception", "worker_lost"]
    assert stats.oldest_open_at == NOON


def test_stats_of_nothing_are_zero(engine):
    stats = console.stats(engine, OLGA)
    assert (stats.total, stats.oldest_open_at, stats.by_kind) == (0, None, {})


def test_filters_offer_what_is_there(engine):
    for name in ("b", "a", "b", "c"):
        fail(engine, envelope(f"{name}-{id(name)}", task_name=name, queue="q"))
    choices = console.choices(engine, OLGA)
    assert choices.task_names == ("a", "b", "c")


def test_a_discarded_letter_can_be_restored(engine):
    audit = RecordedAudit()
    letter_id = fail(engine, envelope())
    assert discard(engine, letter_id, audit=audit).status == Status.DISCARDED
    assert restore(engine, letter_id, audit=audit).status == Status.DEAD
    assert history(engine, letter_id)[1:] == [("dead", "discarded", "olga"), ("discarded", "dead", "olga")]
    assert [(entry["action"], entry["after"]) for entry in audit.entries] == [
        ("letter.discard", {"status": "discarded", "reason": "old"}),
        ("letter.restore", {"status": "dead", "reason": "still needed"}),
    ]


def test_restoring_does_not_make_a_poisoned_letter_harmless(engine):
    letter_id = fail(engine, envelope(), failure(Kind.POISON))
    discard(engine, letter_id)
    assert restore(engine, letter_id).status == Status.POISONED


def test_a_letter_comes_back_as_what_it_was_whatever_the_limit_is_now(engine):
    letter_id = fail(engine, envelope())
    with engine.begin() as connection:
        connection.execute(update(dead_letter).values(attempts=1000))
    discard(engine, letter_id)
    assert restore(engine, letter_id).status == Status.DEAD


def test_the_second_click_is_told_the_state(engine):
    letter_id = fail(engine, envelope())
    discard(engine, letter_id)
    with pytest.raises(NotAllowedNow, match="is discarded and cannot be discarded"):
        discard(engine, letter_id)
    restore(engine, letter_id)
    with pytest.raises(NotAllowedNow, match="is dead and cannot be restored"):
        restore(engine, letter_id)
    with pytest.raises(UnknownLetter):
        discard(engine, 4711)


def test_a_change_without_audit_does_not_happen(engine):
    letter_id = fail(engine, envelope())
    with pytest.raises(RuntimeError):
        discard(engine, letter_id, audit=RecordedAudit(breaks=True))
    assert letter(engine, letter_id)["status"] == "dead"


@pytest.mark.parametrize(
    "read",
    [
        lambda engine, by: console.letters(engine, by, redactor=MASKED),
        console.counts,
        console.stats,
        console.choices,
        lambda engine, by: console.letter(engine, by, 1, redactor=MASKED, sealer=UNSEALED),
        lambda engine, by: console.letter_of_task(engine, by, "t1"),
    ],
)
def test_reading_needs_the_permission(engine, read):
    fail(engine, envelope())
    with pytest.raises(Refused, match=r"letters\.read"):
        read(engine, Operator(lacks=frozenset({"letters.read"})))


@pytest.mark.parametrize("change", [discard, restore])
def test_deleting_needs_the_permission(engine, change):
    letter_id = fail(engine, envelope())
    with pytest.raises(Refused, match=r"letters\.delete"):
        change(engine, letter_id, Operator(lacks=frozenset({"letters.delete"})))


def test_sessions_wait_for_letters_that_are_neither_resolved_nor_discarded(engine):
    fail(engine, envelope("a", session_id="s1"))
    fail(engine, envelope("b", session_id="s1"), failure(after_seconds=9))
    fail(engine, envelope("c", session_id="s2"))
    succeed(engine, envelope("c"))
    discard(engine, fail(engine, envelope("d", session_id="s3")))
    fail(engine, envelope("e", session_id="s4"), failure(Kind.POISON))
    fail(engine, envelope("f"))
    noon_ms = 1772366400000
    found = console.waiting_sessions(engine, OLGA)
    assert {one: found[one].failed_ms for one in found} == {"s1": noon_ms + 9000, "s4": noon_ms}
    assert found["s1"].pattern == "ValueError in shop.pay"
