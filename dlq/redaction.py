"""Masks secrets in everything that is shown, logged or exported. What is stored stays as it came.

Values under names that mean a secret are masked whole; in text, tokens, keys, passwords in URLs and card
numbers are masked wherever they stand.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MASK = "[redacted]"
_DEPTH = 32

_PRIVATE_NAMES = (
    r"pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|apikey|access[_-]?key|private[_-]?key|"
    r"credentials?|authorization|auth|cookie|session[_-]?key|signature|jwt|bearer|ssn|cvv2?|cvc|pin|"
    r"card[_-]?number|iban"
)
_SECRET_NAME = re.compile(rf"(?:^|[_\W]|(?<=[a-z]))(?:{_PRIVATE_NAMES})(?:$|[_\W\d])", re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

_IN_TEXT = (
    (
        re.compile(
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
        ),
        MASK,
    ),
    (re.compile(r"\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*"), MASK),
    (re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]{6,}", re.IGNORECASE), rf"\1 {MASK}"),
    (re.compile(r"(\b[a-z][\w+.-]*://[^\s:/@]*):[^\s@/]+@", re.IGNORECASE), rf"\1:{MASK}@"),
    (re.compile(r"\b(?:sk|pk|rk)[-_](?:[\w-]+[-_])?[A-Za-z0-9]{16,}\b"), MASK),
    (re.compile(r"\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abprs]-[\w-]{10,})"), MASK),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bAIza[\w-]{30,}"), MASK),
    (
        re.compile(
            rf"""(["']?\b[\w-]*(?:{_PRIVATE_NAMES})["']?\s*(?:=|:|=>)\s*)(?!\[redacted\])("[^"\n]*"|'[^'\n]*'|[^\s,;&)}}\]]+)""",
            re.IGNORECASE,
        ),
        rf"\1{MASK}",
    ),
)
_CARD = re.compile(r"(?<![\w.])(?:\d[ -]?){12,18}\d(?![\w.]\d|\w)")
_CARD_RANGE = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|3[068]\d{12}|(?:6011|65\d\d|64[4-9]\d|35\d\d)\d{12}"
)
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


@dataclass(frozen=True, slots=True)
class Redactor:
    email: bool = False  #: mask e-mail addresses too

    def text(self, text: str) -> str:
        """`text` with every secret masked."""
        for pattern, mask in _IN_TEXT:
            text = pattern.sub(mask, text)
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
    return bool(_SECRET_NAME.search(_CAMEL.sub("_", name)))


def _masked_card(match: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", match.group())
    return MASK if _is_card(digits) else match.group()


def _is_card(digits: str) -> bool:
    """A number of a known card range that passes the Luhn check; timestamps begin with other digits."""
    if not _CARD_RANGE.fullmatch(digits):
        return False
    doubled = [int(digit) * (1 + index % 2) for index, digit in enumerate(reversed(digits))]
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0
