"""Something that may be worth doing, before it is known whether the numbers support it."""

from dataclasses import dataclass

from analytics.funnels import FunnelDefinition
from analytics.question import Question
from analytics.rates import Rate


@dataclass(frozen=True, slots=True)
class Lost:
    """The sessions that a page can list: those of the cohort who stopped here, of this value."""

    stopped: int | None = None  #: got exactly this far; None: anywhere
    outcome: str = "left"
    dimension: str | None = None
    value: str | None = None
    pattern: str | None = None  #: of the failed task they stand behind


@dataclass(frozen=True, slots=True)
class Side:
    who: str
    rate: Rate
    question: Question  #: whose entries it counts


@dataclass(frozen=True, slots=True)
class Candidate:
    """Perhaps fewer of `current` than of `reference` did `what`. Each text names the steps and values."""

    type: str
    title: str
    what: str
    current: Side
    reference: Side
    onward: Rate | None  #: who converted of those who did it; None where to do it is to convert
    counterfactual: str
    actions: tuple[str, ...]
    page: str  #: where it is shown
    lost: Lost | None  #: None where the pages cannot list exactly these


def from_to(definition: FunnelDefinition, step: int) -> tuple[str, str]:
    """How people call the step, and the one after it."""
    if definition.order == "unordered":
        steps = len(definition.steps)
        return f"{step + 1} of {steps} steps", f"{step + 2} of {steps}"
    return definition.steps[step].label, definition.steps[step + 1].label
