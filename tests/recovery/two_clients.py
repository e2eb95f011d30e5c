"""A world of two clients: what is acme's comes first, then what is not, so that a test can look in between.

Whatever is globex's, or belongs to no client, has "globex" or "nobody" in each of its strings.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import redis
from sqlalchemy import Engine

import analytics
from analytics import definitions
from analytics.cache import ViewCache
from analytics.funnels import Dimension, FunnelDefinition, Step
from analytics.queries import Reader
from analytics.store import EventStore
from analytics.sync import sync
from dlq import console, versions
from dlq.broker.control import BrokerControl
from dlq.broker.records import BrokerView
from dlq.broker.watch import BrokerWatch
from dlq.operations import console as operations
from dlq.operations.preview import preview
from dlq.operations.records import Action, Selection
from dlq.redaction import Redactor
from dlq.retries.retry import RetryClient
from infra import audit
from infra.access.roles import Person, Role
from recovery.funnels import Funnels
from tests.dlq import builders

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NOW = NOON + timedelta(hours=6)
#: From the noon of `builders` to this one.
DAY = 86_400
ADA = Person("ada", Role.ADMIN)
SHOWN = Redactor()
SIGN_UP = FunnelDefinition(
    name="sign-up",
    title="Sign-up",
    steps=(Step(("visited",), "Visited"), Step(("signed up",), "Signed up"), Step(("paid",), "Paid")),
    dimensions=(Dimension("plan", "Plan"),),
)


def restricted(*clients: str) -> Person:
    """Somebody who may do everything, to these clients."""
    return Person("rita", Role.ADMIN, frozenset(clients))


RITA = restricted("acme")


class NoBroker:
    """A look at a broker where there is nothing to see."""

    def look(self) -> BrokerView:
        return BrokerView()


class TwoClients:
    def __init__(self, engine: Engine, client: "redis.Redis", home: Path) -> None:
        self.engine = engine
        self._store = EventStore.at(str(home / "events"))
        self.funnels = Funnels(Reader(engine, self._store), ViewCache(client, seconds=60))
        self.published: list[Any] = []
        self.retries = RetryClient(
            engine, None, audit.record, lambda: NOW, self.published.append, sealer=builders.UNSEALED
        )
        self.watch = BrokerWatch(NoBroker())
        self.control = BrokerControl(engine, None, client, self.watch, audit.record)
        definitions.save(engine, SIGN_UP, by="ada")

    def of_acme(self) -> None:
        self.session("acme-1", "visited", "signed up", "paid", client_id="acme")
        self.session("acme-2", "visited", "signed up", client_id="acme")
        self.session("acme-3", "visited", client_id="acme")
        self.session("acme-3", "wandered", client_id=None, minutes=10)
        self.letter_id = self.letter("acme", session_id="acme-2")
        self.edited_id = self.letter("acme", nth=2)
        self.discarded_id = self.letter("acme", nth=3)
        self.edit(self.edited_id, "acme")
        self.discard(self.discarded_id)
        self.operation_id = self.operation(RITA, "acme asks")
        self.sync()

    def of_others(self) -> None:
        for client in ("globex", "nobody"):
            client_id = client if client == "globex" else None
            for nth in range(4):
                self.session(f"{client}-{nth}", "visited", client_id=client_id, plan=f"{client} gold")
                self.session(f"{client}-{nth}", f"{client} paid", client_id=client_id, minutes=2)
            self.letter(client, client_id=client_id, session_id=f"{client}-1")
            self.letter(client, client_id=client_id, session_id="acme-1")
            # A cause that acme has too.
            self.letter("acme", nth=7, client_id=client_id, session_id=f"{client}-2", body=f"{client} body")
        self.session("acme-3", "signed up", "paid", client_id="globex", minutes=5, plan="globex gold")
        self.session("acme-1", "globex wandered", client_id="globex", minutes=0.5, plan="globex gold")
        self.other_letter_id = self.letter("globex", nth=2, client_id="globex")
        self.other_discarded_id = self.letter("globex", nth=3, client_id="globex")
        self.edit(self.other_letter_id, "globex")
        self.discard(self.other_discarded_id)
        self.other_operation_id = self.operation(ADA, "globex and all others ask")
        self.operation(restricted("acme", "globex"), "globex and acme ask")
        self.operation(restricted("globex"), "globex asks")
        self.sync()

    def session(
        self,
        session_id: str,
        *names: str,
        client_id: str | None,
        minutes: float = 0,
        plan: str = "acme gold",
    ) -> None:
        """Events a minute apart, from `minutes` past noon."""
        with self.engine.begin() as connection:
            for nth, name in enumerate(names):
                analytics.record(
                    connection,
                    session_id=session_id,
                    name=name,
                    occurred_at=NOON + timedelta(minutes=minutes + nth),
                    client_id=client_id,
                    properties={"plan": plan},
                )

    def letter(
        self,
        of: str,
        *,
        nth: int = 1,
        client_id: str | None = "acme",
        session_id: str | None = None,
        body: str = "",
    ) -> int:
        message = builders.envelope(
            f"{of}-{client_id}-t{nth}-{session_id}",
            task_name=f"{of}.pay",
            queue=f"{of}-queue",
            body=builders.body_of(body or f"{of} body"),
            client_id=client_id,
            session_id=session_id,
            correlation_id=f"{of}-run",
        )
        how = builders.failure(
            exception_type=f"{of}Error", message=f"no plan for {of}", after_seconds=DAY + 600 * nth
        )
        return builders.fail(self.engine, message, how)

    def edit(self, letter_id: int, of: str) -> None:
        versions.edit(
            self.engine, ADA, letter_id, [f"{of} edited"], {}, f"{of} asked", **self.changing, **self.opening
        )

    def discard(self, letter_id: int) -> None:
        console.discard(self.engine, ADA, letter_id, **self.changing)

    def operation(self, by: Person, reason: str) -> int:
        seen = preview(self.engine, by, Action.RESTORE, Selection(), **self.showing, clock=lambda: NOW)
        return operations.start(self.engine, by, seen, reason, audit=audit.record, clock=lambda: NOW).id

    @property
    def showing(self) -> dict[str, Any]:
        return {"redactor": SHOWN}

    @property
    def opening(self) -> dict[str, Any]:
        return {"sealer": builders.UNSEALED}

    @property
    def changing(self) -> dict[str, Any]:
        return {"redactor": SHOWN, "audit": audit.record, "clock": lambda: NOW}

    def sync(self) -> None:
        sync(self.engine, self._store)


Call = Callable[[TwoClients, Person], object]
