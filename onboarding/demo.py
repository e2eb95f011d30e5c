"""`python -m onboarding.demo`: live sessions through the real broker and worker, until it is stopped.

The sample is imported beside them, by the command that a person would type.

Every `TICK_SECONDS` one person may arrive, and everybody whose turn it is acts: sends a message, decides, or
gives up. People look at nothing but the state of their session, so those whom a dead task held up go on as
soon as a retry has brought them further.
"""

import logging
import random
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from celery.exceptions import OperationalError
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from analytics import imports
from infra.access.roles import Person, Role
from infra.celery_app import create_celery
from infra.database import open_engine
from infra.settings import CHECKOUT, Settings
from onboarding import faults, sessions, tasks
from onboarding.base_task import OnboardingBaseTask
from onboarding.people import character
from onboarding.sessions import Session, Stage

TICK_SECONDS = 0.5
ARRIVALS_PER_TICK = 0.5
#: How many standing at one stage are looked at in a tick.
MOST_AT_ONCE = 500
FAULT_SHARE = 0.25
DEMO = Person("demo", Role.ADMIN)

SAMPLE = CHECKOUT / "sample" / "bpi2012.csv.gz"
SAMPLE_COLUMNS = "session_id=case_id,name=event,occurred_at=timestamp"

log = logging.getLogger(__name__)


class Traffic:
    """One tick after another of people using the flow.

    `clock` gives aware UTC times; `pace` scales how long people think, 0 makes them act at once.
    """

    def __init__(self, engine: Engine, clock: Callable[[], datetime], pace: float = 1.0) -> None:
        self._engine = engine
        self._clock = clock
        self._pace = pace
        self._asked: dict[Stage, set[str]] = {}

    def tick(self, arrives: bool) -> None:
        if arrives:
            self._arrive()
        self._each_at(Stage.STARTED, self._speak)
        self._each_at(Stage.RECOMMENDATIONS_GENERATED, self._decide)
        self._each_at(Stage.APPROVAL_DECISION, self._apply)

    def _arrive(self) -> None:
        session_id = f"onb-{secrets.token_hex(6)}"
        person = character(session_id)
        with self._engine.begin() as connection:
            sessions.start(
                connection,
                session_id=session_id,
                client_id=person.client_id,
                user_id=person.user_id,
                language=person.language,
                kind=person.kind,
                first_time=person.first_time,
                at=self._clock(),
            )

    def _each_at(self, stage: Stage, act: Callable[[Session], None]) -> None:
        with self._engine.connect() as connection:
            standing = sessions.at_stage(connection, stage, limit=MOST_AT_ONCE)
        self._asked[stage] = self._asked.get(stage, set()) & {session.id for session in standing}
        for session in standing:
            if self._is_ready(session):
                act(session)

    def _is_ready(self, session: Session) -> bool:
        person = character(session.id)
        thinking = timedelta(seconds=person.thinks_seconds * self._pace)
        return person.gives_up_at != session.stage and self._clock() - session.advanced_at >= thinking

    def _speak(self, session: Session) -> None:
        self._ask_once(session, tasks.process_conversation_step_v2, character(session.id).message)

    def _decide(self, session: Session) -> None:
        if "validated" in session.checkpoint:
            with self._engine.begin() as connection:
                sessions.advance(connection, session.id, Stage.APPROVAL_DECISION, at=self._clock())

    def _apply(self, session: Session) -> None:
        self._ask_once(session, tasks.apply_approved_recommendations_v2)

    def _ask_once(self, session: Session, task: OnboardingBaseTask, *arguments: str) -> None:
        # A person presses a button once, also when nothing seems to happen.
        if session.id not in self._asked[session.stage]:
            self._asked[session.stage].add(session.id)
            tasks.send(task, session, *arguments, correlation_id=secrets.token_hex(8))


def import_sample(engine: Engine) -> "subprocess.Popen[bytes] | None":
    """Start the import of the sample, unless an earlier one has finished."""
    earlier = imports.latest(engine, SAMPLE.name)
    if earlier and earlier.state == imports.FINISHED:
        return None
    return subprocess.Popen(
        [sys.executable, "-m", "analytics", "import", str(SAMPLE), "--map", SAMPLE_COLUMNS, "--json"],
        cwd=CHECKOUT,
    )


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    settings = Settings.from_env()
    database_url, redis_url = settings.server_urls()
    create_celery(redis_url, prefix=settings.broker_prefix).set_default()
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())

    engine = open_engine(database_url, pool_size=1)
    if faults.find(engine, faults.ASSISTANT_TIMEOUT) is None:
        faults.turn(engine, faults.ASSISTANT_TIMEOUT, FAULT_SHARE, by=DEMO, at=datetime.now(UTC))
    importing = import_sample(engine)
    traffic = Traffic(engine, lambda: datetime.now(UTC))
    while not stopped.wait(TICK_SECONDS):
        try:
            traffic.tick(arrives=random.random() < ARRIVALS_PER_TICK)  # noqa: S311 - traffic, no secret
        except (DBAPIError, OperationalError) as error:
            log.warning("a server is away, trying again: %s", error)
    if importing:
        importing.terminate()
        importing.wait()


if __name__ == "__main__":
    main()
