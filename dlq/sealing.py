"""Message bodies at rest: sealed under the first key of DLQ_ENCRYPTION_KEY, opened with any that it lists.

What is sealed carries the id of its key, a hash that tells nothing of the key itself. Without keys bytes pass
through as they are, under the id None; so what was stored before the first key can still be read.
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Self

from cryptography.fernet import Fernet, InvalidToken

from dlq.errors import KeyMissing, SealBroken
from dlq.settings import Settings

_ID_CHARACTERS = 8


@dataclass(frozen=True, slots=True)
class Sealed:
    content: bytes
    key_id: str | None  #: None: the content is as it came


class Sealer:
    """Seals and opens. `keys` are Fernet keys, the one that seals first; `key_id` is its id, None without."""

    def __init__(self, keys: tuple[str, ...] = ()) -> None:
        self._fernets = {_id_of(key): Fernet(key) for key in keys}
        self._digest_key = hashlib.sha256(b"digest" + keys[0].encode()).digest() if keys else b""
        self.key_id = next(iter(self._fernets), None)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(settings.encryption_keys)

    @property
    def held(self) -> frozenset[str]:
        """Ids of the keys that open."""
        return frozenset(self._fernets)

    def seal(self, plain: bytes) -> Sealed:
        if self.key_id is None:
            return Sealed(plain, None)
        return Sealed(self._fernets[self.key_id].encrypt(plain), self.key_id)

    def opened(self, content: bytes, key_id: str | None) -> bytes:
        """What was sealed. Raises KeyMissing, or SealBroken when the content was damaged or replaced."""
        if key_id is None:
            return content
        if key_id not in self._fernets:
            raise KeyMissing(key_id)
        try:
            return self._fernets[key_id].decrypt(content)
        except InvalidToken as error:
            raise SealBroken(key_id) from error

    def digest(self, content: bytes) -> str:
        """Tells contents apart. With keys, nobody without them can check a guess at a content."""
        if self.key_id is None:
            return hashlib.sha256(content).hexdigest()
        return hmac.new(self._digest_key, content, hashlib.sha256).hexdigest()


def _id_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:_ID_CHARACTERS]
