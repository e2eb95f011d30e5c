"""Whoever is restricted to clients sees and changes what is theirs, whichever function they come through.

Every public function of ours that takes the person it acts for is in one of the tables of restricted_calls;
a new one that is in none fails here.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from sqlalchemy import Engine

from analytics.conditions import Condition
from analytics.errors import AnalyticsError, InvalidQuery
from analytics.question import Filter, Question
from analytics.views.funnel import FUNNEL
from dlq import console, versions
from dlq.errors import (
    ConcernsEveryClient,
    CountMoved,
    DlqError,
)
from dlq.operations import clearing
from dlq.operations import console as operations
from dlq.operations.preview import preview
from dlq.operations.records import Action
from dlq.operations.records import Selection as Letters
from dlq.operations.running import run_due
from dlq.queries import LetterFilter
from infra import audit
from infra.access.roles import Role
from infra.errors import AccessDenied
from recovery import events
from tests.recovery.acting import functions_that_act_for_somebody
from tests.recovery.restricted_calls import ADMINS_ONLY, APART, NOT_THERE, REFUSED, SAME_FOR_ALL, SEES
from tests.recovery.two_clients import ADA, NOW, RITA, SIGN_UP, TwoClients, restricted

pytestmark = pytest.mark.servers

PACKAGES = ("analytics", "dlq", "onboarding", "recovery")


@pytest.fixture
def world(engine: Engine, redis_url: str, tmp_path: Path) -> Iterator[TwoClients]:
    with redis.Redis.from_url(redis_url) as client:
        world = TwoClients(engine, client, tmp_path)
        world.of_acme()
        yield world


def test_every_function_that_acts_for_a_person_is_tried_with_a_restricted_one():
    tried = {*SEES, *NOT_THERE, *REFUSED, *ADMINS_ONLY, *APART}
    assert set(functions_that_act_for_somebody(PACKAGES)) == tried


def test_what_is_theirs_is_seen_and_nothing_of_others_changes_it(world):
    before = {name: [(call(world, RITA), call(world, ADA)) for call in calls] for name, calls in SEES.items()}
    world.of_others()
    for name, calls in SEES.items():
        to_them = [call(world, RITA) for call in calls]
        assert [(seen, seen) for seen in to_them] == before[name], name
        to_all = [call(world, ADA) for call in calls]
        assert (to_all == to_them) == (name in SAME_FOR_ALL), name


def test_what_is_anothers_is_not_there(world):
    world.of_others()
    for name, (call, error) in NOT_THERE.items():
        with pytest.raises(error):
            pytest.fail(f"{name}: {call(world, RITA)}")


def test_what_concerns_every_client_is_refused(world):
    for name, call in REFUSED.items():
        with pytest.raises(ConcernsEveryClient):
            pytest.fail(f"{name}: {call(world, RITA)}")


def test_settings_are_for_admins(world):
    for name, call in ADMINS_ONLY.items():
        with pytest.raises(AccessDenied):
            pytest.fail(f"{name}: {call(world, replace(RITA, role=Role.OPERATOR))}")


def test_a_person_of_no_client_sees_nothing(world):
    for name, call in ((name, call) for name, calls in SEES.items() for call in calls):
        try:
            seen = repr(call(world, restricted()))
        except (AnalyticsError, DlqError):
            continue
        assert "acme" not in seen, name


def test_what_is_theirs_can_be_changed(world):
    world.of_others()
    console.restore(world.engine, RITA, world.discarded_id, **world.changing)
    console.discard(world.engine, RITA, world.discarded_id, **world.changing)
    assert versions.edit(
        world.engine, RITA, world.edited_id, ["acme again"], {}, "", **world.changing, **world.opening
    ) == 2  # fmt: skip
    assert world.retries.retry(world.letter_id, RITA).published


def test_an_operation_changes_theirs_alone(world):
    world.of_others()
    seen = preview(world.engine, RITA, Action.DISCARD, Letters(), **world.showing, clock=lambda: NOW)
    made = operations.start(world.engine, RITA, seen, "", audit=audit.record, clock=lambda: NOW)
    assert (made.counted, made.selection.narrowed.clients) == (2, ("acme",))
    later = NOW + timedelta(minutes=1)
    run_due(world.engine, None, audit=audit.record, clock=lambda: later, for_seconds=0.5, **world.opening)
    changed = console.letters(world.engine, ADA, LetterFilter(operation_id=made.id), **world.showing)
    assert [letter.client_id for letter in changed.letters] == ["acme", "acme"]


def test_a_preview_of_everybodys_letters_starts_nothing_for_a_restricted_person(world):
    world.of_others()
    seen = preview(world.engine, ADA, Action.DISCARD, Letters(), **world.showing, clock=lambda: NOW)
    with pytest.raises(CountMoved):
        operations.start(world.engine, RITA, seen, "", audit=audit.record, clock=lambda: NOW)


def test_theirs_alone_is_cleared(world):
    world.of_others()
    made = clearing.clear(world.engine, RITA, clearing.Clearing(), expected=2, **world.changing)
    assert made.selection.narrowed.clients == ("acme",)


def test_events_of_others_are_refused_by_their_place(world):
    world.of_others()
    said = {"name": "visited", "occurred_at": "2026-03-02T12:00:00Z"}
    sent = [
        {**said, "session_id": "new-1", "client_id": "acme"},
        {**said, "session_id": "new-2", "client_id": "globex"},
        {**said, "session_id": "new-3"},
        {**said, "session_id": "globex-1", "client_id": "acme"},
        {**said, "session_id": "acme-2", "client_id": "acme"},
    ]
    found = events.record(world.engine, RITA, sent)
    assert found.accepted == 2
    assert [(one.index, one.field) for one in found.rejected] == [
        (1, "client_id"), (2, "client_id"), (3, "session_id"),
    ]  # fmt: skip
    assert events.record(world.engine, ADA, sent).accepted == 5


@pytest.mark.parametrize("chosen", [("globex",), ("acme", "globex"), ("",)])
def test_a_client_that_is_not_theirs_cannot_be_chosen(world, chosen):
    question = Question(where=(Filter("client_id", chosen),))
    with pytest.raises(InvalidQuery, match="not among the clients that you see; yours: acme"):
        world.funnels.view(RITA, FUNNEL, SIGN_UP, question, now=NOW)


def test_a_filter_on_events_does_not_make_a_session_theirs(world):
    world.of_others()
    world.session("globex-9", "wandered", client_id="globex", plan="globex gold")
    world.session("globex-9", "visited", client_id="acme", minutes=1)
    world.sync()
    golden = Question(event_where=(Condition("plan", "equals", ("acme gold",)),))
    assert world.funnels.view(RITA, FUNNEL, SIGN_UP, golden, now=NOW).view.entered == 3


def test_what_was_computed_for_one_is_not_shown_to_another(world):
    world.of_others()
    entered = [
        world.funnels.view(by, FUNNEL, SIGN_UP, Question(), now=NOW).view.entered
        for by in (ADA, RITA, restricted("globex"), restricted("acme", "globex"), restricted(), RITA)
    ]
    assert entered == [11, 3, 4, 7, 0, 3]
