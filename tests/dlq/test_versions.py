"""Arguments are edited beside the original, which stays; what was masked in the editor is kept."""

import json
import zlib

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select

from dlq import store, versions
from dlq.envelope import readable_body
from dlq.errors import KeyMissing, NotAllowedNow, NotEditable, StillMasked, UnknownLetter, UnknownVersion
from dlq.redaction import MASK, Redactor
from dlq.sealing import Sealer
from dlq.tables import dead_letter_version
from tests.dlq.builders import (
    NOON,
    UNSEALED,
    Operator,
    RecordedAudit,
    Refused,
    body_of,
    envelope,
    fail,
    letter,
    noon,
)

pytestmark = pytest.mark.servers

OLGA = Operator()
SEALER = Sealer((Fernet.generate_key().decode(),))
OPTIONS = {"callbacks": None, "chord": {"task": "shop.sum", "args": [1]}}


def edit(engine, letter_id, args, kwargs, by=OLGA, sealer=UNSEALED, audit=None, **options):
    return versions.edit(
        engine,
        by,
        letter_id,
        args,
        kwargs,
        "wrong plan",
        redactor=Redactor(),
        sealer=sealer,
        audit=audit or RecordedAudit(),
        clock=noon,
        **options,
    )


def listed(engine, letter_id, sealer=UNSEALED):
    return versions.versions(engine, OLGA, letter_id, sealer=sealer, redactor=Redactor())


def message(engine, letter_id, version, sealer=UNSEALED):
    row = letter(engine, letter_id)
    with store.transaction(engine) as connection:
        return versions.version_of(connection, row, version, sealer)


def sent(engine, letter_id, version, sealer=UNSEALED):
    return json.loads(message(engine, letter_id, version, sealer).body)


def test_an_edit_is_one_more_version_and_the_original_stays(engine):
    first = envelope(body=body_of(1, plan="gold", options=OPTIONS))
    letter_id = fail(engine, first)
    assert edit(engine, letter_id, [2], {"plan": "gold"}) == 1
    assert edit(engine, letter_id, [2], {"plan": "silver"}) == 2
    assert sent(engine, letter_id, 1) == [[2], {"plan": "gold"}, OPTIONS]
    assert sent(engine, letter_id, 2) == [[2], {"plan": "silver"}, OPTIONS]
    assert message(engine, letter_id, 0) == message(engine, letter_id, None) == first


def test_versions_say_who_made_them_when_and_why(engine):
    letter_id = fail(engine, envelope(body=body_of(1)))
    edit(engine, letter_id, [2], {})
    original, edited = listed(engine, letter_id)
    assert (original.version, original.args, original.actor, original.at) == (0, [1], "", NOON)
    assert (edited.version, edited.args, edited.actor, edited.at) == (1, [2], "olga", NOON)
    assert edited.reason == "wrong plan"


def test_a_mask_that_was_left_alone_keeps_its_secret(engine):
    letter_id = fail(engine, envelope(body=body_of(token="hunter2", plan=3)))
    edit(engine, letter_id, [], {"token": MASK, "plan": 4})
    assert sent(engine, letter_id, 1)[1] == {"token": "hunter2", "plan": 4}
    assert "hunter2" not in repr(listed(engine, letter_id))


def test_an_edit_may_start_from_any_version(engine):
    letter_id = fail(engine, envelope(body=body_of(token="first", plan=1)))
    edit(engine, letter_id, [], {"token": "second", "plan": 1})
    edit(engine, letter_id, [], {"token": MASK, "plan": 2}, over=0)
    edit(engine, letter_id, [], {"token": MASK, "plan": 3}, over=1)
    edit(engine, letter_id, [], {"token": MASK, "plan": 4})
    assert [sent(engine, letter_id, version)[1]["token"] for version in (2, 3, 4)] == [
        *("first", "second", "second")
    ]


def test_a_mask_elsewhere_is_refused_and_nothing_is_kept(engine):
    letter_id = fail(engine, envelope(body=body_of(plan=3)))
    with pytest.raises(StillMasked, match=r"kwargs\.plan holds"):
        edit(engine, letter_id, [], {"plan": MASK})
    assert len(listed(engine, letter_id)) == 1


def test_the_audit_says_which_arguments_changed_and_not_to_what(engine):
    audit = RecordedAudit()
    letter_id = fail(engine, envelope(body=body_of("was", "same", plan="gold", token="hunter2")))
    edit(engine, letter_id, ["is", "same"], {"plan": "silver", "token": "hunter3"}, audit=audit)
    [entry] = audit.entries
    assert (entry["actor"], entry["action"], entry["subject"]) == (
        *("olga", "letter.edit"),
        f"letter:{letter_id}",
    )
    assert entry["after"]["changed"] == ["args[0]", "kwargs.plan", "kwargs.token"]
    assert not any(word in repr(entry) for word in ("hunter", "gold", "silver", "was", "is'"))


def test_without_its_audit_no_edit_is_kept(engine):
    letter_id = fail(engine, envelope())
    with pytest.raises(RuntimeError):
        edit(engine, letter_id, [2], {}, audit=RecordedAudit(breaks=True))
    assert len(listed(engine, letter_id)) == 1


def test_true_and_one_are_different_arguments(engine):
    letter_id = fail(engine, envelope(body=body_of(1)))
    edit(engine, letter_id, [True], {})
    assert sent(engine, letter_id, 1)[0] == [True]


@pytest.mark.parametrize(
    ("args", "kwargs", "why"),
    [
        ([1], {}, "nothing in them was changed"),
        ({"a": 1}, {}, "args must be a list"),
        ([1], [2], "kwargs a mapping"),
        ([float("nan")], {}, "JSON"),
        ([{1, 2}], {}, "JSON"),
        (["x" * (1 << 20)], {}, "larger than 1,048,576 bytes"),
    ],
)
def test_what_is_no_edit_is_refused_with_the_reason(engine, args, kwargs, why):
    letter_id = fail(engine, envelope(body=body_of(1)))
    with pytest.raises(NotEditable, match=why):
        edit(engine, letter_id, args, kwargs)


@pytest.mark.parametrize("changed", [{"body": b"{"}, {"content_type": "application/x-python-serialize"}])
def test_a_body_that_cannot_be_read_cannot_be_edited(engine, changed):
    letter_id = fail(engine, envelope(**changed))
    with pytest.raises(NotEditable):
        edit(engine, letter_id, [1], {})


def test_a_compressed_body_stays_compressed(engine):
    packed = envelope(body=zlib.compress(body_of(1)), headers={"compression": "application/x-gzip"})
    letter_id = fail(engine, packed)
    edit(engine, letter_id, [2], {})
    edited = message(engine, letter_id, 1)
    assert readable_body(edited).args == (2,)
    assert edited.body[:2] == packed.body[:2]


def test_a_message_of_the_first_protocol_keeps_its_other_fields(engine):
    body = json.dumps({"id": "t1", "task": "shop.pay", "args": [1], "kwargs": {}, "retries": 2}).encode()
    letter_id = fail(engine, envelope(body=body, headers={"task": None}))
    edit(engine, letter_id, [2], {})
    assert sent(engine, letter_id, 1) == json.loads(body) | {"args": [2]}


def test_headers_that_repeat_the_old_arguments_do_not_go_with_the_new(engine):
    headers = {"argsrepr": "(1,)", "kwargsrepr": "{}", "tenant": "acme"}
    letter_id = fail(engine, envelope(body=body_of(1), headers=headers))
    edit(engine, letter_id, [2], {})
    assert "argsrepr" in message(engine, letter_id, 0).headers
    assert message(engine, letter_id, 1).headers.keys() & headers.keys() == {"tenant"}


def test_edits_are_sealed_too(engine):
    letter_id = fail(engine, envelope(body=body_of(1)), sealer=SEALER)
    edit(engine, letter_id, ["a private thing"], {}, sealer=SEALER)
    with engine.connect() as connection:
        [row] = connection.execute(select(dead_letter_version)).mappings()
    assert row["key_id"] == SEALER.key_id
    assert b"private" not in row["body"]
    assert sent(engine, letter_id, 1, SEALER)[0] == ["a private thing"]


def test_without_the_key_versions_are_listed_and_none_is_made(engine):
    letter_id = fail(engine, envelope(body=body_of(1)), sealer=SEALER)
    edit(engine, letter_id, [2], {}, sealer=SEALER)
    assert [(one.args, SEALER.key_id in one.problem) for one in listed(engine, letter_id)] == [([], True)] * 2
    with pytest.raises(KeyMissing):
        edit(engine, letter_id, [3], {})


def test_only_a_waiting_letter_is_edited_by_somebody_who_may_retry(engine):
    letter_id = fail(engine, envelope())
    with pytest.raises(Refused):
        edit(engine, letter_id, [2], {}, by=Operator(lacks=frozenset({"letters.retry"})))
    with store.transaction(engine) as connection:
        store.discard(connection, letter_id, by="olga", at=NOON, reason="")
    with pytest.raises(NotAllowedNow, match="is discarded and cannot be edited"):
        edit(engine, letter_id, [2], {})
    with pytest.raises(UnknownLetter):
        edit(engine, letter_id + 1, [2], {})


def test_a_version_that_was_never_made_is_named(engine):
    letter_id = fail(engine, envelope())
    with pytest.raises(UnknownVersion, match=f"Letter {letter_id} has no version 7"):
        sent(engine, letter_id, 7)


def test_a_letter_has_so_many_versions_and_no_more(engine, monkeypatch):
    monkeypatch.setattr(versions, "MAX_VERSIONS", 2)
    letter_id = fail(engine, envelope(body=body_of(0)))
    for nth in (1, 2):
        edit(engine, letter_id, [nth], {})
    with pytest.raises(NotEditable, match="edited 2 times"):
        edit(engine, letter_id, [3], {})


def test_a_difference_shows_the_lines_that_changed_without_secrets():
    lines = versions.difference(
        {"args": [], "kwargs": {"plan": "gold", "token": "hunter2"}},
        {"args": [], "kwargs": {"plan": "silver", "token": "hunter3"}},
        Redactor(),
    )
    assert [line for line in lines if line[0] in "+-"] == [
        *('-    "plan": "gold",', '+    "plan": "silver",')
    ]
    assert "hunter" not in "".join(lines)
