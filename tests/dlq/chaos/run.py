"""One run: publish under fire, retry everything under fire, then let it settle and count."""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from kombu.exceptions import OperationalError as BrokerAway
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from dlq.errors import DlqError
from dlq.letters import Status
from dlq.operations import console
from dlq.operations.preview import preview
from dlq.operations.records import Action, OperationStatus, Options, Selection
from dlq.queries import LetterFilter
from dlq.redaction import Redactor
from infra import audit
from tests.dlq.chaos.world import World

_ROUNDS = 20
_SETTLE_SECONDS = 300
_POLL_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Actor:
    login: str = "chaos"
    clients: frozenset[str] | None = None

    def require(self, permission: str) -> None:
        """May do everything."""


@dataclass(frozen=True, slots=True)
class Outcome:
    tasks: int
    kills: Counter[str]
    letters: int
    kinds: Counter[str]  #: of the letters before the first retry
    without_trace: list[int]  #: neither ran nor had a letter before the first retry
    several_letters: list[int]
    ran_twice: list[int]
    never_ran: list[int]
    unresolved: list[int]
    unknowable: list[int]  #: published while PostgreSQL was away and lost before a worker received them

    @property
    def is_clean(self) -> bool:
        """Whether something was killed and failed, and nothing was lost or doubled that could be known."""
        wrong = (self.without_trace, self.several_letters, self.ran_twice, self.never_ran, self.unresolved)
        return bool(self.kills and self.letters) and not any(wrong)


def run(world: World, tasks: int, *, pause_seconds: float = 1.0, say: Callable[[str], None]) -> Outcome:
    """Publish `tasks` tasks and retry what died, with a kill every `pause_seconds` until both are done."""
    os.environ.update(world.environ)  # this process publishes as the app's own clients do
    engine = create_engine(world.urls.database_url, pool_pre_ping=True)
    _make_record(world.urls.owner_url)
    with _kills(world, pause_seconds) as kills:
        unfollowed = _publish(tasks, say)
        _until(lambda: _seen(engine, tasks, say) == tasks, 60 + tasks / 20)
    _settle(world, engine, say)
    gone = set(range(tasks)) - _ran(engine).keys() - _letters(engine).keys()
    unknowable = {n for n in gone & unfollowed.keys() if not world.has_received(unfollowed[n])}
    missing = sorted(gone - unknowable)
    kinds = Counter(_column(engine, "SELECT kind FROM onward.dead_letter"))
    say(f"{len(_ran(engine))} ran, letters: {dict(kinds)}, without a trace: {missing}, {unknowable}")
    world.calm.touch()
    with _kills(world, pause_seconds) as more_kills:
        _retry_all(engine, say)
    for _ in range(_ROUNDS):
        _settle(world, engine, say)
        if not _waiting(engine, Status.DEAD, Status.POISONED):
            break
        _retry_all(engine, say)
    ran, letters = _ran(engine), _letters(engine)
    unresolved = _column(engine, "SELECT id FROM onward.dead_letter WHERE status <> 'resolved'")
    engine.dispose()
    return Outcome(
        tasks=tasks,
        kills=kills + more_kills,
        letters=sum(letters.values()),
        kinds=kinds,
        without_trace=missing,
        several_letters=[n for n, count in letters.items() if count > 1],
        ran_twice=[n for n, count in ran.items() if count > 1],
        never_ran=sorted(set(range(tasks)) - ran.keys() - unknowable),
        unresolved=unresolved,
        unknowable=sorted(unknowable),
    )


@contextmanager
def _kills(world: World, pause_seconds: float) -> Iterator[Counter[str]]:
    over = threading.Event()
    counted: Counter[str] = Counter()

    def kill_and_revive() -> None:
        while not over.wait(pause_seconds):
            counted[world.kill_one()] += 1
            world.revive()

    thread = threading.Thread(target=kill_and_revive)
    thread.start()
    try:
        yield counted
    finally:
        over.set()
        thread.join()


def _make_record(owner_url: str) -> None:
    owner = create_engine(owner_url)
    with owner.begin() as connection:
        connection.execute(text("CREATE TABLE public.chaos_run (n int NOT NULL, task_id text NOT NULL)"))
        connection.execute(text("GRANT SELECT, INSERT ON public.chaos_run TO PUBLIC"))
    owner.dispose()


def _publish(tasks: int, say: Callable[[str], None]) -> dict[int, str]:
    """The ids of tasks whose publishing the ledger did not take."""
    from tests.dlq.chaos.app import app, early, late

    on_ledger, refused, unfollowed = [], 0, {}
    noted = app.amqp.capture.published
    app.amqp.capture.published = lambda message: on_ledger.append(noted(message))
    for n in range(tasks):
        try:
            sent = (late if n % 2 else early).apply_async((n,), headers={"session_id": f"n{n}"})
        except BrokerAway:
            refused += 1
        else:
            if not on_ledger[-1]:
                unfollowed[n] = sent.id
    say(f"published {tasks}, {refused} refused by the broker, {len(unfollowed)} not on the ledger")
    return unfollowed


def _seen(engine: Engine, tasks: int, say: Callable[[str], None]) -> int:
    seen = len(_ran(engine).keys() | _letters(engine).keys())
    say(f"{seen} of {tasks} ran or have a letter")
    return seen


def _settle(world: World, engine: Engine, say: Callable[[str], None]) -> None:
    """Without further kills, wait until nothing is spooled, followed or being retried."""

    def is_quiet() -> bool:
        followed = _column(engine, "SELECT count(*) FROM onward.dead_letter_in_flight")[0]
        retrying = _waiting(engine, Status.RETRYING)
        say(f"{world.spooled()} spooled, {followed} followed, {'some' if retrying else 'none'} retrying")
        return not (world.spooled() or followed or retrying)

    world.revive()
    _until(is_quiet, _SETTLE_SECONDS)


def _retry_all(engine: Engine, say: Callable[[str], None]) -> None:
    def started() -> bool:
        everything = Selection(LetterFilter(status=(Status.DEAD, Status.POISONED)))
        options = Options(even_poisoned=True)
        try:
            seen = preview(engine, Actor(), Action.RETRY, everything, options, redactor=Redactor())
            operation = console.start(engine, Actor(), seen, "chaos", audit=audit.record)
        except (DlqError, SQLAlchemyError):
            return False
        say(f"operation {operation.id} retries {operation.counted}")
        ids.append(operation.id)
        return True

    def ended() -> bool:
        try:
            return console.operation(engine, Actor(), ids[0]).status == OperationStatus.FINISHED
        except (DlqError, SQLAlchemyError):
            return False

    ids: list[int] = []
    _until(started, 60)
    _until(ended, 600)


def _until(is_so: Callable[[], bool], seconds: float) -> None:
    """Wait for it, at most so long: what is still missing then is counted at the end."""
    end = time.monotonic() + seconds
    while not is_so() and time.monotonic() < end:
        time.sleep(_POLL_SECONDS)


def _ran(engine: Engine) -> Counter[int]:
    return Counter(_column(engine, "SELECT n FROM public.chaos_run"))


def _letters(engine: Engine) -> Counter[int]:
    found = _column(engine, "SELECT session_id FROM onward.dead_letter")
    return Counter(int(session.removeprefix("n")) for session in found)


def _waiting(engine: Engine, *statuses: Status) -> bool:
    listed = ", ".join(f"'{status.value}'" for status in statuses)
    return bool(_column(engine, f"SELECT id FROM onward.dead_letter WHERE status IN ({listed}) LIMIT 1"))


def _column(engine: Engine, statement: str) -> list:
    """The first column; asked again while the database is away."""
    while True:
        try:
            with engine.connect() as connection:
                return list(connection.execute(text(statement)).scalars())
        except SQLAlchemyError:
            time.sleep(_POLL_SECONDS)
