"""Parts of the week in which fewer of those who enter convert."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

from analytics.advice.candidates import Candidate, Side
from analytics.advice.cohort import Cohort, conversion
from analytics.queries import Reader
from analytics.timing import by_hour_of_entry

#: The week is cut beforehand, the same for everybody: cuts chosen by the loss would find one by luck.
HOURS = 4
_PARTS = 24 // HOURS
_MONDAY = dt.date(2024, 1, 1)


def bad_hours(reader: Reader, cohort: Cohort) -> Iterator[Candidate]:
    """Each part of the week against the rest of it, by the time of entry in the question's zone."""
    result = reader.ask(replace(cohort.asked, binned=by_hour_of_entry))
    by_hour = result.total.by_bin
    by_part = by_hour.reshape(7 * _PARTS, HOURS, *by_hour.shape[1:]).sum(axis=1)
    for part, outcomes in enumerate(by_part):
        when = _called(part)
        yield Candidate(
            type="bad_hours",
            title=f"Fewer convert of those who enter on {when}",
            what="converted",
            current=Side(f"Entered on {when}", conversion(outcomes), cohort.question),
            reference=Side(
                "Entered in the rest of the week", conversion(cohort.outcomes - outcomes), cohort.question
            ),
            onward=None,
            counterfactual=(
                f"As many enter on {when} as now, and convert as often as those who enter in the rest of the "
                "week."
            ),
            actions=(
                f"See what else runs on {when}, {cohort.question.zone}: releases, backups, batch jobs.",
                f"See who is missing on {when}: support, reviewers, suppliers that answer later.",
                "See on the Drop-off page, by hour, at which step they stop.",
            ),
            page="heatmap",
            lost=None,
        )


def _called(part: int) -> str:
    day, block = divmod(part, _PARTS)
    begins = block * HOURS
    return f"{_MONDAY + dt.timedelta(days=day):%A}s from {begins:02}:00 to {begins + HOURS:02}:00"
