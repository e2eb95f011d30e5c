"""Pages as somebody sees them who is restricted to one of two clients."""

from collections.abc import Iterator

import pytest
import redis

from infra.access.roles import Role
from tests.recovery.two_clients import TwoClients

pytestmark = pytest.mark.servers

FUNNELS = ("overview", "funnel", "heatmap", "cohorts", "compare", "correlation", "recommendations")
#: Those that name something of globex to people who see every client.
TELLING = {"funnel", "heatmap", "cohorts", "dead_letters"}
LETTERS = ("dead_letters", "operations", "workers")


@pytest.fixture
def both(world, redis_url, tmp_path) -> Iterator[TwoClients]:
    with redis.Redis.from_url(redis_url) as client:
        both = TwoClients(world.engine, client, tmp_path)
        both.of_acme()
        both.of_others()
        yield both


def seen(app) -> str:
    """All that a page holds, with the choices of its widgets."""
    assert not app.exception, app.exception
    return "\n".join(repr(element.proto) for element in app.main)


def test_no_page_shows_a_restricted_person_what_is_of_others(world, both):
    for page in (*FUNNELS, *LETTERS):
        shown = seen(world.open(Role.OPERATOR, f"{page}.py", clients=("acme",)))
        for theirs in ("globex", "nobody gold", "nobody paid", "nobody.pay"):
            assert theirs not in shown, page
        assert page not in TELLING or "globex" in seen(world.open(Role.OPERATOR, f"{page}.py")), page


def test_what_a_link_names_of_others_is_not_there(world, both):
    for page, query in (
        ("dead_letters", {"letter": str(both.other_letter_id)}),
        ("operations", {"operation": str(both.other_operation_id)}),
        ("sessions", {"name": "sign-up", "session": "globex-1"}),
        ("funnel", {"where": "Plan", "is_plan": "globex gold"}),
    ):
        app = world.open(Role.OPERATOR, f"{page}.py", clients=("acme",), **query)
        assert "globex body" not in seen(app), page
        assert "globex paid" not in seen(app), page
