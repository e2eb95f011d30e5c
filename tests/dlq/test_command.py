"""`python -m dlq` on the real servers: what it prints and how it ends."""

import json
from datetime import timedelta

import pytest

from dlq.__main__ import main
from dlq.letters import Kind
from dlq.times import utc_now
from tests.dlq.builders import envelope, fail, failure, history, letter

pytestmark = pytest.mark.servers
KEYS = {
    *("id", "task_id", "task_name", "kind", "status", "category", "exception_type", "message", "fingerprint"),
    *("occurrences", "attempts", "queue", "session_id", "correlation_id", "failed_at"),
}


@pytest.fixture
def run(monkeypatch, capsys, database_url, redis_url):
    """Runs a command; returns exit code, standard output and standard error."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REDIS_URL", redis_url)

    def run(*arguments):
        code = main(arguments)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def test_the_list_as_json_has_the_promised_keys(engine, run):
    fail(engine, envelope("t1", session_id="s1"), failure(message="password=hunter2"))
    code, out, _ = run("list", "--json")
    [found] = json.loads(out)["letters"]
    assert code == 0
    assert found.keys() >= KEYS
    assert (found["task_id"], found["kind"], found["session_id"]) == ("t1", "exception", "s1")
    assert found["failed_at"] == "2026-03-01T12:00:00.000+00:00"
    assert "hunter2" not in out


def test_the_list_is_narrowed_and_paged(engine, run):
    for number in range(3):
        fail(engine, envelope(f"t{number}"), failure(after_seconds=number))
    fail(engine, envelope("x"), failure(Kind.POISON))
    first = json.loads(run("list", "--json", "--status", "dead", "--limit", "2")[1])
    assert [found["task_id"] for found in first["letters"]] == ["t2", "t1"]
    rest = json.loads(run("list", "--json", "--status", "dead", "--limit", "2", "--after", first["next"])[1])
    assert ([found["task_id"] for found in rest["letters"]], rest["next"]) == (["t0"], None)


def test_the_list_for_people_is_a_table_that_says_how_to_go_on(engine, run):
    fail(engine, envelope("t1"))
    fail(engine, envelope("t2"))
    _, out, _ = run("list", "--limit", "1")
    assert out.splitlines()[0].split() == [
        *("id", "status", "kind", "task_name", "exception_type", "attempts", "failed_at", "message")
    ]
    assert "more: --after" in out


@pytest.mark.parametrize("name", ["1", "t1"])
def test_a_letter_is_shown_by_number_or_task_id(engine, run, name):
    fail(engine, envelope("t1"))
    shown = json.loads(run("show", name, "--json")[1])
    assert shown.keys() >= KEYS | {"traceback", "args", "kwargs", "headers", "attempts", "history"}
    assert "shop.pay" in run("show", name)[1]


def test_a_retry_is_sent_and_audited_under_the_name_of_the_user(engine, run, monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: "root-of-all")
    letter_id = fail(engine, envelope())
    code, out, _ = run("retry", str(letter_id), "--json", "--reason", "fixed")
    receipt = json.loads(out)
    assert (code, receipt["published"]) == (0, True)
    row = letter(engine, letter_id)
    assert (row["status"], row["retry_task_id"]) == ("retrying", receipt["task_id"])
    assert history(engine, letter_id)[-1] == ("dead", "retrying", "root-of-all")


def test_discard_and_restore(engine, run):
    letter_id = fail(engine, envelope())
    assert run("discard", str(letter_id))[1] == "Letter 1 is discarded.\n"
    assert run("restore", str(letter_id))[1] == "Letter 1 is dead.\n"
    assert len(history(engine, letter_id)) == 3


def test_every_command_masks_email_when_the_settings_say_so(engine, run, monkeypatch):
    monkeypatch.setenv("DLQ_REDACT_EMAIL", "yes")
    fail(engine, envelope(), failure(message="no mail for ana@example.com"))
    for command in (("list",), ("show", "1"), ("discard", "1"), ("restore", "1")):
        assert "ana@example.com" not in run(*command, "--json")[1]


def test_stats_count(engine, run):
    fail(engine, envelope())
    assert json.loads(run("stats", "--json")[1])["by_status"]["dead"] == 1
    assert "total: 1" in run("stats")[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "4711"), "no dead letter 4711"),
        (("retry", "nope"), "no dead letter of task nope"),
        (("list", "--after", "x"), "no position in this list"),
    ],
)
def test_an_error_is_one_sentence_and_exit_code_two(engine, run, arguments, said):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_a_setting_that_cannot_be_used_is_said_before_anything_starts(run, monkeypatch):
    monkeypatch.setenv("DLQ_REDACT_EMAIL", "perhaps")
    assert run("list")[0::2] == (2, "dlq: DLQ_REDACT_EMAIL is 'perhaps', but must be yes or no.\n")


def test_several_letters_are_retried_as_an_operation_that_runs_to_its_end(engine, run):
    letters = [fail(engine, envelope(f"t{number}")) for number in range(3)]
    code, out, _ = run("retry", "1", "t1", "--yes", "--json", "--reason", "fixed")
    operation = json.loads(out)
    assert (code, operation["status"], operation["done"]) == (0, "finished", 2)
    assert [letter(engine, each)["status"] for each in letters] == ["retrying", "retrying", "dead"]


def test_a_filter_says_which_letters_are_discarded(engine, run):
    fail(engine, envelope("t1", task_name="shop.pay"))
    fail(engine, envelope("t2", task_name="shop.ship"))
    _, out, _ = run("discard", "--task-name", "shop.ship", "--yes")
    assert out.endswith("1 of 1 done.\n")
    assert [letter(engine, each)["status"] for each in (1, 2)] == ["dead", "discarded"]


@pytest.mark.parametrize("command", ["retry", "discard"])
def test_a_dry_run_counts_and_changes_nothing(engine, run, command):
    for number in range(2):
        fail(engine, envelope(f"t{number}", session_id=f"s{number}"))
    seen = json.loads(run(command, "--all", "--dry-run", "--json")[1])
    assert (seen["count"], seen["sessions"], seen["by_task"]) == (2, 2, {"shop.pay": 2})
    assert "Letters: 2. Sessions that wait behind them: 2." in run(command, "--all", "--dry-run")[1]
    assert [letter(engine, each)["status"] for each in (1, 2)] == ["dead", "dead"]


def test_many_letters_are_changed_only_after_a_yes(engine, run):
    fail(engine, envelope("t1"))
    code, _, err = run("discard", "--all")
    assert code == 2
    assert "Say --yes" in err
    assert letter(engine, 1)["status"] == "dead"


def test_a_change_without_letters_asks_which(run):
    code, _, err = run("retry", "--yes")
    assert (code, err.count("--all")) == (2, 1)


def test_an_operation_that_starts_later_is_left_to_the_worker(engine, run):
    fail(engine, envelope("t1"))
    _, out, _ = run("retry", "1", "--yes", "--start-at", "2999-01-01T00:00")
    assert "starts at 2999-01-01 00:00 UTC" in out
    [waiting] = json.loads(run("operations", "--json")[1])["operations"]
    assert (waiting["status"], waiting["done"]) == ("waiting", 0)
    assert json.loads(run("operations", "1", "pause", "--json")[1])["status"] == "paused"
    assert json.loads(run("operations", "1", "cancel", "--json")[1])["status"] == "cancelled"


def test_an_operation_that_is_not_due_is_waited_for(engine, run, monkeypatch):
    waited = []
    monkeypatch.setattr("dlq.commands.changing.sleep", waited.append)
    monkeypatch.setattr("dlq.commands.changing.utc_now", lambda: utc_now() + timedelta(seconds=sum(waited)))
    for number in range(2):
        fail(engine, envelope(f"t{number}"))
    _, out, _ = run("discard", "--all", "--yes", "--rate", "0.05")
    assert 10 <= len(waited) <= 45, "looked once a second; each letter takes 20, some of which really pass"
    assert out.splitlines() == ["1 of 2 done.", "2 of 2 done."]


@pytest.mark.parametrize("more", [("2",), ("--rate", "5"), ("--task-name", "shop.pay")])
def test_edited_arguments_are_never_left_behind_by_a_retry_of_many(engine, run, more):
    for number in range(2):
        fail(engine, envelope(f"t{number}"))
    code, _, err = run("retry", "1", *more, "--version", "1", "--yes")
    assert (code, letter(engine, 1)["status"]) == (2, "dead")
    assert "--version" in err


def test_a_letter_that_the_filter_leaves_out_is_not_changed(engine, run):
    fail(engine, envelope("t1", task_name="shop.pay"))
    assert run("discard", "1", "--task-name", "shop.ship", "--yes")[0] == 2
    assert letter(engine, 1)["status"] == "dead"


def test_clear_discards_what_the_dry_run_counted(engine, run):
    fail(engine, envelope("t1", task_name="shop.pay"))
    fail(engine, envelope("t2", task_name="shop.ship"))
    seen = json.loads(run("clear", "--filter-task-name", "shop.pay", "--dry-run", "--json")[1])
    assert seen["count"] == 1
    code, _, err = run("clear", "--expected", "1")
    assert (code, letter(engine, 1)["status"]) == (2, "dead")
    assert "2" in err
    cleared = json.loads(run("clear", "--filter-task-name", "shop.pay", "--expected", "1", "--json")[1])
    assert (cleared["status"], cleared["done"]) == ("finished", 1)
    assert [letter(engine, each)["status"] for each in (1, 2)] == ["discarded", "dead"]


@pytest.mark.parametrize("hours", ["nan", "inf", "-5", "1e30"])
def test_clear_refuses_an_age_that_is_none(engine, run, hours):
    fail(engine, envelope("t1"))
    code, _, err = run("clear", f"--older-than-hours={hours}", "--dry-run")
    assert (code, err) == (2, "dlq: An age must lie between 0 and 876,000 hours.\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("list", "--status", "bogus"), "choose from 'dead', 'retrying'"),
        (("list", "--kind", "bogus"), "choose from 'exception'"),
        (("list", "--from", "yesterday"), "'yesterday' is no time; write it as 2026-01-31T12:00"),
        (("operations", "9" * 20), "is no number from 0 to 999,999,999"),
        (("retry", "1", "--version", "9" * 11), "is no number from 0 to 999,999,999"),
    ],
)
def test_what_cannot_be_read_is_answered_with_what_can(capsys, arguments, said):
    with pytest.raises(SystemExit):
        main(arguments)
    assert said in capsys.readouterr().err


def test_clear_without_an_expected_count_changes_nothing(engine, run):
    fail(engine, envelope("t1"))
    code, _, err = run("clear")
    assert code == 2
    assert "Say --expected 1" in err
    assert letter(engine, 1)["status"] == "dead"


def test_groups_are_listed_by_the_sessions_behind_them(engine, run):
    for number in range(3):
        fail(engine, envelope(f"a{number}", session_id=f"s{number}"), failure(exception_type="KeyError"))
    fail(engine, envelope("b", session_id="s9"))
    found = json.loads(run("groups", "--json")[1])["groups"]
    assert [(group["exception_type"], group["sessions_blocked"]) for group in found] == [
        ("KeyError", 3),
        ("ValueError", 1),
    ]


def test_rotating_without_a_key_says_which_setting_is_missing(run):
    code, _, err = run("rotate-key")
    assert (code, "DLQ_ENCRYPTION_KEY" in err) == (2, True)
