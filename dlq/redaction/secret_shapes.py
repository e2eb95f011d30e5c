"""Secrets known by their shape, wherever they stand in a text: keys of providers, JWTs, logins, private keys.

A run that might hold a secret is matched whole and judged after, so that no character is read twice and a
text takes time in proportion to its length, whoever wrote it.
"""

import base64
import binascii
import re
from collections.abc import Callable

MASK = "[redacted]"
_KEY_CHARACTERS = 16

_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----.*?"
    r"(?:-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----|\Z)",
    re.DOTALL,
)
_JWT = re.compile(r"\beyJ[\w-]{5,}+(?:\.[\w-]{5,}+)?+(?:\.[\w-]*+)?+")
_BEARER = re.compile(r"\b(Bearer)\s++([\w.~+/=-]{6,}+)", re.IGNORECASE)
_BASIC = re.compile(r"\b(Basic)\s++([\w+/=-]{6,}+)", re.IGNORECASE)
_URL_LOGIN = re.compile(r"(?<=://)([^\s:/]*+):(?!\d+(?:[/?#\s\"'<>,;)\]}]|$))((?:(?!://)\S)*+)")
_KEY = re.compile(r"\b(?:sk|pk|rk)[-_][\w-]{16,}+")
_OF_PROVIDERS = re.compile(
    r"""\b(?:
        gh[pousr]_\w{20,}+ | github_pat_\w{20,}+ | gl[a-z]{2,5}-[\w-]{16,}+
      | xox[a-z](?:\.xox[a-z])?-[\w-]{10,}+ | xapp-\d-[\w-]{10,}+
      | (?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b
      | AIza[\w-]{30,}+ | ya29\.[\w-]{20,}+ | GOCSPX-[\w-]{20,}+
      | whsec_[\w+/=]{20,}+ | sq0[a-z]{3}-[\w-]{22,}+ | shp[a-z]{2}_[0-9a-fA-F]{32}\b
      | SG\.[\w-]{16,}+\.[\w-]{16,}+ | key-[0-9a-f]{32}\b | [0-9a-f]{32}-us\d{1,2}\b | SK[0-9a-f]{32}\b
      | npm_\w{30,}+ | pypi-\w[\w-]{30,}+ | dckr_pat_[\w-]{20,}+ | hf_[A-Za-z0-9]{30,}+
      | do[opr]_v1_[0-9a-f]{40,}+ | hv[sb]\.[\w-]{24,}+ | glsa_\w{30,}+ | xkeysib-[\w-]{30,}+
      | AGE-SECRET-KEY-1[A-Z0-9]{40,}+ | \d{8,10}:AA[\w-]{30,}+
    )""",
    re.VERBOSE,
)
_WEBHOOK = re.compile(
    r"(hooks\.slack\.com/(?:services|workflows)/|discord(?:app)?\.com/api/webhooks/)[\w/-]++"
)
_SIGNED_URL = re.compile(r"([?&]sig=)[^&\s\"'#]++")


def without_known_shapes(text: str) -> str:
    """`text` with what has the shape of a secret masked."""
    for pattern, mask in _SHAPES:
        text = pattern.sub(mask, text)
    return text


def _bearer(match: re.Match[str]) -> str:
    # "Bearer authentication" is a word, and no issuer hands out words.
    return match[0] if match[2].isalpha() and match[2].islower() else f"{match[1]} {MASK}"


def _basic(match: re.Match[str]) -> str:
    """Only what says user:password once it is decoded: "basic settings" does not."""
    padded = match[2].rstrip("=") + "=" * (-len(match[2].rstrip("=")) % 4)
    try:
        login = base64.b64decode(padded, altchars=b"-_" if {"-", "_"} & set(padded) else None)
    except (binascii.Error, ValueError):
        return match[0]
    return f"{match[1]} {MASK}" if b":" in login else match[0]


def _jwt(match: re.Match[str]) -> str:
    return MASK if match[0].count(".") == 2 else match[0]


def _login(match: re.Match[str]) -> str:
    login = match[2]
    authority = re.split(r"[/?#]", login, maxsplit=1)[0]
    password, at, _ = (authority if "@" in authority else login).rpartition("@")
    return f"{match[1]}:{MASK}{login[len(password) :]}" if at else match[0]


def _key(match: re.Match[str]) -> str:
    longest = max(len(part) for part in re.split("[-_]", match[0]))
    return MASK if longest >= _KEY_CHARACTERS else match[0]


_SHAPES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (_PRIVATE_KEY, MASK),
    (_JWT, _jwt),
    (_BEARER, _bearer),
    (_BASIC, _basic),
    (_URL_LOGIN, _login),
    (_KEY, _key),
    (_OF_PROVIDERS, MASK),
    (_WEBHOOK, rf"\1{MASK}"),
    (_SIGNED_URL, rf"\1{MASK}"),
)
