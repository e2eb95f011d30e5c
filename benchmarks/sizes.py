"""Sizes as people type them: 10M, 1.5M, 200k, 5000."""

import argparse
import re

_FACTORS = {"": 1, "k": 1_000, "m": 1_000_000}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)([km]?)", re.IGNORECASE)


def size(text: str) -> int:
    """The number that `text` says, for argparse. Raises ArgumentTypeError otherwise."""
    found = _SIZE.fullmatch(text.strip())
    number = float(found[1]) * _FACTORS[found[2].lower()] if found else 0
    if number < 1 or number != int(number):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size; write it like 10M, 200k or 5000")
    return int(number)


def written(number: int) -> str:
    """10M for 10,000,000; the shortest form that `size` reads back."""
    for suffix, factor in (("M", 1_000_000), ("k", 1_000)):
        if number >= factor and number * 10 % factor == 0:
            return f"{number / factor:g}{suffix}"
    return str(number)
