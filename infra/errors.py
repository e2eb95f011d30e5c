"""What can go wrong below the domain, each with what to do about it.

InfraError
  SettingsError          a setting that cannot be used
  DatabaseUnavailable    PostgreSQL does not answer, or refuses us
  DatabaseTooOld         PostgreSQL below the version that we need
  RedisUnavailable       Redis does not answer, or refuses us
  AlreadyRunning         another process owns the data folder
  ServerFailed           an embedded server did not start
  ProgramKeepsEnding     the dashboard, the worker or beat ended quickly too often
  AccessDenied           the person's role does not allow this
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


class DatabaseTooOld(InfraError):
    def __init__(self, where: str, version: int, needed: int) -> None:
        super().__init__(f"PostgreSQL at {where} is version {version}; Onward needs {needed} or newer.")
        self.version = version


class RedisUnavailable(InfraError):
    def __init__(self, where: str, reason: str) -> None:
        super().__init__(
            f"Redis at {where} cannot be used: {reason}. "
            "Check REDIS_URL, or unset it to use the embedded server."
        )
        self.where = where


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
