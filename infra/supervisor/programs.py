"""Which programs Onward consists of, as commands. Servers are not among them: see `infra.embedded`."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.children import Child, Command
from infra.home import DataFolder
from infra.servers import Servers
from infra.settings import CHECKOUT, Settings
from infra.supervisor.page import is_healthy


@dataclass(frozen=True, slots=True)
class Program:
    """A Python module that runs for as long as Onward does."""

    title: str  #: for people; in lower case it names the log
    arguments: tuple[str | Path, ...]  #: after `python -m`
    is_up: Callable[[Child], bool]
    grace_seconds: float = 10  #: from being asked to stop to SIGKILL
    needed: bool = True  #: False: the rest goes on when it keeps ending

    def command(self, folder: DataFolder, env: Mapping[str, str]) -> Command:
        return Command(
            name=self.title.lower(),
            argv=(sys.executable, "-m", *self.arguments),
            log=folder.logs / f"{self.title.lower()}.log",
            cwd=CHECKOUT,
            env=env,
            grace_seconds=self.grace_seconds,
        )


def environment(folder: DataFolder, servers: Servers, environ: Mapping[str, str]) -> dict[str, str]:
    """What every program finds in its environment, whichever way the servers came to be."""
    return {
        # Told nothing, uvicorn would believe what any process of this machine says of where it asks from.
        "FORWARDED_ALLOW_IPS": "",
        "DATABASE_URL": servers.database_url,
        "DATABASE_OWNER_URL": "",  # no program that runs on may be able to change the tables
        "REDIS_URL": servers.redis_url,
        "ONWARD_HOME": str(folder.path),
        "ANALYTICS_STORE": environ.get("ANALYTICS_STORE") or str(folder.path / "events"),
        "DLQ_SPOOL": environ.get("DLQ_SPOOL") or str(folder.path / "spool"),
    }


def dashboard(settings: Settings, port: int) -> Program:
    address = ("--server.port", str(port), "--server.address", settings.host)
    return Program(
        "Dashboard",
        ("streamlit", "run", "app.py", *address),
        is_up=lambda _: is_healthy(settings, port),
        grace_seconds=settings.grace_seconds,
    )


def worker(settings: Settings) -> Program:
    celery = ("celery", "-A", "recovery.worker", "worker", "-l", "INFO")
    alone = ("--without-gossip", "--without-mingle")
    return Program(
        "Worker",
        (*celery, "--pool", "prefork", "-c", str(settings.workers), *alone),
        is_up=lambda child: child.has_said(" ready."),
        grace_seconds=settings.grace_seconds,
    )


def beat(settings: Settings) -> Program:
    # Without a pid file: the lock of the data folder already keeps a second beat away.
    files = ("-s", settings.home / "celerybeat-schedule", "--pidfile=")
    return Program(
        "Beat",
        ("celery", "-A", "recovery.worker", "beat", "-l", "INFO", *files),
        is_up=lambda child: child.has_said("beat: Starting"),
    )


def demo() -> Program:
    return Program("Demo", ("onboarding.demo",), is_up=lambda _: True, needed=False)
