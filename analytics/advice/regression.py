"""Steps from which fewer go on than in the period just before."""

from collections.abc import Iterator
from dataclasses import replace

from analytics.advice.candidates import Candidate, Lost, Side, from_to
from analytics.advice.cohort import Cohort, passages
from analytics.queries import Reader


def regressed_steps(reader: Reader, cohort: Cohort) -> Iterator[Candidate]:
    """Both periods are followed up equally long, so the newer one is not the worse for being young."""
    earlier = reader.ask(replace(cohort.asked, question=cohort.question.previous()))
    then = passages(earlier.total.outcomes[0])
    for step, (now, before) in enumerate(zip(passages(cohort.outcomes), then, strict=True)):
        first, following = from_to(cohort.definition, step)
        begins = cohort.question.days()[0]
        since = f"{begins.day} {begins:%B %Y}"
        yield Candidate(
            type="step_regression",
            title=f"Fewer go on from {first} to {following} than before",
            what=f"went on from {first} to {following}",
            current=Side("In this period", now.passed, cohort.question),
            reference=Side("In the period before", before.passed, earlier.question),
            onward=now.onward_or(before) if step + 1 < cohort.definition.last_step else None,
            counterfactual=(
                f"As many come to {first} as now, go on to {following} as often as in the period before, and "
                "then convert as often as those who go on now."
            ),
            actions=(
                f"List what changed from {first} to {following} since {since}: releases, texts, prices.",
                f"See on the Compare page which sessions explain {first} to {following}: who came, or how.",
                f"Open the sessions that left at {first}, and see what they did last.",
            ),
            page="compare",
            lost=Lost(stopped=step),
        )
