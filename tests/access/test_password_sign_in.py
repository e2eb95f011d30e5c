"""Signing in by password: who comes in, and how guessing is slowed down."""

from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select, update

from infra.access import accounts, backoff, password_sign_in, passwords, sessions
from infra.access.backoff import FIRST_PAUSE, FREE_PER_ADDRESS, FREE_PER_LOGIN, LONGEST_PAUSE, pause_after
from infra.access.tables import person, sign_in_failure
from infra.errors import TooManyFailures
from tests.access.people import NOON, PASSWORD, ROOT, add, audited

pytestmark = pytest.mark.servers
HERE = "10.0.0.1"


def tried(engine, password=PASSWORD, *, login="ada", at=NOON, source=HERE):
    return password_sign_in.sign_in(engine, login, password, now=at, source=source)


def fail(engine, times, **where):
    for _ in range(times):
        assert tried(engine, "wrong", **where) is None


@pytest.mark.parametrize("login", ["ada", "Ada", " ADA "])
def test_login_and_password_sign_in(engine, login):
    ada = add(engine)
    token = tried(engine, login=login)
    assert sessions.find_person(engine, sessions.session_key(token), now=NOON) == ada


def test_a_password_is_the_same_however_a_keyboard_composes_it(engine):
    add(engine, password="caf\u00e9 au lait fort")
    assert tried(engine, "cafe\u0301 au lait fort")


@pytest.mark.parametrize("login", ["ada", "nobody", "", "a\x00b", "\U0001f600", "x" * 5000, "linked"])
def test_what_is_wrong_gets_the_same_answer(engine, login):
    add(engine), add(engine, "linked", password=None)
    assert tried(engine, "wrong", login=login) is None


def test_a_hash_is_checked_where_there_is_none(engine, monkeypatch):
    checked = []
    monkeypatch.setattr(passwords, "is_right", lambda password, stored: checked.append(stored) or False)
    add(engine)
    tried(engine), tried(engine, login="nobody")
    assert [stored is None for stored in checked] == [False, True]


@pytest.mark.parametrize("login", ["ada", "nobody"])
def test_after_some_failures_the_next_has_to_wait_known_or_not(engine, login):
    add(engine)
    fail(engine, FREE_PER_LOGIN, login=login)
    with pytest.raises(TooManyFailures) as slow:
        tried(engine, login=login)
    assert slow.value.seconds == 1
    fail(engine, 1, login=login, at=NOON + FIRST_PAUSE)
    with pytest.raises(TooManyFailures) as slow:
        tried(engine, login=login, at=NOON + FIRST_PAUSE)
    assert slow.value.seconds == 2


def test_the_pause_doubles_up_to_the_longest():
    pauses = [pause_after(failures, FREE_PER_LOGIN) for failures in range(FREE_PER_LOGIN - 1, 40)]
    assert pauses[:4] == [timedelta(), FIRST_PAUSE, FIRST_PAUSE * 2, FIRST_PAUSE * 4]
    assert pauses[-1] == LONGEST_PAUSE


def test_the_right_password_after_the_pause_begins_anew(engine):
    add(engine)
    fail(engine, FREE_PER_LOGIN)
    later = NOON + FIRST_PAUSE
    assert tried(engine, at=later)
    fail(engine, FREE_PER_LOGIN, at=later)


def test_an_address_that_tries_many_logins_waits_and_other_addresses_do_not(engine):
    for nth in range(FREE_PER_ADDRESS):
        fail(engine, 1, login=f"person{nth}")
    with pytest.raises(TooManyFailures):
        tried(engine, "wrong", login="another")
    fail(engine, 1, login="another", source="10.0.0.2")


def test_an_attempt_counts_before_the_password_is_looked_at(engine, monkeypatch):
    """So that many attempts at once are not all free."""
    add(engine)

    def meanwhile(*_):
        with engine.connect() as connection:
            counted.append(connection.execute(select(sign_in_failure.c.failures)).scalars().all())
        return False

    counted = []
    monkeypatch.setattr(passwords, "is_right", meanwhile)
    tried(engine)
    assert counted == [[1, 1]]


def test_a_day_without_an_attempt_forgives(engine):
    fail(engine, FREE_PER_LOGIN)
    fail(engine, FREE_PER_LOGIN, at=NOON + backoff.FORGIVEN_AFTER + timedelta(seconds=1))


def test_what_was_typed_as_a_login_is_not_stored(engine):
    fail(engine, FREE_PER_LOGIN, login="my secret password")
    with engine.connect() as connection:
        rows = str(connection.execute(select(sign_in_failure)).all())
    assert "secret" not in rows + str(audited(engine))


def test_slowing_down_is_audited_once(engine):
    add(engine)
    fail(engine, FREE_PER_LOGIN)
    fail(engine, 1, at=NOON + FIRST_PAUSE)
    assert [entry for entry in audited(engine) if entry[1] == "sign_in.slow"] == [
        ("onward", "sign_in.slow", "person:ada")
    ]


def test_a_hash_with_parameters_of_yesterday_is_made_anew(engine):
    add(engine)
    old = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1).hash(PASSWORD)
    with engine.begin() as connection:
        connection.execute(update(person).values(password_hash=old))
    assert tried(engine, "wrong") is None
    assert stored(engine) == old
    assert tried(engine)
    assert stored(engine) != old
    assert not passwords.is_outdated(stored(engine))
    assert tried(engine)


def stored(engine):
    with engine.connect() as connection:
        return connection.execute(select(person.c.password_hash)).scalar_one()


def test_a_password_that_was_taken_away_opens_nothing(engine):
    add(engine)
    accounts.set_password(engine, ROOT, "ada", None)
    assert tried(engine) is None
