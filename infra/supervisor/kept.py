"""One program that is kept running: started, said to be up, started again after its end, at last given up."""

import time
from collections.abc import Callable, Sequence

from infra.children import Child, Command, Lifeline
from infra.errors import ProgramKeepsEnding
from infra.supervisor.patience import Patience
from infra.supervisor.programs import Program

Say = Callable[[str], None]


class Kept:
    """`held` are descriptors that its guardian keeps open until it is gone."""

    def __init__(
        self, program: Program, command: Command, lifeline: Lifeline, held: Sequence[int], say: Say
    ) -> None:
        self._program = program
        self._command = command
        self._lifeline = lifeline
        self._held = held
        self._say = say
        self._patience = Patience()
        self._start_at: float | None = None
        self._is_over = False
        self.is_up = False
        self._child = self._start()

    def look(self) -> None:
        """Do what is due. Raises ProgramKeepsEnding when a needed program has ended quickly too often."""
        if self._is_over:
            return
        if self._start_at is not None:
            if time.monotonic() >= self._start_at:
                self._start_at = None
                self._child = self._start()
        elif (code := self._child.exit_code) is not None:
            self._after_end(code)
        else:
            self._child.bound_log()
            self._note_up()

    def _note_up(self) -> None:
        if not self.is_up and self._program.is_up(self._child):
            self.is_up = True
            self._say(f"{self._program.title} is up")

    def request_stop(self) -> None:
        self._child.request_stop()

    def wait(self) -> None:
        self._child.wait()

    @property
    def is_settled(self) -> bool:
        """Nothing is left to wait for before people are told that all is up."""
        return self.is_up or self._is_over

    def _start(self) -> Child:
        self.is_up = False
        return Child(self._command, self._lifeline, self._held)

    def _after_end(self, code: int) -> None:
        if code == 0 and not self._program.needed:
            self._is_over = True
            return
        pause = self._patience.pause_after(self._lived)
        if pause is None:
            self._give_up(code)
            return
        self._say(f"{self._program.title} ended with code {code}; starting it again")
        self._start_at = time.monotonic() + pause

    def _give_up(self, code: int) -> None:
        failure = ProgramKeepsEnding(
            self._program.title, code, str(self._command.log), self._child.last_lines()
        )
        if self._program.needed:
            raise failure
        self._is_over = True
        self._say(f"{failure}\nThe rest goes on without it.")

    @property
    def _lived(self) -> float:
        return time.monotonic() - self._child.started
