"""The console's view of a broker, made for one test."""

import redis
from celery import Celery
from sqlalchemy import Engine, text

from dlq.broker.control import BrokerControl
from dlq.broker.look import Look
from dlq.broker.records import BrokerView, QueueView, WorkerView
from dlq.broker.watch import BrokerWatch
from infra import audit
from infra.access.roles import Person, Role

ADA = Person("ada", Role.OPERATOR)


class Broker:
    """The watch and the control on one broker, looking anew at each question."""

    def __init__(self, engine: Engine, url: str) -> None:
        self.engine = engine
        self.client = redis.Redis.from_url(url, socket_timeout=2, retry=None)
        self.app = Celery("console", broker=url, set_as_current=False)
        self.look = Look(engine, self.app, self.client)
        self.watch = BrokerWatch(self.look)
        self.control = BrokerControl(engine, self.app, self.client, self.watch, audit.record)

    def seen(self) -> BrokerView:
        return self.look.look()

    def watched(self) -> BrokerView:
        """What the control goes by; asks for a new look each time."""
        self.watch.look_again()
        return self.watch.view(ADA, wait_seconds=5)

    def audited(self) -> list[tuple[str, str, str]]:
        with self.engine.connect() as connection:
            rows = connection.execute(
                text("SELECT actor, action, subject FROM onward.audit_entry ORDER BY id")
            )
            return [tuple(row) for row in rows]

    def close(self) -> None:
        self.app.close()
        self.client.close()


def only(view: BrokerView) -> WorkerView:
    [worker] = view.alive
    return worker


def queue_of(view: BrokerView, name: str) -> QueueView:
    return next(queue for queue in view.queues if queue.name == name)
