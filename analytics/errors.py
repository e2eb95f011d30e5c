"""What can go wrong with events and funnels, each with what to do about it.

AnalyticsError
  SettingsError        a setting that cannot be used
  InvalidFunnel        a definition that cannot be counted; names the field
  InvalidQuery         a date range, breakdown or filter that cannot be asked
  UnknownFunnel        no definition is saved under this name
  UnknownVersion       the funnel has no such version
  UnknownSession       no event has this session id
  NewerVersion         somebody has saved the funnel in between
  InvalidEvent         an event that `record` cannot store
  SourceUnusable       a file or table that cannot be imported at all
  StoreUnavailable     the event folder or its catalogue cannot be read
    ForeignStore       the event folder belongs to another installation
"""

from collections.abc import Iterable
from difflib import get_close_matches

_MOST_NAMES = 20


class AnalyticsError(Exception):
    """Base of the package. The text is one sentence for the person who asked."""


class SettingsError(AnalyticsError):
    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name} {problem}")
        self.name = name


class InvalidFunnel(AnalyticsError):
    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


class InvalidQuery(AnalyticsError):
    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


class UnknownFunnel(AnalyticsError):
    def __init__(self, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        super().__init__(f"no funnel is called {name!r}{nearest(name, known)}; {listed('saved', known)}")
        self.name = name
        self.known = known


class UnknownVersion(AnalyticsError):
    def __init__(self, name: str, version: int) -> None:
        super().__init__(f"{name!r} has no version {version}")


class UnknownSession(AnalyticsError):
    def __init__(self, session_id: str) -> None:
        super().__init__(f"no event of a session {session_id[:200]!r} is known")
        self.session_id = session_id


class NewerVersion(AnalyticsError):
    def __init__(self, name: str, over: int) -> None:
        super().__init__(
            f"{name!r} has been saved by somebody else since version {over}; look at what changed, "
            "then save again"
            if over
            else f"a funnel is called {name!r} already"
        )
        self.name = name
        self.over = over


class InvalidEvent(AnalyticsError):
    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field} {problem}")
        self.field = field
        self.problem = problem


class SourceUnusable(AnalyticsError):
    pass


class StoreUnavailable(AnalyticsError):
    pass


class ForeignStore(StoreUnavailable):
    def __init__(self, root: str, marker: str) -> None:
        super().__init__(
            f"the event store at {root} belongs to another installation, which would delete our files and we "
            "its; set ANALYTICS_STORE to a place of its own, or, when that installation is gone for good, "
            f"delete {marker} and run `python -m analytics sync --rebuild`"
        )
        self.root = root


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` when something close to `name` is known, else nothing."""
    close = get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def listed(what: str, names: Iterable[str]) -> str:
    """`<what>: a, b, c`, cut after twenty names."""
    names = list(names)
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"{what}: {', '.join(names[:_MOST_NAMES]) or 'none'}{more}"
