"""Starting a server and keeping it: launch, wait until it answers, notice its death, start it again."""

import time
from collections.abc import Sequence
from typing import Protocol

from infra.children import Child, Command, Lifeline
from infra.errors import ServerFailed

START_SECONDS = 60  #: PostgreSQL after a crash reads its whole log first
_LAUNCHES = 5
_RELAUNCH_PAUSE_SECONDS = 0.3
_PAUSE_SECONDS = 0.01


class Program(Protocol):
    """What is particular to one kind of server."""

    name: str

    @property
    def url(self) -> str: ...
    def prepare(self, lifeline: Lifeline, /) -> None: ...
    def command(self) -> Command: ...
    def answers(self) -> bool: ...
    def open_up(self) -> None: ...  # once it answers, and again after every restart


class Server:
    """One server of a data folder. Its guardian keeps the descriptors `held` open: the lock of the folder."""

    def __init__(self, program: Program, lifeline: Lifeline, held: Sequence[int]) -> None:
        self.name = program.name
        self.url = program.url
        self._program = program
        self._lifeline = lifeline
        self._held = held
        self._child: Child | None = None

    def launch(self) -> None:
        """Start it, or start it again on the same port; `wait_ready` waits until it answers."""
        self._program.prepare(self._lifeline)
        self._child = Child(self._program.command(), self._lifeline, self._held)

    def wait_ready(self) -> None:
        """Raises ServerFailed with the end of the log when it keeps ending or does not answer in time."""
        deadline = time.monotonic() + START_SECONDS
        launches = 1
        while not (self.is_running and self._program.answers()):
            if not self.is_running:
                # After a kill -9 of its guardian too, or where guardians end no orphans, the last children
                # of a server may keep its port or its memory for a moment.
                if launches == _LAUNCHES:
                    raise ServerFailed(
                        self.name, f"it ended {_LAUNCHES} times. Its log ends:\n{self.last_lines()}"
                    )
                launches += 1
                time.sleep(_RELAUNCH_PAUSE_SECONDS)
                self.launch()
            if time.monotonic() > deadline:
                raise ServerFailed(
                    self.name, f"no answer in {START_SECONDS} s. Its log ends:\n{self.last_lines()}"
                )
            time.sleep(_PAUSE_SECONDS)
        self._program.open_up()

    def bound_log(self) -> None:
        if self._child:
            self._child.bound_log()

    @property
    def is_running(self) -> bool:
        return self._child is not None and self._child.exit_code is None

    @property
    def lived_seconds(self) -> float:
        return time.monotonic() - self._child.started if self._child else 0.0

    def last_lines(self) -> str:
        return self._child.last_lines() if self._child else ""

    def stop(self) -> None:
        if self._child:
            self._child.stop()
