"""What the broker does not take is told apart: the broker is away, or the message is at fault."""

import pytest
import redis
from celery import Celery

from dlq.errors import BrokerUnavailable, Unpublishable
from dlq.retries.publishing import Outgoing, Publisher

NOWHERE = "redis://127.0.0.1:1/0"


def outgoing(**properties):
    return Outgoing("celery", b"[]", "application/json", "utf-8", {}, properties)


def test_a_broker_that_is_away_is_named():
    with Celery(broker=NOWHERE, set_as_current=False) as app, pytest.raises(BrokerUnavailable):
        Publisher(app)(outgoing())


@pytest.mark.servers
def test_a_message_that_makes_no_sense_is_unpublishable_and_the_next_one_goes_out(redis_url):
    with Celery(broker=redis_url, set_as_current=False) as app:
        publish = Publisher(app)
        with pytest.raises(Unpublishable, match="by pigeon"):
            publish(outgoing(delivery_mode="by pigeon"))
        publish(outgoing(delivery_mode=2))


@pytest.mark.servers
def test_what_is_wrong_with_a_message_is_told_without_its_secrets(redis_url):
    with Celery(broker=redis_url, set_as_current=False) as app:
        with pytest.raises(Unpublishable) as refused:
            Publisher(app)(outgoing(delivery_mode="password=hunter2"))
        assert "hunter2" not in refused.value.reason
        assert "password" in refused.value.reason


@pytest.mark.servers
def test_messages_published_together_all_go_out_but_those_that_make_no_sense(redis_url):
    with Celery(broker=redis_url, set_as_current=False) as app, redis.Redis.from_url(redis_url) as broker:
        messages = [outgoing(), outgoing(delivery_mode="by pigeon"), outgoing(priority=9)]
        refused = Publisher(app).together(messages)
        assert [(position, "by pigeon" in error.reason) for position, error in refused.items()] == [(1, True)]
        assert [broker.llen(name) for name in ("celery", "celery\x06\x169")] == [1, 1]


def test_a_broker_that_is_away_is_named_for_messages_published_together():
    with Celery(broker=NOWHERE, set_as_current=False) as app, pytest.raises(BrokerUnavailable):
        Publisher(app).together([outgoing(), outgoing()])
