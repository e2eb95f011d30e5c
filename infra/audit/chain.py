"""What a link digests, and what can be wrong with one. The migration 0010 spells the same in SQL.

A digest is SHA-256 over the digest of the link before (32 zero bytes for the first) and the texts of the
entry: id, microseconds since 1970, actor, action, subject, before, after, source; each as its number of
characters, a colon and itself, or "-" where there is none, with commas between.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

START = bytes(32)
_DIGEST_HEX = 64


class Break(StrEnum):
    CHANGED = "changed"  #: the entry is not what was recorded
    REMOVED = "removed"  #: an entry, or its link, is gone
    MOVED = "moved"  #: the link stands in another place than it was written
    INSERTED = "inserted"  #: an entry was put in that was not recorded here
    CUT = "cut"  #: the chain no longer holds the head that was kept elsewhere


@dataclass(frozen=True, slots=True)
class Head:
    """The newest link. Kept elsewhere, it proves later that nothing up to it has gone or been rewritten."""

    number: int
    digest: bytes

    @classmethod
    def parse(cls, written: str) -> "Head":
        """Read "N:DIGEST". Raises ValueError that says what is wrong."""
        number, _, digest = written.strip().partition(":")
        if not (number.isascii() and number.isdigit() and len(digest) == _DIGEST_HEX):
            raise ValueError(f"{written!r} is not a number, a colon and {_DIGEST_HEX} hexadecimal digits")
        return cls(int(number), bytes.fromhex(digest))

    def __str__(self) -> str:
        return f"{self.number}:{self.digest.hex()}"


@dataclass(frozen=True, slots=True)
class Fault:
    """The first place where the chain does not hold."""

    kind: Break
    number: int | None  #: of the link; None: the entry has none
    entry_id: int | None  #: None: not even its id is left
    text: str  #: one sentence for people


def digest(previous: bytes, fields: Sequence[str | None]) -> bytes:
    content = ",".join("-" if field is None else f"{len(field)}:{field}" for field in fields)
    return hashlib.sha256(previous + content.encode()).digest()
