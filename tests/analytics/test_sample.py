"""The shipped log, imported and synced for real: the numbers that plain Python counted independently."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from analytics import choices
from analytics.definition_json import from_json
from analytics.funnels import FunnelDefinition
from analytics.importing.files import open_file
from analytics.importing.load import ImportReport, import_events
from analytics.importing.rejects import RejectsFile
from analytics.importing.rows import ColumnMap
from analytics.queries import Asked, Reader
from analytics.question import Filter, Question
from analytics.store import EventStore
from analytics.sync import sync
from analytics.tables import metadata
from analytics.views.funnel import FUNNEL
from analytics.views.records import FunnelView
from infra.database import open_engine

SAMPLE = Path(__file__).parent.parent.parent / "sample"
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
LOAN = "A_SUBMITTED,A_PREACCEPTED,A_ACCEPTED,A_FINALIZED,A_APPROVED|A_ACTIVATED|A_REGISTERED"
OFFER = "A_SUBMITTED,A_PARTLYSUBMITTED,A_PREACCEPTED,O_SENT,O_SENT_BACK,O_ACCEPTED"
DAY = 86400
#: Longer than the whole log.
NO_LIMIT = 365 * DAY


@pytest.fixture(scope="module")
def imported(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Reader, ImportReport]]:
    """The whole sample, once for all tests here; gone afterwards."""
    engine, folder = open_engine(database_url), tmp_path_factory.mktemp("sample")
    mapping = ColumnMap.parse("session_id=case_id,name=event,occurred_at=timestamp")
    with RejectsFile(folder / "rejects.csv") as rejects:
        report = import_events(engine, open_file(SAMPLE / "bpi2012.csv.gz"), mapping, rejects)
    store = EventStore.at(str(folder / "events"))
    sync(engine, store)
    yield Reader(engine, store), report
    with engine.begin() as connection:
        for table in metadata.sorted_tables:
            connection.execute(text(f"TRUNCATE {table.fullname}"))
    engine.dispose()


@pytest.fixture(scope="module")
def reader(imported: tuple[Reader, ImportReport]) -> Reader:
    return imported[0]


def loan_application() -> FunnelDefinition:
    body = json.loads((SAMPLE / "loan-application.json").read_text(encoding="utf-8"))
    return from_json(body)


def view(reader: Reader, steps: str, window: int, question: Question | None = None) -> FunnelView:
    definition = FunnelDefinition.parse(steps, window_seconds=window)
    return FUNNEL.of(reader, Asked(definition, question or Question(), NOW))


def test_every_row_is_an_event(imported: tuple[Reader, ImportReport]) -> None:
    _, report = imported
    assert (report.events, report.sessions, report.duplicates, report.rejected) == (262_200, 13_087, 0, 0)


@pytest.mark.parametrize(
    ("steps", "window", "reached"),
    [
        (LOAN, NO_LIMIT, [13087, 7367, 5113, 5015, 2246]),
        (LOAN, 30 * DAY, [13087, 7367, 5113, 5015, 2058]),
        (LOAN, 7 * DAY, [13087, 7366, 5023, 4932, 126]),
        (OFFER, NO_LIMIT, [13087, 13087, 7367, 5015, 3254, 2243]),
        (OFFER, 30 * DAY, [13087, 13087, 7367, 5015, 3146, 2055]),
        ("A_SUBMITTED,A_DECLINED", NO_LIMIT, [13087, 7635]),
        ("A_SUBMITTED,A_DECLINED", DAY, [13087, 6346]),
        ("O_SENT,O_CANCELLED,O_SENT", NO_LIMIT, [5015, 2660, 1438]),
        ("O_SENT,O_CANCELLED,O_SENT", 30 * DAY, [5015, 2220, 1422]),
    ],
)
def test_counts(reader: Reader, steps: str, window: int, reached: list[int]) -> None:
    assert [step.reached for step in view(reader, steps, window).steps] == reached


@pytest.mark.parametrize(
    ("steps", "medians", "averages"),
    [
        (LOAN, [43.963, 14832.523, 183.982, 1194617.5175], [7493.228, 67267.402, 565.052, 1382204.213]),
        (OFFER, [0.273, 43.325, 15017.333, 777781.069, 354969.165],
         [0.582, 7492.632, 66409.889, 974937.075, 446059.766]),
        ("A_SUBMITTED,A_DECLINED", [673.212], [176953.162]),
        ("O_SENT,O_CANCELLED,O_SENT", [755580.1275, 1.334], [1055773.695, 3.329]),
    ],
)  # fmt: skip
def test_times_between_steps(reader: Reader, steps: str, medians: list[float], averages: list[float]) -> None:
    found = view(reader, steps, NO_LIMIT).steps[1:]
    assert [step.median_seconds for step in found] == pytest.approx(medians, rel=0.01)
    assert [step.average_seconds for step in found] == pytest.approx(averages, abs=0.001)


def test_time_to_convert(reader: Reader) -> None:
    assert view(reader, LOAN, NO_LIMIT).median_seconds == pytest.approx(1247325.9335, rel=0.01)
    assert view(reader, LOAN, NO_LIMIT).average_seconds == pytest.approx(1439325.096, abs=0.001)


def test_the_sample_funnel_breaks_down_by_bands_that_add_up(reader: Reader) -> None:
    question = Question(breakdown=("case_amount_req",))
    found = FUNNEL.of(reader, Asked(loan_application(), question, NOW))
    assert [group.label for group in found.groups] == [
        "under 5,000", "5,000 to under 10,000", "10,000 to under 20,000", "20,000 to under 35,000",
        "35,000 and more",
    ]  # fmt: skip
    assert sum(group.entered for group in found.groups) == found.entered == 13087
    assert sum(group.converted for group in found.groups) == found.converted == 2058
    assert found.finding == "Most stop between Submitted and Pre-accepted: 5,720 of 13,087 (43.7%)."

    only = Question(where=(Filter("case_amount_req", ("under 5,000",)),))
    assert FUNNEL.of(reader, Asked(loan_application(), only, NOW)).entered == found.groups[0].entered


def test_the_months_add_up_to_the_whole(reader: Reader) -> None:
    months = [dt.date(2011, month, 1) for month in (9, 10, 11, 12)] + [
        dt.date(2012, month, 1) for month in (1, 2, 3)
    ]
    ends = [*(month - dt.timedelta(days=1) for month in months[1:]), dt.date(2012, 3, 31)]
    spans = [Question.of_days(first, last) for first, last in zip(months, ends, strict=True)]
    views = [view(reader, LOAN, NO_LIMIT, span) for span in spans]
    assert [sum(each.steps[at].reached for each in views) for at in range(5)] == [
        13087,
        7367,
        5113,
        5015,
        2246,
    ]
    whole = view(reader, LOAN, NO_LIMIT)
    assert sum(point.entered for point in whole.daily) == 13087
    october = views[1]
    assert october.entered == sum(point.entered for point in whole.daily if point.day.month == 10)
    november = views[2]
    assert november.previous is not None
    assert november.previous.period.days == 30


def test_the_only_other_property_of_an_application_is_offered_in_bands(reader: Reader) -> None:
    offered = choices.dimensions(reader, loan_application())
    assert [(choice.property, choice.label, choice.values) for choice in offered] == [
        ("case_amount_req", "Amount requested", 5)
    ]
