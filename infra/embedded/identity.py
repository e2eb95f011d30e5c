"""Which user PostgreSQL runs as. It refuses root, so as root it needs another identity."""

import os
import subprocess
import sys
from pathlib import Path

from infra.children import GUARDIAN
from infra.errors import ServerFailed

NOBODY = 65534
_TRY_SECONDS = 10


def choose_identity(program: Path) -> str:
    """The first of the guardian's identities under which `program` runs; ServerFailed when there is none."""
    if os.geteuid() != 0:
        return "same"
    for identity in ("namespace", "nobody"):
        if _runs_as(identity, program):
            return identity
    raise ServerFailed(
        "PostgreSQL",
        "it refuses to run as root, and here root can neither make a user namespace nor run "
        f"{program} as nobody. Start Onward as an ordinary user, or set DATABASE_URL to your own PostgreSQL.",
    )


def _runs_as(identity: str, program: Path) -> bool:
    watched, held = os.pipe()
    try:
        return (
            subprocess.run(
                [
                    sys.executable,
                    "-I",
                    "-S",
                    GUARDIAN,
                    "9",
                    "0",
                    str(watched),
                    identity,
                    program,
                    "--version",
                ],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                pass_fds=(watched,),
                timeout=_TRY_SECONDS,
                check=False,
            ).returncode
            == 0
        )
    finally:
        os.close(watched)
        os.close(held)
