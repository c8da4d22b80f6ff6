"""The sentences about a deployment's health: each that tells of something wrong says what to do."""

from datetime import UTC, datetime, timedelta

from gatewright.operations.explaining import explained
from gatewright.operations.model import Outbox
from gatewright.operations.service import LONGEST_WAIT, mail, proxies
from gatewright.settings import Settings

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
WITH_MAIL = Settings(smtp_url="smtp://mail.example", mail_from="gate@example.com")


def test_mail_that_waits_too_long_is_a_problem() -> None:
    """P8: who waits for a link has to be helped."""
    in_time = mail(WITH_MAIL, Outbox(2, NOON - LONGEST_WAIT), now=NOON)
    late = mail(WITH_MAIL, Outbox(1, NOON - LONGEST_WAIT - timedelta(seconds=1)), now=NOON)
    assert (in_time.is_wrong, late.is_wrong) == (False, True)
    assert "2 messages wait" in in_time.says
    assert "1 message waits" in late.says
    assert "log" in late.says


def test_no_mail_server_is_told_with_what_it_means() -> None:
    """P7, P8."""
    assert not mail(Settings(), Outbox(0, None), now=NOON).is_wrong
    assert "GATEWRIGHT_SMTP_URL" in mail(Settings(), Outbox(0, None), now=NOON).says
    assert "nothing waits" in mail(WITH_MAIL, Outbox(0, None), now=NOON).says


def test_https_without_a_trusted_proxy_is_a_problem() -> None:
    """A186: every call would seem to come from the proxy."""
    assert proxies(Settings(issuer="https://id.example")).is_wrong
    assert not proxies(Settings(issuer="https://id.example", trusted_proxies=("10.0.0.1",))).is_wrong


def test_no_setting_shows_a_secret() -> None:
    """T13: wherever an address may hold a password."""
    secret = "Tr0ub4dor"
    settings = Settings(
        database_url=f"postgresql://gate:{secret}@db/gate",
        smtp_url=f"smtp://gate:{secret}@mail",
        rate_limit_storage=f"valkey://gate:{secret}@counter:6379",
        secret_keys=(secret,),
    )
    shown = {one.name: one for one in explained(settings, {"smtp_url": "the environment"})}
    assert not any(secret in one.value for one in shown.values())
    assert shown["GATEWRIGHT_RATE_LIMIT_STORAGE"].value == "valkey://gate:***@counter:6379"
    assert (shown["GATEWRIGHT_SMTP_URL"].source, shown["GATEWRIGHT_ISSUER"].source) == ("the environment", "default")
