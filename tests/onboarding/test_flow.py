"""The whole flow on a real worker: people arrive, a fault stops some, and a retry brings them on."""

from datetime import UTC, datetime

import pytest
import redis

from analytics.cache import ViewCache
from analytics.queries import Reader
from analytics.question import Question
from analytics.store import EventStore
from analytics.sync import sync
from analytics.views.funnel import FUNNEL as FUNNEL_VIEW
from dlq import console
from dlq.letters import Status
from dlq.redaction import Redactor
from dlq.retries.retry import RetryClient
from infra import audit
from infra.access.roles import Person, Role
from onboarding import faults, sessions
from onboarding.demo import DEMO, Traffic
from onboarding.flow import FUNNEL
from onboarding.people import character
from onboarding.sessions import Stage
from recovery.funnels import Funnels
from tests.dlq.builders import UNSEALED
from tests.dlq.worker import eventually

pytestmark = pytest.mark.servers

ADA = Person("ada", Role.OPERATOR)
# At most three runs each: too few failures to open the circuit breaker of the assistant.
PEOPLE = 8


def now() -> datetime:
    return datetime.now(UTC)


def at_stage(engine, stage: Stage) -> set[str]:
    with engine.connect() as connection:
        return {session.id for session in sessions.at_stage(connection, stage, limit=PEOPLE)}


def everybody(engine) -> set[str]:
    return set().union(*(at_stage(engine, stage) for stage in Stage))


def counted(funnels, store):
    sync(funnels.reader.engine, store)
    return funnels.view(ADA, FUNNEL_VIEW, FUNNEL, Question(), now=now()).view


def test_a_fault_blocks_people_and_a_retry_brings_them_on(engine, client, redis_url, tmp_path):
    store = EventStore.at(str(tmp_path / "events"))
    funnels = Funnels(Reader(engine, store), ViewCache(redis.Redis.from_url(redis_url), seconds=0))
    traffic = Traffic(engine, now, pace=0)
    faults.turn(engine, faults.ASSISTANT_TIMEOUT, 1.0, by=DEMO, at=now())
    for _ in range(PEOPLE):
        traffic.tick(arrives=True)
    spoke = {one for one in everybody(engine) if character(one).gives_up_at != Stage.STARTED}
    assert spoke

    waiting = eventually(
        lambda: found if (found := console.waiting_sessions(engine, ADA)).keys() == spoke else None
    )
    view = counted(funnels, store)
    assert (view.entered, view.outcomes.blocked, view.converted) == (PEOPLE, len(waiting), 0)
    assert view.steps[1].stopped.blocked == len(waiting)
    letters = console.letters(engine, ADA, redactor=Redactor()).letters
    assert {letter.exception_type for letter in letters} == {"AssistantTimeout"}
    # Each ran three times: what the first message said of its owner has come through Celery's own retries.
    assert all(letter.client_id and letter.correlation_id for letter in letters)

    faults.turn(engine, faults.ASSISTANT_TIMEOUT, 0.0, by=DEMO, at=now())
    retries = RetryClient(engine, client, audit.record, sealer=UNSEALED)
    for letter in letters:
        retries.retry(letter.id, ADA)
    eventually(lambda: console.counts(engine, ADA)[Status.RESOLVED] == len(letters))

    staying = {one for one in spoke if character(one).gives_up_at is None}

    def all_have_arrived() -> bool:
        traffic.tick(arrives=False)
        return at_stage(engine, Stage.COMPLETED) == staying

    eventually(all_have_arrived)
    view = counted(funnels, store)
    assert (view.converted, view.outcomes.blocked) == (len(staying), 0)
