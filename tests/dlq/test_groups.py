"""Failures of one cause stand together; people note, mute and close them, and a failure opens them again."""

from dataclasses import replace
from datetime import timedelta

import pytest

from dlq.errors import BadCursor, UnknownGroup
from dlq.groups import console
from dlq.groups.fingerprint import VERSION
from dlq.groups.summary import GroupState
from dlq.letters import Kind, Status
from dlq.queries import LetterFilter
from dlq.redaction import MASK, Redactor
from dlq.tally import fold
from tests.dlq.builders import (
    NOON,
    Operator,
    RecordedAudit,
    Refused,
    count,
    envelope,
    fail,
    failure,
    letter,
    succeed,
)

pytestmark = pytest.mark.servers
OLGA = Operator()
MASKED = Redactor()
LATER = NOON + timedelta(hours=1)


def listed(engine, *, now=LATER, **asked):
    asked = {"state": "all"} | asked
    narrowed = asked.pop("narrowed", console.EVERYTHING)
    return console.groups(engine, OLGA, narrowed, redactor=MASKED, now=now, **asked)


def types(engine, **asked):
    return [found.exception_type for found in listed(engine, **asked).groups]


def one(engine, letter_id, now=LATER):
    return console.group(engine, OLGA, fingerprint_of(engine, letter_id), redactor=MASKED, now=now)


def fingerprint_of(engine, letter_id):
    return letter(engine, letter_id)["fingerprint"]


def decide(verb, engine, letter_id, *arguments, at=NOON, audit=None, by=OLGA):
    return getattr(console, verb)(
        engine,
        by,
        fingerprint_of(engine, letter_id),
        *arguments,
        redactor=MASKED,
        audit=audit or RecordedAudit(),
        clock=lambda: at,
    )


def fail_as(engine, task_id, exception_type="ValueError", session=None, after=0, release="", **changed):
    how = failure(exception_type=exception_type, after_seconds=after)
    return fail(engine, envelope(task_id, session_id=session, **changed), replace(how, release=release))


def test_failures_of_one_cause_are_one_group_with_its_counts(engine):
    first = fail_as(engine, "a", session="ana")
    fail_as(engine, "b", session="ana", after=60)
    fail_as(engine, "c", session="bo", after=90)
    fail_as(engine, "d", session="cy")
    succeed(engine, envelope("d"))
    (found,) = listed(engine).groups
    assert (found.letters, found.waiting, found.retrying, found.sessions_blocked) == (4, 3, 0, 2)
    assert (found.first_seen_at, found.last_seen_at) == (NOON, NOON + timedelta(seconds=90))
    assert (found.exception_type, found.task_name, found.state) == ("ValueError", "shop.pay", "open")
    assert found == one(engine, first)


def test_the_group_says_what_its_messages_share(engine):
    letter_id = fail(engine, envelope(), failure(message="no user 17 with password=hunter2"))
    assert one(engine, letter_id).message == f"no user <number> with password={MASK}"


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("blocked", ["TypeError", "KeyError", "ValueError"]),
        ("newest", ["ValueError", "KeyError", "TypeError"]),
        ("letters", ["KeyError", "ValueError", "TypeError"]),
    ],
)
def test_groups_are_ordered_by_people_blocked_time_or_letters_in_pages(engine, order, expected):
    for number, session in enumerate(("ana", "bo")):
        fail_as(engine, f"t{number}", "TypeError", session)
    for number in range(4):
        fail_as(engine, f"k{number}", "KeyError", "ana", after=10)
    for number in range(3):
        fail_as(engine, f"v{number}", "ValueError", after=20)
    seen, after = [], None
    for _ in range(3):
        page = listed(engine, order=order, limit=1, after=after)
        seen += [found.exception_type for found in page.groups]
        after = page.next
    assert (seen, after) == (expected, None)


def test_pages_of_equal_groups_have_no_gap_or_repeat(engine):
    for number in range(5):
        fail_as(engine, f"t{number}", f"Error{number}")
    seen, after = [], None
    for _ in range(3):
        page = listed(engine, limit=2, after=after)
        seen += [found.exception_type for found in page.groups]
        after = page.next
    assert sorted(seen) == [f"Error{number}" for number in range(5)]
    assert after is None


@pytest.mark.parametrize("cursor", ["", "1", "1-abc", "x-0123456789abcdef", "-1-0123456789abcdef"])
def test_a_position_that_is_none_is_refused(engine, cursor):
    with pytest.raises(BadCursor):
        listed(engine, after=cursor)


@pytest.mark.parametrize(
    "narrowed",
    [
        {"task_name": "shop.ship"},
        {"exception_type": "KeyError"},
        {"queue": "slow"},
        {"category": "bug"},
        {"kind": (Kind.EXCEPTION,), "task_name": "shop.ship"},
        {"session_id": "bo"},
        {"task_id": "b"},
        {"text": "keyerror"},
        {"text": "keyerror", "task_name": "shop.ship"},
        {"failed_from": NOON + timedelta(seconds=1)},
        {"status": (Status.RESOLVED,)},
    ],
)
def test_a_filter_leaves_the_groups_that_have_such_a_letter(engine, narrowed):
    fail_as(engine, "a", "ValueError", "ana")
    fail_as(engine, "b", "KeyError", "bo", 5, task_name="shop.ship", queue="slow")
    fail_as(engine, "c", "KeyError", "cy", task_name="shop.ship", queue="slow")
    succeed(engine, envelope("b"))
    (found,) = listed(engine, narrowed=LetterFilter(**narrowed)).groups
    assert (found.exception_type, found.letters) == ("KeyError", 2), "counts are of the whole group"


def test_a_group_whose_letters_have_all_left_a_state_is_not_found_by_it(engine):
    fail_as(engine, "a")
    succeed(engine, envelope("a"))
    assert types(engine, narrowed=LetterFilter(status=(Status.DEAD,))) == []
    assert types(engine, narrowed=LetterFilter(status=(Status.RESOLVED,))) == ["ValueError"]


def test_a_reader_restricted_to_clients_sees_groups_and_counts_of_their_letters_only(engine):
    fail_as(engine, "a", "ValueError", "ana", client_id="acme")
    fail_as(engine, "b", "ValueError", "bo", 60, client_id="other")
    hidden = fail_as(engine, "c", "KeyError", "bo", client_id="other")
    (found,) = listed(engine, narrowed=LetterFilter(clients=("acme",))).groups
    assert (found.letters, found.waiting, found.sessions_blocked, sum(found.sparkline)) == (1, 1, 1, 1)
    assert found.last_seen_at == NOON
    reader = Operator(clients=frozenset({"acme"}))
    with pytest.raises(UnknownGroup):
        console.group(engine, reader, fingerprint_of(engine, hidden), redactor=MASKED, now=LATER)


def test_counts_are_the_same_before_and_after_the_tally_is_folded(engine):
    for number in range(3):
        fail_as(engine, f"t{number}", session="ana", after=-3600 * number)
    succeed(engine, envelope("t1"))
    before = listed(engine)
    assert fold(engine, clock=lambda: LATER)
    assert listed(engine) == before
    assert (before.groups[0].letters, before.groups[0].waiting) == (3, 2)


def test_the_sparkline_counts_new_letters_by_the_hour(engine):
    for number, hours_ago in enumerate((0, 0, 1, 23, 24, 48)):
        fail_as(engine, f"t{number}", after=-3600 * hours_ago)
    (found,) = listed(engine, now=NOON + timedelta(minutes=30)).groups
    assert found.sparkline == (1,) + (0,) * 21 + (1, 2)


def test_a_note_is_kept_with_the_group_and_audited(engine):
    letter_id, audit = fail_as(engine, "a"), RecordedAudit()
    assert decide("annotate", engine, letter_id, "  ask the bank ", audit=audit).note == "ask the bank"
    assert one(engine, letter_id).note == "ask the bank"
    (entry,) = audit.entries
    assert (entry["actor"], entry["action"]) == ("olga", "group.annotate")
    assert (entry["before"], entry["after"]) == ({"note": ""}, {"note": "ask the bank"})


def test_a_muted_group_is_out_of_the_way_until_its_time(engine):
    letter_id = fail_as(engine, "a")
    until = NOON + timedelta(hours=2)
    assert decide("mute", engine, letter_id, until).muted_until == until
    assert types(engine, state="open") == []
    assert types(engine, state="muted") == ["ValueError"]
    assert types(engine, state="open", now=until) == ["ValueError"]
    assert one(engine, letter_id, until).state == GroupState.OPEN


def test_a_group_muted_without_end_stays_so_until_it_is_opened(engine):
    letter_id = fail_as(engine, "a")
    decide("mute", engine, letter_id, None)
    fail_as(engine, "b", after=10**6)
    assert one(engine, letter_id, NOON + timedelta(days=400)).state == GroupState.MUTED
    assert decide("reopen", engine, letter_id).state == GroupState.OPEN


def test_a_group_marked_fixed_opens_when_it_comes_back(engine):
    letter_id = fail_as(engine, "a", release="1.0")
    fixed = decide("mark_fixed", engine, letter_id, "1.1", at=NOON + timedelta(minutes=1))
    assert (fixed.state, fixed.fixed_in) == (GroupState.FIXED, "1.1")
    assert types(engine, state="fixed") == ["ValueError"]
    fail_as(engine, "b", release="1.1", after=120)
    back = one(engine, letter_id)
    assert (back.state, back.reopened_at) == (GroupState.OPEN, NOON + timedelta(seconds=120))
    assert back.fixed_in == "1.1", "where it was meant to be fixed is worth knowing now"


@pytest.mark.parametrize(
    ("release", "after", "state"),
    [
        ("1.0", 120, GroupState.FIXED),  # a worker of the old release
        ("1.1", 30, GroupState.FIXED),  # failed before the mark, recorded after it
        ("1.2", 120, GroupState.OPEN),
        ("", 120, GroupState.OPEN),  # no release is named: it counts
    ],
)
def test_old_failures_and_old_releases_do_not_open_a_fixed_group(engine, release, after, state):
    letter_id = fail_as(engine, "a", release="1.0")
    fail_as(engine, "a2", release="")
    decide("mark_fixed", engine, letter_id, "1.1", at=NOON + timedelta(minutes=1))
    fail_as(engine, "b", release=release, after=after)
    assert one(engine, letter_id).state == state


def test_a_retry_that_fails_again_opens_a_fixed_group(engine):
    letter_id = fail_as(engine, "a", release="1.0")
    decide("mark_fixed", engine, letter_id, "1.0", at=NOON + timedelta(minutes=1))
    fail_as(engine, "a", release="1.0", after=120)
    assert one(engine, letter_id).state == GroupState.OPEN


def test_many_letters_of_one_session_rank_after_a_few_of_many_sessions(engine):
    for number in range(5):
        fail_as(engine, f"one-{number}", "OneSession", session="ana")
    for session in ("bo", "cy", "di"):
        fail_as(engine, f"three-{session}", "ThreeSessions", session=session)
    for session in ("eve", "fay"):
        fail_as(engine, f"two-{session}", "TwoSessions", session=session)
    for number in range(4):
        fail_as(engine, f"none-{number}", "NoSession")
    shown, after = [], None
    for _ in range(4):
        page = listed(engine, order="blocked", after=after, limit=1)
        shown += [(found.exception_type, found.sessions_blocked) for found in page.groups]
        after = page.next
    assert shown == [("ThreeSessions", 3), ("TwoSessions", 2), ("OneSession", 1), ("NoSession", 0)]


def test_a_known_group_is_not_written_again(engine):
    fail_as(engine, "a")
    with engine.begin() as holding:
        holding.exec_driver_sql("SELECT 1 FROM onward.dead_letter_group FOR UPDATE")
        # Waits for ever if recording a failure needs the row that somebody holds.
        fail_as(engine, "b")
    assert count(engine, "dead_letter_group") == 1


def test_letters_of_older_rules_keep_their_group_until_they_fail_again(engine):
    first, second = fail_as(engine, "a"), fail_as(engine, "b")
    older = "0" * 16
    with engine.begin() as connection:
        for table in ("dead_letter", "dead_letter_group"):
            connection.exec_driver_sql(
                f"UPDATE onward.{table} SET fingerprint = '{older}', fingerprint_version = {VERSION - 1}"
            )
    decide("annotate", engine, first, "known")
    succeed(engine, envelope("a"))
    fail_as(engine, "a", after=60)
    moved, kept = letter(engine, first), letter(engine, second)
    assert (moved["fingerprint_version"], kept["fingerprint_version"]) == (VERSION, VERSION - 1)
    assert kept["fingerprint"] == older != moved["fingerprint"]
    groups = listed(engine, order="newest").groups
    assert [(found.letters, found.note) for found in groups] == [(1, ""), (1, "known")]


def test_a_group_without_letters_is_found_by_its_fingerprint_only(engine):
    letter_id = fail_as(engine, "a")
    fingerprint = fingerprint_of(engine, letter_id)
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM onward.dead_letter")
    assert listed(engine).groups == ()
    left = console.group(engine, OLGA, fingerprint, redactor=MASKED, now=LATER)
    assert (left.letters, left.sessions_blocked, left.last_seen_at) == (0, 0, None)


def test_an_unknown_fingerprint_is_said_to_be_unknown(engine):
    with pytest.raises(UnknownGroup):
        console.group(engine, OLGA, "0" * 16, redactor=MASKED, now=LATER)
    with pytest.raises(UnknownGroup):
        console.annotate(engine, OLGA, "0" * 16, "", redactor=MASKED, audit=RecordedAudit())


def test_reading_and_deciding_need_their_permissions(engine):
    letter_id = fail_as(engine, "a")
    reader = Operator(lacks=frozenset({"letters.retry"}))
    nobody = Operator(lacks=frozenset({"letters.read"}))
    for verb, arguments in (("annotate", ("x",)), ("mute", (None,)), ("mark_fixed", ("1",)), ("reopen", ())):
        with pytest.raises(Refused):
            decide(verb, engine, letter_id, *arguments, by=reader)
    with pytest.raises(Refused):
        console.groups(engine, nobody, redactor=MASKED, now=LATER)
    with pytest.raises(Refused):
        console.group(engine, nobody, fingerprint_of(engine, letter_id), redactor=MASKED, now=LATER)
    assert one(engine, letter_id).state == GroupState.OPEN


def test_a_decision_without_its_audit_entry_does_not_stand(engine):
    letter_id = fail_as(engine, "a")
    with pytest.raises(RuntimeError):
        decide("mark_fixed", engine, letter_id, "1.1", audit=RecordedAudit(breaks=True))
    assert one(engine, letter_id).state == GroupState.OPEN
