"""The whole product on the data folder of a benchmark, started as `make run` does, and a person signed in."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).parent.parent
STOP_SECONDS = 60
_SIGN_IN = "/sign-in?token="
_AS_FAST_AS_ONE_LIKES = dict.fromkeys(("ONWARD_CALLER_RATE", "ONWARD_ADDRESS_RATE"), "1000000")
_OURS = ("DATABASE_URL", "REDIS_URL", "ONWARD_", "ANALYTICS_", "FUNNEL_ANALYTICS_", "DLQ_", "ONBOARDING_")


@dataclass(frozen=True, slots=True)
class Product:
    host: str
    port: int
    cookie: str

    @property
    def headers(self) -> dict[str, str]:
        """Of a request that the dashboard itself would send."""
        return {"Cookie": self.cookie, "Origin": f"http://{self.host}:{self.port}"}


@contextmanager
def running(home: Path) -> Iterator[Product]:
    """Nobody else may own the servers of `home`."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    environ |= {"ONWARD_HOME": str(home), "ONWARD_PORT": str(free_port()), **_AS_FAST_AS_ONE_LIKES}
    with subprocess.Popen(
        [sys.executable, "-m", "infra", "run"], cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield _signed_in(_link(process))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(STOP_SECONDS)


def _link(process: "subprocess.Popen[str]") -> str:
    said = []
    for line in process.stdout or ():
        said.append(line)
        if _SIGN_IN in line:
            return next(word for word in line.split() if _SIGN_IN in word)
    raise SystemExit(f"the product ended without a link:\n{''.join(said)}")


def _signed_in(link: str) -> Product:
    address = urlsplit(link)
    host, port = address.hostname or "127.0.0.1", address.port or 80
    connection = HTTPConnection(host, port)
    connection.request("GET", f"{address.path}?{address.query}")
    cookie = connection.getresponse().getheader("set-cookie") or ""
    connection.close()
    return Product(host, port, cookie.partition(";")[0])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
