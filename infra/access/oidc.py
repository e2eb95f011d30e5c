"""The OpenID provider as this process talks to it: authorization code flow with PKCE.

The ID token counts only when it is signed by a key of the provider, was issued by it, to us, for the flow
that it answers, and has not expired. The provider's description and keys are fetched once and kept; a key
that is not among them has them fetched again.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.starlette_client import OAuth, StarletteOAuth2App
from joserfc.errors import JoseError

from infra.access.provider import Provider
from infra.access.roles import Person
from infra.errors import ProviderRefused

_LEEWAY_SECONDS = 60
_TIMEOUT_SECONDS = 10
#: Checked with a public key. With a shared secret, whoever knows ours could sign in as anybody.
_SIGNATURES = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]


@dataclass(frozen=True, slots=True)
class Flow:
    """One way to the provider and back. Its secrets stay in the browser that goes it."""

    back: str  #: the address of ours that the provider sends the browser to
    state: str
    nonce: str = field(repr=False)
    code_verifier: str = field(repr=False)

    def has_state(self, state: str) -> bool:
        return secrets.compare_digest(self.state.encode(), state.encode())


class OpenId:
    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self._client: StarletteOAuth2App = OAuth().register(
            "onward",
            client_id=provider.client_id,
            client_secret=provider.client_secret or None,
            server_metadata_url=f"{provider.issuer}/.well-known/openid-configuration",
            client_kwargs={
                "scope": "openid email profile",
                "code_challenge_method": "S256",
                "token_endpoint_auth_method": "client_secret_basic" if provider.client_secret else "none",
                "timeout": _TIMEOUT_SECONDS,
            },
        )

    async def begin(self, back: str) -> tuple[str, Flow]:
        """Where to send the browser, and the flow it must come back with. Raises ProviderRefused."""
        with self._translated():
            await self._description()
            started = await self._client.create_authorization_url(back)
        return started["url"], Flow(back, started["state"], started["nonce"], started["code_verifier"])

    async def person(self, flow: Flow, code: str) -> Person:
        """Who came back with this code. Raises ProviderRefused."""
        with self._translated():
            token = await self._client.fetch_access_token(
                flow.back, code=code, code_verifier=flow.code_verifier
            )
            claims = await self._claims(token, flow.nonce)
        return self.provider.person(claims)

    async def _claims(self, token: dict[str, Any], nonce: str) -> dict[str, Any]:
        described = await self._description()
        claims = await self._client.parse_id_token(
            token,
            nonce,
            leeway=_LEEWAY_SECONDS,
            claims_options={
                "iss": {"essential": True, "value": described["issuer"]},
                "aud": {"essential": True, "value": self.provider.client_id},
            },
        )
        if claims is None:
            raise ProviderRefused(f"{self.provider.title} sent no ID token.")
        if self.provider.claims <= claims.keys() or "userinfo_endpoint" not in described:
            return dict(claims)
        more = await self._client.userinfo(token=token)
        if more.get("sub") != claims["sub"]:
            raise ProviderRefused(f"{self.provider.title} described somebody else.")
        return {**more, **claims}

    async def _description(self) -> dict[str, Any]:
        described: dict[str, Any] = await self._client.load_server_metadata()
        if str(described.get("issuer")).rstrip("/") != self.provider.issuer:
            raise ProviderRefused(f"{self.provider.title} calls itself {described.get('issuer')!r}.")
        described["id_token_signing_alg_values_supported"] = _SIGNATURES
        return described

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except httpx2.HTTPError as error:
            raise ProviderRefused(
                f"{self.provider.title} does not answer. Try again shortly, or sign in in another way."
            ) from error
        except (AuthlibBaseError, JoseError, ValueError, RuntimeError) as error:
            raise ProviderRefused(f"What came back from {self.provider.title} cannot be trusted.") from error
