"""Passwords as they are stored: Argon2id, with the parameters of the argon2 library of the day.

A hash made with other parameters is still checked, and made anew at the next sign-in.
"""

import secrets
import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from infra.errors import UnusablePerson

SHORTEST = 12
LONGEST = 256
_HASHER = PasswordHasher()


def hashed(password: str) -> str:
    """Raises UnusablePerson for a password that is too short or too long."""
    if not SHORTEST <= len(_normal(password)) <= LONGEST:
        raise UnusablePerson(f"A password has {SHORTEST} to {LONGEST} characters.")
    return _HASHER.hash(_normal(password))


def is_right(password: str, stored: str | None) -> bool:
    """Whether `password` is the one behind `stored`; takes as long where nothing is stored."""
    decoy = _decoy()
    try:
        return _HASHER.verify(stored or decoy, _normal(password)[: LONGEST + 1]) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(stored: str) -> bool:
    return _HASHER.check_needs_rehash(stored)


@cache
def _decoy() -> str:
    return _HASHER.hash(secrets.token_hex())


def _normal(password: str) -> str:
    """One spelling of what looks the same, however a keyboard composes it."""
    return unicodedata.normalize("NFKC", password)
