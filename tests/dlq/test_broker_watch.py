"""Who asks for workers and queues gets an answer at once, and many who ask cause one look."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from dlq.broker.records import BrokerView
from dlq.broker.watch import FRESH_SECONDS, BrokerWatch
from infra.access.roles import Person, Role
from infra.errors import AccessDenied

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ADA = Person("ada", Role.OPERATOR)


class SlowLook:
    """A look that ends when it is told to."""

    def __init__(self) -> None:
        self.begun = 0
        self.may_end = threading.Event()

    def look(self) -> BrokerView:
        self.begun += 1
        number = self.begun
        assert self.may_end.wait(10)
        return BrokerView(seen_at=NOW, queues_left_out=number)


class Time:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def look() -> SlowLook:
    return SlowLook()


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def watch(look: SlowLook, time: Time) -> BrokerWatch:
    return BrokerWatch(look, clock=lambda: NOW, monotonic=time)


@pytest.fixture
def looked(watch: BrokerWatch) -> Callable[[int], None]:
    """Waits until the look of this number is what is shown."""

    def until(number: int) -> None:
        watch.settle()
        assert watch._latest.queues_left_out == number

    return until


def test_nobody_waits_for_a_look_that_does_not_end(watch: BrokerWatch, look: SlowLook) -> None:
    for _ in range(5):
        assert watch.view(ADA) == BrokerView(looking_since=NOW)
    assert look.begun == 1
    look.may_end.set()


def test_who_closes_connections_waits_for_the_look_that_uses_them(watch: BrokerWatch, look: SlowLook) -> None:
    watch.view(ADA)
    closing = threading.Thread(target=watch.settle)
    closing.start()
    closing.join(0.05)
    assert closing.is_alive()
    look.may_end.set()
    closing.join(10)
    assert watch.view(ADA).seen_at == NOW


def test_who_wants_to_wait_waits_for_the_first_look_only(
    watch: BrokerWatch, look: SlowLook, time: Time, looked: Callable[[int], None]
) -> None:
    look.may_end.set()
    assert watch.view(ADA, wait_seconds=10).queues_left_out == 1
    looked(1)
    look.may_end.clear()
    time.seconds += FRESH_SECONDS
    assert watch.view(ADA, wait_seconds=10).queues_left_out == 1
    look.may_end.set()


def test_a_look_is_kept_until_it_is_not_fresh(
    watch: BrokerWatch, look: SlowLook, time: Time, looked: Callable[[int], None]
) -> None:
    look.may_end.set()
    watch.view(ADA)
    looked(1)
    time.seconds += FRESH_SECONDS - 0.1
    assert watch.view(ADA).looking_since is None
    assert look.begun == 1
    time.seconds += 0.1
    watch.view(ADA)
    looked(2)


def test_a_change_during_a_look_asks_for_another(
    watch: BrokerWatch, look: SlowLook, looked: Callable[[int], None]
) -> None:
    watch.view(ADA)
    watch.look_again()
    look.may_end.set()
    looked(1)
    watch.view(ADA)
    looked(2)


def test_nobody_looking_means_no_look(look: SlowLook, watch: BrokerWatch) -> None:
    assert look.begun == 0
    with pytest.raises(AccessDenied):
        watch.view(Person("vera", Role.VIEWER))
    assert look.begun == 0
