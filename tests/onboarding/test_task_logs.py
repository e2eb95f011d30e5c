"""The lines of our own worker say which run they belong to, and are JSON where nobody is at a terminal."""

import json

import pytest

from dlq import console
from dlq.redaction import Redactor
from onboarding import tasks
from tests.dlq.worker import eventually
from tests.onboarding.test_base_task import ADA, start_session

pytestmark = pytest.mark.servers


def test_lines_of_a_task_carry_its_ids(engine, client, tmp_path):
    tasks.send(tasks.apply_approved_recommendations_v2, start_session(engine), correlation_id="c-1")
    [letter] = eventually(lambda: console.letters(engine, ADA, redactor=Redactor()).letters)

    def lines():
        said = (tmp_path / "worker.log").read_text().splitlines()
        return [json.loads(line) for line in said if line.startswith("{")]

    def of_task():
        return [line for line in lines() if line.get("task_id") == letter.task_id]

    received = eventually(lambda: next((line for line in of_task() if "received" in line["message"]), None))
    failed = eventually(lambda: next((line for line in of_task() if "exception" in line), None))
    assert received["level"] == "info"
    assert (failed["level"], failed["correlation_id"]) == ("error", "c-1")
    assert "KeyError" in failed["exception"]
    ready = next(line for line in lines() if " ready." in line["message"])
    assert "task_id" not in ready
