"""Reading the audit: narrowed, page by page, by those who may."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text

from infra import audit
from infra.access.roles import Person, Role
from infra.audit.entries import EntryFilter, choices, entries
from infra.errors import AccessDenied

ADA = Person("ada", Role.ADMIN)
OLGA = Person("olga", Role.OPERATOR)


def done(engine: Engine, *subjects: str, actor: str = "ben", action: str = "letter.retry") -> None:
    with engine.begin() as connection:
        for subject in subjects:
            audit.record(connection, actor=actor, action=action, subject=subject)


def subjects(engine: Engine, after: int | None = None, limit: int = 50, **narrowed: object) -> list[str]:
    page = entries(engine, ADA, EntryFilter(**narrowed), after, limit)  # type: ignore[arg-type]
    return [entry.subject for entry in page.entries]


def test_pages_follow_each_other_without_gap_or_repetition(engine: Engine) -> None:
    done(engine, *(f"letter:{number}" for number in range(5)))
    found, after = [], None
    for _ in range(3):
        page = entries(engine, ADA, EntryFilter(), after, 2)
        found.append([entry.subject for entry in page.entries])
        after = page.next
    assert found == [["letter:4", "letter:3"], ["letter:2", "letter:1"], ["letter:0"]]
    assert after is None


def test_an_entry_that_comes_while_somebody_reads_moves_nothing(engine: Engine) -> None:
    done(engine, "letter:0", "letter:1")
    after = entries(engine, ADA, EntryFilter(), None, 1).next
    done(engine, "letter:2")
    assert subjects(engine, after) == ["letter:0"]


def test_a_kind_alone_is_every_subject_of_it_and_nothing_else(engine: Engine) -> None:
    done(engine, "letter:1", "letter:17", "letters:1", "l_tter:1")
    assert subjects(engine, subject="letter") == ["letter:17", "letter:1"]
    assert subjects(engine, subject="letter:1") == ["letter:1"]
    assert subjects(engine, subject="l_tter") == ["l_tter:1"]
    assert subjects(engine, subject="%") == []


def test_days_take_in_their_first_moment_and_not_the_one_after_their_last(
    engine: Engine, owner: Engine
) -> None:
    written = text(
        "INSERT INTO onward.audit_entry (at, actor, action, subject)"
        " VALUES (CAST(:at AS timestamptz), 'ben', 'letter.retry', :subject)"
    )
    with owner.begin() as connection:
        for subject, at in (
            ("first", "2026-03-01T00:00:00Z"),
            ("last", "2026-03-01T23:59:59.999999Z"),
            ("late", "2026-03-02T00:00:00Z"),
        ):
            connection.execute(written, {"at": at, "subject": subject})
    since, until = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)
    assert subjects(engine, since=since, until=until) == ["last", "first"]


def test_choices_are_each_actor_and_action_once(engine: Engine) -> None:
    assert choices(engine, ADA).actors == ()
    done(engine, "letter:1", "letter:2", actor="olga")
    done(engine, "group:1", actor="ben", action="group.mute")
    done(engine, "letter:3", actor="olga")
    found = choices(engine, ADA)
    assert found.actors == ("ben", "olga")
    assert found.actions == ("group.mute", "letter.retry")


def test_the_audit_is_not_for_everybody(engine: Engine) -> None:
    with pytest.raises(AccessDenied, match=r"audit\.read"):
        entries(engine, OLGA, EntryFilter())
    with pytest.raises(AccessDenied, match=r"audit\.read"):
        choices(engine, OLGA)
