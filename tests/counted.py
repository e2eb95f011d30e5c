"""What the engine and its slow twin say of a small world, in one form, so that they can be compared."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from analytics.catalogue import Catalogue, StoredFile
from analytics.counting import Chains, Count, chains
from analytics.funnels import FunnelDefinition
from analytics.kernel.arrays import NEVER
from analytics.partition import Partition
from analytics.queries import FunnelResult, _answer
from analytics.question import Question
from analytics.sketch import median_ms
from analytics.sweep import Sweep
from analytics.tally import Tally
from tests import reference
from tests.analytics.worlds import LATER, Event, partition, text_of
from tests.reference.answers import Counted, World, counted, ended, entered_on, gaps_ms, reached

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
OUTCOMES = ("converted", "blocked", "open", "left")
#: Session, its chain {step: milliseconds}, its outcome.
Person = tuple[str, dict[int, int], str]


@dataclass(frozen=True)
class Row:
    """Lists over steps. Slot k > 0 of the gaps is from step k-1 to step k, slot 0 from entry to the last."""

    reached: list[int]
    outcomes: list[list[int]]  #: [furthest step][outcome]
    gap_counts: list[int]
    gap_sums_ms: list[int]
    gap_medians_ms: list[float | None] = field(compare=False)  #: within 1 %
    people: list[Person]  #: by session

    def mean_ms(self, slot: int) -> float | None:
        return self.gap_sums_ms[slot] / self.gap_counts[slot] if self.gap_counts[slot] else None


@dataclass(frozen=True)
class Answer:
    reached: list[int]  #: over steps, everybody
    days: dict[dt.date, list[list[int]]]  #: per day of entry [furthest step][outcome], everybody
    rows: dict[str, Row]  #: those that somebody is in; without a breakdown the one row "", always


def asked_of_twin(
    definition: FunnelDefinition,
    question: Question,
    events: Sequence[Event],
    *,
    now: dt.datetime = LATER,
    blocked: Mapping[str, int] | None = None,
) -> Answer:
    world = World([_plain(event) for event in events], definition, question, ms(now), blocked or {})
    everybody = counted(replace(world, question=replace(question, breakdown=())))
    found = counted(world) if question.breakdown else everybody
    days = {entered_on(one, question.zone) for one in everybody}
    steps = len(definition.steps)
    return Answer(
        reached=[reached(everybody, step) for step in range(steps)],
        days={
            day: _outcomes([one for one in everybody if entered_on(one, question.zone) == day], steps)
            for day in days
        },
        rows={
            row: _row([one for one in found if one.row == row], steps)
            for row in ({one.row for one in found} if question.breakdown else {""})
        },
    )


def asked_of_engine(
    definition: FunnelDefinition,
    question: Question,
    events: Sequence[Event],
    *,
    now: dt.datetime = LATER,
    blocked: Mapping[str, int] | None = None,
    parts: int = 1,
) -> Answer:
    """The same of the engine, with the sessions split into so many partitions."""
    partitions = _partitions(events, parts)
    count = Count(definition, question, now, blocked=blocked or {})
    result = _answer(_sweep(count, partitions), Catalogue(1, now, ()))
    rowed = replace(count, rows=result.rows)
    people = [person for one in partitions for person in _people(chains(one, rowed))]
    tallied = result.total if result.grouped is None else result.grouped
    return Answer(
        reached=result.total.reached[0].tolist(),
        days=_tallied_days(result),
        rows={
            label: _tallied_row(tallied, at, [person for row, person in people if row == at])
            for at, label in enumerate(result.rows.labels if result.rows else ("",))
            if tallied.reached[at].any() or not question.breakdown
        },
    )


def _partitions(events: Sequence[Event], parts: int) -> list[Partition]:
    ids = sorted({event.session for event in events})
    part_of = {session: at % parts for at, session in enumerate(ids)}
    return [partition(event for event in events if part_of[event.session] == part) for part in range(parts)]


def _sweep(count: Count, partitions: Sequence[Partition]) -> Sweep:
    """As if the partitions were files of one day."""
    files = [StoredFile(str(part), EPOCH.date(), part, 0, 0, 0, 0) for part in range(len(partitions))]
    named = {(file.day, file.part): set(count.blocked) for file in files}
    return Sweep(count, files, _InMemory({str(part): one for part, one in enumerate(partitions)}), named)


class _InMemory(dict[str, Partition]):
    """Stands in for `Loaded`."""


def _people(found: Chains) -> Iterator[tuple[int, Person]]:
    for number, session in enumerate(found.session_ids().to_pylist()):
        times = found.times_ms[number, : found.reached[number]].tolist()
        chain = {step: at for step, at in enumerate(times) if at != NEVER}
        yield int(found.row[number]), (session, chain, OUTCOMES[found.outcome[number]])


def _tallied_row(total: Tally, at: int, people: list[Person]) -> Row:
    return Row(
        reached=total.reached[at].tolist(),
        outcomes=total.outcomes[at].tolist(),
        gap_counts=total.gap_count[at].tolist(),
        gap_sums_ms=total.gap_sum_ms[at].tolist(),
        gap_medians_ms=[median_ms(histogram) for histogram in total.gap_histogram[at]],
        people=_by_session(people),
    )


def _tallied_days(result: FunnelResult) -> dict[dt.date, list[list[int]]]:
    bins = zip(result.timing.labels, result.total.by_bin.tolist(), strict=True)
    return {day: ended for day, ended in bins if any(map(any, ended))}


def _row(found: Sequence[Counted], steps: int) -> Row:
    gaps = [gaps_ms(found, 0, steps - 1), *(gaps_ms(found, step - 1, step) for step in range(1, steps))]
    return Row(
        reached=[reached(found, step) for step in range(steps)],
        outcomes=_outcomes(found, steps),
        gap_counts=[len(gap) for gap in gaps],
        gap_sums_ms=[sum(gap) for gap in gaps],
        gap_medians_ms=[median(gap) if gap else None for gap in gaps],
        people=_by_session((one.session, one.chain, one.outcome) for one in found),
    )


def _outcomes(found: Sequence[Counted], steps: int) -> list[list[int]]:
    return [[ended(found, step, outcome) for outcome in OUTCOMES] for step in range(steps)]


def _by_session(people: Iterable[Person]) -> list[Person]:
    return sorted(people, key=lambda person: (person[0], sorted(person[1].items())))


def _plain(event: Event) -> reference.Event:
    properties = {name: text_of(value) or "" for name, value in event.properties.items()}
    return reference.Event(event.session, event.name, ms(event.at), properties)


def ms(moment: dt.datetime) -> int:
    return (moment - EPOCH) // dt.timedelta(milliseconds=1)
