"""Settings are read once, checked, and named in the error when they cannot be used."""

from pathlib import Path

import pytest

from dlq.errors import SettingsError
from dlq.settings import SETTINGS, Settings

KEY, OTHER_KEY = "A" * 43 + "=", "B" * 43 + "="


def test_an_empty_environment_gives_the_defaults():
    settings = Settings.from_env({"HOME": "/home/ana"})
    assert settings == Settings(spool=Path("/home/ana/.local/state/onward-dlq"))


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"DLQ_SPOOL": "/var/spool/dlq", "HOME": "/home/ana"}, "/var/spool/dlq"),
        ({"XDG_STATE_HOME": "/state", "HOME": "/home/ana"}, "/state/onward-dlq"),
    ],
)
def test_the_spool_is_where_it_is_told_to_be(environ, folder):
    assert Settings.from_env(environ).spool == Path(folder)


def test_a_user_without_home_spools_to_the_temporary_folder():
    assert "onward-dlq-" in Settings.from_env({}).spool.name


def test_every_setting_has_an_effect():
    changed = {
        "DLQ_SPOOL": "/x",
        "DLQ_POISON_ATTEMPTS": "9",
        "DLQ_REQUEUE_LIMIT": "0",
        "DLQ_SESSION_ARGUMENTS": "chat, session",
        "DLQ_CLIENT_ARGUMENTS": "tenant",
        "DLQ_CORRELATION_ARGUMENTS": "trace",
        "DLQ_REDACT_EMAIL": "YES",
        "DLQ_ENCRYPTION_KEY": f"{KEY}, {OTHER_KEY}",
        "DLQ_RELEASE": "2.1",
        "DLQ_IN_FLIGHT": "shop.*",
        "DLQ_SILENT_SECONDS": "90",
        "DLQ_LOST_AFTER_SECONDS": "600",
        "DLQ_RETENTION_DAYS": "90",
        "DLQ_RESTORE_DAYS": "0",
    }
    assert set(changed) == {setting.name for setting in SETTINGS}
    assert Settings.from_env(changed) == Settings(
        spool=Path("/x"),
        poison_attempts=9,
        requeue_limit=0,
        session_arguments=("chat", "session"),
        client_arguments=("tenant",),
        correlation_arguments=("trace",),
        redact_email=True,
        encryption_keys=(KEY, OTHER_KEY),
        release="2.1",
        in_flight=("shop.*",),
        silent_seconds=90,
        lost_after_seconds=600,
        retention_days=90,
        restore_days=0,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [("DLQ_POISON_ATTEMPTS", "0"), ("DLQ_REQUEUE_LIMIT", "many"), ("DLQ_REDACT_EMAIL", "maybe")],
)
def test_a_setting_that_cannot_be_used_is_named(name, value):
    with pytest.raises(SettingsError, match=f"{name} is '{value}'"):
        Settings.from_env({name: value})


@pytest.mark.parametrize("bad", ["too short", "A" * 44, KEY + "A", "ä" * 43 + "="])
def test_a_key_that_is_none_is_counted_and_not_shown(bad):
    with pytest.raises(SettingsError, match="DLQ_ENCRYPTION_KEY has as key 2 no Fernet key") as refused:
        Settings.from_env({"DLQ_ENCRYPTION_KEY": f"{KEY},{bad}"})
    assert bad not in str(refused.value)


def test_keys_are_not_in_what_settings_print():
    assert KEY not in repr(Settings.from_env({"DLQ_ENCRYPTION_KEY": KEY}))
