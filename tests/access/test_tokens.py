"""Tokens: what they stand for, when they stop, and what the guard makes of them."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select, update

from infra.access import opaque, tokens
from infra.access.lookup import Lookup
from infra.access.roles import Person, Role, new_person
from infra.access.tables import api_token, person
from infra.audit import audit_entry
from infra.errors import AccessDenied, UnknownToken, UnusablePerson
from tests.loops import finished

pytestmark = pytest.mark.servers

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ROOT = Person("root", Role.ADMIN)
CI = Person("ci", Role.OPERATOR)


def created(engine, stands_for=CI, *, days=30, by=ROOT):
    return tokens.create(engine, by, stands_for, "pipeline", days=days, now=NOON)


@pytest.fixture
def person_of(engine):
    """Who a token stands for, as the guard asks."""

    async def ask(token, now):
        return await Lookup(engine).of_token(opaque.digest(token), now=now)

    def found(token, now=NOON):
        return finished(ask(token, now))

    return found


def account(engine, login, role, clients=None):
    with engine.begin() as connection:
        connection.execute(insert(person).values(login=login, role=role, clients=clients, created_by="root"))


def test_a_token_stands_for_its_person(engine, person_of):
    restricted = Person("ci", Role.ANALYST, frozenset({"acme"}))
    assert person_of(created(engine, restricted)) == restricted


def test_a_token_ends_with_its_days(engine, person_of):
    token = created(engine, days=30)
    assert person_of(token, NOON + timedelta(days=30, seconds=-1)) == CI
    assert person_of(token, NOON + timedelta(days=30)) is None


def test_a_revoked_token_stops_at_once_and_cannot_be_revoked_again(engine, person_of):
    token = created(engine)
    tokens.revoke(engine, ROOT, 1, now=NOON)
    assert person_of(token) is None
    with pytest.raises(UnknownToken):
        tokens.revoke(engine, ROOT, 1, now=NOON)


def test_a_token_never_stays_wider_than_the_account_of_its_login(engine, person_of):
    account(engine, "ci", Role.OPERATOR)
    token = created(engine, Person("ci", Role.OPERATOR, frozenset({"acme", "initech"})))
    with engine.begin() as connection:
        connection.execute(update(person).values(role=Role.ANALYST, clients=["acme", "globex"]))
    assert person_of(token) == Person("ci", Role.ANALYST, frozenset({"acme"}))


@pytest.mark.parametrize(
    ("wider", "why"),
    [
        (Person("ci", Role.OPERATOR), "has the role analyst: its tokens cannot have operator"),
        (Person("ci", Role.ANALYST, frozenset({"acme", "initech"})), "does not see initech"),
    ],
)
def test_a_token_wider_than_the_account_of_its_login_is_refused(engine, wider, why):
    account(engine, "ci", Role.ANALYST, ["acme", "globex"])
    with pytest.raises(UnusablePerson, match=why):
        created(engine, wider)
    assert tokens.tokens(engine, ROOT) == []


def test_a_token_that_names_no_client_sees_those_of_its_account(engine, person_of):
    account(engine, "ci", Role.ANALYST, ["acme"])
    token = created(engine, Person("ci", Role.ANALYST))
    assert person_of(token) == Person("ci", Role.ANALYST, frozenset({"acme"}))
    assert [listed.clients for listed in tokens.tokens(engine, ROOT)] == [("acme",)]


def test_a_token_goes_with_its_account(engine, person_of):
    account(engine, "ci", Role.OPERATOR)
    token = created(engine)
    with engine.begin() as connection:
        connection.execute(update(person).values(disabled_at=NOON))
    assert person_of(token) is None
    with engine.begin() as connection:
        connection.execute(person.delete())
    assert person_of(token) is None
    assert tokens.tokens(engine, ROOT) == []


def test_the_list_says_when_a_token_was_used_to_the_minute(engine, person_of):
    token = created(engine)
    assert tokens.tokens(engine, ROOT)[0].last_used_at is None
    for seconds in (0, 30, 90):
        person_of(token, NOON + timedelta(seconds=seconds))
    (listed,) = tokens.tokens(engine, ROOT)
    assert listed.last_used_at == NOON + timedelta(seconds=90)
    assert listed.works(NOON)


def test_the_table_and_the_audit_hold_no_token(engine):
    token = created(engine)
    with engine.connect() as connection:
        rows = [str(row) for table in (api_token, audit_entry) for row in connection.execute(select(table))]
    assert len(rows) == 2
    assert not any(token in row for row in rows)


@pytest.mark.parametrize(
    ("name", "days"), [("", 30), ("x" * 101, 30), ("ci", 0), ("ci", tokens.MAX_DAYS + 1)]
)
def test_a_token_without_a_name_or_an_end_is_refused(engine, name, days):
    with pytest.raises(UnusablePerson):
        tokens.create(engine, ROOT, CI, name, days=days, now=NOON)


def test_only_an_admin_makes_lists_and_revokes_tokens(engine):
    for act in (
        lambda: created(engine, by=CI),
        lambda: tokens.tokens(engine, CI),
        lambda: tokens.revoke(engine, CI, 1, now=NOON),
    ):
        with pytest.raises(AccessDenied):
            act()


def test_an_admin_cannot_be_restricted():
    with pytest.raises(UnusablePerson):
        new_person("ada", "admin", ["acme"])


@pytest.mark.parametrize("login", ["", " ", "a b", "<b>", "a" * 121, "a\nb", "-ada"])
def test_a_login_that_cannot_be_one_is_refused(login):
    with pytest.raises(UnusablePerson):
        new_person(login, "viewer")
