"""The settings of the installation: where data lies, which servers to use, where to listen.

`SETTINGS` is the whole list. Nothing else in this package reads the environment.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from infra.access.hosts import ANY_HOST, LOOPBACK
from infra.access.provider import Provider
from infra.errors import SettingsError
from infra.logs import LogStyle

_HIGHEST_RATE = 1_000_000


@dataclass(frozen=True, slots=True)
class Setting:
    name: str
    default: str
    help: str


SETTINGS = (
    Setting("ONWARD_HOME", ".onward", "Folder for data, logs and embedded servers."),
    Setting(
        "DATABASE_URL",
        "",
        "PostgreSQL 14 or newer, as postgresql://user:password@host:port/database. Empty: embedded.",
    ),
    Setting(
        "DATABASE_OWNER_URL",
        "",
        "The same database as the login that owns the tables, for migrations. Empty: as DATABASE_URL.",
    ),
    Setting("REDIS_URL", "", "Redis or Valkey, as redis://:password@host:port/0. Empty: embedded."),
    Setting(
        "ONWARD_BROKER_PREFIX",
        "",
        "The global_keyprefix of your Celery apps, where they set one. Retries go there. Empty: none.",
    ),
    Setting("ONWARD_HOST", "127.0.0.1", "Address the dashboard listens on."),
    Setting(
        "ONWARD_PORT",
        "8501",
        "Port of the dashboard; the next free one of twenty is taken when it is in use.",
    ),
    Setting("ONWARD_WORKERS", "2", "Task processes of the embedded worker."),
    Setting("ONWARD_LOG", "", "How programs log: text or json. Empty: text on a terminal, json elsewhere."),
    Setting(
        "ONWARD_GRACE_SECONDS",
        "30",
        "Seconds that running requests, exports and tasks have to end in when everything is stopped.",
    ),
    Setting(
        "ONWARD_ALLOWED_HOSTS",
        "",
        "Host names the dashboard answers to besides localhost, comma-separated; * is any. "
        "Empty: none when it listens there, else any.",
    ),
    Setting(
        "ONWARD_TRUSTED_PROXIES",
        "",
        "Addresses or networks of proxies whose X-Forwarded headers count, comma-separated. Empty: none.",
    ),
    Setting("ONWARD_CALLER_RATE", "300", "Requests a minute to /api for one token or session."),
    Setting(
        "ONWARD_ADDRESS_RATE", "1200", "Requests a minute to /api and to the sign-in pages from one address."
    ),
    Setting(
        "ONWARD_OIDC_ISSUER",
        "",
        "OpenID provider that people may sign in with, as https://host/path. Empty: none.",
    ),
    Setting("ONWARD_OIDC_CLIENT_ID", "", "Client id of Onward at that provider."),
    Setting("ONWARD_OIDC_CLIENT_SECRET", "", "Client secret there. Empty: a public client, with PKCE alone."),
    Setting("ONWARD_OIDC_TITLE", "single sign-on", "What the sign-in page calls the provider."),
    Setting("ONWARD_OIDC_LOGIN_CLAIM", "email", "Claim that names the person."),
    Setting("ONWARD_OIDC_ROLE_CLAIM", "groups", "Claim with the groups of the person."),
    Setting(
        "ONWARD_OIDC_ROLES", "", "Role of each group, as group=role, comma-separated; the highest counts."
    ),
    Setting(
        "ONWARD_OIDC_CLIENTS_CLAIM",
        "",
        "Claim with the clients that the person may see; * in it is all. Empty: nobody is restricted.",
    ),
)

CHECKOUT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Settings:
    home: Path
    #: With the psycopg driver named; None: use the embedded server.
    database_url: str | None = field(repr=False)
    #: The same database for the login that makes and changes the tables; None: there is one login for all.
    database_owner_url: str | None = field(repr=False)
    #: None: use the embedded server.
    redis_url: str | None = field(repr=False)
    broker_prefix: str
    host: str
    port: int
    workers: int
    #: None: text on a terminal, JSON elsewhere.
    log: LogStyle | None
    grace_seconds: int
    #: With ANY_HOST among them: any.
    allowed_hosts: tuple[str, ...]
    trusted_proxies: tuple[str, ...]
    caller_rate_per_minute: int
    address_rate_per_minute: int
    #: None: nobody signs in with a provider.
    provider: Provider | None

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Read and check every setting. Raises SettingsError naming the first that cannot be used."""
        value = {
            setting.name: environ.get(setting.name, "").strip() or setting.default for setting in SETTINGS
        }
        home = Path(value["ONWARD_HOME"]).expanduser()
        if value["DATABASE_OWNER_URL"] and not value["DATABASE_URL"]:
            raise SettingsError("DATABASE_OWNER_URL", "needs DATABASE_URL too.")
        return cls(
            home=home if home.is_absolute() else CHECKOUT / home,
            database_url=_database_url("DATABASE_URL", value["DATABASE_URL"]),
            database_owner_url=_database_url("DATABASE_OWNER_URL", value["DATABASE_OWNER_URL"]),
            redis_url=_redis_url(value["REDIS_URL"]),
            broker_prefix=value["ONWARD_BROKER_PREFIX"],
            host=value["ONWARD_HOST"],
            port=_whole_number("ONWARD_PORT", value["ONWARD_PORT"], 1, 65535),
            workers=_whole_number("ONWARD_WORKERS", value["ONWARD_WORKERS"], 1, 256),
            log=_log_style(value["ONWARD_LOG"]),
            grace_seconds=_whole_number("ONWARD_GRACE_SECONDS", value["ONWARD_GRACE_SECONDS"], 1, 3600),
            allowed_hosts=_allowed_hosts(_words(value["ONWARD_ALLOWED_HOSTS"]), value["ONWARD_HOST"]),
            trusted_proxies=_networks("ONWARD_TRUSTED_PROXIES", value["ONWARD_TRUSTED_PROXIES"]),
            caller_rate_per_minute=_whole_number(
                "ONWARD_CALLER_RATE", value["ONWARD_CALLER_RATE"], 1, _HIGHEST_RATE
            ),
            address_rate_per_minute=_whole_number(
                "ONWARD_ADDRESS_RATE", value["ONWARD_ADDRESS_RATE"], 1, _HIGHEST_RATE
            ),
            provider=Provider.of(value),
        )

    def server_urls(self) -> tuple[str, str]:
        """DATABASE_URL and REDIS_URL, for programs that are started with both. Raises SettingsError."""
        if self.database_url is None or self.redis_url is None:
            raise SettingsError("DATABASE_URL and REDIS_URL", "must both be set here; `make run` sets them.")
        return self.database_url, self.redis_url


def display_url(url: str) -> str:
    """The URL as it may be shown or logged: without password and query."""
    parsed = make_url(url).set(query={})
    return parsed.render_as_string(hide_password=True)


def _database_url(name: str, text: str) -> str | None:
    if not text:
        return None
    url = _parsed(name, text, "postgresql://user:password@host:5432/database")
    if url.get_backend_name() not in {"postgresql", "postgres"}:
        raise SettingsError(name, f"names {url.get_backend_name()!r}, but only postgresql:// works.")
    return url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def _redis_url(text: str) -> str | None:
    if not text:
        return None
    url = _parsed("REDIS_URL", text, "redis://:password@host:6379/0")
    if url.drivername not in {"redis", "rediss"}:
        raise SettingsError("REDIS_URL", f"names {url.drivername!r}, but only redis:// and rediss:// work.")
    return text


def _parsed(name: str, text: str, example: str) -> URL:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise SettingsError(name, f"is not a URL; write it as {example}.") from None
    if not url.host and "host" not in url.query:
        raise SettingsError(name, f"has no host; write it as {example}.")
    return url


def _log_style(text: str) -> LogStyle | None:
    if not text:
        return None
    try:
        return LogStyle(text.lower())
    except ValueError:
        raise SettingsError("ONWARD_LOG", f"is {text!r}, but must be {' or '.join(LogStyle)}.") from None


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in map(str.strip, text.lower().split(",")) if word)


def _allowed_hosts(named: tuple[str, ...], host: str) -> tuple[str, ...]:
    """Always this machine's own names: the supervisor and health checks ask by them."""
    if not named and host not in LOOPBACK:
        return (ANY_HOST,)
    return tuple(dict.fromkeys((*LOOPBACK, host.lower(), *named)))


def _networks(name: str, text: str) -> tuple[str, ...]:
    for word in _words(text):
        try:
            ip_network(word)
        except ValueError:
            raise SettingsError(
                name, f"has {word!r}; write addresses or networks, such as 10.0.0.7,10.1.0.0/16."
            ) from None
    return _words(text)


def _whole_number(name: str, text: str, low: int, high: int) -> int:
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise SettingsError(name, f"is {text!r}, but must be a whole number from {low} to {high}.")
    return int(text)
