"""The chain: written by the database at commit, checked in Python, and broken by every kind of tampering."""

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, Engine, insert, select, text
from sqlalchemy.exc import ProgrammingError

from infra import audit
from infra.audit.chain import START, Break, Head
from infra.audit.tables import audit_link
from infra.audit.verifying import Verification, verify


def write(connection: Connection, subject: str, **fields: object) -> None:
    audit.record(connection, actor="ana", action="letter.retry", subject=subject, **fields)  # type: ignore[arg-type]


def recorded(engine: Engine, *subjects: str) -> None:
    for subject in subjects:
        with engine.begin() as connection:
            write(connection, subject)


@pytest.fixture
def tamper(owner: Engine) -> Callable[..., None]:
    """Does what only the owner can, and only past the triggers."""

    def tamper(*statements: str) -> None:
        with owner.begin() as connection:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            for statement in statements:
                connection.execute(text(statement))

    return tamper


@pytest.fixture
def four(engine: Engine) -> Engine:
    """Four entries, whose ids are 1 to 4 and whose links have the same numbers."""
    recorded(engine, "letter:1", "letter:2", "letter:3", "letter:4")
    return engine


def renumber(*pairs: tuple[int, int]) -> list[str]:
    """Statements that give links other numbers; by way of negative ones, since no two may be the same."""
    away = [f"UPDATE onward.audit_link SET number = {-new} WHERE number = {old}" for old, new in pairs]
    return [*away, "UPDATE onward.audit_link SET number = -number WHERE number < 0"]


def test_nothing_recorded_is_a_chain_that_holds(engine: Engine) -> None:
    assert verify(engine) == Verification(head=None, fault=None)


def test_each_entry_is_linked_to_the_one_before_when_its_transaction_ends(engine: Engine) -> None:
    with engine.begin() as connection:
        write(connection, "letter:1")
        write(connection, "letter:2")
        assert connection.execute(select(audit_link)).all() == []
    recorded(engine, "letter:3")
    with engine.connect() as connection:
        links = connection.execute(select(audit_link).order_by(audit_link.c.number)).all()
    assert [(link.number, link.entry_id) for link in links] == [(1, 1), (2, 2), (3, 3)]
    assert [link.previous for link in links] == [START, links[0].digest, links[1].digest]


def test_what_was_rolled_back_leaves_no_gap_in_the_chain(engine: Engine) -> None:
    recorded(engine, "letter:1")
    with engine.connect() as connection:
        write(connection, "letter:2")
        connection.rollback()
    recorded(engine, "letter:3")
    found = verify(engine)
    assert found.fault is None
    assert found.head is not None
    assert found.head.number == 2


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"before": {"name": "Žofie, 3:4"}, "after": {"tab": "a\tb", "deep": [1, 2.50, None, {"x": True}]}},
        {"after": {}, "source": ""},
        {"before": {"nul": None}, "source": "2001:db8::1"},
    ],
)
def test_python_digests_whatever_is_written_as_the_database_does(
    engine: Engine, fields: dict[str, object]
) -> None:
    with engine.begin() as connection:
        write(connection, "letter:ž🙂,5:", **fields)
    assert verify(engine).fault is None


def test_writers_at_the_same_time_form_one_chain(engine: Engine) -> None:
    def work(number: int) -> None:
        recorded(engine, *(f"letter:{number}-{turn}" for turn in range(20)))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = verify(engine)
    assert found.fault is None
    assert found.head is not None
    assert found.head.number == 80


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("actor", "'bob'"),
        ("action", "'letter.discard'"),
        ("subject", "'letter:9'"),
        ("at", "at + interval '1 microsecond'"),
        ("before", "'{}'"),
        ("after", "'{\"a\": 1}'"),
        ("source", "'10.0.0.1'"),
    ],
)
def test_a_changed_entry_is_named(four: Engine, tamper: Callable[..., None], column: str, value: str) -> None:
    tamper(f"UPDATE onward.audit_entry SET {column} = {value} WHERE id = 3")
    found = verify(four)
    assert found.fault is not None
    assert (found.fault.kind, found.fault.number, found.fault.entry_id) == (Break.CHANGED, 3, 3)
    assert found.head is not None
    assert found.head.number == 2


def test_a_removed_entry_is_named(four: Engine, tamper: Callable[..., None]) -> None:
    tamper("DELETE FROM onward.audit_entry WHERE id = 2")
    fault = verify(four).fault
    assert fault is not None
    assert (fault.kind, fault.number, fault.entry_id) == (Break.REMOVED, 2, 2)


def test_an_entry_removed_with_its_link_is_missed(four: Engine, tamper: Callable[..., None]) -> None:
    tamper(
        "DELETE FROM onward.audit_entry WHERE id IN (2, 3)",
        "DELETE FROM onward.audit_link WHERE number IN (2, 3)",
    )
    fault = verify(four).fault
    assert fault is not None
    assert (fault.kind, fault.number) == (Break.REMOVED, 2)
    assert "link 2 to 3 is gone" in fault.text


def test_an_entry_removed_with_its_link_is_missed_when_the_others_close_up(
    four: Engine, tamper: Callable[..., None]
) -> None:
    tamper(
        "DELETE FROM onward.audit_entry WHERE id = 2",
        "DELETE FROM onward.audit_link WHERE number = 2",
        *renumber((3, 2), (4, 3)),
    )
    fault = verify(four).fault
    assert fault is not None
    assert (fault.kind, fault.number, fault.entry_id) == (Break.REMOVED, 2, 3)


def test_entries_in_another_order_are_named(four: Engine, tamper: Callable[..., None]) -> None:
    tamper(*renumber((1, 4), (4, 1)))
    fault = verify(four).fault
    assert fault is not None
    assert (fault.kind, fault.number, fault.entry_id) == (Break.MOVED, 1, 4)


def test_an_entry_put_in_past_the_triggers_is_named(four: Engine, tamper: Callable[..., None]) -> None:
    tamper("INSERT INTO onward.audit_entry (actor, action, subject) VALUES ('x', 'letter.retry', 'letter:5')")
    fault = verify(four).fault
    assert fault is not None
    assert (fault.kind, fault.number, fault.entry_id) == (Break.INSERTED, None, 5)


def test_an_entry_put_into_the_middle_with_a_link_that_fits_is_named(
    four: Engine, tamper: Callable[..., None]
) -> None:
    recorded(four, "letter:5")
    tamper(
        *renumber((5, 9), (4, 5), (3, 4)),
        """UPDATE onward.audit_link AS forged SET number = 3, previous = before.digest, digest = (
               SELECT sha256(before.digest || convert_to(
                   string_agg(coalesce(length(field) || ':' || field, '-'), ',' ORDER BY place), 'UTF8'))
               FROM onward.audit_entry AS entry, unnest(ARRAY[
                   entry.id::text, trim_scale(extract(epoch FROM entry.at) * 1000000)::text, entry.actor,
                   entry.action, entry.subject, entry.before::text, entry.after::text, entry.source
               ]) WITH ORDINALITY AS written(field, place) WHERE entry.id = 5)
           FROM onward.audit_link AS before WHERE forged.number = 9 AND before.number = 2""",
    )
    fault = verify(four).fault
    assert fault is not None
    assert (fault.kind, fault.number) == (Break.INSERTED, 3)


def test_a_chain_that_was_cut_is_told_by_a_head_that_was_kept(
    four: Engine, tamper: Callable[..., None]
) -> None:
    kept = verify(four).head
    tamper("DELETE FROM onward.audit_entry WHERE id = 4", "DELETE FROM onward.audit_link WHERE number = 4")
    assert verify(four).fault is None
    fault = verify(four, kept).fault
    assert fault is not None
    assert fault.kind == Break.CUT


def test_a_chain_that_was_rewritten_is_told_by_a_head_that_was_kept(
    four: Engine, tamper: Callable[..., None]
) -> None:
    kept = verify(four).head
    tamper("TRUNCATE onward.audit_entry, onward.audit_link RESTART IDENTITY")
    recorded(four, "letter:1", "letter:2", "letter:3", "letter:4", "letter:5")
    assert verify(four).fault is None
    fault = verify(four, kept).fault
    assert fault is not None
    assert (fault.kind, fault.number) == (Break.CUT, 4)


def test_a_kept_head_holds_while_entries_come(four: Engine) -> None:
    kept = verify(four).head
    recorded(four, "letter:5")
    assert verify(four, kept).fault is None


def test_a_head_is_written_and_read_again() -> None:
    head = Head(7, bytes(range(32)))
    assert Head.parse(str(head)) == head
    for wrong in ("", "7", "7:abc", f"x:{'0' * 64}"):
        with pytest.raises(ValueError, match="64 hexadecimal digits"):
            Head.parse(wrong)


@pytest.mark.parametrize("table", ["audit_entry", "audit_link"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {}"])
def test_what_is_recorded_stays_even_for_the_owner(
    four: Engine, owner: Engine, table: str, statement: str
) -> None:
    column = {"audit_entry": "actor", "audit_link": "number"}[table]
    written = statement.format(f"onward.{table}", column, column)
    for engine, reason in ((four, "permission denied"), (owner, f"{table} is only added to")):
        with pytest.raises(ProgrammingError, match=reason), engine.begin() as connection:
            connection.execute(text(written))


@pytest.mark.parametrize(("column", "value"), [("id", "99"), ("at", "now() - interval '1 day'")])
def test_the_application_chooses_neither_number_nor_time_of_an_entry(
    engine: Engine, column: str, value: str
) -> None:
    chosen = f"""INSERT INTO onward.audit_entry ({column}, actor, action, subject)
                 OVERRIDING SYSTEM VALUE VALUES ({value}, 'ana', 'letter.retry', 'letter:1')"""
    with pytest.raises(ProgrammingError, match="permission denied"), engine.begin() as connection:
        connection.execute(text(chosen))


def test_the_application_writes_no_link_of_its_own(engine: Engine) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), engine.begin() as connection:
        connection.execute(insert(audit_link).values(number=1, entry_id=1, previous=START, digest=START))
    with pytest.raises(ProgrammingError, match="permission denied"), engine.begin() as connection:
        connection.execute(text("SELECT onward.audit_append(entry) FROM onward.audit_entry AS entry"))
