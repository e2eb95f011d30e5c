"""Who somebody is, from what the provider says of them."""

import pytest

from infra.access.provider import Provider
from infra.access.roles import Person, Role
from infra.errors import ProviderRefused, SettingsError
from infra.settings import Settings

SETTINGS = {
    "ONWARD_OIDC_ISSUER": "https://login.example/team/",
    "ONWARD_OIDC_CLIENT_ID": "onward",
    "ONWARD_OIDC_CLIENT_SECRET": "hush",
    "ONWARD_OIDC_ROLES": "support=operator, leads=admin, cn=staff=viewer",
}
ADA = {"email": "ada@shop.example", "groups": ["staff", "support"]}


def provider(**changed: str) -> Provider:
    found = Settings.from_env({**SETTINGS, **{f"ONWARD_OIDC_{name}": text for name, text in changed.items()}})
    assert found.provider is not None
    return found.provider


def test_without_an_issuer_there_is_no_provider() -> None:
    assert Settings.from_env({}).provider is None


def test_the_secret_is_not_shown() -> None:
    assert "hush" not in repr(provider())


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("ISSUER", "http://login.example", "https://"),
        ("ISSUER", "login.example", "https://"),
        ("CLIENT_ID", "", "must be set"),
        ("ROLES", "", "at least one group"),
        ("ROLES", "support", "write group=role"),
        ("ROLES", "support=boss", "viewer, analyst, operator, admin"),
        ("ROLES", "=admin", "write group=role"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(name: str, text: str, words: str) -> None:
    with pytest.raises(SettingsError, match=rf"^ONWARD_OIDC_{name} .*{words}"):
        provider(**{name: text})


def test_a_group_gives_a_role() -> None:
    assert provider().person(ADA) == Person("ada@shop.example", Role.OPERATOR)


def test_the_highest_role_of_several_groups_counts() -> None:
    assert provider().person({**ADA, "groups": ["leads", "support"]}).role is Role.ADMIN


def test_one_group_by_itself_need_not_be_a_list() -> None:
    assert provider().person({**ADA, "groups": "cn=staff"}).role is Role.VIEWER


@pytest.mark.parametrize("groups", [None, [], ["staff"], "supporters", {"support": True}, [["support"]]])
def test_somebody_in_no_known_group_is_refused(groups: object) -> None:
    with pytest.raises(ProviderRefused, match="in no group that may use Onward"):
        provider().person({**ADA, "groups": groups})


@pytest.mark.parametrize("login", [None, "", " ", 17])
def test_somebody_without_a_name_is_refused(login: object) -> None:
    with pytest.raises(ProviderRefused, match="'email' is missing"):
        provider().person({**ADA, "email": login})


@pytest.mark.parametrize("verified", [False, "false"])
def test_an_address_that_the_provider_has_not_verified_names_nobody(verified: object) -> None:
    with pytest.raises(ProviderRefused, match="has not verified"):
        provider().person({**ADA, "email_verified": verified})


@pytest.mark.parametrize("verified", [True, "true", None])
def test_a_provider_that_does_not_deny_it_is_believed(verified: object) -> None:
    assert provider().person({**ADA, "email_verified": verified}).login == "ada@shop.example"


def test_a_name_that_cannot_be_a_login_is_refused() -> None:
    with pytest.raises(ProviderRefused, match="cannot be a login"):
        provider().person({**ADA, "email": "<b>ada</b>"})


def test_a_claim_of_clients_restricts() -> None:
    seen = provider(CLIENTS_CLAIM="shops").person({**ADA, "shops": ["north", "south"]})
    assert seen.clients == {"north", "south"}


@pytest.mark.parametrize("shops", [None, [], "", [7]])
def test_a_missing_claim_of_clients_refuses_and_never_widens(shops: object) -> None:
    with pytest.raises(ProviderRefused, match="'shops' is empty"):
        provider(CLIENTS_CLAIM="shops").person({**ADA, "shops": shops})


def test_a_star_among_the_clients_is_all_of_them() -> None:
    assert provider(CLIENTS_CLAIM="shops").person({**ADA, "shops": ["*"]}).clients is None


def test_an_admin_is_never_restricted() -> None:
    admin = {**ADA, "groups": ["leads"], "shops": ["north"]}
    assert provider(CLIENTS_CLAIM="shops").person(admin) == Person("ada@shop.example", Role.ADMIN)
