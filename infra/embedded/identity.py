"""Which user PostgreSQL runs as: it refuses root, and users that the machine has no name for."""

import os
import pwd
import subprocess
import sys
from pathlib import Path

from infra.children import GUARDIAN, Lifeline
from infra.errors import ServerFailed

NOBODY = 65534
_TRY_SECONDS = 10


def choose_identity(program: Path) -> str:
    """The first of the guardian's identities under which `program` runs; ServerFailed when there is none."""
    if os.geteuid() != 0 and _has_name(os.geteuid()):
        return "same"
    for identity in ("namespace", "nobody"):
        if _runs_as(identity, program):
            return identity
    refused = "root" if os.geteuid() == 0 else "a user without a name"
    raise ServerFailed(
        "PostgreSQL",
        f"it does not run as {refused}; here a user namespace cannot be made, nor {program} run as nobody. "
        "Start Onward as an ordinary user, or set DATABASE_URL to a PostgreSQL of your own.",
    )


def _has_name(user: int) -> bool:
    try:
        pwd.getpwuid(user)
    except KeyError:
        return False
    return True


def _runs_as(identity: str, program: Path) -> bool:
    lifeline = Lifeline()
    trial = (
        sys.executable,
        "-I",
        "-S",
        GUARDIAN,
        "9",
        "0",
        str(lifeline.watched),
        identity,
        program,
        "--version",
    )
    try:
        done = subprocess.run(
            trial,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            pass_fds=(lifeline.watched,),
            timeout=_TRY_SECONDS,
            check=False,
        )
        return done.returncode == 0
    finally:
        lifeline.close()
