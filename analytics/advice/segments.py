"""Segments of which fewer go on from a step than of all others together."""

from collections.abc import Iterator
from dataclasses import replace

from analytics import choices
from analytics.advice.candidates import Candidate, Lost, Side, from_to
from analytics.advice.cohort import Cohort, Passage, passages
from analytics.funnels import Dimension
from analytics.grouping import MISSING, OTHER
from analytics.queries import Reader

MOST_DIMENSIONS = 12
MOST_VALUES = 10


def weak_segments(reader: Reader, cohort: Cohort) -> Iterator[Candidate]:
    """Every step of every value of the offered dimensions, against all other sessions.

    Against the best value a gap would be overstated: the best of many is best by luck as well.
    """
    for choice in choices.dimensions(reader, cohort.definition)[:MOST_DIMENSIONS]:
        dimension = cohort.definition.dimension(choice.property)
        question = replace(cohort.question, breakdown=(dimension.property,), most_groups=MOST_VALUES)
        result = reader.ask(replace(cohort.asked, question=question))
        if result.rows is None or result.grouped is None:
            continue
        for row, value in enumerate(result.rows.labels):
            if value in {MISSING, OTHER}:
                continue
            theirs = result.grouped.outcomes[row]
            of_others = passages(result.total.outcomes[0] - theirs)
            for step, (here, elsewhere) in enumerate(zip(passages(theirs), of_others, strict=True)):
                yield _candidate(cohort, dimension, value, step, here, elsewhere)


def _candidate(
    cohort: Cohort, dimension: Dimension, value: str, step: int, here: Passage, elsewhere: Passage
) -> Candidate:
    before, after = from_to(cohort.definition, step)
    who = f"{dimension.label} {value}"
    return Candidate(
        type="fix_step_for_segment",
        title=f"{who}: too few go on from {before} to {after}",
        what=f"went on from {before} to {after}",
        current=Side(f"Sessions with {who}", here.passed, cohort.question),
        reference=Side("All others together", elsewhere.passed, cohort.question),
        onward=here.onward_or(elsewhere) if step + 1 < cohort.definition.last_step else None,
        counterfactual=(
            f"As many with {who} come to {before} as now, go on to {after} as often as all others together, "
            f"and then convert as often as those who go on now."
        ),
        actions=(
            f"Open the sessions with {who} that left at {before}, and see what they did last.",
            f"Go from {before} to {after} yourself as {who}: wording, form, errors, waiting time.",
            f"After a change, compare {who} with the others on the Cohorts page.",
        ),
        page="cohorts",
        lost=Lost(stopped=step, dimension=dimension.property, value=value),
    )
