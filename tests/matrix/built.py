"""The described world, made by the product's verbs behind a real server, and cells placed in it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gatewright.app import create_app
from gatewright.apps.installation_service import connect_beforehand, connect_on_first_call, disconnect
from gatewright.base import clock
from gatewright.base.ids import AppId, CompanyId, ContactId, SecretId
from gatewright.base.secrets import mint_server_key
from gatewright.db.engine import Transaction
from gatewright.db.migrate import migrate
from gatewright.directory import service as directory
from gatewright.directory.model import Tool
from gatewright.events.catalogue import SYSTEM
from gatewright.house import House, open_house
from gatewright.settings import Settings
from tests.matrix import described
from tests.matrix.cells import Cell, first_calls
from tests.matrix.expected import expected, levels_of
from tests.matrix.placed import Answer, Placed
from tests.support.postgres import free_port
from tests.support.served import ServedWorld, program_at
from tests.support.server import Server, start_server
from tests.support.world import EVERY_LEVEL

UNKNOWN_ID = 987_654_321
TOO_BIG_ID = 2**53
_NO_IDS = {described.UNKNOWN: UNKNOWN_ID, described.TOO_BIG: TOO_BIG_ID}


@dataclass(slots=True)
class Built:
    """The world as it stands, behind one server that is its own issuer."""

    world: ServedWorld
    server: Server
    tokens: dict[str, str | None] = field(default_factory=dict)
    contacts: dict[tuple[str, str], ContactId] = field(default_factory=dict)
    second_secret: SecretId | None = None  # of an app whose first one stands

    @property
    def house(self) -> House:
        """Return this process's share of the deployment."""
        return self.world.house

    def principal(self, who: str) -> int:
        """Return the id of a user or service account."""
        return self.world.people[who].id if who in self.world.people else self.world.robots[who].id

    def placed(self, cell: Cell, *, fresh: int | None = None, contact: int | None = None) -> Placed:
        """Return the cell with ids; `fresh` is the company, and `contact` the caller's in it, where both are new."""
        company = self._company(cell["company"]) if fresh is None else fresh
        return Placed(
            cell,
            token=self.tokens[cell["token"]] if cell["token"] is not None else None,
            company=company,
            other_company=self.world.companies["alder"],
            project=self._project(cell["project"]),
            contact=None if cell["contact"] is None else self.contacts[cell["contact"]],
            expected=self._expected(cell, company, contact),
        )

    def _expected(self, cell: Cell, company: int | None, contact: int | None) -> Answer:
        said = expected(cell)
        if said["code"] is not None:
            return Answer(said["code"], said["status"])
        key, app = said["contact"], said["app"]
        who = said["principal"]
        robot = self.world.robots.get(who)
        by_token = cell["token"] is not None
        return Answer(
            None,
            said["status"],
            kind="service_account" if robot else "user",
            principal=self.principal(who),
            company=None if said["company"] is None else company,
            contact=None if key is None else contact or self.contacts[key],
            level=said["level"],
            client_id=self.world.apps[app].client_id if app else robot.client_id if robot and by_token else None,
            scopes=tuple(said["scopes"]),
        )

    def _company(self, key: str | None) -> int | None:
        return self.world.companies.get(key or "", _NO_IDS.get(key or ""))

    def _project(self, key: str | None) -> int | None:
        return self.world.projects.get(key or "", _NO_IDS.get(key or ""))

    async def fresh(self) -> list[Placed]:
        """Return the first calls, each in a company of its own that never saw an app; made in one transaction."""
        cells = first_calls()

        async def make(tx: Transaction) -> list[tuple[CompanyId, ContactId | None]]:
            return [await self._fresh_company(tx, cell) for cell in cells]

        made = await self.house.database.write(make)
        return [
            self.placed(cell, fresh=company, contact=contact)
            for cell, (company, contact) in zip(cells, made, strict=True)
        ]

    async def _fresh_company(self, tx: Transaction, cell: Cell) -> tuple[CompanyId, ContactId | None]:
        number = await tx.next_id("company")
        access = described.FRESH[cell["company"]]
        company_id = await directory.create_company(
            tx, name=f"Fresh {number}", app_access=access, origin=SYSTEM, now=clock.now()
        )
        who = described.TOKENS[cell["token"]]["who"]
        if who not in described.FRESH_HOLDERS:
            return company_id, None
        levels, person = described.FRESH_HOLDERS[who]["levels"], self.world.people[who]
        return company_id, await directory.add_contact(
            tx,
            company_id=company_id,
            email=person.email,
            name=person.name,
            levels=levels,
            user_id=person.id,
            granted_by=None,
            origin=SYSTEM,
            now=clock.now(),
        )


@asynccontextmanager
async def built_world(folder: Path, settings: Mapping[str, str] | None = None) -> AsyncIterator[Built]:
    """Lend the world behind a server on SQLite, filled but for its tokens."""
    data_dir = folder / "data"
    data_dir.mkdir(mode=0o700)
    migrate(f"sqlite:///{data_dir / 'gatewright.db'}")
    port, key = free_port(), mint_server_key()
    ours = Settings(issuer=f"http://127.0.0.1:{port}", data_dir=data_dir, secret_keys=(key,))
    chosen = {"SECRET_KEYS": key, "RATE_LIMIT_SPIKE": "0", "RATE_LIMIT_HOUR": "0", **(settings or {})}
    server = start_server(data_dir=data_dir, settings=chosen, port=port)
    try:
        async with open_house(ours) as house, program_at(server.base_url) as client:
            built = Built(ServedWorld(create_app(ours), house, client, workers=[client]), server)
            await _fill(built)
            yield built
            await built.world.close()
    finally:
        server.stop()


async def _fill(built: Built) -> None:
    world, database = built.world, built.house.database
    await directory.ensure_builtin_tools(database, origin=SYSTEM, now=clock.now())
    for key, scope in described.TOOLS.items():
        if key not in {"directory", "admin"}:
            tool = Tool("company" if scope == "company" else "project", key, key.title(), EVERY_LEVEL)
            await directory.declare_tool(database, tool=tool, origin=SYSTEM, now=clock.now())
    for who in (*described.USERS, "dev"):
        await world.add_person(who, f"{who.title()} Person")
    for company, access in described.COMPANIES.items():
        await world.add_company(company, f"{company.title()} Works", app_access=access)
    for project, company in described.PROJECTS.items():
        await world.add_project(project, company, project.title())
    for who, account in described.SERVICE_ACCOUNTS.items():
        robot = await world.add_robot(who, account["home"], f"Program {who}")
        built.contacts[who, account["home"]] = robot.contact_id
    await _add_contacts(built)
    for app, scopes in described.APPS.items():
        await world.add_app(app, f"Product of the {app}", scopes=scopes)
    await world.add_app("gate", "Platform gate", is_resource_server=True)
    await _install(built)


async def _add_contacts(built: Built) -> None:
    world = built.world
    held = {key: levels_of(contact) for key, contact in described.CONTACTS.items() if "members_of" not in contact}
    held |= {key: {"levels": levels, "projects": {}} for key, levels in described.REMOVED.items()}
    held |= {key: {"levels": levels, "projects": {}} for key, levels in described.HELD_BEFORE.items()}
    for (who, company), contact in held.items():
        await _add_contact(built, who, company, contact["levels"])
        for project, levels in contact["projects"].items():
            await world.add_member(company, project, built.contacts[who, company], **levels)
    await _add_template_holders(built)


async def _add_contact(built: Built, who: str, company: str, levels: Mapping[str, str]) -> None:
    world = built.world
    if who in world.people:
        built.contacts[who, company] = await world.add_contact(company, who, **levels)
    elif who in world.robots:
        await _set_levels(built, company, built.contacts[who, company], levels)
    else:
        built.contacts[who, company] = await directory.add_contact(
            built.house.database,
            company_id=world.companies[company],
            email=f"{who}@example.net",
            name=who.title(),
            levels=levels,
            user_id=None,
            granted_by=None,
            origin=SYSTEM,
            now=clock.now(),
        )


async def _set_levels(built: Built, company: str, contact_id: ContactId, levels: Mapping[str, str]) -> None:
    await directory.set_levels(
        built.house.database,
        company_id=built.world.companies[company],
        contact_id=contact_id,
        levels=levels,
        granted_by=None,
        confirmed=True,  # S10
        origin=SYSTEM,
        now=clock.now(),
    )


async def _add_template_holders(built: Built) -> None:
    """M3: both hold the template as it was; one is detached by hand; then it changes."""
    world, database = built.world, built.house.database
    holders = {key: contact for key, contact in described.CONTACTS.items() if "members_of" in contact}
    for key, template in described.TEMPLATES.items():
        company, before, now = template["company"], template["before"], template["now"]
        template_id = await world.add_template(key, company, levels=before["company"], on_projects=before["project"])
        for (who, at), contact in holders.items():
            await _add_contact(built, who, at, {})
            for project in contact["members_of"]:
                await world.add_member(at, project, built.contacts[who, at])
            await directory.assign_template(
                database,
                company_id=world.companies[at],
                contact_id=built.contacts[who, at],
                template_id=template_id,
                granted_by=None,
                origin=SYSTEM,
                now=clock.now(),
            )
            if "hand_set" in contact:
                await _set_levels(built, at, built.contacts[who, at], contact["hand_set"])
        await directory.change_template(
            database,
            company_id=world.companies[company],
            template_id=template_id,
            name=key.title(),
            company=now["company"],
            project=now["project"],
            granted_by=None,
            origin=SYSTEM,
            now=clock.now(),
        )


async def _install(built: Built) -> None:
    world, database = built.world, built.house.database
    for (app, company), status in described.INSTALLATIONS.items():
        company_id, app_id = world.companies[company], AppId(world.apps[app].id)
        if status == "connected":
            await connect_beforehand(database, company_id=company_id, app_id=app_id, origin=SYSTEM, now=clock.now())
        elif status == "disconnected":
            await disconnect(database, company_id=company_id, app_id=app_id, origin=SYSTEM, now=clock.now())
        else:
            user_id = world.people["ada"].id
            await connect_on_first_call(
                database, company_id=company_id, app_id=app_id, user_id=user_id, origin=SYSTEM, now=clock.now()
            )


def ids(cells: Sequence[Cell], built: Built) -> list[Placed]:
    """Return the cells with ids in their places."""
    return [built.placed(cell) for cell in cells]
