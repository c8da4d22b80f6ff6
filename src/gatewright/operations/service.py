"""The sentences about a deployment's health, for the command line and for the operator's page."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from http.client import HTTPException
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from gatewright.db.engine import Database, Reader
from gatewright.db.health import clock_difference, count_operators, has_signing_key
from gatewright.db.migrate import SchemaState, schema_state
from gatewright.operations import store
from gatewright.operations.model import Finding, Outbox
from gatewright.settings import Settings

LONGEST_WAIT = timedelta(minutes=15)  # mail that waits longer is not getting through
_MOST_DIFFERENCE = timedelta(seconds=5)
_ANSWER_SECONDS = 3
_METADATA = "/.well-known/oauth-authorization-server"
_DATABASES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
_CURRENT = "is reachable, with this version's schema"
_SCHEMA = {
    SchemaState.EMPTY: "holds no schema yet; run: gatewright migrate",
    SchemaState.OLDER: "has an older schema than this version; run: gatewright migrate",
    SchemaState.NEWER: "was migrated by a newer version; run that version",
}


async def examine(
    database: Database,
    settings: Settings,
    *,
    counts_waiting: int,
    tools_of_routes: frozenset[tuple[str, str]] | None,
    now: datetime,
) -> AsyncIterator[Finding]:
    """Yield what a running process finds; the statements are the same few whatever the database holds."""
    wrong = _SCHEMA.get(await schema_state(database))
    yield Finding("database", f"{_DATABASES[database.dialect]} {wrong or _CURRENT}", bool(wrong))
    async with database.read() as reader:
        async for finding in contents(reader, now=now):
            yield finding
        outbox = await store.load_outbox(reader)
        yield await routes(reader, tools_of_routes)
    yield mail(settings, outbox, now=now)
    yield Finding("calls", f"{_counted(counts_waiting)} of this process wait to be written; that happens each second")
    yield _limits(settings)
    yield _workers(settings)
    yield await asyncio.to_thread(issuer, settings)
    yield proxies(settings)


async def contents(reader: Reader, *, now: datetime) -> AsyncIterator[Finding]:
    """Yield what the database says of keys, clock and operators."""
    if await has_signing_key(reader, now=now):
        yield Finding("keys", "every server key is there, and one to sign tokens with")
    else:
        yield Finding("keys", "no key to sign tokens with; run: gatewright migrate", True)
    difference = await clock_difference(reader, now=now)
    if difference > _MOST_DIFFERENCE:
        said = f"this computer's clock differs from the database's by {difference.total_seconds():.0f} s"
        yield Finding("clock", f"{said}; set both by NTP, else tokens end too early or too late", True)
    else:
        yield Finding("clock", "agrees with the database")
    if await count_operators(reader) == 0:
        yield Finding("operator", "nobody is operator yet; run: gatewright operator create EMAIL")


async def routes(reader: Reader, tools: frozenset[tuple[str, str]] | None) -> Finding:
    """Return whether every tool that the route map asks about is declared; None: there is no map."""
    if tools is None:
        return Finding("routes", "no route map is set: /authz/forward answers what is asked in its query")
    if missing := await undeclared_tools(reader, tools):
        told = "routes ask about tools that nobody declared and refuse everybody"  # M7
        return Finding(
            "routes", f"{told}: {', '.join(missing)}; declare them in a world file, or correct the map", True
        )
    return Finding("routes", "every tool that the route map asks about is declared")


async def undeclared_tools(reader: Reader, tools: frozenset[tuple[str, str]]) -> list[str]:
    """Return those of `tools` (scope and key) that the deployment does not have, as people read them."""
    declared = await store.load_tool_keys(reader)
    return [f"{key} (of the {scope})" for scope, key in sorted(tools - declared)]


def issuer(settings: Settings) -> Finding:
    """Return whether we answer at the address that every link and token names; waits for it."""
    address = settings.issuer + _METADATA
    try:
        with build_opener(ProxyHandler({})).open(address, timeout=_ANSWER_SECONDS) as answer:
            named = json.loads(answer.read(65_536)).get("issuer")
    except (URLError, HTTPException, OSError, ValueError, AttributeError):
        return Finding("issuer", f"nothing of ours answers at {settings.issuer} now; the server may not be running")
    if named != settings.issuer:
        return Finding("issuer", f"another issuer answers at {settings.issuer}; correct GATEWRIGHT_ISSUER", True)
    return Finding("issuer", f"it answers at {settings.issuer}")


def proxies(settings: Settings) -> Finding:
    """Return whether the addresses of callers are told by whom we believe."""
    if settings.is_https and not settings.trusted_proxies:
        told = "https means a proxy in front, but GATEWRIGHT_TRUSTED_PROXIES is empty: "
        return Finding("proxy", told + "every call seems to come from the proxy; name its address", True)
    trusted = ", ".join(settings.trusted_proxies) or "nobody"
    return Finding("proxy", f"X-Forwarded-For is believed from {trusted}")


def mail(settings: Settings, outbox: Outbox, *, now: datetime) -> Finding:
    """Return whether mail can be sent, and whether it is."""
    if not settings.has_mail:
        without = "no mail server is set: invitations are links to hand over, and nobody can reset a password alone"
        return Finding("mail", f"{without}; set GATEWRIGHT_SMTP_URL and GATEWRIGHT_MAIL_FROM")
    if outbox.oldest_at is None:
        return Finding("mail", "a mail server is set, and nothing waits to be sent")
    minutes = int((now - outbox.oldest_at).total_seconds() // 60)
    says = (
        f"{outbox.waiting} {'message waits' if outbox.waiting == 1 else 'messages wait'}, the oldest for {minutes} min"
    )
    is_late = now - outbox.oldest_at > LONGEST_WAIT
    return Finding("mail", f"{says}; look at the log for why the mail server takes none" if is_late else says, is_late)


def _limits(settings: Settings) -> Finding:
    hour, spike = settings.rate_limit_hour or "any number of", settings.rate_limit_spike or "any number"
    says = f"an app may make {hour} calls in 60 minutes and {spike} in 10 seconds in one company"
    if settings.rate_limit_storage != "memory://":
        return Finding("rate limits", f"{says}, counted for all processes together")
    apart = ", counted by each process for itself" if settings.workers > 1 or not settings.is_embedded else ""
    return Finding("rate limits", says + apart)


def _workers(settings: Settings) -> Finding:
    if settings.workers == 1:
        return Finding("workers", "one process serves at this address")
    return Finding("workers", f"{settings.workers} processes serve at this address")


def _counted(number: int) -> str:
    return "no counts" if number == 0 else "1 count" if number == 1 else f"{number} counts"
