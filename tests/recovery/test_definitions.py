"""Who may change funnels."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import Engine

from analytics import definitions
from analytics.errors import UnknownFunnel
from infra.access.roles import Person, Role
from infra.errors import AccessDenied
from recovery import definitions as service
from tests.pages.conftest import SIGN_UP

pytestmark = pytest.mark.servers

ADMIN = Person("ada", Role.ADMIN)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST, Role.OPERATOR])
@pytest.mark.parametrize(
    "change",
    [
        lambda engine, by: service.save(engine, by, replace(SIGN_UP, title="x"), over=1),
        lambda engine, by: service.restore(engine, by, "sign-up", 1, over=1),
        lambda engine, by: service.archive(engine, by, "sign-up"),
        lambda engine, by: service.unarchive(engine, by, "sign-up"),
    ],
)
def test_only_admins_change_funnels(
    engine: Engine, role: Role, change: Callable[[Engine, Person], object]
) -> None:
    definitions.save(engine, SIGN_UP, by="ada")
    with pytest.raises(AccessDenied):
        change(engine, Person("vic", role))
    assert [saved.version for saved in definitions.versions(engine, "sign-up")] == [1]
    assert definitions.all_latest(engine)


def test_what_is_not_there_cannot_be_archived(engine: Engine) -> None:
    with pytest.raises(UnknownFunnel):
        service.archive(engine, ADMIN, "nothing")
