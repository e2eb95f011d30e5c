"""The page People: who may sign in, changed in place; tokens and sessions that are open."""

from datetime import UTC, datetime

import pytest

from infra.access import accounts, open_sessions, sessions, tokens
from infra.access.roles import Person, Role
from tests.pages.conftest import World

pytestmark = pytest.mark.servers

PAGE = "people.py"
ROOT = Person("root", Role.ADMIN)


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def bob(world: World) -> Person:
    person = Person("bob", Role.VIEWER, frozenset({"acme"}))
    accounts.add(world.engine, ROOT, person, None, now=now())
    return person


def session_of(world: World, person: Person) -> str:
    link = sessions.create_link(world.engine, person, by="root", now=now())
    token = sessions.sign_in(world.engine, link, now=now(), source="10.0.0.9")
    assert token
    return sessions.session_key(token)


def drawer(world: World, login: str = "bob"):
    return world.open(Role.ADMIN, PAGE, person=login)


def test_each_account_is_listed_with_what_it_sees(world, bob, shown):
    text = shown(world.open(Role.ADMIN, PAGE))
    assert "bob" in text
    assert "sees only acme · never signed in · no password · added by root" in text


def test_without_accounts_the_page_says_who_needs_none(world, shown):
    assert "No account yet" in shown(world.open(Role.ADMIN, PAGE))


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST, Role.OPERATOR])
def test_the_page_is_for_admins(world, role):
    with pytest.raises(ValueError, match="page"):
        world.open(role, PAGE)


def test_another_role_is_saved_from_the_drawer(world, bob):
    key = session_of(world, bob)
    app = drawer(world)
    app.radio(key="person_bob_role").set_value(Role.ANALYST)
    press(app, "Save")
    assert not app.exception
    found = sessions.find_person(world.engine, key, now=now())
    assert found == Person("bob", Role.ANALYST, frozenset({"acme"}))


def test_a_change_that_cannot_be_says_why_and_is_not_made(world, bob, shown):
    app = drawer(world)
    app.radio(key="person_bob_role").set_value(Role.ADMIN)
    press(app, "Save")
    assert "An admin sees all clients" in shown(app)
    assert "An admin sees all clients" in app.get("dialog")[0].warning[0].value
    assert accounts.account(world.engine, ROOT, "bob").role is Role.VIEWER


def test_switching_off_and_on(world, bob):
    key = session_of(world, bob)
    app = drawer(world)
    app.button(key="person_off").click().run()
    assert sessions.find_person(world.engine, key, now=now()) is None
    app.button(key="person_on").click().run()
    assert accounts.account(world.engine, ROOT, "bob").disabled_at is None


def test_removing_closes_the_drawer(world, bob):
    app = drawer(world)
    app.button(key="person_remove").click().run()
    assert accounts.accounts(world.engine, ROOT) == []
    assert "person" not in app.query_params


def test_signing_somebody_out_everywhere(world, bob):
    key = session_of(world, bob)
    drawer(world).button(key="person_sign_out").click().run()
    assert sessions.find_person(world.engine, key, now=now()) is None


def test_a_link_from_the_drawer_signs_the_person_in(world, bob):
    app = drawer(world)
    app.button(key="person_link_new").click().run()
    token = app.code[0].value.partition("/sign-in?token=")[2]
    assert (
        sessions.find_person(
            world.engine,
            sessions.session_key(sessions.sign_in(world.engine, token, now=now()) or ""),
            now=now(),
        )
        == bob
    )


def test_one_cannot_stop_oneself_from_the_drawer(world):
    accounts.add(world.engine, ROOT, Person("ada", Role.ADMIN), None, now=now())
    app = drawer(world, "ada")
    assert not [button for button in app.button if button.key in ("person_off", "person_remove")]


def test_an_account_that_is_not_there_is_named(world, shown):
    assert "No account has the login" in shown(drawer(world, "eve"))


def test_a_session_is_ended_where_it_is_listed(world, bob, shown):
    key = session_of(world, bob)
    app = world.open(Role.ADMIN, PAGE)
    assert "from 10.0.0.9" in shown(app)
    app.button(key=f"end_{key[:16]}").click().run()
    assert [each.login for each in open_sessions.open_sessions(world.engine, ROOT, now=now())] == ["ada"]


def test_a_token_is_revoked_where_it_is_listed(world, shown):
    tokens.create(world.engine, ROOT, Person("ci", Role.VIEWER), "nightly", days=3, now=now())
    app = world.open(Role.ADMIN, PAGE)
    assert "viewer, sees all clients · never used" in shown(app)
    app.button(key="revoke_1").click().run()
    assert tokens.tokens(world.engine, ROOT)[0].revoked_at
    assert not app.exception


def test_who_lost_the_role_meanwhile_changes_nothing(world, bob):
    app = drawer(world)
    accounts.add(world.engine, ROOT, Person("ada", Role.VIEWER), None, now=now())
    app.button(key="person_remove").click().run()
    assert len(accounts.accounts(world.engine, ROOT)) == 2


def press(app, label: str) -> None:
    next(button for button in app.button if button.label == label).click().run()
