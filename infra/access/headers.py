"""Headers that every answer carries: what the browser may load, who may frame it, where cookies may travel.

The policy lets Streamlit, Plotly and data frames work and nothing else: no foreign host, no inline script but
Streamlit's own, which is named by its hash.
"""

import base64
import hashlib
import re
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SECURE = "; secure"
_INLINE_SCRIPT = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.DOTALL)


def security_headers(index_html: Path) -> dict[str, str]:
    """The headers for a dashboard whose entry page is `index_html` (Streamlit's, read once at start)."""
    scripts = " ".join(_hashes(index_html.read_text(encoding="utf-8")))
    policy = (
        "default-src 'self'",
        f"script-src 'self' 'wasm-unsafe-eval' {scripts}".strip(),
        "style-src 'self' 'unsafe-inline'",
        "font-src 'self' data:",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "frame-ancestors 'none'",
        "form-action 'self'",
    )
    return {
        "content-security-policy": "; ".join(policy),
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "permissions-policy": "camera=(), microphone=(), geolocation=()",
    }


class AnswerHeaders:
    """Adds `headers` to every answer, refusals too, and keeps all cookies off plain HTTP once TLS is used."""

    def __init__(self, app: ASGIApp, *, headers: dict[str, str]) -> None:
        self._app = app
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                answer = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    answer.setdefault(name, value)
                if scope["scheme"] in {"https", "wss"}:
                    _secure_cookies(answer)
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _secure_cookies(answer: MutableHeaders) -> None:
    cookies = answer.getlist("set-cookie")
    del answer["set-cookie"]
    for cookie in cookies:
        is_secure = _SECURE in cookie.lower()
        answer.append("set-cookie", cookie if is_secure else cookie + _SECURE)


def _hashes(html: str) -> list[str]:
    digests = (
        hashlib.sha256(script.encode()).digest() for script in _INLINE_SCRIPT.findall(html) if script.strip()
    )
    return [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]
