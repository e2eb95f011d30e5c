import csv
import io

import pytest

from dlq import console
from dlq.letters_csv import COLUMNS, letters_csv
from dlq.queries import LetterFilter
from dlq.redaction import Redactor
from tests.dlq import builders
from tests.dlq.builders import Operator, Refused

pytestmark = pytest.mark.servers


@pytest.fixture
def written(engine):
    def rows(narrowed=LetterFilter(), by=Operator()):  # noqa: B008 - both are frozen
        blocks = list(letters_csv(engine, by, narrowed, redactor=Redactor()))
        return blocks, list(csv.DictReader(io.StringIO("".join(blocks))))

    return rows


def test_every_letter_is_written_once_over_several_pages(engine, written, monkeypatch):
    monkeypatch.setattr(console, "MAX_PAGE", 2)
    for nth in range(5):
        builders.fail(engine, builders.envelope(f"t{nth}"), builders.failure(after_seconds=nth))
    blocks, rows = written()
    assert len(blocks) == 3
    assert [row["task_id"] for row in rows] == ["t4", "t3", "t2", "t1", "t0"]
    assert rows[0]["failed_at"] == "2026-03-01T12:00:04+00:00"


def test_the_filter_narrows_the_file(engine, written):
    builders.fail(engine, builders.envelope("t1"))
    builders.fail(engine, builders.envelope("t2", task_name="shop.ship"))
    assert [row["task_id"] for row in written(LetterFilter(task_name="shop.ship"))[1]] == ["t2"]


def test_a_filter_that_matches_nothing_gives_the_head(written):
    blocks, rows = written()
    assert blocks == [",".join(COLUMNS) + "\r\n"]
    assert rows == []


@pytest.mark.parametrize("message", ["=1+1", "+1", "-1", "@sum", "\tx", "\rx"])
def test_text_that_begins_like_a_formula_is_made_inert(engine, written, message):
    builders.fail(engine, builders.envelope(), builders.failure(message=message))
    assert written()[1][0]["message"] == f"'{message}"


def test_secrets_are_masked(engine, written):
    builders.fail(engine, builders.envelope(), builders.failure(message="password=hunter2"))
    assert "hunter2" not in "".join(written()[0])


def test_who_may_not_read_letters_gets_no_head_either(engine):
    blocks = letters_csv(
        engine, Operator(lacks=frozenset({"letters.read"})), LetterFilter(), redactor=Redactor()
    )
    with pytest.raises(Refused):
        next(blocks)
