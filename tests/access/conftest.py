import pytest
from argon2 import PasswordHasher

from infra.access import passwords


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch):
    """Argon2 that does not take its time."""
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    passwords._decoy.cache_clear()
    yield
    passwords._decoy.cache_clear()
