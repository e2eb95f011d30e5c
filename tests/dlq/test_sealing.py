"""With keys, arguments lie sealed in database and spool, and come out as they went in."""

import json
from hashlib import sha256

import pytest
from celery import Celery
from cryptography.fernet import Fernet
from sqlalchemy import text

from dlq import console
from dlq.errors import BrokerUnavailable, KeyMissing, SealBroken
from dlq.letters import Status
from dlq.redaction import Redactor
from dlq.retries import reaper
from dlq.retries.retry import RetryClient
from dlq.sealing import Sealer
from dlq.settings import Settings
from dlq.store import envelope_of
from dlq.worker import spool
from dlq.worker.capture import Capture
from tests.dlq.builders import (
    UNSEALED,
    Operator,
    RecordedAudit,
    body_of,
    count,
    envelope,
    fail,
    failure,
    letter,
    message_of,
    noon,
)

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))
SEALER = Sealer((OLD,))
OLGA = Operator()
PRIVATE = "the patient's answers"
HEADERS = {"argsrepr": f"('{PRIVATE}',)", "kwargsrepr": "{}", "tenant": "acme"}
MESSAGE = envelope(body=body_of(PRIVATE), headers=HEADERS)


def client(engine, sealer, sent):
    return RetryClient(engine, Celery("x"), RecordedAudit(), noon, sent.append, sealer=sealer)


def shown(engine, letter_id, sealer):
    return console.letter(engine, OLGA, letter_id, redactor=Redactor(), sealer=sealer)


def everything_stored(engine):
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT * FROM onward.dead_letter")).mappings()
        return repr([dict(row) for row in rows])


def test_without_keys_bytes_stay_as_they_are():
    sealed = UNSEALED.seal(b"plain")
    assert (sealed.content, sealed.key_id) == (b"plain", None)
    assert UNSEALED.opened(b"plain", None) == b"plain"


def test_the_first_key_seals_and_every_key_opens():
    before, now = Sealer((OLD,)).seal(b"plain"), Sealer((NEW, OLD)).seal(b"plain")
    assert now.key_id == Sealer((NEW,)).key_id != before.key_id
    assert [Sealer((NEW, OLD)).opened(each.content, each.key_id) for each in (before, now)] == [b"plain"] * 2


def test_what_was_stored_before_the_first_key_still_opens():
    assert SEALER.opened(b"plain", None) == b"plain"


def test_a_key_that_is_not_listed_is_named():
    sealed = SEALER.seal(b"plain")
    with pytest.raises(KeyMissing, match=f"sealed under key {sealed.key_id}, which DLQ_ENCRYPTION_KEY"):
        Sealer((NEW,)).opened(sealed.content, sealed.key_id)


def test_damaged_content_is_told_from_a_missing_key():
    with pytest.raises(SealBroken):
        SEALER.opened(SEALER.seal(b"plain").content[:-9], SEALER.key_id)


def test_a_sealer_prints_no_key():
    assert OLD not in repr(SEALER)
    assert OLD[:16] not in str(vars(SEALER)["key_id"])


def test_a_digest_cannot_be_checked_without_the_key():
    assert SEALER.digest(b"yes") == Sealer((OLD,)).digest(b"yes") != SEALER.digest(b"no")
    assert len({sealer.digest(b"yes") for sealer in (SEALER, Sealer((NEW,)), UNSEALED)}) == 3


@pytest.mark.servers
class TestLetters:
    def test_no_column_repeats_the_arguments(self, engine):
        fail(engine, MESSAGE, sealer=SEALER)
        assert PRIVATE not in everything_stored(engine)
        fail(engine, envelope("t2", body=body_of(PRIVATE), headers=HEADERS))
        assert PRIVATE in everything_stored(engine), "this test looks where arguments would be"

    def test_the_envelope_comes_back_as_it_came(self, engine):
        assert envelope_of(letter(engine, fail(engine, MESSAGE, sealer=SEALER)), SEALER) == MESSAGE

    def test_other_headers_can_be_read_without_the_key(self, engine):
        stored = letter(engine, fail(engine, MESSAGE, sealer=SEALER))["headers"]
        assert stored["tenant"] == "acme"
        assert stored.keys().isdisjoint({"argsrepr", "kwargsrepr"})

    def test_arguments_are_shown_and_sent_again_as_they_came(self, engine):
        letter_id = fail(engine, MESSAGE, sealer=SEALER)
        detail = shown(engine, letter_id, SEALER)
        assert (detail.args, detail.body_bytes) == ([PRIVATE], len(MESSAGE.body))
        sent = []
        client(engine, SEALER, sent).retry(letter_id, OLGA)
        assert sent[0].body == MESSAGE.body
        assert sent[0].headers["argsrepr"] == HEADERS["argsrepr"]

    def test_the_same_run_reported_twice_is_one_letter(self, engine):
        first = fail(engine, MESSAGE, sealer=SEALER)
        assert fail(engine, MESSAGE, sealer=Sealer((NEW, OLD))) == first
        assert letter(engine, first)["occurrences"] == 2

    def test_another_body_under_the_same_id_is_another_letter(self, engine):
        first = fail(engine, MESSAGE, sealer=SEALER)
        other = envelope(body=body_of("something else"))
        assert fail(engine, other, sealer=SEALER) == fail(engine, other, sealer=SEALER) != first
        assert count(engine, "dead_letter") == 2

    def test_no_key_of_a_row_is_a_plain_hash_of_its_body(self, engine):
        nameless = envelope("", body=b"yes")
        letter_id = fail(engine, nameless, sealer=SEALER)
        assert nameless.dedupe_key is None
        assert fail(engine, nameless, sealer=SEALER) == letter_id
        kept = letter(engine, letter_id)["dedupe_key"]
        assert kept.removeprefix("raw:") not in {
            sha256(nameless.content).hexdigest(),
            Sealer().digest(b"yes"),
        }

    def test_a_message_without_id_is_the_same_when_it_comes_again_under_other_keys(self, engine):
        first = envelope("", properties={"delivery_tag": "tag-1"})
        again = envelope("", properties={"delivery_tag": "tag-1"}, headers={"redelivered": True})
        letter_id = fail(engine, first, sealer=SEALER)
        assert fail(engine, again, sealer=Sealer((NEW, OLD))) == letter_id
        assert letter(engine, letter_id)["occurrences"] == 2
        assert fail(engine, envelope("", properties={"delivery_tag": "tag-2"}), sealer=SEALER) != letter_id

    def test_a_letter_whose_key_is_gone_is_listed_and_says_why_it_has_no_arguments(self, engine):
        letter_id = fail(engine, MESSAGE, sealer=SEALER)
        assert len(console.letters(engine, OLGA, redactor=Redactor()).letters) == 1
        detail = shown(engine, letter_id, Sealer((NEW,)))
        assert (detail.args, detail.kwargs, detail.body_bytes) == ([], {}, None)
        assert f"sealed under key {SEALER.key_id}" in detail.body_problem

    def test_a_retry_whose_key_is_gone_is_refused_and_changes_nothing(self, engine):
        letter_id, sent = fail(engine, MESSAGE, sealer=SEALER), []
        retries = client(engine, Sealer((NEW,)), sent)
        for ask in (retries.preview, retries.retry):
            with pytest.raises(KeyMissing):
                ask(letter_id, OLGA)
        assert not sent
        assert letter(engine, letter_id)["status"] == Status.DEAD
        assert letter(engine, letter_id)["generation"] == 0

    def test_the_reaper_hands_a_claim_back_that_it_cannot_open(self, engine):
        letter_id, sent = fail(engine, MESSAGE, sealer=SEALER), []

        def away(_message):
            raise BrokerUnavailable("refused")

        RetryClient(engine, Celery("x"), RecordedAudit(), noon, away, sealer=SEALER).retry(letter_id, OLGA)
        assert reaper.reap(engine, sent.append, noon, sealer=UNSEALED, stale_seconds=-1) == 0
        assert letter(engine, letter_id)["status"] == Status.DEAD
        reasons = [change.detail.get("reason", "") for change in shown(engine, letter_id, SEALER).history]
        assert f"key {SEALER.key_id}" in reasons[-1]


def spooled(folder, keys):
    capture = Capture("postgresql://nobody@127.0.0.1:1/none", Settings(spool=folder, encryption_keys=keys))
    capture.failed(message_of(MESSAGE), failure(message=f"refused {PRIVATE}"))
    capture.close()
    return spool.waiting(folder, 10)


@pytest.mark.servers
class TestSpool:
    def test_a_spooled_letter_is_sealed_and_comes_back(self, engine, database_url, tmp_path):
        [path] = spooled(tmp_path, (OLD,))
        assert PRIVATE not in path.read_text()
        assert json.loads(path.read_text())["key_id"] == SEALER.key_id
        capture = Capture(database_url, Settings(spool=tmp_path, encryption_keys=(NEW, OLD)))
        assert capture.replay() == 1
        capture.close()
        assert count(engine, "dead_letter") == 1

    def test_a_record_whose_key_is_gone_waits_and_blocks_nothing(
        self, engine, database_url, tmp_path, caplog
    ):
        [locked] = spooled(tmp_path, (OLD,))
        spooled(tmp_path, ())
        capture = Capture(database_url, Settings(spool=tmp_path))
        assert capture.replay() == 1
        capture.close()
        assert spool.waiting(tmp_path, 10) == [locked]
        assert f"key {SEALER.key_id}" in caplog.text
