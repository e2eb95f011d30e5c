"""The dashboard's address: which port, where it is, whether it answers."""

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException

from infra.embedded.ports import is_free
from infra.errors import ServerFailed
from infra.settings import Settings

_PORTS = 20
_ASK_SECONDS = 1
_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, not listened on


@contextmanager
def reserved_port(settings: Settings) -> Iterator[int]:
    """The port of the settings or the next free one of twenty, kept from other checkouts while this lasts."""
    for port in range(settings.port, min(settings.port + _PORTS, 65536)):
        with socket.socket(socket.AF_UNIX) as claim:
            if _claim(claim, port) and is_free(port, settings.host):
                yield port
                return
    raise ServerFailed(
        "Dashboard",
        f"none of {_PORTS} ports from {settings.port} on is free at {settings.host}. "
        "Set ONWARD_PORT or ONWARD_HOST.",
    )


def page_url(settings: Settings, port: int) -> str:
    """Where a browser on this machine finds the page."""
    host = _reachable(settings)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_healthy(settings: Settings, port: int) -> bool:
    connection = HTTPConnection(_reachable(settings), port, timeout=_ASK_SECONDS)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _claim(claim: socket.socket, port: int) -> bool:
    # Streamlit listens a second or two after we chose its port. An abstract socket name, which needs no file
    # and goes with the process, tells that to another checkout that starts at the same moment.
    if sys.platform != "linux":
        return True
    try:
        claim.bind(f"\0onward-page-{port}")
    except OSError:
        return False
    return True


def _reachable(settings: Settings) -> str:
    return _EVERY_ADDRESS.get(settings.host, settings.host)
