"""The doctor finds what is wrong, on real servers, and says how to mend it; it changes nothing."""

import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
import redis
from sqlalchemy import text

import analytics
from analytics.store import EventStore
from analytics.sync import sync
from infra.__main__ import main
from infra.celery_app import create_celery
from infra.database import open_engine
from infra.doctor import machine, servers
from infra.doctor.findings import Level
from infra.doctor.patient import Patient
from infra.settings import Settings
from tests.infra.processes import free_port

GONE = "postgresql://nobody@127.0.0.1:{0}/none", "redis://127.0.0.1:{0}/0"


def now():
    return datetime.now(UTC)


def patient_of(engine=None, client=None, clock=now, **settings):
    return Patient(Settings.from_env(settings), engine, client, "", clock, ())


@pytest.fixture
def doctor(database_url, redis_url, tmp_path, monkeypatch, capsys):
    """What the command finds and its exit code, with these settings beside the servers."""

    def doctor(**environ):
        told = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "ONWARD_HOME": str(tmp_path)}
        for name, value in (told | environ).items():
            monkeypatch.setenv(name, value)
        code = 0
        try:
            main(["doctor", "--json"])
        except SystemExit as end:
            code = end.code
        return json.loads(capsys.readouterr().out), code

    return doctor


def of(findings, check):
    return [finding for finding in findings if finding["check"] == check]


@pytest.mark.servers
def test_on_servers_without_a_worker_it_says_what_is_well_and_what_is_missing(engine, doctor):
    findings, code = doctor()
    assert code == 1
    # The Valkey of tests keeps nothing on disk.
    errors = [finding["check"] for finding in findings if finding["level"] == "error"]
    assert errors == ["broker", "workers"]
    assert "No worker is alive" in of(findings, "workers")[0]["said"]
    for check in ("python", "celery", "address", "database", "clocks", "schema", "redis", "audit", "disk"):
        assert {finding["level"] for finding in of(findings, check)} == {"ok"}, check
    assert all(finding["mend"] for finding in findings if finding["level"] != "ok")


@pytest.mark.servers
def test_no_password_is_told(engine, doctor, database_url, redis_url):
    findings, _ = doctor()
    told = json.dumps(findings)
    for url in (database_url, redis_url):
        assert url.partition("@")[0].rpartition(":")[2] not in told


def test_servers_that_do_not_answer_are_findings_and_the_rest_is_examined(tmp_path, monkeypatch, capsys):
    for name, url in zip(("DATABASE_URL", "REDIS_URL"), GONE, strict=True):
        monkeypatch.setenv(name, url.format(free_port()))
    monkeypatch.setenv("ONWARD_HOME", str(tmp_path))
    with pytest.raises(SystemExit):
        main(["doctor", "--json"])
    findings = json.loads(capsys.readouterr().out)
    assert [finding["check"] for finding in findings if finding["level"] == "error"] == ["database", "redis"]
    assert "DATABASE_URL" in of(findings, "database")[0]["mend"]
    assert of(findings, "disk")


@pytest.mark.servers
def test_settings_that_cannot_be_used_are_named(engine, doctor):
    findings, code = doctor(ANALYTICS_MEMORY_MB="much", DLQ_POISON_ATTEMPTS="never")
    assert code == 1
    said = [finding["said"] for finding in of(findings, "settings")]
    assert ["ANALYTICS_MEMORY_MB" in said[0], "DLQ_POISON_ATTEMPTS" in said[1]] == [True, True]


@pytest.mark.servers
def test_event_files_that_are_not_where_the_settings_say_are_an_error(engine, doctor, tmp_path):
    with engine.begin() as connection:
        analytics.record(connection, session_id="s", name="visited", occurred_at=now() - timedelta(hours=1))
    sync(engine, EventStore.at(str(tmp_path / "events")), now=now())
    assert of(doctor()[0], "events")[0]["level"] == "ok"
    [finding] = of(doctor(ANALYTICS_STORE=str(tmp_path / "elsewhere"))[0], "events")
    assert (finding["level"], "ANALYTICS_STORE" in finding["mend"]) == ("error", True)


@pytest.mark.servers
def test_letters_that_wait_on_disk_are_counted(engine, doctor, tmp_path):
    spool = tmp_path / "spool"
    spool.mkdir()
    findings, _ = doctor()
    assert of(findings, "spool") == []
    (spool / "000000000000001-ab.letter.json").touch()
    [finding] = of(doctor()[0], "spool")
    assert (finding["level"], finding["said"]) == ("warning", f"1 letters wait in {spool} for the database.")


@pytest.mark.servers
def test_messages_that_no_worker_takes_are_found(engine, doctor, redis_url):
    app = create_celery(redis_url)
    app.send_task("shop.pay", queue="nobody-listens")
    app.close()
    findings, _ = doctor()
    assert "1 messages wait" in of(findings, "queues")[0]["said"]


@pytest.mark.servers
def test_missing_migrations_and_a_newer_schema_are_errors(engine, owner_url):
    assert [finding.level for finding in servers.schema(engine)] == [Level.OK]
    with at_version(owner_url, "0001"):
        [finding] = servers.schema(engine)
    assert finding.level is Level.ERROR
    assert "migrations are missing: 0002 " in finding.said
    assert "infra migrate" in finding.mend
    with at_version(owner_url, "9999"):
        [finding] = servers.schema(engine)
    assert "newer than this checkout" in finding.said


@contextmanager
def at_version(owner_url, number):
    owner = open_engine(owner_url)
    change = text("UPDATE onward.alembic_version SET version_num = :number")
    with owner.begin() as connection:
        was = connection.execute(text("SELECT version_num FROM onward.alembic_version")).scalar_one()
        connection.execute(change, {"number": number})
    try:
        yield
    finally:
        with owner.begin() as connection:
            connection.execute(change, {"number": was})
        owner.dispose()


@pytest.mark.servers
def test_a_login_that_owns_the_audit_is_warned_of(engine, owner_url):
    assert [finding.level for finding in servers.audit(engine)] == [Level.OK]
    owner = open_engine(owner_url)
    [finding] = servers.audit(owner)
    owner.dispose()
    assert finding.level is Level.WARNING
    assert "DATABASE_OWNER_URL" in finding.mend


@pytest.mark.servers
@pytest.mark.parametrize(
    ("seconds", "level"), [(0, Level.OK), (5, Level.WARNING), (-5, Level.WARNING), (60, Level.ERROR)]
)
def test_clocks_that_are_apart_are_found_in_both_servers(engine, redis_url, seconds, level):
    def clock():
        return now() + timedelta(seconds=seconds)

    with redis.Redis.from_url(redis_url) as client:
        examined = patient_of(engine, client, clock)
        for findings in (servers.database(examined, engine), servers.broker(examined, client)):
            [finding] = [finding for finding in findings if finding.check == "clocks"]
            assert finding.level is level
            assert level is Level.OK or f" {abs(seconds)}.0 s apart" in finding.said


@pytest.mark.servers
@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("appendonly", "no", "a restart loses the tasks that wait"),
        ("maxmemory-policy", "allkeys-lru", "throws keys away, tasks among them"),
    ],
)
def test_a_broker_that_may_lose_tasks_is_an_error(redis_url, name, value, said):
    with redis.Redis.from_url(redis_url) as client:
        kept = {one: client.config_get(one)[one] for one in (name, "maxmemory")}
        client.config_set("maxmemory", "1gb")
        client.config_set(name, value)
        try:
            findings = list(servers.broker(patient_of(client=client), client))
        finally:
            for one, was in kept.items():
                client.config_set(one, was)
    [finding] = [finding for finding in findings if name in finding.mend]
    assert finding.level is Level.ERROR
    assert said in finding.said


@pytest.mark.parametrize(
    ("settings", "level"),
    [
        ({}, Level.OK),
        ({"ONWARD_HOST": "::1"}, Level.OK),
        ({"ONWARD_HOST": "0.0.0.0"}, Level.WARNING),
        ({"ONWARD_HOST": "0.0.0.0", "ONWARD_TRUSTED_PROXIES": "10.0.0.7"}, Level.NOTE),
    ],
)
def test_an_open_address_without_tls_is_warned_of(settings, level):
    [finding] = machine.address(Settings.from_env(settings))
    assert finding.level is level


@pytest.mark.parametrize(
    ("free", "level"), [(500_000_000, Level.ERROR), (2 * 10**9, Level.WARNING), (9 * 10**9, Level.OK)]
)
def test_a_disk_that_fills_up_is_found_before_it_is_full(tmp_path, monkeypatch, free, level):
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    [finding] = machine.disk({"letters": tmp_path / "not there yet"})
    assert finding.level is level
    assert "letters" in finding.said
