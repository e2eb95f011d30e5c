"""The demo's people: what each does follows from the id of the session, so a restart changes nobody's mind.

Their number, their languages and where they give up are invented; what the dashboard shows of them is not:
every session runs through the real broker, the real worker and the real database.
"""

import random
from dataclasses import dataclass

from onboarding.sessions import Stage

_CLIENTS = (("acme", 5), ("globex", 3), ("initech", 2))
_LANGUAGES = (("en", 6), ("de", 3), ("fr", 2), ("ja", 1))
_KINDS = (("personal", 5), ("team", 4), ("migration", 2))
_MESSAGES = (
    "I want to get going quickly.",
    "We are four people and share one calendar.",
    "Everything is in an old spreadsheet.",
    "Please keep it simple.",
)
#: The share that goes on from each stage, when nothing of ours stands in the way.
_GOES_ON = {Stage.STARTED: 0.86, Stage.RECOMMENDATIONS_GENERATED: 0.78, Stage.APPROVAL_DECISION: 0.9}
#: Newcomers from old systems find it harder; the breakdown by kind shows it.
_HARDER_KIND, _HARDER_BY = "migration", 0.18


@dataclass(frozen=True, slots=True)
class Character:
    client_id: str
    user_id: str
    language: str
    kind: str
    first_time: bool
    message: str
    thinks_seconds: float  #: before each thing they do
    gives_up_at: Stage | None  #: None: sees the flow through


def character(session_id: str) -> Character:
    dice = random.Random(session_id)  # noqa: S311 - a repeatable choice, no secret
    kind = _one_of(dice, _KINDS)
    return Character(
        client_id=_one_of(dice, _CLIENTS),
        user_id=f"user-{dice.randrange(100_000):05d}",
        language=_one_of(dice, _LANGUAGES),
        kind=kind,
        first_time=dice.random() < 0.7,
        message=dice.choice(_MESSAGES),
        thinks_seconds=dice.lognormvariate(1.2, 0.7),
        gives_up_at=_gives_up_at(dice, kind),
    )


def _one_of(dice: random.Random, weighted: tuple[tuple[str, int], ...]) -> str:
    values, weights = zip(*weighted, strict=True)
    return str(dice.choices(values, weights)[0])


def _gives_up_at(dice: random.Random, kind: str) -> Stage | None:
    harder = _HARDER_BY if kind == _HARDER_KIND else 0.0
    for stage, share in _GOES_ON.items():
        if dice.random() >= share - harder:
            return stage
    return None
