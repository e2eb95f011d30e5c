"""The retry protocol with a publisher that can be watched and broken; the database is the real one."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest
from celery import Celery
from sqlalchemy import event

from dlq.errors import (
    AlreadyRetrying,
    BrokerUnavailable,
    NotAllowedNow,
    Poisoned,
    StoreUnavailable,
    UnknownLetter,
    Unpublishable,
)
from dlq.letters import Kind
from dlq.operations.preview import preview as bulk_preview
from dlq.operations.records import Action, Selection
from dlq.queries import LetterFilter
from dlq.redaction import Redactor
from dlq.retries import claims, reaper
from dlq.retries.retry import RetryClient
from tests.dlq.builders import (
    NOON,
    UNSEALED,
    Operator,
    RecordedAudit,
    Refused,
    body_of,
    count,
    envelope,
    fail,
    failure,
    history,
    letter,
    noon,
    report,
    retried,
    succeed,
)

pytestmark = pytest.mark.servers
OLGA = Operator()
APP = Celery("retry-tests")


class Killed(BaseException):
    """The process ends here."""


class Broker:
    """Keeps what is published; `breaks` is raised instead."""

    def __init__(self, breaks=None):
        self.sent = []
        self.breaks = breaks

    def __call__(self, message):
        if self.breaks is not None:
            raise self.breaks
        self.sent.append(message)


def client(engine, broker, audit=None):
    return RetryClient(engine, APP, audit or RecordedAudit(), noon, broker, sealer=UNSEALED)


def reap(engine, broker, seconds_later=60):
    return reaper.reap(
        engine, broker, lambda: NOON + timedelta(seconds=seconds_later), sealer=UNSEALED, stale_seconds=30
    )


def test_a_retry_publishes_the_stored_message_under_a_new_id(engine):
    broker = Broker()
    headers = {"root_id": "r", "parent_id": "p", "eta": "2026-01-01", "expires": "2026-01-02", "retries": 3}
    headers |= {"redelivered": True, "tenant": "acme", "timelimit": [10, 5]}
    message = envelope(headers=headers, queue="slow", properties={"priority": 9, "delivery_tag": "x"})
    letter_id = fail(engine, message)
    receipt = client(engine, broker).retry(letter_id, OLGA, "provider is back")
    [sent] = broker.sent
    assert (sent.body, sent.queue) == (message.body, "slow")
    assert sent.properties == {"priority": 9, "correlation_id": receipt.task_id}
    assert sent.headers == {
        "id": receipt.task_id,
        "task": "shop.pay",
        "retries": 0,
        "eta": None,
        "expires": None,
        "root_id": "r",
        "parent_id": "p",
        "tenant": "acme",
        "timelimit": [10, 5],
        "dlq_letter": letter_id,
        "dlq_generation": 1,
        "dlq_work": "t1",
    }
    assert receipt.published
    assert receipt.task_id != "t1"


def test_claim_audit_and_history_name_who_and_why(engine):
    audit = RecordedAudit()
    letter_id = fail(engine, envelope())
    receipt = client(engine, Broker(), audit).retry(letter_id, OLGA, "provider is back")
    row = letter(engine, letter_id)
    assert (row["status"], row["claimed_by"], row["retry_task_id"]) == ("retrying", "olga", receipt.task_id)
    assert row["published_at_ms"] is not None
    assert history(engine, letter_id)[-1] == ("dead", "retrying", "olga")
    [entry] = audit.entries
    assert (entry["actor"], entry["action"], entry["subject"]) == (
        "olga",
        "letter.retry",
        f"letter:{letter_id}",
    )
    assert entry["after"]["reason"] == "provider is back"


def test_without_an_audit_entry_nothing_is_claimed_or_sent(engine):
    broker = Broker()
    letter_id = fail(engine, envelope())
    with pytest.raises(RuntimeError, match="no audit"):
        client(engine, broker, RecordedAudit(breaks=True)).retry(letter_id, OLGA)
    assert broker.sent == []
    assert letter(engine, letter_id)["status"] == "dead"
    assert len(history(engine, letter_id)) == 1


def test_fifty_people_press_retry_and_one_message_goes_out(engine):
    broker, together = Broker(), Barrier(50)
    retrying = client(engine, broker)
    letter_id = fail(engine, envelope())

    def press(number):
        together.wait()
        try:
            return retrying.retry(letter_id, Operator(f"p{number}"))
        except AlreadyRetrying as error:
            return error
        except StoreUnavailable:  # more people than connections: also a no
            return None

    with ThreadPoolExecutor(50) as people:
        answers = list(people.map(press, range(50)))
    receipts = [answer for answer in answers if answer and not isinstance(answer, AlreadyRetrying)]
    assert len(receipts) == len(broker.sent) == 1
    winner = letter(engine, letter_id)["claimed_by"]
    assert {answer.claimed_by for answer in answers if isinstance(answer, AlreadyRetrying)} == {winner}
    assert letter(engine, letter_id)["generation"] == 1


def test_a_crash_between_claim_and_publish_is_finished_by_the_reaper_under_the_same_id(engine):
    letter_id = fail(engine, envelope())
    with pytest.raises(Killed):
        client(engine, Broker(Killed())).retry(letter_id, OLGA)
    broker = Broker()
    assert reap(engine, broker, seconds_later=10) == 0, "the claim is still fresh"
    assert reap(engine, broker) == 1
    assert reap(engine, broker) == 0
    [sent] = broker.sent
    assert sent.headers["id"] == letter(engine, letter_id)["retry_task_id"]
    assert succeed(engine, retried(envelope(), letter_id, sent.headers["id"])) == letter_id


def test_a_broker_that_is_away_leaves_the_claim_to_the_reaper(engine):
    letter_id = fail(engine, envelope())
    receipt = client(engine, Broker(BrokerUnavailable("refused"))).retry(letter_id, OLGA)
    assert not receipt.published
    with pytest.raises(BrokerUnavailable):
        reap(engine, Broker(BrokerUnavailable("refused")))
    broker = Broker()
    assert reap(engine, broker) == 1
    assert broker.sent[0].headers["id"] == receipt.task_id


def test_a_database_that_goes_away_after_publishing_does_not_hide_that_it_was_sent(engine, monkeypatch):
    letter_id, broker = fail(engine, envelope()), Broker()

    def away(*_):
        raise StoreUnavailable("gone")

    with monkeypatch.context() as outage:
        outage.setattr("dlq.retries.claims.mark_published", away)
        receipt = client(engine, broker).retry(letter_id, OLGA)
    assert (receipt.published, len(broker.sent)) == (True, 1)
    assert reap(engine, broker) == 1, "at least once"
    assert {sent.headers["id"] for sent in broker.sent} == {receipt.task_id}


def test_the_claim_of_a_slow_publisher_is_not_reaped_however_old(engine):
    letter_id, reapers = fail(engine, envelope()), Broker()

    def publish_slowly(_message):
        assert reap(engine, reapers, seconds_later=3600) == 0

    assert client(engine, publish_slowly).retry(letter_id, OLGA).published
    assert reapers.sent == []


def test_a_publisher_that_slept_past_the_reaper_does_not_send_again(engine, monkeypatch):
    letter_id, broker, hold = fail(engine, envelope()), Broker(), claims.hold

    def hold_late(*claim):
        assert reap(engine, broker) == 1
        return hold(*claim)

    monkeypatch.setattr("dlq.retries.claims.hold", hold_late)
    assert client(engine, broker).retry(letter_id, OLGA).published
    assert len(broker.sent) == 1


@pytest.mark.parametrize(("kind", "status"), [(Kind.EXCEPTION, "dead"), (Kind.POISON, "poisoned")])
def test_a_message_that_no_broker_takes_leaves_the_letter_as_it_was(engine, kind, status):
    letter_id = fail(engine, envelope(), failure(kind))
    with pytest.raises(Unpublishable, match="bad priority"):
        client(engine, Broker(Unpublishable("bad priority"))).retry(letter_id, OLGA, even_poisoned=True)
    assert letter(engine, letter_id)["status"] == status
    assert history(engine, letter_id)[-1] == ("retrying", status, "olga")


def test_a_stale_claim_that_cannot_be_published_blocks_none_behind_it(engine):
    ids = [fail(engine, envelope(f"t{number}")) for number in range(3)]
    for letter_id in ids:
        client(engine, Broker(BrokerUnavailable("x"))).retry(letter_id, OLGA)
    sent = []

    def publish(message):
        if message.headers["dlq_letter"] == ids[0]:
            raise Unpublishable("bad priority")
        sent.append(message)

    assert reap(engine, publish) == len(sent) == 2
    assert letter(engine, ids[0])["status"] == "dead"
    assert history(engine, ids[0])[-1] == ("retrying", "dead", "reaper")
    assert reap(engine, publish) == 0


def test_a_broker_that_is_away_ends_the_batch(engine):
    for number in range(3):
        client(engine, Broker(BrokerUnavailable("x"))).retry(fail(engine, envelope(f"t{number}")), OLGA)
    tried = []

    def away(message):
        tried.append(message)
        raise BrokerUnavailable("refused")

    with pytest.raises(BrokerUnavailable):
        reap(engine, away)
    assert len(tried) == 1


def test_two_reapers_share_stale_claims_and_each_goes_out_once(engine):
    for number in range(20):
        letter_id = fail(engine, envelope(f"t{number}"))
        client(engine, Broker(BrokerUnavailable("refused"))).retry(letter_id, OLGA)
    broker = Broker()
    with ThreadPoolExecutor(2) as reapers:
        finished = list(reapers.map(lambda _: reap(engine, broker), range(2)))
    assert sum(finished) == 20
    assert len({sent.headers["id"] for sent in broker.sent}) == len(broker.sent) == 20


def test_a_reaper_does_not_wait_for_a_claim_that_another_is_publishing(engine):
    for task_id in ("t1", "t2"):
        client(engine, Broker(BrokerUnavailable("refused"))).retry(fail(engine, envelope(task_id)), OLGA)
    other = Broker()
    event.listen(engine, "begin", lambda begun: begun.exec_driver_sql("SET LOCAL lock_timeout = 1000"))
    taken = []

    def publish(message):
        taken.append(message)
        if len(taken) == 1:
            assert reap(engine, other) == 1

    assert reap(engine, publish) == 1
    assert len(taken) == len(other.sent) == 1
    assert taken[0].headers["id"] != other.sent[0].headers["id"]


def test_a_reaper_takes_no_more_than_its_limit(engine):
    for number in range(3):
        client(engine, Broker(BrokerUnavailable("x"))).retry(fail(engine, envelope(f"t{number}")), OLGA)
    later = NOON + timedelta(minutes=1)
    assert reaper.reap(engine, Broker(), lambda: later, sealer=UNSEALED, limit=2) == 2


def test_a_published_retry_is_not_sent_again(engine):
    client(engine, Broker()).retry(fail(engine, envelope()), OLGA)
    assert reap(engine, Broker()) == 0


def test_a_poisoned_letter_needs_to_be_told(engine):
    letter_id = fail(engine, envelope(), failure(Kind.POISON))
    broker = Broker()
    with pytest.raises(Poisoned, match="failed 1 times"):
        client(engine, broker).retry(letter_id, OLGA)
    assert client(engine, broker).preview(letter_id, OLGA).needs_even_poisoned
    client(engine, broker).retry(letter_id, OLGA, even_poisoned=True)
    assert len(broker.sent) == 1


def test_a_resolved_or_unknown_letter_is_not_retried(engine):
    letter_id = fail(engine, envelope())
    succeed(engine, envelope())
    with pytest.raises(NotAllowedNow, match="is resolved and cannot be retried"):
        client(engine, Broker()).retry(letter_id, OLGA)
    with pytest.raises(UnknownLetter):
        client(engine, Broker()).retry(letter_id + 1, OLGA)


@pytest.mark.parametrize("action", ["retry", "preview"])
def test_retrying_needs_the_permission(engine, action):
    letter_id = fail(engine, envelope())
    with pytest.raises(Refused):
        getattr(client(engine, Broker()), action)(letter_id, Operator(lacks=frozenset({"letters.retry"})))
    assert letter(engine, letter_id)["status"] == "dead"


@pytest.mark.parametrize("args", [[1], "malformed"])
def test_a_message_of_the_first_protocol_is_reset_in_its_body(engine, args):
    body = {"task": "shop.pay", "args": args, "kwargs": {}, "errbacks": None}
    run = {"id": "t1", "retries": 3, "eta": "2026-03-01T12:00:00", "expires": "2026-03-01T12:00:00"}
    message = replace(envelope(body=json.dumps(body | run).encode()), headers={})
    broker = Broker()
    receipt = client(engine, broker).retry(fail(engine, message), OLGA)
    anew = {"id": receipt.task_id, "retries": 0, "eta": None, "expires": None}
    assert json.loads(broker.sent[0].body) == body | anew
    assert "id" not in broker.sent[0].headers
    assert receipt.task_id != "t1"


PICKLED = envelope(
    task_id="", task_name="", body=b"\x80\x04}.", content_type="application/x-python-serialize"
)


def test_a_message_of_the_first_protocol_that_is_not_json_is_sent_as_it_came(engine):
    broker = Broker()
    receipt = client(engine, broker).retry(fail(engine, PICKLED), OLGA)
    assert (broker.sent[0].body, receipt.task_id) == (PICKLED.body, "")


def test_previews_warn_of_what_stays_in_a_body_that_is_not_read(engine):
    letter_id = fail(engine, PICKLED, failure(Kind.EXPIRED))
    of_one = client(engine, Broker()).preview(letter_id, OLGA)
    of_many = bulk_preview(engine, OLGA, Action.RETRY, Selection(LetterFilter()), redactor=Redactor())
    for warnings in (of_one.warnings, of_many.warnings):
        assert ["not read" in warning for warning in warnings].count(True) == 1


def test_previews_do_not_warn_of_a_body_that_says_nothing_of_the_run(engine):
    unread = envelope(content_type="application/x-python-serialize")
    letter_id = fail(engine, unread, failure(Kind.EXPIRED))
    said = client(engine, Broker()).preview(letter_id, OLGA).warnings
    assert not [warning for warning in said if "not read" in warning]


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (Kind.OUTCOME_UNKNOWN, "Outcome unknown"),
        (Kind.WORKER_LOST, "part of its work"),
        (Kind.EXCEPTION, "not declared idempotent"),
    ],
)
def test_the_preview_warns_of_what_a_second_run_may_do(engine, kind, word):
    preview = client(engine, Broker()).preview(fail(engine, envelope(), failure(kind)), OLGA)
    assert any(word in warning for warning in preview.warnings)
    assert (preview.task_name, preview.queue, preview.needs_even_poisoned) == ("shop.pay", "celery", False)


def test_an_idempotent_task_that_only_raised_has_no_warning(engine):
    report(engine)
    letter_id = fail(engine, envelope(), failure(idempotent=True))
    assert client(engine, Broker()).preview(letter_id, OLGA).warnings == ()


def test_the_preview_says_that_a_failed_chord_stays_failed(engine):
    report(engine)
    chord = body_of(1, options={"chord": {"task": "after"}})
    message = envelope(body=chord)
    warnings = (
        client(engine, Broker()).preview(fail(engine, message, failure(idempotent=True)), OLGA).warnings
    )
    assert [warning for warning in warnings if "chord" in warning]
    lost = envelope("t2", body=chord)
    never_ran = fail(engine, lost, failure(Kind.UNREGISTERED, idempotent=True))
    assert client(engine, Broker()).preview(never_ran, OLGA).warnings == ()


def test_a_preview_changes_nothing(engine):
    letter_id = fail(engine, envelope())
    client(engine, Broker()).preview(letter_id, OLGA)
    assert letter(engine, letter_id)["status"] == "dead"
    assert count(engine, "dead_letter_history") == 1
