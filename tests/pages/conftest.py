"""Pages run by Streamlit's own test runner, on a real database and store, as a person of some role."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from streamlit.testing.v1 import AppTest

import analytics
from analytics import definitions
from analytics.funnels import Dimension, FunnelDefinition, Step
from analytics.store import EventStore
from analytics.sync import sync
from infra.access import sessions
from infra.access.roles import Person, Role
from recovery.dashboard import dashboard
from tests.dlq import builders

FRAME = str(Path(__file__).parent.parent.parent / "pages" / "frame.py")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SIGN_UP = FunnelDefinition(
    name="sign-up",
    title="Sign-up",
    steps=(Step(("visited",), "Visited"), Step(("signed up",), "Signed up"), Step(("paid",), "Paid")),
    dimensions=(Dimension("device", "Device"),),
)


class World:
    """What the tests put on the stage, and the way to open a page on it."""

    def __init__(self, engine: Engine, home: Path) -> None:
        self.engine = engine
        self._store = EventStore.at(str(home / "events"))
        self._home = home

    def funnel(self) -> None:
        definitions.save(self.engine, SIGN_UP, by="ada")

    def session(
        self, session_id: str, *names: str, days: int = 0, minutes: int = 1, device: str = "phone"
    ) -> None:
        """A session that does `names`, `minutes` apart, from noon of the day `days` after the first."""
        with self.engine.begin() as connection:
            for nth, name in enumerate(names):
                analytics.record(
                    connection,
                    session_id=session_id,
                    name=name,
                    occurred_at=NOON + timedelta(days=days, minutes=nth * minutes),
                    properties={"device": device},
                )

    def sync(self) -> None:
        sync(self.engine, self._store)

    def lose_the_store(self) -> None:
        for path in self._home.glob("events/**/*.parquet"):
            path.unlink()

    def letter(self, **changes: Any) -> int:
        """A task that failed for good; `changes` as in `builders.envelope`."""
        return builders.fail(self.engine, builders.envelope(**changes))

    def open(
        self, role: Role | None, page: str | None = None, clients: Iterable[str] | None = None, **query: str
    ) -> AppTest:
        """The page as somebody of this role sees it, restricted to clients if any; no role is nobody."""
        app = AppTest.from_file(FRAME, default_timeout=30)
        if role is not None:
            person = Person("ada", role, None if clients is None else frozenset(clients))
            link = sessions.create_link(self.engine, person, by="onward", now=datetime.now(UTC))
            token = sessions.sign_in(self.engine, link, now=datetime.now(UTC))
            assert token is not None
            app.user = {"session": sessions.session_key(token)}
        for name, value in query.items():
            app.query_params[name] = value
        app.run()
        return app.switch_page(page).run() if page else app


@pytest.fixture
def world(
    engine: Engine, database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("ONWARD_HOME", str(tmp_path))
    yield World(engine, tmp_path)
    dashboard().close()
    dashboard.cache_clear()


@pytest.fixture
def shown() -> Callable[[AppTest], str]:
    """All text of a page, as one string."""

    def text(app: AppTest) -> str:
        assert not app.exception, app.exception
        kinds = ("html", "markdown", "caption", "title", "text", "warning", "info", "success", "code")
        return "\n".join(str(element.value) for kind in kinds for element in app.get(kind))

    return text
