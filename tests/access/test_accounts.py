"""Accounts: what is stored, and that every change acts on sessions that are open."""

import pytest
from sqlalchemy import select

from infra.access import accounts, open_sessions, password_sign_in, sessions, tokens
from infra.access.roles import Person, Role
from infra.access.tables import person
from infra.audit import audit_entry
from infra.errors import AccessDenied, PersonExists, SignInRefused, UnknownPerson, UnusablePerson
from tests.access.people import NOON, PASSWORD, ROOT, add, audited

pytestmark = pytest.mark.servers


def session_of(engine, login="ada"):
    token = password_sign_in.sign_in(engine, login, PASSWORD, now=NOON, source="10.0.0.1")
    assert token
    return sessions.session_key(token)


def found(engine, key):
    return sessions.find_person(engine, key, now=NOON)


def test_another_role_acts_on_the_open_session(engine):
    add(engine)
    key = session_of(engine)
    narrowed = Person("ada", Role.VIEWER, frozenset({"acme"}))
    accounts.change(engine, ROOT, narrowed)
    assert found(engine, key) == narrowed


@pytest.mark.parametrize(
    "stop",
    [
        lambda engine: accounts.remove(engine, ROOT, "ada"),
        lambda engine: accounts.switch_off(engine, ROOT, "ada", now=NOON),
        lambda engine: accounts.set_password(engine, ROOT, "ada", "another good password"),
        lambda engine: open_sessions.sign_out_everywhere(engine, ROOT, "ada"),
    ],
    ids=["removed", "switched off", "password changed", "signed out everywhere"],
)
def test_who_is_stopped_stops_at_once_with_sessions_and_links_and_nobody_else_does(engine, stop):
    add(engine), add(engine, "bob")
    hers, his = session_of(engine), session_of(engine, "bob")
    link = sessions.create_link(engine, Person("ada", Role.OPERATOR), by="root", now=NOON)
    stop(engine)
    assert found(engine, hers) is None
    assert sessions.sign_in(engine, link, now=NOON) is None
    assert found(engine, his) is not None


def test_whoever_is_switched_off_gets_no_new_session_until_switched_on(engine):
    ada = add(engine)
    accounts.switch_off(engine, ROOT, "ada", now=NOON)
    with pytest.raises(SignInRefused):
        sessions.create_link(engine, ada, by="root", now=NOON)
    with engine.begin() as connection, pytest.raises(SignInRefused):
        sessions.open_session(connection, ada, sessions.Began.OIDC, now=NOON, source=None)
    assert password_sign_in.sign_in(engine, "ada", PASSWORD, now=NOON, source=None) is None
    accounts.switch_on(engine, ROOT, "ada")
    assert found(engine, session_of(engine)) == ada


def test_the_account_decides_over_the_role_that_a_provider_or_link_names(engine):
    add(engine, role=Role.VIEWER)
    with engine.begin() as connection:
        token = sessions.open_session(
            connection, Person("ada", Role.ADMIN), sessions.Began.OIDC, now=NOON, source=None
        )
    assert found(engine, sessions.session_key(token)).role is Role.VIEWER


def test_an_account_takes_over_the_sessions_and_tokens_of_its_login(engine):
    link = sessions.create_link(engine, Person("ada", Role.ADMIN), by="root", now=NOON)
    key = sessions.session_key(sessions.sign_in(engine, link, now=NOON))
    tokens.create(engine, ROOT, Person("ada", Role.ADMIN), "ci", days=1, now=NOON)
    add(engine, role=Role.VIEWER)
    assert found(engine, key).role is Role.VIEWER
    accounts.remove(engine, ROOT, "ada")
    assert tokens.tokens(engine, ROOT) == []


def test_a_session_by_password_needs_its_account(engine):
    with engine.begin() as connection, pytest.raises(SignInRefused):
        sessions.open_session(
            connection, Person("ada", Role.VIEWER), sessions.Began.PASSWORD, now=NOON, source=None
        )


def test_the_list_is_in_order_of_login_and_goes_on_where_it_ended(engine):
    for login in ("cy", "ada", "bob"):
        add(engine, login, password=None)
    assert [account.login for account in accounts.accounts(engine, ROOT, limit=2)] == ["ada", "bob"]
    assert [account.login for account in accounts.accounts(engine, ROOT, after="bob")] == ["cy"]


def test_an_account_says_when_its_person_was_seen_and_its_sessions_from_where(engine):
    add(engine)
    assert accounts.account(engine, ROOT, "ada").seen_at is None
    session_of(engine)
    assert accounts.account(engine, ROOT, "ada").seen_at == NOON
    (session,) = open_sessions.open_sessions(engine, ROOT, now=NOON)
    assert (session.login, session.began, session.source) == ("ada", "password", "10.0.0.1")


def test_a_login_is_taken_once_and_changed_only_where_it_is(engine):
    add(engine)
    with pytest.raises(PersonExists):
        add(engine)
    for act in (
        lambda: accounts.change(engine, ROOT, Person("eve", Role.ADMIN)),
        lambda: accounts.remove(engine, ROOT, "eve"),
        lambda: accounts.switch_on(engine, ROOT, "eve"),
        lambda: accounts.account(engine, ROOT, "eve"),
    ):
        with pytest.raises(UnknownPerson):
            act()


@pytest.mark.parametrize("password", ["", "elevenchars", "x" * 257])
def test_a_password_too_short_or_too_long_is_refused(engine, password):
    with pytest.raises(UnusablePerson):
        add(engine, password=password)


def test_only_an_admin_looks_after_people(engine):
    ada = add(engine)
    for act in (
        lambda: accounts.accounts(engine, ada),
        lambda: accounts.account(engine, ada, "ada"),
        lambda: accounts.add(engine, ada, Person("eve", Role.ADMIN), None, now=NOON),
        lambda: accounts.change(engine, ada, Person("ada", Role.ADMIN)),
        lambda: accounts.set_password(engine, ada, "ada", PASSWORD),
        lambda: accounts.switch_off(engine, ada, "root", now=NOON),
        lambda: accounts.switch_on(engine, ada, "ada"),
        lambda: accounts.remove(engine, ada, "ada"),
        lambda: open_sessions.open_sessions(engine, ada, now=NOON),
        lambda: open_sessions.sign_out_everywhere(engine, ada, "bob"),
    ):
        with pytest.raises(AccessDenied):
            act()


def test_anybody_signs_themselves_out_everywhere(engine):
    ada = add(engine)
    keys = [session_of(engine), session_of(engine)]
    assert open_sessions.sign_out_everywhere(engine, ada, "ada") == 2
    assert [found(engine, key) for key in keys] == [None, None]


def test_changes_are_audited_without_the_password(engine):
    add(engine)
    accounts.change(engine, ROOT, Person("ada", Role.VIEWER))
    accounts.remove(engine, ROOT, "ada")
    assert audited(engine) == [
        ("root", "person.add", "person:ada"),
        ("root", "person.change", "person:ada"),
        ("root", "person.remove", "person:ada"),
    ]
    with engine.connect() as connection:
        entries = connection.execute(select(audit_entry).order_by(audit_entry.c.id)).all()
        assert connection.execute(select(person)).all() == []
    assert (entries[1].before["role"], entries[1].after["role"]) == ("operator", "viewer")
    assert not any("argon2" in str(entry) or PASSWORD in str(entry) for entry in entries)
