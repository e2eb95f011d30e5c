"""What can go wrong below the domain, each with what to do about it.

InfraError
  SettingsError          a setting that cannot be used
  DatabaseUnavailable    PostgreSQL does not answer, or refuses us
  DatabaseTooOld         PostgreSQL below the version that we need
  AuditBroken            an audit entry was changed, removed, moved or put in
  MigrationRefused       the login may not make or change the tables
  RedisUnavailable       Redis does not answer, or refuses us
  AlreadyRunning         another process owns the data folder
  ServerFailed           an embedded server did not start
  ProgramKeepsEnding     the dashboard, the worker or beat ended quickly too often
  AccessDenied           the person's role does not allow this
  UnusablePerson         a login, role, restriction or password that cannot be stored
  UnknownPerson          no account has this login
  PersonExists           an account has this login already
  SignInRefused          the account is switched off or removed
  TooManyFailures        sign-ins failed, so the next attempt has to wait
  UnknownToken           no token that works has this number
  ProviderRefused        the OpenID provider, or what it says of somebody, lets nobody in
"""


class InfraError(Exception):
    """Base of the package. The text is one sentence for the person at the terminal."""

    exit_code = 2  #: of a command that ends with this error


class SettingsError(InfraError):
    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name} {problem}")
        self.name = name


class DatabaseUnavailable(InfraError):
    def __init__(self, where: str, reason: str) -> None:
        super().__init__(
            f"PostgreSQL at {where} cannot be used: {reason}. "
            "Check DATABASE_URL, or unset it to use the embedded server."
        )
        self.where = where
        self.reason = reason


class DatabaseTooOld(InfraError):
    def __init__(self, where: str, version: int, needed: int) -> None:
        super().__init__(f"PostgreSQL at {where} is version {version}; Onward needs {needed} or newer.")
        self.version = version


class AuditBroken(InfraError):
    exit_code = 1

    def __init__(self, fault: str) -> None:
        super().__init__(f"the audit does not hold: {fault}. Only the owner of the tables can do that.")


class MigrationRefused(InfraError):
    def __init__(self, where: str, reason: str) -> None:
        super().__init__(
            f"The schema at {where} is not the newest, and this login may not change it: {reason}. "
            "Set DATABASE_OWNER_URL to the login that owns the tables, and try again."
        )
        self.where = where


class RedisUnavailable(InfraError):
    def __init__(self, where: str, reason: str) -> None:
        super().__init__(
            f"Redis at {where} cannot be used: {reason}. "
            "Check REDIS_URL, or unset it to use the embedded server."
        )
        self.where = where
        self.reason = reason


class AlreadyRunning(InfraError):
    def __init__(self, home: str, pid: int | None, doing: str | None, url: str | None) -> None:
        owner = f"process {pid} ({doing})" if pid else "another process"
        at = f" at {url}" if url else ""
        super().__init__(
            f"Onward is already running on {home}: {owner}{at}. "
            "Stop it first, or set ONWARD_HOME to another folder."
        )
        self.pid = pid
        self.url = url


class ServerFailed(InfraError):
    exit_code = 1

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name} did not start: {reason}")
        self.name = name


class ProgramKeepsEnding(InfraError):
    exit_code = 1

    def __init__(self, title: str, code: int, log: str, last_lines: str) -> None:
        super().__init__(
            f"{title} keeps ending, the last time with code {code}. Its log, {log}, ends:\n{last_lines}"
        )
        self.title = title


class AccessDenied(InfraError):
    def __init__(self, login: str, permission: str, role: str) -> None:
        super().__init__(
            f"{login} has the role {role}, which does not allow {permission}. "
            "Ask an admin for a role that does."
        )
        self.permission = permission


class ProviderRefused(InfraError):
    """The text is for whoever tried to sign in; the cause, which may say more, is for the log."""


class UnusablePerson(InfraError):
    """The text says what to write instead."""


class UnknownPerson(InfraError):
    def __init__(self, login: str) -> None:
        super().__init__(f"No account has the login {login!r}. `python -m infra users` lists them.")
        self.login = login


class PersonExists(InfraError):
    def __init__(self, login: str) -> None:
        super().__init__(f"There is an account with the login {login!r} already.")
        self.login = login


class SignInRefused(InfraError):
    def __init__(self, login: str) -> None:
        super().__init__(f"The account {login!r} is switched off or removed. An admin can change that.")
        self.login = login


class UnknownToken(InfraError):
    def __init__(self, number: int) -> None:
        super().__init__(
            f"No token that works has the number {number}. `python -m infra token list` lists them."
        )
        self.number = number


class TooManyFailures(InfraError):
    def __init__(self, seconds: int) -> None:
        wait = f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"
        super().__init__(f"Too many sign-ins failed. Try again in {wait}.")
        self.seconds = seconds
