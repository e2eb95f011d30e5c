"""Letters under interleavings of people, runners, reapers, crashes and runs: nothing lost, one id a retry."""

import pytest
from celery import Celery
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select, text

from dlq import console as desk
from dlq.errors import BrokerUnavailable, NotAllowedNow, NothingSelected
from dlq.letters import ALLOWED, Status
from dlq.operations import console
from dlq.operations.preview import preview
from dlq.operations.records import Action, Options, Selection
from dlq.operations.running import run_due
from dlq.redaction import Redactor
from dlq.retries import reaper
from dlq.retries.retry import RetryClient
from dlq.sealing import Sealer
from dlq.tables import dead_letter, dead_letter_history
from tests.dlq.builders import Operator, RecordedAudit, envelope, fail, failure, letter, succeed
from tests.dlq.test_operations import Time

pytestmark = pytest.mark.servers
OLGA, APP, SHOWN = Operator(), Celery("machine", set_as_current=False), Redactor()
CRASHES = st.sampled_from(["none", "before", "after", "away"])


class Crash(BaseException):
    """The process ends here."""


class Letters(RuleBasedStateMachine):
    def __init__(self, engine):
        super().__init__()
        self.engine, self.clock, self.audit = engine, Time(), RecordedAudit()
        self.tasks, self.queued, self.crash = 0, [], "none"
        self.sent_as = {}  # (letter, generation) -> task ids
        with engine.begin() as connection:
            connection.execute(text("TRUNCATE onward.dead_letter, onward.dead_letter_operation CASCADE"))

    def __call__(self, message):
        self.together([message])

    def together(self, messages):
        if self.crash == "away":
            raise BrokerUnavailable("refused")
        if self.crash == "before":
            raise Crash
        for message in messages:
            run = (message.headers["dlq_letter"], message.headers["dlq_generation"])
            self.sent_as.setdefault(run, set()).add(message.headers["id"])
            self.queued.append(message)
        if self.crash == "after":
            raise Crash
        return {}

    @rule()
    def a_task_fails(self):
        self.tasks += 1
        fail(self.engine, envelope(f"t{self.tasks}"), failure(after_seconds=self.seconds()))

    @rule(crash=CRASHES, even_poisoned=st.booleans(), pick=st.integers(0, 9))
    def one_is_retried(self, crash, even_poisoned, pick):
        client = RetryClient(self.engine, APP, self.audit, self.clock, self, sealer=Sealer())
        self.attempt(crash, lambda: client.retry(self.any_letter(pick), OLGA, even_poisoned=even_poisoned))

    @rule(action=st.sampled_from(Action), even_poisoned=st.booleans())
    def an_operation_starts(self, action, even_poisoned):
        options = Options(even_poisoned=even_poisoned)
        seen = preview(self.engine, OLGA, action, Selection(), options, redactor=SHOWN, clock=self.clock)
        self.attempt(
            "none", lambda: console.start(self.engine, OLGA, seen, "", audit=self.audit, clock=self.clock)
        )

    @rule(crash=CRASHES)
    def a_runner_has_a_turn(self, crash):
        options = {"sealer": Sealer(), "audit": self.audit, "clock": self.clock}
        self.attempt(crash, lambda: run_due(self.engine, self, **options, for_seconds=0, batch=2))

    @rule(crash=CRASHES)
    def a_reaper_has_a_turn(self, crash):
        self.attempt(crash, lambda: reaper.reap(self.engine, self, self.clock, sealer=Sealer()))

    @rule(seconds=st.sampled_from([1, 40]))
    def time_passes(self, seconds):
        self.clock.sleep(seconds)

    @precondition(lambda self: self.queued)
    @rule(pick=st.integers(0, 9), succeeds=st.booleans(), again=st.booleans())
    def a_message_is_run(self, pick, succeeds, again):
        place = pick % len(self.queued)
        message = self.queued[place] if again else self.queued.pop(place)
        came = envelope(message.headers["id"], headers=message.headers, body=message.body)
        if succeeds:
            succeed(self.engine, came)
        else:
            fail(self.engine, came, failure(after_seconds=self.seconds()))

    @rule(pick=st.integers(0, 9))
    def one_is_discarded(self, pick):
        asked = {"redactor": SHOWN, "audit": self.audit, "clock": self.clock}
        self.attempt("none", lambda: desk.discard(self.engine, OLGA, self.any_letter(pick), **asked))

    @rule(pick=st.integers(0, 9))
    def one_is_restored(self, pick):
        asked = {"redactor": SHOWN, "audit": self.audit, "clock": self.clock}
        self.attempt("none", lambda: desk.restore(self.engine, OLGA, self.any_letter(pick), **asked))

    @invariant()
    def a_retry_has_one_task_id(self):
        assert all(len(ids) == 1 for ids in self.sent_as.values())

    @invariant()
    def every_letter_is_kept_and_its_history_is_one_path(self):
        rows = self.rows()
        assert len(rows) == self.tasks
        for row in rows:
            steps = self.history(row["id"])
            assert steps[-1][1] == row["status"]
            assert [step[0] for step in steps] == [None, *(step[1] for step in steps[:-1])]
            assert all(after in ALLOWED[Status(before)] for before, after in steps[1:])

    @invariant()
    def what_is_being_retried_is_queued_or_claimed(self):
        queued = {message.headers["id"] for message in self.queued}
        for row in self.rows():
            if row["status"] == Status.RETRYING:
                assert row["published_at_ms"] is None or row["retry_task_id"] in queued

    def teardown(self):
        self.crash = "none"
        self.clock.sleep(60)
        reaper.reap(self.engine, self, self.clock, sealer=Sealer())
        while self.queued:
            self.a_message_is_run(0, succeeds=True, again=False)
        assert Status.RETRYING not in {row["status"] for row in self.rows()}

    def attempt(self, crash, step):
        self.crash = crash
        try:
            step()
        except (Crash, BrokerUnavailable, NotAllowedNow, NothingSelected):
            pass
        finally:
            self.crash = "none"

    def any_letter(self, pick):
        ids = [row["id"] for row in self.rows()]
        if not ids:
            raise NothingSelected
        return letter(self.engine, ids[pick % len(ids)])["id"]

    def seconds(self):
        return (self.clock.now - Time().now).total_seconds()

    def rows(self):
        with self.engine.connect() as connection:
            return connection.execute(select(dead_letter).order_by(dead_letter.c.id)).mappings().all()

    def history(self, letter_id):
        columns = dead_letter_history.c
        statement = select(columns.from_status, columns.to_status).where(columns.letter_id == letter_id)
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(statement.order_by(columns.id))]


def test_letters_survive_every_interleaving(engine):
    often = settings(
        max_examples=12,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    run_state_machine_as_test(lambda: Letters(engine), settings=often)
