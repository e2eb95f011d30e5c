"""Every function that acts for a person, with every role: the right is asked before anything is touched.

The functions get things that fail when they are used instead of engines and letters, so one that does
anything before it has asked fails here. One that is missing in the table fails too.
"""

import inspect
from collections.abc import Iterator
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest

from dlq.operations.records import Action
from infra.access.roles import ALLOWS, Permission, Person, Role
from infra.errors import AccessDenied
from recovery.exports.registry import TABLES
from tests.recovery.acting import functions_that_act_for_somebody

FUNNELS, SESSIONS = Permission.READ_FUNNELS, Permission.READ_SESSIONS
READ, RETRY, DELETE = Permission.READ_LETTERS, Permission.RETRY_LETTERS, Permission.DELETE_LETTERS
PEOPLE, SETTINGS = Permission.MANAGE_PEOPLE, Permission.MANAGE_SETTINGS

#: Module, functions, and the right that they ask for.
ASKS = (
    ("dlq.console", "letters letter letter_of_task count counts stats choices", READ),
    ("dlq.console", "discard restore", DELETE),
    ("dlq.versions", "versions", READ),
    ("dlq.versions", "edit", RETRY),
    ("dlq.groups.console", "groups group", READ),
    ("dlq.groups.console", "annotate mute mark_fixed reopen", RETRY),
    # Once the operation is found, they ask for the right of its action too.
    ("dlq.operations.console", "operations operation pause resume cancel", READ),
    ("dlq.operations.outcome", "outcome", READ),
    ("dlq.operations.clearing", "would_clear clear", DELETE),
    ("dlq.retries.retry", "RetryClient.preview RetryClient.retry", RETRY),
    ("dlq.broker.watch", "BrokerWatch.view", READ),
    ("dlq.broker.control", "BrokerControl.pause BrokerControl.resume BrokerControl.revoke", RETRY),
    ("dlq.broker.control", "BrokerControl.limit BrokerControl.put_back BrokerControl.close_breaker", RETRY),
    ("infra.access.accounts", "accounts account add change set_password switch_off switch_on remove", PEOPLE),
    ("infra.access.open_sessions", "open_sessions end sign_out_everywhere", PEOPLE),
    ("infra.access.tokens", "create tokens revoke", PEOPLE),
    ("infra.audit.entries", "entries choices", Permission.READ_AUDIT),
    ("onboarding.faults", "turn", SETTINGS),
    ("recovery.definitions", "save restore archive unarchive", SETTINGS),
    ("recovery.definitions", "preview", FUNNELS),
    ("recovery.events", "record", Permission.RECORD_EVENTS),
    ("recovery.funnels", "Funnels.view Funnels.text Funnels.texts", FUNNELS),
    ("recovery.funnels", "Funnels.dimensions Funnels.values", FUNNELS),
    ("recovery.funnels", "Funnels.sessions Funnels.count_sessions Funnels.session", SESSIONS),
    ("recovery.funnels", "Funnels.session_batches Funnels.session_events", SESSIONS),
)  # fmt: skip
NEEDS = {f"{module}.{name}": right for module, names, right in ASKS for name in names.split()}

#: Acts by a right that its arguments name, tried below.
BY_ITS_ARGUMENTS = {
    "dlq.operations.console.start",
    "dlq.operations.preview.preview",
    "recovery.exports.table.Table.rows",
}
#: Asks for none, and shows nothing: what it is for.
ASKS_NOTHING = {
    "dlq.console.waiting_sessions": "times and names of failures, for the funnel of whoever may see funnels",
    "dlq.operations.eligible.visible_to": "a condition, not its rows",
    "dlq.restriction.visible": "a filter",
    "dlq.restriction.require_every_client": "asked beside a right",
    "infra.access.sessions.create_link": "called by the shell and the supervisor alone",
    "infra.access.sessions.open_session": "called once somebody has shown who they are",
    "infra.commands.links.link_for": "called by the shell alone",
    "recovery.funnels.asked": "what Funnels asks with, once it has asked for the right",
}


class Untouchable:
    """Fails whoever uses it, whatever they do with it."""

    def __getattr__(self, name: str) -> object:
        raise Touched(name)

    def __iter__(self) -> Iterator[object]:
        raise Touched("iterated")


class Touched(Exception):
    """A function went on to its work."""


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("name", NEEDS)
def test_a_function_asks_for_its_right_before_anything_else(name: str, role: Role):
    assert _refuses(name, role) == (NEEDS[name] not in ALLOWS[role])


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("action", Action)
def test_a_bulk_operation_asks_for_the_right_of_its_action(action: Action, role: Role):
    denied = Permission(action.permission) not in ALLOWS[role]
    assert _refuses("dlq.operations.preview.preview", role, action=action) == denied
    previewed = SimpleNamespace(action=action)
    assert _refuses("dlq.operations.console.start", role, preview=previewed) == denied


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("table", TABLES)
def test_an_export_asks_for_the_right_of_its_table(table: str, role: Role):
    denied = TABLES[table].permission not in ALLOWS[role]
    by = Person("somebody", role)
    with pytest.raises(AccessDenied if denied else Exception) as raised:
        list(TABLES[table].rows(Untouchable(), by, []).batches)
    assert isinstance(raised.value, AccessDenied) == denied


def test_every_function_that_acts_for_a_person_is_in_this_matrix():
    assert set(functions_that_act_for_somebody()) == {*NEEDS, *BY_ITS_ARGUMENTS, *ASKS_NOTHING}


def _refuses(name: str, role: Role, **given: object) -> bool:
    function = _function(name)
    arguments: dict[str, Any] = {
        parameter.name: Untouchable()
        for parameter in inspect.signature(function).parameters.values()
        if parameter.default is parameter.empty and parameter.kind != parameter.VAR_KEYWORD
    }
    arguments |= {"by": Person("somebody", role), **given}
    positional = [
        arguments.pop(parameter.name)
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind == parameter.POSITIONAL_ONLY and parameter.name in arguments
    ]
    with pytest.raises((AccessDenied, Touched, TypeError, AttributeError)) as raised:
        _begin(function(*positional, **arguments))
    return isinstance(raised.value, AccessDenied)


def _begin(answered: object) -> None:
    if isinstance(answered, Iterator):
        next(answered)


def _function(name: str) -> Any:
    parts = name.split(".")
    for end in range(len(parts) - 1, 0, -1):
        try:
            found: Any = import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for part in parts[end:-1]:
            found = object.__new__(getattr(found, part))
        return getattr(found, parts[-1])
    raise LookupError(name)
