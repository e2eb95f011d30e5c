"""The embedded Valkey 9: every write appended to a file, nothing evicted, a password in a file of its own."""

import secrets
import signal
import socket

from infra.children import Command, Lifeline
from infra.embedded.binaries import valkey_program
from infra.embedded.orphans import stop_orphan
from infra.embedded.ports import free_port
from infra.home import DataFolder, write_private

_ASK_SECONDS = 1
_CONFIG = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir "{folder}"
pidfile "{folder}/valkey.pid"
databases {databases}
appendonly {append}
save ""
maxmemory-policy noeviction
set-proc-title no
"""


class Valkey:
    """`durable=False` keeps everything in memory only; for tests alone."""

    name = "Valkey"

    def __init__(self, folder: DataFolder, *, durable: bool = True) -> None:
        self._folder = folder
        self._home = folder.path / "valkey"
        self._durable = durable
        self._program = valkey_program()
        self._port = free_port(self.name)
        self._password = secrets.token_urlsafe(24)

    @property
    def url(self) -> str:
        """Known, and the same, before the first start and after every restart."""
        return f"redis://:{self._password}@127.0.0.1:{self._port}/0"

    def prepare(self, _lifeline: Lifeline) -> None:
        """Write the configuration; end a server that nobody owns."""
        self._home.mkdir(mode=0o700, exist_ok=True)
        stop_orphan(self._home / "valkey.pid", self._program, self._home, signal.SIGTERM)
        config = _CONFIG.format(
            port=self._port,
            password=self._password,
            folder=str(self._home).replace("\\", "\\\\").replace('"', '\\"'),
            databases=16 if self._durable else 128,
            append="yes" if self._durable else "no",
        )
        write_private(self._home / "valkey.conf", config)

    def command(self) -> Command:
        return Command(
            name="valkey",
            argv=[self._program, self._home / "valkey.conf"],
            log=self._folder.logs / "valkey.log",
            cwd=self._home,
        )

    def answers(self) -> bool:
        try:
            with (
                socket.create_connection(("127.0.0.1", self._port), _ASK_SECONDS) as connection,
                connection.makefile("rwb") as stream,
            ):
                stream.write(f"AUTH {self._password}\r\nPING\r\n".encode())
                stream.flush()
                return [stream.readline(), stream.readline()] == [b"+OK\r\n", b"+PONG\r\n"]
        except OSError:
            return False

    def open_up(self) -> None:
        """Nothing: it asks for its password from the start."""
