"""A guarded child ends when it is told to, when its lifeline closes, and with all that it has started."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.children import LOG_BYTES, Child, Command, Lifeline
from infra.guardian import CANNOT_START
from tests.infra.processes import appears, left_of, working_in

POLITE = "trap 'exit 3' TERM; touch up; while :; do sleep 0.01; done"
#: Ends with 5 once a process that it orphaned is gone, and not just dead; with 9 when that takes long.
ORPHANING = """
(setsid sh -c 'echo $$ > orphan; exit 3' &)
for n in $(seq 500); do
    [ -s orphan ] && ! kill -0 $(cat orphan) 2>/dev/null && exit 5
    sleep 0.01
done
exit 9
"""
#: Starts a child of its own and notes its readiness; neither listens to SIGTERM.
STUBBORN = """
import pathlib, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen(["sleep", "60"])
pathlib.Path(sys.argv[1]).touch()
time.sleep(60)
"""


@pytest.fixture
def lifeline() -> Iterator[Lifeline]:
    line = Lifeline()
    yield line
    line.close()


def command(folder: Path, *argv: str | Path, grace_seconds: float = 10) -> Command:
    return Command(
        name="child",
        argv=argv,
        log=folder / "child.log",
        cwd=folder,
        env={"ONWARD_HOME": str(folder)},
        grace_seconds=grace_seconds,
    )


def test_exit_code_is_that_of_the_command(tmp_path: Path, lifeline: Lifeline) -> None:
    assert Child(command(tmp_path, "sh", "-c", "exit 7"), lifeline).wait() == 7
    assert Child(command(tmp_path, "sh", "-c", "kill -9 $$"), lifeline).wait() == 128 + signal.SIGKILL


def test_command_that_cannot_be_started_says_so_in_the_log(tmp_path: Path, lifeline: Lifeline) -> None:
    child = Child(command(tmp_path, tmp_path / "no such"), lifeline)
    assert child.wait() == CANNOT_START
    assert child.last_lines() == f"cannot run {tmp_path}/no such: No such file or directory"


def test_stop_asks_first(tmp_path: Path, lifeline: Lifeline) -> None:
    child = Child(command(tmp_path, "sh", "-c", POLITE), lifeline)
    assert appears(tmp_path / "up")
    child.request_stop()
    assert child.wait() == 3


def test_stop_kills_after_the_grace_time_children_included(tmp_path: Path, lifeline: Lifeline) -> None:
    stubborn = command(tmp_path, sys.executable, "-c", STUBBORN, tmp_path / "up", grace_seconds=0.2)
    child = Child(stubborn, lifeline)
    assert appears(tmp_path / "up")
    begun = time.monotonic()
    child.stop()
    assert time.monotonic() - begun >= 0.2
    assert left_of(tmp_path) == {}


def test_closed_lifeline_stops_the_child(tmp_path: Path) -> None:
    lifeline = Lifeline()
    child = Child(command(tmp_path, "sleep", "60"), lifeline)
    lifeline.close()
    assert child.wait() == 128 + signal.SIGTERM


def test_what_a_child_leaves_behind_goes_with_it(tmp_path: Path, lifeline: Lifeline) -> None:
    assert Child(command(tmp_path, "sh", "-c", "sleep 60 & exit 0"), lifeline).wait() == 0
    assert left_of(tmp_path) == {}


@pytest.mark.skipif(sys.platform != "linux", reason="needs a subreaper")
def test_what_a_killed_child_leaves_behind_in_sessions_of_its_own_is_gone_with_it(
    tmp_path: Path, lifeline: Lifeline
) -> None:
    script = "trap '' TERM; setsid sh -c 'setsid sleep 60 & touch up; sleep 60' & wait"
    child = Child(command(tmp_path, "sh", "-c", script), lifeline)
    assert appears(tmp_path / "up")
    [shell] = [pid for pid, line in working_in(tmp_path).items() if line.startswith("sh -c trap")]
    os.kill(shell, signal.SIGKILL)
    assert child.wait() == 128 + signal.SIGKILL
    assert working_in(tmp_path) == {}


@pytest.mark.skipif(sys.platform != "linux", reason="needs a subreaper")
def test_an_orphan_that_ends_is_neither_kept_nor_taken_for_the_child(
    tmp_path: Path, lifeline: Lifeline
) -> None:
    assert Child(command(tmp_path, "sh", "-c", ORPHANING), lifeline).wait() == 5


def test_log_that_has_grown_large_is_put_aside_while_it_is_written(
    tmp_path: Path, lifeline: Lifeline
) -> None:
    script = (
        f"head -c {LOG_BYTES + 1} /dev/zero; touch large; while [ -e large ]; do sleep 0.01; done; echo after"
    )
    child = Child(command(tmp_path, "sh", "-c", script), lifeline)
    assert appears(tmp_path / "large")
    child.bound_log()
    (tmp_path / "large").unlink()
    child.wait()
    assert (tmp_path / "child.log").read_text() == "after\n"
    assert (tmp_path / "child.1.log").stat().st_size > LOG_BYTES


def test_words_of_an_earlier_run_do_not_count(tmp_path: Path, lifeline: Lifeline) -> None:
    Child(command(tmp_path, "echo", "ready"), lifeline).wait()
    second = Child(command(tmp_path, "echo", "other"), lifeline)
    second.wait()
    assert not second.has_said("ready")
    assert second.has_said("other")
