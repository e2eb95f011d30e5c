"""What two versions of a definition differ in, as sentences that people read."""

from collections.abc import Sequence

from analytics.conditions import Condition
from analytics.durations import shown
from analytics.funnels import Dimension, Exclusion, FunnelDefinition, Step, events_label


def changes(before: FunnelDefinition, after: FunnelDefinition) -> list[str]:
    """One sentence per difference, in the order of the definition; empty when both say the same."""
    said = [
        _changed("Title", before.title or before.name, after.title or after.name),
        _changed("Order", before.order, after.order),
        _changed("Window", shown(before.window_seconds), shown(after.window_seconds)),
        *_step_changes(before.steps, after.steps),
        *_set_changes("exclusion", _exclusions(before), _exclusions(after)),
        *_set_changes("dimension", _dimensions(before), _dimensions(after)),
    ]
    return [sentence for sentence in said if sentence]


def matched_steps(after: Sequence[Step], before: Sequence[Step]) -> list[tuple[int | None, int | None]]:
    """Which step of `after` was which of `before`, by position: those of `after`, then the dropped ones.

    A step is the same one when it is equal, else when its label is, else when its events and filters are.
    """
    partner: dict[int, int] = {}
    for is_same in (_equal, _same_label, _same_events):
        for at, step in enumerate(after):
            free = (n for n in range(len(before)) if n not in partner.values() and is_same(step, before[n]))
            if at not in partner and (found := next(free, None)) is not None:
                partner[at] = found
    dropped = [n for n in range(len(before)) if n not in partner.values()]
    return [*((at, partner.get(at)) for at in range(len(after))), *((None, n) for n in dropped)]


def step_sentence(step: Step) -> str:
    """What serves the step: `signed up or registered, where plan is pro; optional`."""
    where = f", where {_all_of(step.where)}" if step.where else ""
    return f"{events_label(step.events)}{where}{'; optional' if step.optional else ''}"


def _step_changes(before: Sequence[Step], after: Sequence[Step]) -> list[str]:
    pairs = matched_steps(after, before)
    said = []
    for at, was in pairs:
        if at is None and was is not None:
            said.append(f"Step {was + 1} removed: {before[was].label}")
        elif at is not None and was is None:
            said.append(f"Step {at + 1} added: {after[at].label} ({step_sentence(after[at])})")
        elif at is not None and was is not None:
            said += _step_difference(at + 1, before[was], after[at])
    kept = [was for at, was in pairs if at is not None and was is not None]
    if kept != sorted(kept):
        said.append(f"Steps in another order: {', '.join(step.label for step in after)}")
    return said


def _step_difference(number: int, before: Step, after: Step) -> list[str]:
    return [
        _changed(f"Label of step {number}", before.label, after.label),
        _changed(f"Step {number}, {after.label}", step_sentence(before), step_sentence(after)),
    ]


def _changed(what: str, before: str, after: str) -> str:
    return f"{what}: {before} → {after}" if before != after else ""


def _set_changes(what: str, before: Sequence[str], after: Sequence[str]) -> list[str]:
    removed = [f"{what.capitalize()} removed: {one}" for one in before if one not in after]
    return removed + [f"{what.capitalize()} added: {one}" for one in after if one not in before]


def _exclusions(definition: FunnelDefinition) -> list[str]:
    return [_exclusion(definition, exclusion) for exclusion in definition.exclusions]


def _exclusion(definition: FunnelDefinition, exclusion: Exclusion) -> str:
    where = f", where {_all_of(exclusion.where)}" if exclusion.where else ""
    between = " and ".join(definition.steps[at].label for at in (exclusion.from_step, exclusion.to_step))
    return f"{events_label(exclusion.events)} between {between}{where}"


def _dimensions(definition: FunnelDefinition) -> list[str]:
    return [_dimension(dimension) for dimension in definition.dimensions]


def _dimension(dimension: Dimension) -> str:
    label = f"{dimension.label} ({dimension.property})"
    bands = f", in bands at {', '.join(f'{edge:,g}' for edge in dimension.bands)}" if dimension.bands else ""
    return label + bands


def _all_of(conditions: Sequence[Condition]) -> str:
    return " and ".join(map(str, conditions))


def _equal(one: Step, other: Step) -> bool:
    return one == other


def _same_label(one: Step, other: Step) -> bool:
    return one.label == other.label


def _same_events(one: Step, other: Step) -> bool:
    return (one.events, one.where) == (other.events, other.where)
