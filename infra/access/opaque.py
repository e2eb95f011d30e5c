"""Tokens that mean nothing: drawn at random, handed out once, and kept only as their hash."""

import hashlib
import secrets

_BYTES = 32


def draw(prefix: str = "") -> str:
    """A new token, with 256 bits of chance after the prefix."""
    return prefix + secrets.token_urlsafe(_BYTES)


def digest(token: str) -> bytes:
    """What is stored of a token. Without salt or rounds: nobody guesses 256 bits."""
    return hashlib.sha256(token.encode()).digest()
