"""The OpenID provider that people may sign in with, as the settings name it, and who it says they are.

A role comes from the groups that the provider names, a restriction to clients from another claim. Somebody in
no group that has a role is refused; so is somebody without clients where clients are asked for.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from infra.access.hosts import LOOPBACK
from infra.access.roles import Person, Role, new_person
from infra.errors import ProviderRefused, SettingsError, UnusablePerson

#: In the claim of clients: this person may see them all.
EVERY_CLIENT = "*"
_NOT_VERIFIED = (False, "false")  # some providers write truth values as text
_RANK = list(Role)


@dataclass(frozen=True, slots=True)
class Provider:
    issuer: str
    client_id: str
    #: Empty for a public client, which proves itself by PKCE alone.
    client_secret: str = field(repr=False)
    #: What people call it: "Sign in with ...".
    title: str
    login_claim: str
    role_claim: str
    #: What the role claim may hold, and the role that it gives.
    roles: Mapping[str, Role]
    #: None: nobody is restricted.
    clients_claim: str | None

    @classmethod
    def of(cls, value: Mapping[str, str]) -> "Provider | None":
        """The provider that the settings name, None without an issuer. Raises SettingsError."""
        issuer = value["ONWARD_OIDC_ISSUER"].rstrip("/")
        if not issuer:
            return None
        if not _is_safe(issuer):
            raise SettingsError(
                "ONWARD_OIDC_ISSUER", "must begin with https:// unless it is on this machine."
            )
        if not value["ONWARD_OIDC_CLIENT_ID"]:
            raise SettingsError("ONWARD_OIDC_CLIENT_ID", "must be set when ONWARD_OIDC_ISSUER is.")
        return cls(
            issuer=issuer,
            client_id=value["ONWARD_OIDC_CLIENT_ID"],
            client_secret=value["ONWARD_OIDC_CLIENT_SECRET"],
            title=value["ONWARD_OIDC_TITLE"],
            login_claim=value["ONWARD_OIDC_LOGIN_CLAIM"],
            role_claim=value["ONWARD_OIDC_ROLE_CLAIM"],
            roles=_roles(value["ONWARD_OIDC_ROLES"]),
            clients_claim=value["ONWARD_OIDC_CLIENTS_CLAIM"] or None,
        )

    @property
    def claims(self) -> frozenset[str]:
        """What must be known of a person before `person` can say who they are."""
        return frozenset(filter(None, (self.login_claim, self.role_claim, self.clients_claim)))

    def person(self, claims: Mapping[str, Any]) -> Person:
        """Who these verified claims describe. Raises ProviderRefused, saying what is missing."""
        login = claims.get(self.login_claim)
        if not isinstance(login, str) or not login.strip():
            raise ProviderRefused(
                f"{self.title} does not say who you are: the claim {self.login_claim!r} is missing."
            )
        if self.login_claim == "email" and claims.get("email_verified") in _NOT_VERIFIED:
            raise ProviderRefused(f"{self.title} has not verified the address {login}.")
        role = self._role(login, _words(claims.get(self.role_claim)))
        clients = None if role is Role.ADMIN else self._clients(login, claims)
        try:
            return new_person(login, role, clients)
        except UnusablePerson as error:
            raise ProviderRefused(
                f"{self.title} describes you in a way that Onward cannot use. {error}"
            ) from None

    def _role(self, login: str, groups: Iterable[str]) -> Role:
        given = [self.roles[group] for group in groups if group in self.roles]
        if not given:
            raise ProviderRefused(
                f"{login} is in no group that may use Onward. "
                f"Ask whoever looks after {self.title} to add you to one."
            )
        return max(given, key=_RANK.index)

    def _clients(self, login: str, claims: Mapping[str, Any]) -> frozenset[str] | None:
        if self.clients_claim is None:
            return None
        clients = frozenset(_words(claims.get(self.clients_claim)))
        if not clients:
            raise ProviderRefused(
                f"{self.title} names no client whose people {login} may see: "
                f"the claim {self.clients_claim!r} is empty."
            )
        return None if EVERY_CLIENT in clients else clients


def _words(claim: object) -> list[str]:
    """A claim of several values: a list, or one value by itself."""
    return [
        word for word in (claim if isinstance(claim, list) else [claim]) if isinstance(word, str) and word
    ]


def _is_safe(issuer: str) -> bool:
    url = urlsplit(issuer)
    return bool(url.hostname) and (
        url.scheme == "https" or (url.scheme == "http" and url.hostname in LOOPBACK)
    )


def _roles(text: str) -> dict[str, Role]:
    roles = {}
    for pair in filter(None, map(str.strip, text.split(","))):
        group, _, role = (part.strip() for part in pair.rpartition("="))
        if not group or role not in set(Role):
            raise SettingsError(
                "ONWARD_OIDC_ROLES",
                f"has {pair!r}; write group=role, where the role is one of {', '.join(Role)}.",
            )
        roles[group] = Role(role)
    if not roles:
        raise SettingsError("ONWARD_OIDC_ROLES", "must name at least one group, as group=role.")
    return roles
