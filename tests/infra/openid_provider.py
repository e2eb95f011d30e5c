"""A small OpenID provider, run as `python -m tests.infra.openid_provider PORT`; see `running_provider`.

Authorization code flow as the specification has it: discovery, PKCE with S256, client_secret_basic, RS256,
userinfo. Everybody is signed in at once, as whoever POST /next described last; that may also make it lie.
"""

import base64
import hashlib
import hmac
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2
import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.browser.conftest import free_port
from tests.dlq.worker import eventually

ROOT = Path(__file__).parent.parent.parent
CLIENT_ID = "onward"
CLIENT_SECRET = "for tests only"
ISSUED_SECONDS = 300


class OpenIdProvider:
    def __init__(self, issuer: str) -> None:
        self._issuer = issuer
        self._key = RSAKey.generate_key(2048, {"kid": "1", "use": "sig"})
        self._strange_key = RSAKey.generate_key(2048, {"kid": "1", "use": "sig"})
        self._next: dict[str, Any] = {}
        self._codes: dict[str, dict[str, str]] = {}
        self._tokens: dict[str, dict[str, Any]] = {}

    async def describe_next(self, request: Request) -> Response:
        """Who comes next: `claims` of the ID token (null leaves one out), `userinfo`, and how to `lie`."""
        self._next = await request.json()
        return JSONResponse({})

    async def discovery(self, _request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self._issuer,
                "authorization_endpoint": f"{self._issuer}/authorize",
                "token_endpoint": f"{self._issuer}/token",
                "userinfo_endpoint": f"{self._issuer}/userinfo",
                "jwks_uri": f"{self._issuer}/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                # Some providers offer more than is good for us.
                "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
                "code_challenge_methods_supported": ["S256"],
            }
        )

    async def keys(self, _request: Request) -> Response:
        return JSONResponse({"keys": [self._key.as_dict(private=False)]})

    async def authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        back, answer = asked["redirect_uri"], {"state": asked["state"]}
        if asked["client_id"] != CLIENT_ID or asked.get("code_challenge_method") != "S256":
            return RedirectResponse(f"{back}?{urlencode(answer | {'error': 'invalid_request'})}", 302)
        if self._next.get("lie") == "denied":
            return RedirectResponse(f"{back}?{urlencode(answer | {'error': 'access_denied'})}", 302)
        code = secrets.token_urlsafe()
        self._codes[code] = asked
        return RedirectResponse(f"{back}?{urlencode(answer | {'code': code})}", 302)

    async def token(self, request: Request) -> Response:
        form = await request.form()
        asked = self._codes.pop(str(form.get("code")), None)
        ours = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {ours}":
            return JSONResponse({"error": "invalid_client"}, 401)
        if (
            asked is None
            or form.get("redirect_uri") != asked["redirect_uri"]
            or _s256(str(form.get("code_verifier"))) != asked["code_challenge"]
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        access = secrets.token_urlsafe()
        self._tokens[access] = {"sub": "17", **self._next.get("userinfo", {})}
        answer = {"access_token": access, "token_type": "Bearer", "expires_in": ISSUED_SECONDS}
        if self._next.get("lie") != "no ID token":
            answer["id_token"] = self._id_token(asked["nonce"])
        return JSONResponse(answer)

    async def userinfo(self, request: Request) -> Response:
        person = self._tokens.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        return JSONResponse(person or {"error": "invalid_token"}, 200 if person else 401)

    def _id_token(self, nonce: str) -> str:
        now = int(time.time())
        issued = {
            "iss": self._issuer,
            "sub": "17",
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + ISSUED_SECONDS,
            "nonce": nonce,
            **self._next.get("claims", {}),
        }
        claims = {name: value for name, value in issued.items() if value is not None}
        match self._next.get("lie"):
            case "alg none":
                return _by_hand("none", claims, None)
            case "signed with the public key":
                return _by_hand("HS256", claims, self._key.as_pem(private=False))
            case "signed with the client secret":
                return _by_hand("HS256", claims, CLIENT_SECRET.encode())
            case "strange key":
                return jwt.encode({"alg": "RS256", "kid": "1"}, claims, self._strange_key)
            case _:
                return jwt.encode({"alg": "RS256", "kid": "1"}, claims, self._key)


@contextmanager
def running_provider() -> Iterator[str]:
    """The issuer of a provider in a process of its own, which ends with the block."""
    port = str(free_port())
    with subprocess.Popen([sys.executable, "-m", __name__, port], cwd=ROOT) as process:
        issuer = f"http://127.0.0.1:{port}"
        eventually(lambda: _answers(issuer) or process.poll() is not None)
        assert process.poll() is None
        yield issuer
        process.terminate()


def describe(issuer: str, claims: Mapping[str, Any], **more: Any) -> None:
    """Say whom the provider signs in next; `more` as in `OpenIdProvider.describe_next`."""
    httpx2.post(f"{issuer}/next", json={"claims": claims, **more})


def _answers(issuer: str) -> bool:
    try:
        return httpx2.get(f"{issuer}/keys").is_success
    except httpx2.TransportError:
        return False


def _by_hand(algorithm: str, claims: dict[str, Any], secret: bytes | None) -> str:
    """A token that a library would rather not make."""
    header = {"alg": algorithm, "kid": "1"}
    signed = ".".join(_base64(json.dumps(part).encode()) for part in (header, claims))
    return f"{signed}.{_base64(hmac.digest(secret, signed.encode(), 'sha256')) if secret else ''}"


def _s256(verifier: str) -> str:
    return _base64(hashlib.sha256(verifier.encode()).digest())


def _base64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def app(issuer: str) -> Starlette:
    provider = OpenIdProvider(issuer)
    return Starlette(
        routes=[
            Route("/next", provider.describe_next, methods=["POST"]),
            Route("/.well-known/openid-configuration", provider.discovery),
            Route("/keys", provider.keys),
            Route("/authorize", provider.authorize),
            Route("/token", provider.token, methods=["POST"]),
            Route("/userinfo", provider.userinfo),
        ]
    )


if __name__ == "__main__":
    port = int(sys.argv[1])
    uvicorn.run(app(f"http://127.0.0.1:{port}"), port=port, log_level="warning")
