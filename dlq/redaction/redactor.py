"""The redactor: finds what is secret by name, by shape and by check digits, and puts a mask in its place.

Values under names that mean a secret are masked whole; in text, tokens, keys, passwords in URLs and card
numbers are masked wherever they stand. Every pattern reads a text in linear time, whoever wrote it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dlq.redaction.checked_numbers import is_card, without_checked_numbers
from dlq.redaction.secret_names import ends_secret_name, is_secret_name
from dlq.redaction.secret_shapes import MASK, without_known_shapes
from dlq.redaction.value_ends import end_of_line, end_of_value

_DEPTH = 32

_NAMED = re.compile(r"""(?<![\w-])([\w-]++)\\*+["']?\]?\s*+(?:=>|={1,3}|:=?)\s*+""")
#: Headers of several parts, separated by what elsewhere ends a value.
_WHOLE_LINE = re.compile(r"(?:authorization|cookie)$", re.IGNORECASE)
_DIGEST = re.compile(r"\b(Digest)\s+\w+=[^\n]*", re.IGNORECASE)
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]++@[\w-]++(?:\.[\w-]++)++")


@dataclass(frozen=True, slots=True)
class Redactor:
    email: bool = False  #: mask e-mail addresses too

    def text(self, text: str) -> str:
        """`text` with every secret masked."""
        text = _values_masked(without_known_shapes(text))
        text = without_checked_numbers(_DIGEST.sub(rf"\1 {MASK}", text))
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
        if isinstance(value, int) and not isinstance(value, bool) and is_card(str(value)):
            return MASK
        return value


def _values_masked(text: str) -> str:
    """`text` without what stands after the name of a secret, be it a word, a string, a list or a mapping."""
    kept, done, at = [], 0, 0
    while named := _NAMED.search(text, at):
        at = named.end()
        if not ends_secret_name(named[1]):
            continue
        end = _end_of_secret(text, at, named[1])
        if end > at:
            kept += [text[done:at], MASK]
            done = at = end
    return "".join([*kept, text[done:]])


def _end_of_secret(text: str, start: int, name: str) -> int:
    quoted_or_nested = text[start : start + 2].lstrip("\\bBrRuU")[:1] in {'"', "'", "{", "["}
    if _WHOLE_LINE.search(name) and not quoted_or_nested:
        return end_of_line(text, start)
    return end_of_value(text, start)
