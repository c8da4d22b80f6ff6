"""Where settings come from, and what is said of those that cannot be used."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from gatewright.cli.loading import BadSettings, Loaded, load_settings
from gatewright.operations.explaining import masked_url
from gatewright.settings import Settings

NAMES = """
ISSUER DATA_DIR DATABASE_URL SECRET_KEYS AUDIENCE ACCESS_TOKEN_LIFETIME AUTHORIZATION_CODE_LIFETIME
REFRESH_TOKEN_LIFETIME SESSION_LIFETIME REFRESH_RETRY_WINDOW REFRESH_RETRY_WINDOW_PUBLIC SERVICE_ACCOUNT_DOMAIN
COMPANY_HEADERS SIGN_UP SIGN_IN_LIMIT RATE_LIMIT_HOUR RATE_LIMIT_SPIKE RATE_LIMIT_STORAGE SMTP_URL MAIL_FROM LEASE
WORKERS TRUSTED_PROXIES LOG_FORMAT MANAGEMENT_ADDRESS ROUTES
"""


def _load(folder: Path, settings: Mapping[str, str]) -> Loaded:
    return load_settings({f"GATEWRIGHT_{name}": value for name, value in settings.items()}, folder=folder)


def _refused(folder: Path, settings: Mapping[str, str]) -> str:
    with pytest.raises(BadSettings) as bad:
        _load(folder, settings)
    return str(bad.value)


def test_every_promised_name_is_accepted_and_no_other() -> None:
    assert [name.upper() for name in Settings.model_fields] == NAMES.split()
    assert all(field.description for field in Settings.model_fields.values())


def test_the_environment_goes_before_dotenv_before_the_toml_file(tmp_path: Path) -> None:
    (tmp_path / "gw.toml").write_text(
        'ISSUER = "https://toml.example"\nworkers = 3\nLEASE = "5s"\nlog_format = "text"\n'
    )
    (tmp_path / ".env").write_text(
        "GATEWRIGHT_CONFIG=gw.toml\nGATEWRIGHT_WORKERS=4\nGATEWRIGHT_LOG_FORMAT=json\nOTHER=ignored\n"
    )
    loaded = _load(tmp_path, {"LOG_FORMAT": "auto", "AUDIENCE": ""})
    shown = {one.name.removeprefix("GATEWRIGHT_"): (one.value, one.source) for one in loaded.explained()}
    assert shown["ISSUER"] == ("https://toml.example", "gw.toml")
    assert shown["LEASE"] == ("5s", "gw.toml")
    assert shown["WORKERS"] == ("4", ".env")
    assert shown["LOG_FORMAT"] == ("auto", "the environment")
    assert shown["AUDIENCE"] == ("https://toml.example", "default")


def test_durations_are_seconds_or_a_number_with_its_unit(tmp_path: Path) -> None:
    for text, length in (("90", 90), ("90s", 90), ("10m", 600), ("2h", 7200), ("1d", 86400)):
        settings = _load(tmp_path, {"ACCESS_TOKEN_LIFETIME": text}).settings
        assert settings.access_token_lifetime == timedelta(seconds=length)
    assert _load(tmp_path, {"REFRESH_TOKEN_LIFETIME": "none"}).settings.refresh_token_lifetime is None
    assert _load(tmp_path, {"REFRESH_RETRY_WINDOW": "0"}).settings.refresh_retry_window == timedelta(0)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ISSUER", "http://id.example.com", "https://"),
        ("ISSUER", "https://id.example.com/path", "without a path"),
        ("ISSUER", "https://user@id.example.com", "without a path or a user"),
        ("ISSUER", "id.example.com", "scheme and host"),
        ("ISSUER", "https://id.example.com:99999", "port between 1 and 65535"),
        ("DATABASE_URL", "mysql://h/d", "sqlite:///PATH or postgresql://"),
        ("DATABASE_URL", "sqlite://", "sqlite:///PATH or postgresql://"),
        ("DATABASE_URL", "postgresql://h:x/d", "sqlite:///PATH or postgresql://"),
        ("ACCESS_TOKEN_LIFETIME", "2 weeks", "such as 10m"),
        ("ACCESS_TOKEN_LIFETIME", "0", "more than 0"),
        ("ACCESS_TOKEN_LIFETIME", "none", "such as 10m"),
        ("SESSION_LIFETIME", "99999999d", "at most 36500d"),
        ("LEASE", "-1", "such as 10m"),
        ("WORKERS", "many", "whole number"),
        ("WORKERS", "0", "greater than or equal to 1"),
        ("SIGN_UP", "perhaps", "on or off"),
        ("SIGN_IN_LIMIT", "-1", "greater than or equal to 0"),
        ("LOG_FORMAT", "xml", "'auto', 'json' or 'text'"),
        ("TRUSTED_PROXIES", "10.0.0.0/8,proxy", "addresses or networks"),
        ("COMPANY_HEADERS", "Company Id", "header name"),
        ("SERVICE_ACCOUNT_DOMAIN", "Service_", "a domain"),
        ("SMTP_URL", "mail.example.com", "smtp://HOST"),
        ("MANAGEMENT_ADDRESS", "8401", "HOST:PORT"),
        ("ISUER", "https://id.example.com", "is no setting"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(tmp_path: Path, name: str, value: str, said: str) -> None:
    told = _refused(tmp_path, {name: value})
    assert told.startswith(f"GATEWRIGHT_{name} (the environment)")
    assert said in told
    assert len(told.splitlines()) == 1


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    assert len(_refused(tmp_path, {"WORKERS": "x", "LEASE": "y"}).splitlines()) == 2


def test_a_bad_setting_never_repeats_a_secret(tmp_path: Path) -> None:
    # T13
    assert "hunter2" not in _refused(tmp_path, {"DATABASE_URL": "postgres://u:hunter2@h/d"})
    assert "hunter2" not in _refused(tmp_path, {"SMTP_URL": "mail://u:hunter2@h"})


def test_a_toml_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert "none.toml" in _refused(tmp_path, {"CONFIG": "none.toml"})
    (tmp_path / "bad.toml").write_text("ISSUER = \n")
    assert "is no TOML" in _refused(tmp_path, {"CONFIG": "bad.toml"})
    (tmp_path / "other.toml").write_text("[server]\nport = 1\n")
    assert "GATEWRIGHT_SERVER (other.toml) is no setting" in _refused(tmp_path, {"CONFIG": "other.toml"})


def test_secrets_are_masked(tmp_path: Path) -> None:
    # T13
    settings = {
        "SECRET_KEYS": "hunter2,hunter3",
        "DATABASE_URL": "postgresql://gate:hunter2@db/gate?sslpassword=hunter3&ssl=require",
        "SMTP_URL": "smtps://post:hunter2@mail",
    }
    shown = {one.name: one.value for one in _load(tmp_path, settings).explained()}
    assert "hunter" not in str(shown)
    assert shown["GATEWRIGHT_SECRET_KEYS"] == "*** (2)"
    assert shown["GATEWRIGHT_DATABASE_URL"] == "postgresql://gate:***@db/gate?sslpassword=***&ssl=require"
    assert masked_url("postgresql://db/gate") == "postgresql://db/gate"


def test_secrets_are_not_in_the_settings_repr() -> None:
    # T13
    settings = Settings(
        secret_keys=("hunter2",), database_url="postgresql://gate:hunter2@db/gate", smtp_url="smtps://post:hunter2@mail"
    )
    assert "hunter2" not in f"{settings!r} {settings}"
