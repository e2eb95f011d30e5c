"""Brings everything up in order, keeps it up, and takes it down again.

Up:   Valkey and PostgreSQL with the dashboard beside, schema, worker, beat, demo.
Down: all programs at once, then PostgreSQL, then Valkey.

A signal to stop raises KeyboardInterrupt in the main thread, wherever it is. That is safe because every child
hangs on a lifeline that closes with us, even one that was started a moment ago and is in no list yet.
"""

import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import Engine

from infra.children import Lifeline
from infra.database import open_engine
from infra.embedded.pair import chosen_pair, start_all
from infra.embedded.server import Server
from infra.errors import ServerFailed
from infra.home import DataFolder, Running
from infra.servers import check_external, doing, migrated, urls
from infra.settings import Settings
from infra.supervisor.kept import Kept, Say
from infra.supervisor.page import page_url, reserved_port
from infra.supervisor.patience import Patience
from infra.supervisor.programs import Program, environment

_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LOOK_SECONDS = 0.1
#: The worker waits this long for the page, no longer: tasks may be waiting too.
_PAGE_SECONDS = 5
#: After this long people are told where the page is, even if a program is still on its way.
_TELL_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Wiring:
    """What is run, and what the parts above this package add to a start."""

    dashboard: Callable[[Settings, int], Program]  #: for the port that was found free
    background: tuple[Program, ...]  #: started once `prepare` has returned
    last: tuple[Program, ...]  #: started once all the others are up
    prepare: Callable[[Engine], None]  #: called when the schema is there
    sign_in_url: Callable[[Engine, str], str]  #: makes a one-time link to the page at this URL


def run(
    settings: Settings,
    wiring: Wiring,
    environ: Mapping[str, str],
    say: Say,
    is_over: Callable[[], bool] = lambda: False,
) -> None:
    """Run everything until a signal, or `is_over`, asks to stop.

    `environ` is ours: what it sets, the programs inherit. `say` shows a line to the person. Raises InfraError
    when something cannot start or go on.
    """
    _interrupt_on_signals()
    check_external(settings)
    folder = DataFolder(settings.home)
    folder.create()
    with folder.owned(doing()) as lock, reserved_port(settings) as port:
        supervisor = Supervisor(settings, wiring, lock, port, environ, say)
        try:
            with suppress(KeyboardInterrupt):
                supervisor.start()
                supervisor.watch(is_over)
        finally:
            _ignore_signals()
            say("Stopping")
            supervisor.stop()


class Supervisor:
    def __init__(
        self,
        settings: Settings,
        wiring: Wiring,
        lock: int,
        port: int,
        environ: Mapping[str, str],
        say: Say,
    ) -> None:
        self._folder = DataFolder(settings.home)
        self._wiring = wiring
        self._say = say
        self._url = page_url(settings, port)
        self._programs_line, self._servers_line = Lifeline(), Lifeline()
        pair = chosen_pair(settings, self._servers_line, lock)
        self._servers = pair.all()
        self._urls = urls(settings, pair)
        self._patience = {server.name: Patience() for server in self._servers}
        self._dashboard = wiring.dashboard(settings, port)
        self._env = environment(self._folder, self._urls, environ)
        # After a kill -9 of us the servers go last: a task that is running can still be finished.
        self._held = (lock, self._servers_line.held)
        self._kept: list[Kept] = []

    def start(self) -> None:
        self._announce(ready=False)
        self._keep(self._dashboard)
        start_all(self._servers, self._say)
        migrated(self._urls)
        self._with_engine(self._wiring.prepare)
        self._say("Schema is up to date")
        self._announce(ready=True)
        self._let_the_page_come_first()
        for program in self._wiring.background:
            self._keep(program)

    def watch(self, is_over: Callable[[], bool]) -> None:
        """Keep everything running until it is over, and tell where the page is once all of it is up."""
        tell_by = time.monotonic() + _TELL_SECONDS
        told = False
        while not is_over():
            for server in self._servers:
                self._look_after(server)
            for kept in self._kept:
                kept.look()
            if not told and (all(kept.is_settled for kept in self._kept) or time.monotonic() > tell_by):
                self._start_the_last()
                self._tell()
                told = True
            time.sleep(_LOOK_SECONDS)

    def stop(self) -> None:
        """Programs at once, then the servers: a task that is running may need them to finish."""
        self._folder.withdraw()
        for kept in reversed(self._kept):
            kept.request_stop()
        for kept in reversed(self._kept):
            kept.wait()
        for server in reversed(self._servers):
            server.stop()
        self._programs_line.close()
        self._servers_line.close()

    def _let_the_page_come_first(self) -> None:
        # On two cores, programs that start together slow each other, and the page is what somebody waits for.
        page = self._kept[0]
        wait_until = time.monotonic() + _PAGE_SECONDS
        while not page.is_up and time.monotonic() < wait_until:
            page.look()
            time.sleep(_LOOK_SECONDS)

    def _start_the_last(self) -> None:
        for program in self._wiring.last:
            self._keep(program)
            self._kept[-1].look()

    def _keep(self, program: Program) -> None:
        command = program.command(self._folder, self._env)
        self._kept.append(Kept(program, command, self._programs_line, self._held, self._say))

    def _look_after(self, server: Server) -> None:
        if server.is_running:
            server.bound_log()
            return
        pause = self._patience[server.name].pause_after(server.lived_seconds)
        if pause is None:
            raise ServerFailed(server.name, f"it keeps ending. Its log ends:\n{server.last_lines()}")
        self._say(f"{server.name} ended; starting it again")
        server.launch()
        server.wait_ready()
        self._say(f"{server.name} is up again")

    def _tell(self) -> None:
        def tell(engine: Engine) -> None:
            link = self._wiring.sign_in_url(engine, self._url)
            self._say(f"Open this link to sign in; it works once:\n\n{link}\n")

        self._with_engine(tell)

    def _with_engine(self, act: Callable[[Engine], None]) -> None:
        engine = open_engine(self._urls.database_url)
        try:
            act(engine)
        finally:
            engine.dispose()

    def _announce(self, *, ready: bool) -> None:
        servers = self._urls
        known = (servers.database_url, servers.owner_url, servers.redis_url) if ready else (None, None, None)
        self._folder.announce(Running(os.getpid(), doing(), self._url, *known))


def _interrupt_on_signals() -> None:
    for number in _STOPS:
        # nohup asks for a hangup to be ignored. A shell that starts us in the background asks the same for
        # SIGINT, but whoever sends that means it.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


def _ignore_signals() -> None:
    for number in _STOPS:
        signal.signal(number, signal.SIG_IGN)
