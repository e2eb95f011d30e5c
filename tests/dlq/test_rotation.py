"""After a rotation the old keys open nothing that is needed; a run that is cut short is simply run again."""

import signal
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select, update

from dlq import store, versions
from dlq.errors import KeyMissing, SealBroken, SettingsError
from dlq.redaction import Redactor
from dlq.rotation import rotate_keys
from dlq.sealing import Sealer
from dlq.tables import dead_letter, dead_letter_in_flight, dead_letter_version
from tests.dlq.builders import UNSEALED, Operator, RecordedAudit, body_of, envelope, fail, letter

pytestmark = pytest.mark.servers

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))
BEFORE, BOTH, AFTER = Sealer((OLD,)), Sealer((NEW, OLD)), Sealer((NEW,))
HEADERS = {"argsrepr": "('private',)"}


def message(nth):
    return envelope(f"t{nth}", body=body_of(nth), headers=HEADERS)


def letters(engine, number, sealer):
    return [fail(engine, message(nth), sealer=sealer) for nth in range(number)]


def opened(engine, letter_id, sealer=AFTER):
    return store.envelope_of(letter(engine, letter_id), sealer)


def keys(engine, table=dead_letter):
    with engine.connect() as connection:
        return set(connection.execute(select(table.c.key_id)).scalars())


@pytest.mark.parametrize("before", [BEFORE, UNSEALED], ids=["sealed", "not sealed"])
def test_every_letter_comes_under_the_first_key_in_batches(engine, before):
    made = letters(engine, 5, before)
    assert sum(rotate_keys(engine, BOTH, batch=2)) == 5
    assert [opened(engine, letter_id) for letter_id in made] == [message(nth) for nth in range(5)]
    assert "argsrepr" not in letter(engine, made[0])["headers"]
    assert sum(rotate_keys(engine, BOTH)) == 0, "a second run finds nothing to do"


def test_no_batch_is_larger_than_asked(engine):
    letters(engine, 5, BEFORE)
    assert list(rotate_keys(engine, BOTH, batch=2)) == [2, 2, 1]


def test_edits_and_tasks_in_flight_are_sealed_again_too(engine):
    [letter_id] = letters(engine, 1, BEFORE)
    versions.edit(
        *(engine, Operator(), letter_id, ["new"], {}, ""),
        redactor=Redactor(),
        sealer=BEFORE,
        audit=RecordedAudit(),
    )
    flying = BEFORE.seal(b"an envelope")
    with engine.begin() as connection:
        connection.execute(
            dead_letter_in_flight.insert().values(
                task_id="t9",
                generation=0,
                state="published",
                task_name="shop.pay",
                queue="celery",
                returns=False,
                envelope=flying.content,
                key_id=flying.key_id,
                at_ms=0,
            )
        )
    assert sum(rotate_keys(engine, BOTH)) == 3
    assert keys(engine, dead_letter_version) == keys(engine, dead_letter_in_flight) == {AFTER.key_id}
    with engine.connect() as connection:
        row = letter(engine, letter_id)
        assert b"new" in versions.version_of(connection, row, 1, AFTER).body
        [flying] = connection.execute(select(dead_letter_in_flight.c.envelope)).scalars()
    assert AFTER.opened(flying, AFTER.key_id) == b"an envelope"


def test_a_run_killed_in_the_middle_is_finished_by_the_next(engine, database_url):
    made = letters(engine, 7, BEFORE)
    dies_in_the_third_batch = dedent(
        f"""
        import os, signal
        from dlq.rotation import rotate_keys
        from dlq.sealing import Sealer
        from infra.database import open_engine

        class Dying(Sealer):
            sealed = 0

            def seal(self, plain):
                self.sealed += 1
                if self.sealed == 11:  # body and headers: the sixth letter's body
                    os.kill(os.getpid(), signal.SIGKILL)
                return super().seal(plain)

        for _ in rotate_keys(open_engine({database_url!r}), Dying({(NEW, OLD)!r}), batch=2):
            pass
        """
    )
    killed = subprocess.run(
        [sys.executable, "-c", dies_in_the_third_batch],
        cwd=Path(__file__).parent.parent.parent,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    done = [letter(engine, letter_id)["key_id"] == AFTER.key_id for letter_id in made]
    assert done == [True] * 4 + [False] * 3, "whole batches, and only those"
    assert [opened(engine, letter_id, BOTH) for letter_id in made] == [message(nth) for nth in range(7)]
    assert sum(rotate_keys(engine, BOTH, batch=2)) == 3
    assert [opened(engine, letter_id) for letter_id in made] == [message(nth) for nth in range(7)]


def test_what_no_listed_key_opens_is_named_after_all_else_is_sealed(engine):
    letters(engine, 1, Sealer((Fernet.generate_key().decode(),)))
    ours = fail(engine, envelope("t9"), sealer=BEFORE)
    with pytest.raises(KeyMissing, match="rotate-key"):
        list(rotate_keys(engine, BOTH))
    assert opened(engine, ours).task_id == "t9"


def test_a_damaged_letter_does_not_keep_the_others(engine):
    broken, sound = letters(engine, 2, BEFORE)
    with engine.begin() as connection:
        connection.execute(update(dead_letter).where(dead_letter.c.id == broken).values(body=b"damaged"))
    with pytest.raises(SealBroken, match=f"key {BEFORE.key_id}"):
        list(rotate_keys(engine, BOTH, batch=1))
    assert letter(engine, sound)["key_id"] == AFTER.key_id
    assert letter(engine, broken)["body"] == b"damaged"


def test_without_a_key_there_is_nothing_to_seal_under(engine):
    with pytest.raises(SettingsError, match="DLQ_ENCRYPTION_KEY is empty"):
        list(rotate_keys(engine, UNSEALED))
