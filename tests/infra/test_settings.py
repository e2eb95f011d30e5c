"""Settings: read once, checked, and never shown with a password."""

import pytest

from infra.errors import SettingsError
from infra.settings import CHECKOUT, SETTINGS, Settings, display_url


def test_defaults_need_nothing() -> None:
    settings = Settings.from_env({})
    assert settings.home == CHECKOUT / ".onward"
    assert (settings.database_url, settings.redis_url) == (None, None)
    assert (settings.host, settings.port) == ("127.0.0.1", 8501)


def test_database_url_of_any_postgres_driver_is_read_with_ours() -> None:
    for written in (
        "postgresql://ana:pw@db/shop",
        "postgresql+psycopg2://ana:pw@db/shop",
        "postgres://ana:pw@db/shop",
    ):
        settings = Settings.from_env({"DATABASE_URL": written})
        assert settings.database_url == "postgresql+psycopg://ana:pw@db/shop"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("DATABASE_URL", "mysql://ana@db/shop", "names 'mysql'"),
        ("DATABASE_URL", "db.example.org", "is not a URL"),
        ("DATABASE_URL", "postgresql:///shop", "has no host"),
        ("REDIS_URL", "http://localhost:6379", "names 'http'"),
        ("REDIS_URL", "localhost", "is not a URL"),
        ("ONWARD_PORT", "high", "must be a whole number from 1 to 65535"),
        ("ONWARD_PORT", "65536", "must be a whole number from 1 to 65535"),
        ("ONWARD_WORKERS", "0", "must be a whole number from 1 to 256"),
        ("ONWARD_TRUSTED_PROXIES", "10.0.0.7,proxy", "has 'proxy'; write addresses or networks"),
        ("ONWARD_CALLER_RATE", "0", "must be a whole number from 1 to 1000000"),
        ("ONWARD_OIDC_ISSUER", "http://login.example", "must begin with https://"),
    ],
)
def test_setting_that_cannot_be_used_is_named(name: str, value: str, words: str) -> None:
    with pytest.raises(SettingsError, match=rf"^{name} .*{words}"):
        Settings.from_env({name: value})


def test_empty_setting_is_as_good_as_none() -> None:
    assert Settings.from_env({setting.name: " " for setting in SETTINGS}) == Settings.from_env({})


def test_shown_url_hides_password_and_query() -> None:
    assert display_url("postgresql://ana:pw@db/shop?sslpassword=pw") == "postgresql://ana:***@db/shop"
