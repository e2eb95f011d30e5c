"""Names whose values are secrets: `password`, `api_key`, `X-Auth-Token`, `clientSecret`, and not `author`."""

import re

# Telling also as the end of a longer word, as in dbpassword or stripeToken.
_ANYWHERE = (
    r"pass(?:word|wd|phrase|code)|secret|token|api[_-]?key|credential|authorization|cookie|signature|"
    r"(?:access|account|consumer|encryption|license|master|private|secret|session|signing|ssh)[_-]?key|"
    r"card[_-]?(?:number|no)"
)
# Too short for that: bypass, spin and hairpin hold no secrets.
_ALONE = (
    r"(?:db|user|root)?pass|(?:mysql|db)?pwd|(?:basic|http|o|x)?auth|jwt|bearer|ssn|cv[vc]2?|pin|t?otp|iban"
)
_SECRET = rf"(?:(?:{_ANYWHERE})|(?:^|(?<=[_\W]))(?:{_ALONE}))s?"

_NAMES_SECRET = re.compile(rf"{_SECRET}(?:$|[_\W\d])", re.IGNORECASE)
_ENDS_SECRET = re.compile(rf"{_SECRET}(?:[_-]?v?\d+)?$", re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# Language models count tokens, and some names tell about a secret without being one.
_ABOUT = re.compile(
    r"(?:max|min|new|total|prompt|completion|input|output|used|cached|reasoning|num|n)[_-]?tokens"
    r"|tokens?[_-](?:used|left|limit|count|per|usage|budget|type|url|uri|endpoint|lifetime)"
    r"|(?:pass(?:word|wd)|secret|cookie|api[_-]?key|pin)[_-](?:length|policy|hint|age|domain|path|count)",
    re.IGNORECASE,
)
_NAME_END = 64


def is_secret_name(name: str) -> bool:
    """Whether a value under this name is a secret."""
    return bool(_NAMES_SECRET.search(_ABOUT.sub("", _CAMEL.sub("_", name))))


def ends_secret_name(name: str) -> bool:
    """Whether what follows this name in a text is a secret; only the end of a long name counts."""
    parted = _CAMEL.sub("_", name[-_NAME_END:])
    return bool(_ENDS_SECRET.search(parted)) and not _ABOUT.search(parted)
