"""What `gatewright keys` does and says."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from gatewright.base import clock
from gatewright.cli.preparation import require_migrated
from gatewright.events.catalogue import Origin
from gatewright.house import open_house, read_server_keys
from gatewright.oauth.key_report import KeyReport, ServerKeyLine, SigningKeyLine, report_keys
from gatewright.oauth.key_rules import KEY_SET_MAX_AGE
from gatewright.oauth.key_service import retire_signing_key, rotate_signing_key
from gatewright.settings import Settings

OPERATOR = Origin(by_kind="operator")
_MINUTE = timedelta(minutes=1)


async def listed(settings: Settings) -> list[str]:
    """Return the keys, line by line."""
    await _require(settings)
    async with open_house(settings) as house:
        report = await report_keys(house.database, house.keys, settings, now=clock.now())
    return list(_lines(report))


async def rotated(settings: Settings, *, at_once: bool) -> str:
    """Make the next signing key and say when it signs."""
    await _require(settings)
    async with open_house(settings) as house:
        made = await rotate_signing_key(
            house.database, keys=house.keys, at_once=at_once, origin=OPERATOR, now=clock.now()
        )
    if at_once:
        kept = f"for up to {KEY_SET_MAX_AGE // _MINUTE} minutes"
        return f"{made.kid} signs from now on. Verifiers that keep the key set refuse its tokens {kept}."
    return f"{made.kid} is published, and signs from {_at(made.current_from)} on."


async def retired(settings: Settings, kid: str, *, is_compromised: bool) -> str:
    """Retire a signing key and say what that ended."""
    await _require(settings)
    async with open_house(settings) as house:
        done = await retire_signing_key(
            house.database,
            kid,
            is_compromised=is_compromised,
            keys=house.keys,
            lifetime=settings.access_token_lifetime,
            origin=OPERATOR,
            now=clock.now(),
        )
    if not is_compromised:
        return f"{kid} was withdrawn before it signed anything."
    follows = "" if done.successor is None else f" {done.successor.kid} signs from now on."
    return f"{kid} is compromised: no token that it signed is accepted any more.{follows}"


async def _require(settings: Settings) -> None:
    read_server_keys(settings)
    await require_migrated(settings)


def _lines(report: KeyReport) -> Iterator[str]:
    yield "Signing keys"
    for key in report.signing:
        yield f"  {key.kid}  {key.state:<11}  made {_at(key.made_at)}, {_told(key)}"
    yield "Server keys"
    for server in report.server:
        yield f"  {server.key_id}  {server.state:<7}  first seen {_at(server.first_seen_at)}{_free(server)}"
        for what, many, until in server.hanging:
            yield f"      {many:>7} {what}{'' if server.state == 'current' else f': {until}'}"


def _told(key: SigningKeyLine) -> str:
    match key.state:
        case "next":
            return f"signs from {_at(key.current_from)}"
        case "current":
            ends = "" if key.retired_at is None else f" until {_at(key.retired_at)}"
            return f"signs since {_at(key.current_from)}{ends}"
        case "retiring":
            return f"verifies until {_at(key.ends_at)}"
        case "retired":
            return f"retired {_at(key.retired_at)}"
        case "compromised":
            return f"compromised {_at(key.compromised_at)}: verifies nothing"


def _free(server: ServerKeyLine) -> str:
    if server.hanging or server.state == "current":
        return ""
    return ": nothing hangs from it, so it may be taken out of SECRET_KEYS" if server.state == "older" else ": gone"


def _at(moment: datetime | None) -> str:
    return "before this was noted" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"
