import itertools

import pytest

from infra.access.roles import ALLOWS, Permission, Person, Role
from infra.errors import AccessDenied


def test_each_role_allows_all_that_the_one_before_it_allows():
    roles = list(Role)
    for lower, higher in itertools.pairwise(roles):
        assert ALLOWS[lower] < ALLOWS[higher]


@pytest.mark.parametrize(
    ("role", "permission"),
    [
        (Role.VIEWER, Permission.READ_SESSIONS),
        (Role.ANALYST, Permission.READ_LETTERS),
        (Role.OPERATOR, Permission.DELETE_LETTERS),
        (Role.OPERATOR, Permission.MANAGE_SETTINGS),
    ],
)
def test_a_missing_permission_is_refused_by_name(role, permission):
    with pytest.raises(AccessDenied, match=f"ada has the role {role}, which does not allow {permission}"):
        Person("ada", role).require(permission)


def test_an_admin_may_do_everything():
    for permission in Permission:
        Person("ada", Role.ADMIN).require(permission)
