"""Free ports on 127.0.0.1 for servers that must come back on the same port after a crash."""

import secrets
import socket

from infra.errors import ServerFailed

# Below the range that the kernel gives to outgoing connections: a client that dials a dead server's port over
# and over would otherwise be handed that very port as its own end, and the server could not come back on it.
_LOWEST, _HIGHEST = 15_000, 29_999
_TRIES = 100


def free_port(name: str) -> int:
    """A port that nobody listens on now. `name` is the server it is for."""
    for _ in range(_TRIES):
        # Not from `random`, which a test run may have seeded: two runs would choose the same ports.
        port = _LOWEST + secrets.randbelow(_HIGHEST - _LOWEST + 1)
        if is_free(port):
            return port
    raise ServerFailed(name, f"no free port between {_LOWEST} and {_HIGHEST}.")


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
