"""No fact changes unless the feed tells of it: otherwise caches of others would keep what is no more (T12, X5).

After each commit every row that a fact is made of is read anew and compared with what it was.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from gatewright.apps import service as apps
from gatewright.base import clock
from gatewright.base.ids import AppId, ProjectId, TemplateId
from gatewright.base.levels import Level
from gatewright.db.engine import Committed, Database, Reader, Transaction
from gatewright.decisions import facts as decisions
from gatewright.directory import service as directory
from gatewright.directory.model import Tool
from gatewright.events.catalogue import SYSTEM
from gatewright.events.facts import Fact
from gatewright.events.positions import newest_position, touched_from
from gatewright.oauth import facts as oauth
from gatewright.oauth.key_service import rotate_signing_key
from gatewright.oauth.model import AppClient, Family, ServiceAccountClient
from gatewright.service_accounts import service as accounts
from tests.endings.model import Prepare
from tests.endings.table import ALL
from tests.support.served import ServedWorld
from tests.support.world import EVERY_LEVEL, World, fill

_OF_CONTACTS = (
    "SELECT company_id, coalesce(user_id, service_account_id) FROM contacts"
    " WHERE user_id IS NOT NULL OR service_account_id IS NOT NULL"
)
# What names each fact, and how it is made of the row.
NAMED: tuple[tuple[str, Any], ...] = (
    ("SELECT id FROM users", oauth.user_fact),
    ("SELECT client_id FROM apps UNION SELECT client_id FROM service_accounts", oauth.client_fact),
    ("SELECT id FROM authorizations", oauth.authorization_fact),
    ("SELECT id FROM token_families", oauth.family_fact),
    ("SELECT jti FROM revoked_tokens", oauth.revoked_fact),
    ("SELECT id FROM companies", decisions.company_fact),
    ("SELECT company_id, id FROM projects", decisions.project_fact),
    (_OF_CONTACTS, decisions.contact_fact),
    ("SELECT company_id, id FROM contacts", decisions.entry_fact),
    ("SELECT company_id, app_id FROM installations", decisions.installation_fact),
    ("SELECT company_id, project_id, contact_id FROM project_members", decisions.membership_fact),
)


async def all_facts(reader: Reader) -> dict[str, Any]:
    """Return what every fact holds that a row is behind."""
    facts: list[Fact[Any]] = [oauth.signing_keys_fact(), decisions.tools_fact()]
    for statement, fact in NAMED:
        facts += [fact(*row) for row in await reader.execute(text(statement))]
    return {fact.key: answering(await fact.load(reader)) for fact in facts}


def answering(value: Any) -> Any:
    """Return what of a fact an answer hangs from: not how far a family was rotated, nor a secret's digest."""
    match value:
        case Family():
            return (value.authorization_id, value.secret_id, value.scopes, value.ended_at)
        case AppClient():
            return replace(value, secrets=()), {secret.id for secret in value.secrets}
        case ServiceAccountClient():
            return {name: getattr(value, name) for name in value.__slots__ if name != "secret"}, value.secret.id
        case _:
            return value


@dataclass(slots=True)
class Watch:
    """Compares the facts before and after each commit with what the feed says of it."""

    database: Database
    held: dict[str, Any] = field(default_factory=dict)
    position: int = 0
    changed: set[str] = field(default_factory=set)  # kinds of keys
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def begin(self) -> None:
        """Look for the first time."""
        async with self.database.read() as reader:
            self.held, self.position = await all_facts(reader), await newest_position(reader)
        self.database.after_commit.insert(0, self.look)

    async def look(self, _committed: Committed) -> None:
        """Look again; AssertionError when a fact changed of which the feed says nothing."""
        async with self._looking:
            await self._compare()

    async def _compare(self) -> None:
        async with self.database.read() as reader:
            await reader.execute(text("BEGIN"))  # one instant, whatever is committed meanwhile
            now = await all_facts(reader)
            since = await touched_from(reader, self.position + 1, most=10_000)
            await reader.execute(text("COMMIT"))
        told = {key for touched in since for key in touched.keys}
        moved = {key for key in self.held.keys() | now.keys() if self.held.get(key) != now.get(key)}
        assert moved <= told, f"changed, and nobody is told: {sorted(moved - told)}"
        self.changed |= {key.partition(":")[0] for key in moved}
        self.held = now
        self.position = since[-1].position if since else self.position


class Watched(ServedWorld):
    """A world whose workers are all the application in this process."""

    async def browser(self) -> httpx.AsyncClient:
        """Return a fresh browser on the application."""
        return await World.browser(self)


@pytest.fixture
async def watched(app: FastAPI, client: httpx.AsyncClient) -> AsyncIterator[tuple[ServedWorld, Watch]]:
    """Lend a world all of whose commits are watched from the first on; its workers are all the application here."""
    watch = Watch(app.state.house.database)
    await watch.begin()
    world = Watched(app, app.state.house, client, workers=[client] * 3, engines=[app.state.core.access] * 3)
    await fill(world)
    await world.add_app("overseer", "Overseer", owner="oda", scopes=("company.manage",))
    await world.get_manager()
    yield world, watch
    await world.close()


EVERY_KIND = {
    "authorization",
    "client",
    "company",
    "contact",
    "entry",
    "family",
    "installation",
    "membership",
    "project",
    "revoked",
    "signing_keys",
    "tools",
    "user",
}


async def test_no_ending_is_kept_from_the_feed(watched: tuple[ServedWorld, Watch]) -> None:
    """T12: each kind of ending, with all that is made and granted before it."""
    world, watch = watched
    worker = world.workers[0]
    prepared: list[Prepare] = list(ALL)
    for prepare in prepared:
        ending = await prepare(world)
        await (ending.warm or ending.ask)(worker)
        await ending.end(worker)
        await ending.ask(worker)
    assert watch.changed == EVERY_KIND


async def test_no_change_of_a_directory_is_kept_from_the_feed(watched: tuple[ServedWorld, Watch]) -> None:
    """X5, M3: names, projects, tools, templates and all who hold them, a contact that is joined to a user."""
    world, _ = watched
    database, alder, wim = world.house.database, world.companies["alder"], world.people["wim"]
    how: dict[str, Any] = {"origin": SYSTEM, "now": clock.now()}
    here: dict[str, Any] = {"company_id": alder, **how}
    contact: dict[str, Any] = {"contact_id": wim.contacts["alder"], "granted_by": None, **here}
    await directory.change_company(database, name="Alder & Sons", **here)
    await directory.change_user(database, user_id=wim.id, name="Wim W", email="w@example.com", **how)
    await directory.change_project(database, project_id=world.projects["bridge"], name="Bridge 2", **here)
    for levels in (EVERY_LEVEL, (Level.NONE, Level.ADMIN)):
        await directory.declare_tool(database, tool=Tool("project", "photos", "Photos", levels), **how)
    template = await world.add_template(
        "lead", "alder", levels={"directory": "standard"}, on_projects={"rfis": "admin"}
    )
    await directory.assign_template(database, template_id=template, **contact)
    levels_: dict[str, Any] = {"company": {"directory": "read_only"}, "project": {"rfis": "read_only"}}
    await directory.change_template(database, template_id=template, granted_by=None, **levels_, **here)
    await directory.assign_template(database, template_id=None, **contact)
    await directory.assign_template(database, template_id=TemplateId(template), **contact)
    await directory.set_membership(
        database, project_id=ProjectId(world.projects["tower"]), levels={"rfis": "standard"}, **contact
    )
    await directory.remove_template(database, template_id=template, **here)
    entry = await directory.add_contact(
        database, email="new@example.com", name="New", levels={}, granted_by=None, **here
    )
    await directory.change_contact(database, contact_id=entry, name="Newer", email="newer@example.com", **here)
    await directory.join_user(database, contact_id=entry, user_id=world.people["bea"].id, **here)
    for act in (directory.deactivate_user, directory.reactivate_user):
        await act(database, user_id=world.people["bea"].id, **how)


async def test_no_change_of_an_app_or_account_is_kept_from_the_feed(watched: tuple[ServedWorld, Watch]) -> None:
    """X5, S7, S8: unblocked, reconnected, other secrets; an account stopped, regenerated, deleted; keys that sign."""
    world, _ = watched
    database, keys, app = world.house.database, world.house.keys, world.apps["gate"]
    how: dict[str, Any] = {"origin": SYSTEM, "now": clock.now()}
    await apps.change_app(database, app_id=AppId(app.id), name="Gate 2", is_resource_server=False, **how)
    await apps.add_secret(database, app_id=AppId(app.id), keys=keys, **how)
    await apps.reset_secrets(database, app_id=AppId(app.id), keys=keys, **how)
    for act in (apps.block_app, apps.unblock_app):
        await act(database, app_id=AppId(app.id), **how)
    await refresh_with_another_secret(world)
    robot, here = world.robots["robot"], {"company_id": world.companies["alder"], **how}
    account: dict[str, Any] = {"service_account_id": robot.id, **here}
    domain = world.house.settings.service_domain
    await world.set_levels("alder", robot.contact_id, directory="standard")
    await world.add_member("alder", "bridge", robot.contact_id, rfis="admin")
    await directory.change_contact(database, contact_id=robot.contact_id, email="else@example.com", **here)
    await accounts.regenerate_secret(database, domain=domain, keys=keys, **account)
    await directory.remove_contact(database, contact_id=robot.contact_id, granted_by=None, **here)
    await accounts.regenerate_secret(database, domain=domain, keys=keys, **account)
    await accounts.delete_service_account(database, **account)
    for at_once in (False, True):
        await rotate_signing_key(database, keys=keys, at_once=at_once, **how)


async def refresh_with_another_secret(world: World) -> None:
    """Move a family to a second secret of its app."""
    app = world.apps["crane"]
    tokens = await world.tokens("wim", "crane")
    made = await apps.add_secret(
        world.house.database, app_id=AppId(app.id), keys=world.house.keys, origin=SYSTEM, now=clock.now()
    )
    given = {"grant_type": "refresh_token", "refresh_token": tokens.refresh, "client_id": app.client_id}
    answer = await world.client.post("/oauth/token", data={**given, "client_secret": made.secret})
    assert answer.status_code == 200, answer.text


async def test_the_watch_sees_what_nobody_is_told(watched: tuple[ServedWorld, Watch]) -> None:
    """T12: a row changed without an event is noticed; so is one about something else."""
    world, _ = watched

    async def rename(tx: Transaction) -> None:
        await tx.execute(text("UPDATE companies SET name = name || '!' WHERE id = 1"))

    with pytest.raises(AssertionError, match=r"nobody is told: \['company:1'\]"):
        await world.house.database.write(rename)
