"""The settings of capture and retry. `SETTINGS` is the whole list; nothing else reads the environment."""

import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dlq.errors import SettingsError

_FERNET_KEY = re.compile("[A-Za-z0-9_-]{43}=")


@dataclass(frozen=True, slots=True)
class Setting:
    name: str
    default: str
    help: str


SETTINGS = (
    Setting(
        "DLQ_SPOOL",
        "",
        "Folder that keeps letters while PostgreSQL is away. Empty: onward-dlq in the user's state folder.",
    ),
    Setting(
        "DLQ_POISON_ATTEMPTS",
        "5",
        "Failed runs after which a letter is only retried when told to explicitly.",
    ),
    Setting(
        "DLQ_REQUEUE_LIMIT",
        "3",
        "Times that a task goes back to its queue because its process died, before it is kept as a letter.",
    ),
    Setting("DLQ_SESSION_ARGUMENTS", "session_id", "Task arguments that name the session, comma-separated."),
    Setting("DLQ_CLIENT_ARGUMENTS", "client_id", "Task arguments that name the client, comma-separated."),
    Setting(
        "DLQ_CORRELATION_ARGUMENTS",
        "correlation_id",
        "Task arguments that hold the correlation id, comma-separated.",
    ),
    Setting(
        "DLQ_REDACT_EMAIL", "no", "Whether e-mail addresses are masked where letters are shown: yes or no."
    ),
    Setting(
        "DLQ_ENCRYPTION_KEY",
        "",
        "Fernet keys, comma-separated: the first seals stored arguments, all open them. Empty: not sealed.",
    ),
    Setting("DLQ_RELEASE", "", "Release of the code that a worker runs, kept with each failure."),
    Setting(
        "DLQ_IN_FLIGHT",
        "",
        "Tasks followed from publishing to their end: names or patterns such as shop.*, comma-separated.",
    ),
    Setting("DLQ_SILENT_SECONDS", "60", "Seconds without a heartbeat after which a worker counts as dead."),
    Setting(
        "DLQ_LOST_AFTER_SECONDS",
        "300",
        "Seconds after which a published task that neither queue nor worker holds counts as lost.",
    ),
    Setting(
        "DLQ_RETENTION_DAYS",
        "30",
        "Days that resolved letters, ended operations and fences of tasks are kept. 0 keeps them.",
    ),
    Setting(
        "DLQ_RESTORE_DAYS",
        "14",
        "Days that a discarded letter can be restored before it is deleted. 0 keeps it.",
    ),
)


@dataclass(frozen=True, slots=True)
class Settings:
    spool: Path = field(default_factory=lambda: default_spool(os.environ))
    poison_attempts: int = 5
    requeue_limit: int = 3
    session_arguments: tuple[str, ...] = ("session_id",)
    client_arguments: tuple[str, ...] = ("client_id",)
    correlation_arguments: tuple[str, ...] = ("correlation_id",)
    redact_email: bool = False
    encryption_keys: tuple[str, ...] = field(default=(), repr=False)
    release: str = ""
    in_flight: tuple[str, ...] = ()
    silent_seconds: int = 60
    lost_after_seconds: int = 300
    retention_days: int = 30
    restore_days: int = 14

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Read and check every setting. Raises SettingsError naming the first that cannot be used."""
        value = {
            setting.name: environ.get(setting.name, "").strip() or setting.default for setting in SETTINGS
        }
        spool = value["DLQ_SPOOL"]
        return cls(
            spool=Path(spool).expanduser() if spool else default_spool(environ),
            poison_attempts=_whole_number("DLQ_POISON_ATTEMPTS", value["DLQ_POISON_ATTEMPTS"], 1, 1000),
            requeue_limit=_whole_number("DLQ_REQUEUE_LIMIT", value["DLQ_REQUEUE_LIMIT"], 0, 1000),
            session_arguments=_names(value["DLQ_SESSION_ARGUMENTS"]),
            client_arguments=_names(value["DLQ_CLIENT_ARGUMENTS"]),
            correlation_arguments=_names(value["DLQ_CORRELATION_ARGUMENTS"]),
            redact_email=_yes_or_no("DLQ_REDACT_EMAIL", value["DLQ_REDACT_EMAIL"]),
            encryption_keys=_keys("DLQ_ENCRYPTION_KEY", value["DLQ_ENCRYPTION_KEY"]),
            release=value["DLQ_RELEASE"],
            in_flight=_names(value["DLQ_IN_FLIGHT"]),
            silent_seconds=_whole_number("DLQ_SILENT_SECONDS", value["DLQ_SILENT_SECONDS"], 15, 3600),
            lost_after_seconds=_whole_number(
                "DLQ_LOST_AFTER_SECONDS", value["DLQ_LOST_AFTER_SECONDS"], 30, 86_400
            ),
            retention_days=_whole_number("DLQ_RETENTION_DAYS", value["DLQ_RETENTION_DAYS"], 0, 36_500),
            restore_days=_whole_number("DLQ_RESTORE_DAYS", value["DLQ_RESTORE_DAYS"], 0, 36_500),
        )


def default_spool(environ: Mapping[str, str]) -> Path:
    """The state folder of the user, or the temporary folder for users without a home."""
    if state := environ.get("XDG_STATE_HOME"):
        return Path(state) / "onward-dlq"
    if home := environ.get("HOME"):
        return Path(home) / ".local" / "state" / "onward-dlq"
    return Path(tempfile.gettempdir()) / f"onward-dlq-{os.getuid()}"


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _keys(name: str, text: str) -> tuple[str, ...]:
    keys = _names(text)
    for nth, key in enumerate(keys, 1):
        if not _FERNET_KEY.fullmatch(key):
            raise SettingsError(name, f"has as key {nth} no Fernet key: 32 bytes in URL-safe base64.")
    return keys


def _yes_or_no(name: str, text: str) -> bool:
    if text.lower() not in {"yes", "no"}:
        raise SettingsError(name, f"is {text!r}, but must be yes or no.")
    return text.lower() == "yes"


def _whole_number(name: str, text: str, low: int, high: int) -> int:
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise SettingsError(name, f"is {text!r}, but must be a whole number from {low} to {high}.")
    return int(text)
