"""What `python -m infra doctor` looks at above its own package: settings, workers, queues, letters' keys."""

from collections.abc import Iterator
from pathlib import Path

import redis

from analytics.errors import SettingsError as AnalyticsSettingsError
from analytics.errors import StoreUnavailable
from analytics.queries import Reader
from analytics.settings import Settings as AnalyticsSettings
from analytics.store import EventStore
from dlq.broker.look import Look
from dlq.broker.records import BrokerView, ConfigurationWarning, Severity
from dlq.errors import SettingsError as DlqSettingsError
from dlq.settings import Settings as DlqSettings
from dlq.worker import spool
from infra.celery_app import create_celery
from infra.doctor import machine
from infra.doctor.findings import Finding, error, note, ok, warning
from infra.doctor.patient import Patient
from infra.redis_client import CONNECT_SECONDS

#: Letters on disk that are counted at most.
MANY = 1000


def settings_and_folders(patient: Patient) -> Iterator[Finding]:
    """Settings that cannot be used, and what follows from those that can."""
    home = patient.settings.home
    folders = {"data": home}
    try:
        store = AnalyticsSettings.from_env().store or str(home / "events")
        if "://" not in store:
            folders["event columns"] = Path(store)
    except AnalyticsSettingsError as problem:
        yield _unusable(problem)
    try:
        letters = DlqSettings.from_env()
    except DlqSettingsError as problem:
        yield _unusable(problem)
    else:
        folders["letters"] = letters.spool
        yield _key(letters)
        # The supervisor gives its worker a folder beside the other data.
        for folder in {letters.spool, home / "spool"}:
            yield from _spooled(folder)
    yield from machine.disk(folders)


def event_files(patient: Patient) -> Iterator[Finding]:
    """Whether the files of events that the tables name are where the settings say."""
    if patient.engine is None:
        return
    try:
        store = EventStore.open(AnalyticsSettings.from_env(), patient.settings.home / "events")
        Reader(patient.engine, store).check()
    except AnalyticsSettingsError:
        return  # told of with the other settings
    except StoreUnavailable as problem:
        yield error(
            "events",
            f"Event columns cannot be read: {problem}.",
            "Set ANALYTICS_STORE to where they are, or rebuild them: `python -m analytics sync --rebuild`.",
        )
    else:
        yield ok("events", "The files of event columns are in their place")


def workers_and_queues(patient: Patient) -> Iterator[Finding]:
    """Who works, what nobody takes, and which settings lose or repeat work. Asks every worker once."""
    if patient.engine is None or patient.broker is None:
        return
    app = create_celery(patient.redis_url, prefix=patient.settings.broker_prefix)
    app.conf.broker_transport_options |= {"socket_timeout": CONNECT_SECONDS}
    try:
        view = Look(patient.engine, app, patient.broker, patient.now).look()
    finally:
        app.close()
    if view.broker_problem:
        raise redis.RedisError(view.broker_problem)
    yield _workers(view)
    if not any(found.severity is Severity.STANDS for found in view.warnings):
        yield ok("queues", f"Nothing waits without a worker ({view.waiting} messages wait)")
    yield from map(_finding, view.warnings)


def _unusable(problem: Exception) -> Finding:
    return error("settings", str(problem), "Correct it; README.md lists every setting.")


def _key(settings: DlqSettings) -> Finding:
    if settings.encryption_keys:
        return ok("encryption", "Arguments of dead letters are sealed")
    return note(
        "encryption",
        "Arguments of dead letters are stored readable.",
        "Give workers and dashboard the same DLQ_ENCRYPTION_KEY to seal them; see README.md.",
    )


def _spooled(folder: Path) -> Iterator[Finding]:
    waiting = len(spool.waiting(folder, MANY))
    if not waiting:
        return
    count = f"{waiting} or more" if waiting == MANY else str(waiting)
    yield warning(
        "spool",
        f"{count} letters wait in {folder} for the database.",
        "A worker that runs stores them once the database answers and is migrated; see its log.",
    )


def _workers(view: BrokerView) -> Finding:
    if not view.alive:
        return error(
            "workers",
            "No worker is alive: nothing is retried, and events do not reach the pages.",
            "Start one with `make run`, or `celery -A recovery.worker worker` and beat beside it.",
        )
    return ok("workers", f"{len(view.alive)} alive: {', '.join(worker.name for worker in view.alive)}")


def _finding(found: ConfigurationWarning) -> Finding:
    check = "queues" if found.severity is Severity.STANDS else "workers"
    level = note if found.severity is Severity.NOTE else warning
    return level(check, f"{found.title}.", found.text)
