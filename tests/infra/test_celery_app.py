"""Where the app's messages go, which is where a team's own workers must find the retries of their letters."""

import pytest
import redis

from dlq.broker.keys import BrokerKeys
from infra.celery_app import create_celery


@pytest.mark.servers
@pytest.mark.parametrize("prefix", ["", "shop:"])
def test_messages_lie_under_the_prefix_that_the_workers_use(redis_url, prefix):
    with create_celery(redis_url, prefix=prefix) as app, redis.Redis.from_url(redis_url) as broker:
        app.send_task("shop.pay", queue="bills")
        assert broker.llen(f"{prefix}bills") == 1
        assert BrokerKeys.of(app.conf.broker_transport_options).lists("bills")[0] == f"{prefix}bills"
