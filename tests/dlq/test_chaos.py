"""A short run of `python -m tests.dlq.chaos`: whatever is killed, no task is lost, no work done twice."""

import subprocess
import sys

import pytest

from infra.settings import CHECKOUT
from tests.environ import without_own_settings

pytestmark = pytest.mark.servers


def test_under_kills_every_task_ran_or_has_one_letter_and_every_retry_is_done_once():
    told = subprocess.run(
        [sys.executable, "-m", "tests.dlq.chaos", "--tasks", "80", "--pause", "1.5", "--seed", "7"],
        cwd=CHECKOUT,
        env=without_own_settings(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout[-3000:] + told.stderr[-3000:]
