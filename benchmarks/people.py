"""Who enters the onboarding that the benchmarks invent: drawn by weight, one array element a session.

`difficulty` is the exponent put on every chance of going on: above 1 a segment loses more of its sessions,
so breakdowns, comparisons and recommendations have something to find.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

CLIENTS = 400
ZIPF_EXPONENT = 1.1
SHARE_WITH_USER = 0.85
_HEX = np.array([f"{byte:02x}" for byte in range(256)], "S2")


@dataclass(frozen=True, slots=True)
class Trait:
    """Values of a property with their weights and difficulties; None is a session without it."""

    values: tuple[str | None, ...]
    weights: NDArray[np.float64]
    difficulty: NDArray[np.float64]

    @classmethod
    def of(cls, *choices: tuple[str | None, float, float]) -> "Trait":
        values, weights, difficulty = zip(*choices, strict=True)
        return cls(values, np.array(weights) / sum(weights), np.array(difficulty))

    def draw(self, sessions: int, dice: np.random.Generator) -> NDArray[np.int32]:
        return dice.choice(len(self.values), sessions, p=self.weights).astype(np.int32)


def _clients() -> Trait:
    weights = 1 / np.arange(1, CLIENTS + 1) ** ZIPF_EXPONENT
    difficulty = np.random.default_rng(1).lognormal(0, 0.15, CLIENTS)
    names = (f"client-{number:03d}" for number in range(CLIENTS))
    return Trait.of(*zip(names, weights.tolist(), difficulty.tolist(), strict=True))


TRAITS = {
    "language": Trait.of(
        ("en", 38, 0.90), ("de", 17, 0.95), ("fr", 13, 1.00), ("es", 11, 1.05), ("pl", 7, 1.70),
        ("it", 6, 1.00), ("pt", 4, 1.10), ("nl", 2, 0.95), (None, 2, 1.20),
    ),
    "kind": Trait.of(("standard", 62, 1.0), ("express", 25, 0.8), ("enterprise", 13, 1.3)),
    "device": Trait.of(("mobile", 54, 1.15), ("desktop", 40, 0.85), ("tablet", 6, 1.05)),
    "first_time": Trait.of(("true", 71, 1.05), ("false", 29, 0.80)),
}  # fmt: skip
CLIENT = _clients()


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """The sessions of one day, by number."""

    session_ids: pa.Array
    user_ids: pa.Array
    clients: NDArray[np.int32]  #: codes of CLIENT
    traits: dict[str, NDArray[np.int32]]  #: codes of TRAITS
    difficulty: NDArray[np.float64]

    @classmethod
    def draw(cls, sessions: int, dice: np.random.Generator) -> "People":
        clients = CLIENT.draw(sessions, dice)
        traits = {name: trait.draw(sessions, dice) for name, trait in TRAITS.items()}
        difficulty = CLIENT.difficulty[clients]
        for name, codes in traits.items():
            difficulty = difficulty * TRAITS[name].difficulty[codes]
        anonymous = dice.random(sessions) >= SHARE_WITH_USER
        return cls(hex_ids(sessions, dice), hex_ids(sessions, dice, anonymous), clients, traits, difficulty)


def hex_ids(count: int, dice: np.random.Generator, missing: NDArray[np.bool_] | None = None) -> pa.Array:
    """Random ids of 16 hexadecimal digits, as text; null where `missing`."""
    digits = _HEX[np.frombuffer(dice.bytes(8 * count), np.uint8)]
    offsets = np.arange(count + 1, dtype=np.int32) * 16
    ids = pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(digits.tobytes()))
    return ids if missing is None else pa.compute.if_else(pa.array(missing), None, ids)
