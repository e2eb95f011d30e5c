"""What can be switched at the broker: what each is called, what follows, and the call that does it.

Each is done for a subject (a queue, a task's id or name, a dependency) with a reason, and returns in one
sentence what came of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import streamlit as st

from dlq.broker.control import BrokerControl, Receipt
from dlq.broker.records import Limits
from infra.access.roles import Person

Do = Callable[[BrokerControl, Person, str, str], str]


@dataclass(frozen=True, slots=True)
class Switch:
    title: str
    button: str
    icon: str
    follows: str  #: said before it is done; may name the {subject}
    do: Do


def resume(control: BrokerControl, by: Person, queue: str, reason: str) -> str:
    return _told(control.resume(by, queue, reason), f"{queue} is taken from again")


def put_back(control: BrokerControl, by: Person, task_name: str, reason: str) -> str:
    return _told(control.put_back(by, task_name, reason), f"{task_name} has its old time limits")


def _pause(control: BrokerControl, by: Person, queue: str, reason: str) -> str:
    return _told(control.pause(by, queue, reason), f"{queue} is paused")


def _stop(control: BrokerControl, by: Person, task_id: str, reason: str) -> str:
    return _told(control.revoke(by, task_id, reason, stop=True), f"{task_id} is being stopped")


def _revoke(control: BrokerControl, by: Person, task_id: str, reason: str) -> str:
    done = f"{task_id} will be thrown away when a worker gets to it"
    return _told(control.revoke(by, task_id, reason), done)


def _limit(control: BrokerControl, by: Person, task_name: str, reason: str) -> str:
    limits = Limits(st.session_state.get("switch_soft"), st.session_state.get("switch_hard"))
    return _told(control.limit(by, task_name, limits, reason), f"{task_name} has new time limits")


def _close(control: BrokerControl, by: Person, dependency: str, reason: str) -> str:
    held = control.close_breaker(by, dependency, reason)
    return f"Calls to {dependency} pass." if held else f"The breaker of {dependency} held nothing any more."


def _told(receipt: Receipt, done: str) -> str:
    parts = [f"{done}: {', '.join(receipt.agreed)} agreed"] if receipt.agreed else ["Nobody agreed"]
    parts += [f"{name} said: {problem}" for name, problem in receipt.refused.items()]
    if receipt.silent:
        parts.append(f"{', '.join(receipt.silent)} did not answer and may still do it")
    return f"{'. '.join(parts)}."


SWITCHES: Mapping[str, Switch] = {
    "pause": Switch(
        "Pause a queue",
        "Pause",
        ":material/pause:",
        "Workers leave {subject} alone from now on; what they have taken already goes on. Messages wait in"
        " the queue until you press Resume. A worker that starts meanwhile takes from it all the same.",
        _pause,
    ),
    "stop": Switch(
        "Stop a running task",
        "Stop it",
        ":material/stop_circle:",
        "The process that runs {subject} is ended in the middle of its work, and the task is not run again by"
        " itself. With dlq.install it becomes a dead letter; a retry of that letter is the way back.",
        _stop,
    ),
    "revoke": Switch(
        "Revoke a task",
        "Revoke",
        ":material/block:",
        "Workers throw the task away when they get to it. They keep that in memory: one that restarts has"
        " forgotten it. With dlq.install it becomes a dead letter; a retry of that letter is the way back.",
        _revoke,
    ),
    "limit": Switch(
        "Time limits of a task",
        "Set",
        ":material/timer:",
        "Counts for {subject} from the next message on, in every worker with dlq.install, until it restarts"
        " or you press Put back. Soft: an exception in the task. Hard: its process is killed.",
        _limit,
    ),
    "close": Switch(
        "Close a circuit breaker",
        "Close",
        ":material/power:",
        "Calls to {subject} pass again at once and all counts begin anew. If it is still down, they fail"
        " until the breaker opens again.",
        _close,
    ),
}
