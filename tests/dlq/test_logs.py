"""Nothing that a process logs holds a secret, whoever logs it and however it is written."""

import copy
import io
import logging
import pickle

import pytest
from celery import Celery

from dlq.redaction import MASK, Redactor
from dlq.redaction.logs import MAX_CHARACTERS, redact_logs


@pytest.fixture(autouse=True)
def redacting():
    before = logging.getLogRecordFactory()
    redact_logs(Redactor())
    yield
    logging.setLogRecordFactory(before)


@pytest.fixture
def written():
    """What a logger of its own has written so far, through a handler made before any record."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    log = logging.getLogger("tests.dlq.logs")
    log.addHandler(handler)
    yield stream.getvalue
    log.removeHandler(handler)


LOG = logging.getLogger("tests.dlq.logs")


def failing(text):
    try:
        raise ValueError(text)
    except ValueError:
        LOG.exception("the task failed")


def test_the_message_is_masked_when_its_parts_have_come_together(written):
    LOG.error("login with password=%s as %s", "hunter2", "ana")
    assert written() == f"login with password={MASK} as ana\n"


def test_the_traceback_is_masked(written):
    failing("postgresql://app:hunter2@db/shop refused")
    assert "Traceback" in written()
    assert f"ValueError: postgresql://app:{MASK}@db/shop refused" in written()
    assert "hunter2" not in written()


def test_the_stack_is_masked(written):
    stack = "Stack (most recent call last):\n  in pay\n    login(password='hunter2')"
    LOG.handle(logging.getLogRecordFactory()("x", 40, "f", 1, "here", (), None, None, stack))
    assert "in pay" in written()
    assert "hunter2" not in written()


def test_plain_lines_stay_as_they_are(written):
    LOG.warning("%d letters of order %s wait", 3, "4711")
    assert written() == "3 letters of order 4711 wait\n"


def test_the_line_in_which_celery_tells_of_a_failure_is_masked(caplog):
    with Celery(set_as_current=False) as app:

        @app.task(name="shop.pay")
        def pay(token):
            raise ValueError(f"token={token} was refused")

        pay.apply(["hunter2"])
    assert "Task shop.pay" in caplog.text
    assert f"token={MASK} was refused" in caplog.text
    assert "Traceback" in caplog.text
    assert "hunter2" not in caplog.text


class Unprintable:
    def __str__(self):
        raise RuntimeError("password=hunter2")

    __repr__ = __str__


@pytest.mark.parametrize(
    ("message", "args"),
    [("%d", ("hunter2",)), ("%s %s", ("hunter2",)), (Unprintable(), ()), ("%s", (Unprintable(),))],
)
def test_what_cannot_be_formatted_is_said_and_not_dumped(written, capsys, message, args):
    LOG.error(message, *args)
    assert "A message of tests.dlq.logs cannot be shown" in written()
    assert "hunter2" not in written() + capsys.readouterr().err


def test_a_record_can_be_copied_and_sent_to_another_process(written):
    record = logging.getLogRecordFactory()("x", 40, "f", 1, "password=%s", ("hunter2",), None)
    for other in (copy.copy(record), pickle.loads(pickle.dumps(record))):
        assert other.getMessage() == f"password={MASK}"


def test_a_message_is_cut_and_no_secret_shows_at_the_cut(written):
    secret = "ghp_" + "a1b2c3d4" * 4
    LOG.error("%s%s%s", "x " * (MAX_CHARACTERS // 2 - 5), secret, " y" * MAX_CHARACTERS)
    assert len(written()) <= MAX_CHARACTERS + 1
    assert secret[:6] not in written()


def test_the_process_can_still_log_without_secrets_after_a_second_call(written):
    redact_logs(Redactor(email=True))
    LOG.error("to ana@example.com with password=hunter2")
    assert written() == f"to {MASK} with password={MASK}\n"
