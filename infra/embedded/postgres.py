"""The embedded PostgreSQL 18: made once in the data folder, with a password and on a port of its own.

The cluster and the password of its owner are made in a side folder that is renamed when both are complete,
so an interrupted first start leaves nothing half made. Everything runs as a second login, which owns nothing
and whose password is new with each start.
"""

import os
import secrets
import shutil
import signal
from pathlib import Path

import psycopg

from infra.application_login import make_login
from infra.children import Child, Command, Lifeline
from infra.database import first_line
from infra.embedded.binaries import postgres_program
from infra.embedded.identity import NOBODY, choose_identity
from infra.embedded.orphans import stop_orphan
from infra.embedded.ports import free_port
from infra.errors import ServerFailed
from infra.home import DataFolder, write_private

_OWNER = "onward"
_APPLICATION = "onward_application"
_STOP_SECONDS = 30
_READY_LINE = 7  # of postmaster.pid, counted from 0
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    # The path of a socket may have 107 bytes; a data folder may lie deeper.
    "unix_socket_directories": "",
    "dynamic_shared_memory_type": "mmap",
    "shared_buffers": "256MB",
    "max_connections": "100",
    # What is read mostly lies in the page cache, and waiting for a worker process to copy it takes longer.
    "io_method": "sync",
}
_FAST_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_wal_size": "4GB",
}


class Postgres:
    """`durable=False` trades safety against power loss for speed; for tests alone."""

    name = "PostgreSQL"

    def __init__(self, folder: DataFolder, *, durable: bool = True) -> None:
        self._folder = folder
        self._home = folder.path / "postgres"
        self._cluster = self._home / "cluster"
        self._settings = _SETTINGS if durable else _SETTINGS | _FAST_SETTINGS
        self._program = postgres_program("postgres")
        self._identity = choose_identity(self._program)
        self._port = free_port(self.name)
        self._password = self._kept_password() or secrets.token_urlsafe(24)
        self._application_password = secrets.token_urlsafe(24)
        self._is_open = False

    @property
    def url(self) -> str:
        """Known, and the same, before the first start and after every restart."""
        return self._url(_APPLICATION, self._application_password)

    @property
    def owner_url(self) -> str:
        return self._url(_OWNER, self._password)

    def _url(self, user: str, password: str) -> str:
        return f"postgresql+psycopg://{user}:{password}@127.0.0.1:{self._port}/postgres"

    def prepare(self, lifeline: Lifeline) -> None:
        """Make the cluster when there is none; end a server that nobody owns."""
        if not self._home.exists():
            self._make_cluster(lifeline)
        stop_orphan(self._cluster / "postmaster.pid", self._program, self._cluster, signal.SIGINT)
        self._hand_over(self._home)

    def command(self) -> Command:
        settings = self._settings | {"port": str(self._port)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return self._command("postgres", [self._program, "-D", self._cluster, *options])

    def answers(self) -> bool:
        try:
            lines = (self._cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > _READY_LINE and lines[_READY_LINE].strip() == "ready"

    def open_up(self) -> None:
        """Make the login that everything runs as, also in a cluster from before there was one."""
        if not self._is_open:
            try:
                make_login(self.owner_url, _APPLICATION, self._application_password)
            except psycopg.OperationalError as error:
                raise ServerFailed(self.name, first_line(error)) from error
            self._is_open = True

    def _make_cluster(self, lifeline: Lifeline) -> None:
        aside = self._home.with_name("postgres.new")
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(mode=0o700)
        password_file = aside / "password"
        write_private(password_file, self._password)
        self._hand_over(aside)
        initdb = Child(self._command("initdb", _initdb_arguments(aside / "cluster", password_file)), lifeline)
        if initdb.wait() != 0:
            raise ServerFailed(
                self.name,
                f"initdb said: {initdb.last_lines(3)}\nSet DATABASE_URL to use a PostgreSQL of your own.",
            )
        aside.rename(self._home)

    def _command(self, name: str, argv: list[str | Path]) -> Command:
        return Command(
            name=name,
            argv=argv,
            log=self._folder.logs / f"{name}.log",
            cwd=self._folder.path,
            stop_signal=signal.SIGINT,
            grace_seconds=_STOP_SECONDS,
            identity=self._identity,
        )

    def _kept_password(self) -> str | None:
        try:
            return (self._home / "password").read_text()
        except FileNotFoundError:
            return None

    def _hand_over(self, folder: Path) -> None:
        """Give the folder to the user that the server runs as, which need not be that of the last time."""
        if os.geteuid() != 0:
            return
        user = os.geteuid()
        if self._identity == "nobody":
            user = NOBODY
            self._folder.path.chmod(0o711)
        if folder.stat().st_uid != user:
            # The folder last: its owner says whether all of it has been handed over.
            for path in (*folder.rglob("*"), folder):
                os.chown(path, user, user, follow_symlinks=False)


def _initdb_arguments(cluster: Path, password_file: Path) -> list[str | Path]:
    return [
        postgres_program("initdb"),
        f"--pgdata={cluster}",
        f"--username={_OWNER}",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--no-instructions",
    ]
