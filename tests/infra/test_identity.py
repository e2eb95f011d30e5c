"""PostgreSQL refuses root and users without a name; it is started all the same, or the reason is said."""

import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from infra.embedded.identity import NOBODY
from tests.infra.processes import Started, started, working_in
from tests.infra.stand_in import HERE

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

EVERYBODY, ROOT_ALONE = "0 0 65536", "0 0 1"
# The interpreter of a test run may lie in a folder that only root can read.
READ_ALL = ("--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search")


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that other users can get to; pytest's own are for one user alone."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def as_user(number: int) -> tuple[str, ...]:
    return ("setpriv", f"--reuid={number}", f"--regid={number}", "--clear-groups", *READ_ALL)


@contextmanager
def held_where_no_namespace_can_be_made(home: Path, users: str) -> Iterator[Started]:
    """`hold` as root of a user namespace with these `users`, which allows no further namespaces."""
    script = 'read -r _; exec sh -c \'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"\' sh "$@"'
    with started(home, HERE, "hold", before=("unshare", "--user", "sh", "-c", script, "sh")) as command:
        own = Path("/proc/self/ns/user").readlink()
        while Path(f"/proc/{command.pid}/ns/user").readlink() == own:
            time.sleep(0.01)
        for kind in ("uid_map", "gid_map"):
            Path(f"/proc/{command.pid}/{kind}").write_text(users)
        command.tell("go")
        yield command


def owner_of_cluster(home: Path) -> int:
    return (home / "postgres" / "cluster" / "PG_VERSION").stat().st_uid


@pytest.mark.parametrize("user", [1, 4321], ids=["ordinary user", "user without a name"])
def test_any_user_can_start_the_servers(reachable: Path, user: int) -> None:
    os.chown(reachable, user, user)
    with started(reachable, HERE, "hold", before=as_user(user)) as command:
        command.line_with("postgresql")
        assert owner_of_cluster(reachable) == user
        command.let_go()
        assert command.end() == 0
        assert working_in(reachable) == {}


def test_root_gives_the_data_to_nobody_where_no_namespace_can_be_made(reachable: Path) -> None:
    with started(reachable, HERE, "hold") as command:
        urls = command.line_with("postgresql")
        assert owner_of_cluster(reachable) == 0
        command.let_go()
        assert command.end() == 0
    with held_where_no_namespace_can_be_made(reachable, EVERYBODY) as command:
        assert password(command.line_with("postgresql")) == password(urls)
        assert owner_of_cluster(reachable) == NOBODY
        command.let_go()
        assert command.end() == 0


def test_root_that_can_be_nobody_else_is_told_to_name_a_database(tmp_path: Path) -> None:
    with held_where_no_namespace_can_be_made(tmp_path, ROOT_ALONE) as command:
        assert command.end() == 1
    [sentence] = command.said
    assert "PostgreSQL did not start: it does not run as root" in sentence
    assert "set DATABASE_URL" in sentence


def password(urls: str) -> str:
    return str(make_url(json.loads(urls)[1]).password)
