"""What several things narrow at once is found wherever it lies, with pages that follow each other."""

import random
from itertools import product

import pytest

from dlq import console, runs
from dlq.letters import Status
from dlq.queries import LetterFilter
from dlq.redaction import Redactor
from tests.dlq.builders import NOON, Operator, RecordedAudit, envelope, fail, failure, noon, succeed

pytestmark = pytest.mark.servers
OLGA = Operator()


@pytest.fixture
def letters(engine):
    """Letters of two tasks, two queues and three exceptions in mixed order, some settled."""
    dice = random.Random(3)
    for at in range(40):
        message = envelope(
            f"t{at}",
            task_name=dice.choice(("shop.a", "shop.b")),
            queue=dice.choice("qr"),
            client_id=(None, "acme", "brick", "corn")[at * 7 % 4],
        )
        how = failure(
            exception_type=dice.choice(("KeyError", "ValueError", "OSError")), after_seconds=at // 3
        )
        letter_id = fail(engine, message, how)
        if at % 4 == 0:
            succeed(engine, message)
        elif at % 5 == 0:
            console.discard(engine, OLGA, letter_id, redactor=Redactor(), audit=RecordedAudit(), clock=noon)
    return console.letters(engine, OLGA, redactor=Redactor()).letters


def pages(engine, narrowed, limit):
    seen, after = [], None
    for _ in range(50):
        page = console.letters(engine, OLGA, narrowed, after, limit, redactor=Redactor())
        seen += page.letters
        after = page.next
        if after is None:
            return seen
    raise AssertionError("the pages do not end")


def matching(letters, narrowed):
    return [
        letter
        for letter in letters
        if letter.task_name == (narrowed.task_name or letter.task_name)
        and letter.queue == (narrowed.queue or letter.queue)
        and letter.exception_type == (narrowed.exception_type or letter.exception_type)
        and (narrowed.clients is None or letter.client_id in narrowed.clients)
        and letter.client_id == (narrowed.client_id or letter.client_id)
        and letter.status in (narrowed.status or tuple(Status))
        and letter.failed_at >= (narrowed.failed_from or NOON)
    ]


@pytest.mark.parametrize("most", [0, 1, 150])
def test_every_combination_finds_what_matches_in_order(engine, letters, monkeypatch, most):
    monkeypatch.setattr(runs, "MAX_RUNS", most)
    moments = (None, letters[20].failed_at)
    states = ((), (Status.RESOLVED,), (Status.DEAD, Status.DISCARDED), (Status.RETRYING,))
    for task, queue, status, since in product(("", "shop.a"), ("", "q"), states, moments):
        narrowed = LetterFilter(task_name=task, queue=queue, status=status, failed_from=since)
        assert pages(engine, narrowed, 3) == matching(letters, narrowed), narrowed
        expected = [one.failed_at for one in matching(letters, narrowed) if one.status is Status.DEAD]
        if since is None:
            assert console.stats(engine, OLGA, narrowed).oldest_open_at == min(expected, default=None)


@pytest.mark.parametrize("most", [1, 150])
@pytest.mark.parametrize(
    ("clients", "client_id"),
    [(("acme", "corn"), ""), (None, "brick"), ((), "brick"), (("acme", "corn"), "corn"), (("acme",), "corn")],
)
def test_a_reader_of_some_clients_finds_theirs_alone(engine, letters, monkeypatch, most, clients, client_id):
    monkeypatch.setattr(runs, "MAX_RUNS", most)
    for task, status in product(("", "shop.a"), ((), (Status.DEAD, Status.RESOLVED))):
        narrowed = LetterFilter(clients=clients, client_id=client_id, task_name=task, status=status)
        assert pages(engine, narrowed, 3) == matching(letters, narrowed), narrowed
        expected = [one.failed_at for one in matching(letters, narrowed) if one.status is Status.DEAD]
        assert console.stats(engine, OLGA, narrowed).oldest_open_at == min(expected, default=None)


def test_a_combination_that_is_nowhere_reads_no_letter(engine, letters, monkeypatch):
    monkeypatch.setattr(runs.queries, "letters_page", None)
    assert pages(engine, LetterFilter(task_name="shop.a", queue="other"), 5) == []
