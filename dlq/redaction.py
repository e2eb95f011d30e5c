"""Masks secrets in everything that is shown, logged or exported. What is stored stays as it came.

Values under names that mean a secret are masked whole; in text, tokens, keys, passwords in URLs and card
numbers are masked wherever they stand. Every pattern reads a text in linear time, whoever wrote it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dlq.value_ends import end_of_line, end_of_value

MASK = "[redacted]"
_DEPTH = 32

_PRIVATE_NAMES = (
    r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|apikey|access[_-]?key|private[_-]?key|"
    r"credential|authorization|auth|cookie|session[_-]?key|signature|jwt|bearer|ssn|cvv2?|cvc|pin|"
    r"card[_-]?number|iban)s?"
)
_SECRET_NAME = re.compile(rf"(?:^|[_\W]|(?<=[a-z])){_PRIVATE_NAMES}(?:$|[_\W\d])", re.IGNORECASE)
_ENDS_SECRET = re.compile(rf"{_PRIVATE_NAMES}\d*$", re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# Language models count tokens; those are no secrets.
_COUNT = re.compile(
    r"(?:max|min|new|total|prompt|completion|input|output|used|cached|reasoning|num|n)[_-]?tokens"
    r"|tokens[_-](?:used|left|limit|count|per)",
    re.IGNORECASE,
)

_NAMED = re.compile(r"""(?<![\w-])([\w-]++)\\*+["']?\]?\s*+(?:=>|={1,3}|:=?)\s*+""")
#: Headers of several parts, separated by what elsewhere ends a value.
_WHOLE_LINE = re.compile(r"(?:authorization|cookie)$", re.IGNORECASE)
_NAME_END = 64

# A run that might hold a secret is matched whole and judged after, so that none is read twice.
_URL_LOGIN = re.compile(r"(?<=://)([^\s:/]*+):(?!\d+(?:[/?#\s\"'<>,;)\]}]|$))((?:(?!://)\S)*+)")
_JWT = re.compile(r"\beyJ[\w-]{5,}+(?:\.[\w-]{5,}+)?+(?:\.[\w-]*+)?+")
_PROVIDER_KEY = re.compile(r"\b(?:sk|pk|rk)[-_][\w-]{16,}+")
_KEY_CHARACTERS = 16


def _masked_login(match: re.Match[str]) -> str:
    login = match[2]
    authority = re.split(r"[/?#]", login, maxsplit=1)[0]
    password, at, _ = (authority if "@" in authority else login).rpartition("@")
    return f"{match[1]}:{MASK}{login[len(password) :]}" if at else match[0]


def _masked_jwt(match: re.Match[str]) -> str:
    return MASK if match[0].count(".") == 2 else match[0]


def _masked_key(match: re.Match[str]) -> str:
    longest = max(len(part) for part in re.split("[-_]", match[0]))
    return MASK if longest >= _KEY_CHARACTERS else match[0]


_IN_TEXT: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (
        re.compile(
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
        ),
        MASK,
    ),
    (_JWT, _masked_jwt),
    (re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]{6,}", re.IGNORECASE), rf"\1 {MASK}"),
    (_URL_LOGIN, _masked_login),
    (_PROVIDER_KEY, _masked_key),
    (re.compile(r"\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abprs]-[\w-]{10,})"), MASK),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bAIza[\w-]{30,}"), MASK),
)
_DIGEST = re.compile(r"\b(Digest)\s+\w+=[^\n]*", re.IGNORECASE)
_CARD = re.compile(r"(?<![\w.])(?:\d[ -]?){12,18}\d(?![\w.]\d|\w)")
_CARD_RANGE = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|3[068]\d{12}|(?:6011|65\d\d|64[4-9]\d|35\d\d)\d{12}"
)
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]++@[\w-]++(?:\.[\w-]++)++")


@dataclass(frozen=True, slots=True)
class Redactor:
    email: bool = False  #: mask e-mail addresses too

    def text(self, text: str) -> str:
        """`text` with every secret masked."""
        for pattern, mask in _IN_TEXT:
            text = pattern.sub(mask, text)
        text = _DIGEST.sub(rf"\1 {MASK}", _values_masked(text))
        text = _CARD.sub(_masked_card, text)
        return _EMAIL.sub(MASK, text) if self.email else text

    def value(self, value: Any, depth: int = 0) -> Any:
        """A JSON value with secrets masked, in names' values and inside text."""
        if isinstance(value, str):
            return self.text(value)
        if depth >= _DEPTH:
            return MASK
        if isinstance(value, Mapping):
            return {
                self.text(str(name)): MASK if is_secret_name(str(name)) else self.value(item, depth + 1)
                for name, item in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.value(item, depth + 1) for item in value]
        if isinstance(value, int) and not isinstance(value, bool) and _is_card(str(value)):
            return MASK
        return value


def is_secret_name(name: str) -> bool:
    """Whether a value under this name is a secret: `password`, `api_key`, `X-Auth-Token`, `clientSecret`."""
    return bool(_SECRET_NAME.search(_COUNT.sub("", _CAMEL.sub("_", name))))


def _values_masked(text: str) -> str:
    """`text` without what stands after the name of a secret, be it a word, a string, a list or a mapping."""
    kept, done, at = [], 0, 0
    while named := _NAMED.search(text, at):
        at = named.end()
        name = named[1][-_NAME_END:]
        if not _ENDS_SECRET.search(name) or _COUNT.search(name):
            continue
        end = _end_of_secret(text, at, name)
        if end > at:
            kept += [text[done:at], MASK]
            done = at = end
    return "".join([*kept, text[done:]])


def _end_of_secret(text: str, start: int, name: str) -> int:
    quoted_or_nested = text[start : start + 2].lstrip("\\bBrRuU")[:1] in {'"', "'", "{", "["}
    if _WHOLE_LINE.search(name) and not quoted_or_nested:
        return end_of_line(text, start)
    return end_of_value(text, start)


def _masked_card(match: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", match.group())
    return MASK if _is_card(digits) else match.group()


def _is_card(digits: str) -> bool:
    """A number of a known card range that passes the Luhn check; timestamps begin with other digits."""
    if not _CARD_RANGE.fullmatch(digits):
        return False
    doubled = [int(digit) * (1 + index % 2) for index, digit in enumerate(reversed(digits))]
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0
