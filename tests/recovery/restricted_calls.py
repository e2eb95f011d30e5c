"""Calls of every function that acts for a person, by its name, in a world of two clients; `world` is w."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pyarrow as pa

from analytics.errors import UnknownSession
from analytics.funnels import Dimension
from analytics.question import Filter, Question
from analytics.sessions import Selection
from analytics.views.all_kinds import KINDS
from analytics.views.funnel import FUNNEL
from dlq import console, versions
from dlq.broker.records import Limits
from dlq.errors import (
    UnknownGroup,
    UnknownLetter,
    UnknownOperation,
)
from dlq.groups import console as groups
from dlq.operations import clearing
from dlq.operations import console as operations
from dlq.operations.outcome import outcome
from dlq.operations.preview import BulkPreview, preview
from dlq.operations.records import Action
from dlq.operations.records import Selection as Letters
from dlq.queries import LetterFilter
from infra import audit
from infra.access.roles import Person, Role
from onboarding import faults
from recovery import definitions
from recovery.exports.registry import TABLES
from recovery.exports.table import Sources
from tests.recovery.two_clients import ADA, NOW, SHOWN, SIGN_UP, Call, TwoClients

#: A restricted person is no admin.
OPERATOR = Person("olga", Role.OPERATOR)
QUESTION = Question(breakdown=("plan",))
BOTH = LetterFilter(clients=("acme", "globex"))
NAMED = LetterFilter(task_name="acme.pay", status=())
BY_EVENTS = Question(breakdown=("client_id",), attribution="all_events")
OF_ACME = Question(where=(Filter("client_id", ("acme",)),))


def view(name: str, **options: object) -> Call:
    def seen(w: TwoClients, by: Person) -> object:
        question = Question() if name in {"trend", "time_to_convert", "cohorts"} else QUESTION
        return w.funnels.view(by, KINDS[name], SIGN_UP, question, now=NOW, **options).view

    return seen


def retry_of(w: TwoClients, by: Person, letters: Letters) -> BulkPreview:
    found = preview(w.engine, by, Action.RETRY, letters, **w.showing, clock=lambda: NOW)
    return replace(found, selection=Letters())


def cleared(w: TwoClients, by: Person) -> BulkPreview:
    return clearing.would_clear(w.engine, by, clearing.Clearing(), **w.showing, clock=lambda: NOW)


def rows_of(batches: Iterator[pa.RecordBatch]) -> list[dict[str, object]]:
    return [row for batch in batches for row in batch.to_pylist()]


def exported(name: str) -> Call:
    def seen(w: TwoClients, by: Person) -> object:
        sources = Sources(w.engine, w.funnels, SHOWN, w.watch, lambda: NOW)
        return rows_of(TABLES[name].rows(sources, by, [("name", "sign-up"), ("dimension", "plan")]).batches)

    return seen


#: What is seen stays as it is, to the last number, when things of others come.
SEES: Mapping[str, list[Call]] = {
    "dlq.console.letters": [
        lambda w, by: console.letters(w.engine, by, **w.showing),
        lambda w, by: console.letters(w.engine, by, BOTH, **w.showing),
        lambda w, by: console.letters(w.engine, by, NAMED, **w.showing),
        lambda w, by: console.letters(w.engine, by, LetterFilter(text="plan"), **w.showing),
        lambda w, by: console.letters(w.engine, by, limit=1, **w.showing),
    ],
    "dlq.console.letter": [
        lambda w, by: console.letter(w.engine, by, w.letter_id, **w.showing, **w.opening),
    ],
    "dlq.console.letter_of_task": [
        lambda w, by: console.letter_of_task(w.engine, by, "acme-acme-t1-acme-2"),
    ],
    "dlq.console.count": [
        lambda w, by: console.count(w.engine, by),
        lambda w, by: console.count(w.engine, by, BOTH),
        lambda w, by: console.count(w.engine, by, LetterFilter(text="plan")),
    ],
    "dlq.console.counts": [lambda w, by: console.counts(w.engine, by)],
    "dlq.console.stats": [
        lambda w, by: console.stats(w.engine, by),
        lambda w, by: console.stats(w.engine, by, NAMED),
    ],
    "dlq.console.choices": [lambda w, by: console.choices(w.engine, by)],
    "dlq.console.waiting_sessions": [lambda w, by: console.waiting_sessions(w.engine, by)],
    "dlq.versions.versions": [
        lambda w, by: versions.versions(w.engine, by, w.edited_id, **w.showing, **w.opening)
    ],
    "dlq.groups.console.groups": [
        lambda w, by: groups.groups(w.engine, by, **w.showing, now=NOW),
        lambda w, by: groups.groups(w.engine, by, BOTH, order="letters", state="all", **w.showing, now=NOW),
        lambda w, by: groups.groups(w.engine, by, NAMED, **w.showing, now=NOW),
    ],
    "dlq.groups.console.group": [
        lambda w, by: groups.group(w.engine, by, _group_of(w, w.letter_id), **w.showing, now=NOW)
    ],
    "dlq.operations.preview.preview": [
        lambda w, by: retry_of(w, by, Letters()),
        lambda w, by: retry_of(w, by, Letters(BOTH)),
    ],
    "dlq.operations.clearing.would_clear": [
        lambda w, by: replace(cleared(w, by), selection=Letters()),
    ],
    "dlq.operations.console.operations": [lambda w, by: operations.operations(w.engine, by)],
    "dlq.operations.console.operation": [lambda w, by: operations.operation(w.engine, by, w.operation_id)],
    "dlq.operations.outcome.outcome": [lambda w, by: outcome(w.engine, by, w.operation_id)],
    "dlq.retries.retry.RetryClient.preview": [lambda w, by: w.retries.preview(w.letter_id, by)],
    "recovery.funnels.Funnels.view": [
        *map(view, KINDS.keys() - {"cohorts"}),
        view("cohorts", dimension="plan"),
        lambda w, by: w.funnels.view(by, FUNNEL, SIGN_UP, BY_EVENTS, now=NOW).view,
        lambda w, by: w.funnels.view(by, FUNNEL, SIGN_UP, OF_ACME, now=NOW).view,
    ],
    "recovery.funnels.Funnels.text": [
        lambda w, by: w.funnels.text(by, FUNNEL, SIGN_UP, QUESTION, now=NOW).text,
    ],
    "recovery.funnels.Funnels.texts": [
        lambda w, by: w.funnels.texts(by, (FUNNEL,), SIGN_UP, QUESTION, now=NOW),
    ],
    "recovery.funnels.Funnels.sessions": [
        lambda w, by: w.funnels.sessions(by, SIGN_UP, QUESTION, Selection(), now=NOW),
        lambda w, by: w.funnels.sessions(by, SIGN_UP, QUESTION, Selection(outcome="blocked"), now=NOW),
    ],
    "recovery.funnels.Funnels.count_sessions": [
        lambda w, by: w.funnels.count_sessions(by, SIGN_UP, QUESTION, Selection(), now=NOW),
    ],
    "recovery.funnels.Funnels.session": [
        lambda w, by: w.funnels.session(by, SIGN_UP, QUESTION, "acme-1", now=NOW),
        lambda w, by: w.funnels.session(by, SIGN_UP, QUESTION, "acme-3", now=NOW),
    ],
    "recovery.funnels.Funnels.session_batches": [
        lambda w, by: rows_of(w.funnels.session_batches(by, SIGN_UP, QUESTION, Selection(), now=NOW)),
    ],
    "recovery.funnels.Funnels.session_events": [
        lambda w, by: rows_of(w.funnels.session_events(by, SIGN_UP, QUESTION, Selection(), now=NOW)),
    ],
    "recovery.exports.table.Table.rows": [
        exported(name) for name, table in TABLES.items() if OPERATOR.may(table.permission)
    ],
    "recovery.funnels.Funnels.dimensions": [lambda w, by: w.funnels.dimensions(by, SIGN_UP)],
    "recovery.funnels.Funnels.values": [
        lambda w, by: w.funnels.values(by, Dimension("plan", "Plan")),
        lambda w, by: w.funnels.values(by, Dimension("client_id", "Client")),
    ],
    "recovery.definitions.preview": [
        lambda w, by: definitions.preview(w.funnels, by, replace(SIGN_UP, title="x"), SIGN_UP, now=NOW)
    ],
}

#: What is another's is not there.
NOT_THERE: Mapping[str, tuple[Call, type[Exception]]] = {
    "dlq.console.letter": (
        lambda w, by: console.letter(w.engine, by, w.other_letter_id, **w.showing, **w.opening),
        UnknownLetter,
    ),
    "dlq.console.letter_of_task": (
        lambda w, by: console.letter_of_task(w.engine, by, "globex-globex-t2-None"),
        UnknownLetter,
    ),
    "dlq.console.discard": (
        lambda w, by: console.discard(w.engine, by, w.other_letter_id, **w.changing),
        UnknownLetter,
    ),
    "dlq.console.restore": (
        lambda w, by: console.restore(w.engine, by, w.other_discarded_id, **w.changing),
        UnknownLetter,
    ),
    "dlq.versions.versions": (
        lambda w, by: versions.versions(w.engine, by, w.other_letter_id, **w.showing, **w.opening),
        UnknownLetter,
    ),
    "dlq.versions.edit": (
        lambda w, by: versions.edit(
            w.engine, by, w.other_letter_id, ["mine"], {}, "", **w.changing, **w.opening
        ),
        UnknownLetter,
    ),
    "dlq.retries.retry.RetryClient.preview": (
        lambda w, by: w.retries.preview(w.other_letter_id, by),
        UnknownLetter,
    ),
    "dlq.retries.retry.RetryClient.retry": (
        lambda w, by: w.retries.retry(w.other_letter_id, by),
        UnknownLetter,
    ),
    "dlq.groups.console.group": (
        lambda w, by: groups.group(w.engine, by, _group_of(w, w.other_letter_id), **w.showing, now=NOW),
        UnknownGroup,
    ),
    "dlq.operations.console.operation": (
        lambda w, by: operations.operation(w.engine, by, w.other_operation_id),
        UnknownOperation,
    ),
    "dlq.operations.console.pause": (
        lambda w, by: operations.pause(w.engine, by, w.other_operation_id, audit=audit.record),
        UnknownOperation,
    ),
    "dlq.operations.console.resume": (
        lambda w, by: operations.resume(w.engine, by, w.other_operation_id, audit=audit.record),
        UnknownOperation,
    ),
    "dlq.operations.console.cancel": (
        lambda w, by: operations.cancel(w.engine, by, w.other_operation_id, audit=audit.record),
        UnknownOperation,
    ),
    "dlq.operations.outcome.outcome": (
        lambda w, by: outcome(w.engine, by, w.other_operation_id),
        UnknownOperation,
    ),
    "recovery.funnels.Funnels.session": (
        lambda w, by: w.funnels.session(by, SIGN_UP, QUESTION, "globex-1", now=NOW),
        UnknownSession,
    ),
}

#: What concerns every client is for those who see every client.
REFUSED: Mapping[str, Call] = {
    "dlq.groups.console.annotate": lambda w, by: groups.annotate(
        w.engine, by, _group_of(w, w.letter_id), "known", **w.changing
    ),
    "dlq.groups.console.mute": lambda w, by: groups.mute(
        w.engine, by, _group_of(w, w.letter_id), None, **w.changing
    ),
    "dlq.groups.console.mark_fixed": lambda w, by: groups.mark_fixed(
        w.engine, by, _group_of(w, w.letter_id), "1.2", **w.changing
    ),
    "dlq.groups.console.reopen": lambda w, by: groups.reopen(
        w.engine, by, _group_of(w, w.letter_id), **w.changing
    ),
    "dlq.broker.control.BrokerControl.pause": lambda w, by: w.control.pause(by, "celery"),
    "dlq.broker.control.BrokerControl.resume": lambda w, by: w.control.resume(by, "celery"),
    "dlq.broker.control.BrokerControl.revoke": lambda w, by: w.control.revoke(by, "t1"),
    "dlq.broker.control.BrokerControl.limit": lambda w, by: w.control.limit(by, "shop.pay", Limits()),
    "dlq.broker.control.BrokerControl.put_back": lambda w, by: w.control.put_back(by, "shop.pay"),
    "dlq.broker.control.BrokerControl.close_breaker": lambda w, by: w.control.close_breaker(by, "bank"),
}

#: Asks for the right to manage settings, which a restricted person cannot have.
ADMINS_ONLY: Mapping[str, Call] = {
    "recovery.definitions.save": lambda w, by: definitions.save(w.engine, by, SIGN_UP, over=1),
    "recovery.definitions.restore": lambda w, by: definitions.restore(w.engine, by, "sign-up", 1, over=1),
    "recovery.definitions.archive": lambda w, by: definitions.archive(w.engine, by, "sign-up"),
    "onboarding.faults.turn": lambda w, by: faults.turn(
        w.engine, faults.ASSISTANT_TIMEOUT, 0.5, by=by, at=NOW
    ),
    "recovery.definitions.unarchive": lambda w, by: definitions.unarchive(w.engine, by, "sign-up"),
}

#: In a test of their own, or with the reason why there is none.
APART = {
    "dlq.operations.console.start",
    "dlq.operations.clearing.clear",
    "recovery.events.record",
    "recovery.funnels.asked",  # what all of Funnels asks with
    "dlq.restriction.visible",  # what the functions above narrow by
    "dlq.restriction.require_every_client",
    "dlq.operations.eligible.visible_to",
    "dlq.broker.watch.BrokerWatch.view",  # of workers and queues, which belong to no client
}

#: One thing of acme's is shown, whoever looks.
SAME_FOR_ALL = {
    "dlq.console.letter",
    "dlq.console.letter_of_task",
    "dlq.versions.versions",
    "dlq.operations.console.operation",
    "dlq.operations.outcome.outcome",
    "dlq.retries.retry.RetryClient.preview",
}


def _group_of(world: TwoClients, letter_id: int) -> str:
    return console.letter(world.engine, ADA, letter_id, **world.showing, **world.opening).letter.fingerprint
