"""`python -m infra` as it is typed, on a real database."""

import io
import json

import pytest

from infra.__main__ import main
from infra.access import password_sign_in, sessions
from infra.access.roles import Person, Role
from infra.commands import wiring
from infra.home import DataFolder
from tests.access.people import PASSWORD, audited

pytestmark = pytest.mark.servers


@pytest.fixture
def typed(engine, database_url, redis_url, tmp_path, monkeypatch, capsys):
    """Type a command, with lines on its standard input; its exit code and what it prints."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("ONWARD_HOME", str(tmp_path))

    def run(*words, lines=""):
        monkeypatch.setattr("sys.stdin", io.StringIO(lines))
        capsys.readouterr()
        code = main(words)
        said = capsys.readouterr()
        return code, (said.out + said.err).strip()

    return run


def person_of_link(engine, link):
    token = sessions.sign_in(engine, link.partition("?token=")[2], now=wiring.now())
    return sessions.find_person(engine, sessions.session_key(token), now=wiring.now())


def test_a_person_with_a_password_signs_in_with_it(typed, engine):
    command = ("add-user", "Ada", "--role", "operator", "--client", "acme", "--password-stdin")
    assert typed(*command, lines=f"{PASSWORD}\n") == (0, "ada may sign in.")
    assert password_sign_in.sign_in(engine, "ada", PASSWORD, now=wiring.now(), source=None)
    (listed,) = json.loads(typed("users", "--json")[1])
    assert (listed["login"], listed["role"], listed["clients"]) == ("ada", "operator", ["acme"])
    assert "argon2" not in str(listed)


def test_a_person_without_one_signs_in_by_the_link_that_is_printed(typed, engine):
    code, link = typed("add-user", "bob", "--role", "viewer")
    assert code == 0
    assert person_of_link(engine, link) == Person("bob", Role.VIEWER)


def test_a_role_that_is_not_there_is_answered_with_those_that_are(capsys):
    with pytest.raises(SystemExit):
        main(["add-user", "bob", "--role", "boss"])
    assert "(choose from viewer, analyst, operator, admin)" in capsys.readouterr().err.replace("'", "")


def test_a_link_can_be_restricted_to_clients(typed, engine):
    _, link = typed("link", "--login", "cy", "--role", "analyst", "--client", "acme", "--client", "globex")
    assert person_of_link(engine, link) == Person("cy", Role.ANALYST, frozenset({"acme", "globex"}))


def test_a_person_is_changed_signed_out_and_removed(typed, engine):
    typed("add-user", "ada", "--role", "viewer", "--password-stdin", lines=f"{PASSWORD}\n")
    key = sessions.session_key(
        password_sign_in.sign_in(engine, "ada", PASSWORD, now=wiring.now(), source=None)
    )
    assert typed("set-role", "ada", "--role", "analyst")[0] == 0
    assert sessions.find_person(engine, key, now=wiring.now()) == Person("ada", Role.ANALYST)
    assert typed("sign-out", "ada") == (0, "1 sessions of ada have ended.")
    assert typed("set-password", "ada", "--password-stdin", lines="another good one\n")[0] == 0
    assert typed("set-password", "ada")[0] == 2
    assert typed("remove-user", "ada")[0] == 0
    assert typed("remove-user", "ada") == (
        2,
        "onward: No account has the login 'ada'. `python -m infra users` lists them.",
    )


def test_a_token_is_printed_once_listed_and_revoked(typed, engine):
    code, token = typed(
        "token", "create", "--login", "ci", "--role", "viewer", "--days", "3", "nightly export"
    )
    assert (code, token[:4]) == (0, "onw_")
    listed = typed("token", "list")[1]
    assert "nightly export" in listed
    assert token not in listed
    assert typed("token", "revoke", "1") == (0, "Token 1 is revoked.")
    assert json.loads(typed("token", "list", "--json")[1])[0]["revoked_at"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add-user", "a b", "--role", "viewer"), "cannot be a login"),
        (("add-user", "ada", "--role", "admin", "--client", "acme"), "An admin sees all clients"),
        (("token", "create", "--login", "ci", "--role", "viewer", "--days", "9999", "x"), "1 to 366 days"),
        (("token", "revoke", "7"), "No token that works has the number 7"),
        (("token", "revoke", str(10**20)), f"No token that works has the number {10**20}"),
        (("set-role", "eve", "--role", "viewer"), "No account has the login 'eve'"),
    ],
)
def test_what_cannot_be_done_says_why(typed, words, said):
    code, text = typed(*words)
    assert code == 2
    assert said in text


def test_a_password_that_is_too_short_is_refused_and_nothing_is_stored(typed):
    assert typed("add-user", "ada", "--role", "viewer", "--password-stdin", lines="short\n")[0] == 2
    assert json.loads(typed("users", "--json")[1]) == []


def test_every_change_is_audited_as_typed_at_the_terminal(typed, engine):
    typed("add-user", "ada", "--role", "viewer")
    typed("token", "create", "--login", "ada", "--role", "viewer", "nightly")
    actions = [action for _, action, _ in audited(engine)]
    assert actions == ["person.add", "link.create", "token.create"]
    with engine.connect() as connection:
        sources = connection.exec_driver_sql("SELECT DISTINCT source FROM onward.audit_entry").scalars().all()
    assert sources == ["terminal"]


def test_the_link_leads_to_where_the_dashboard_would_listen(typed, tmp_path, monkeypatch):
    monkeypatch.setenv("ONWARD_PORT", "8777")
    assert DataFolder(tmp_path).running() is None
    assert typed("link")[1].startswith("http://127.0.0.1:8777/sign-in?token=")
