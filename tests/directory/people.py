"""A directory to test on: companies, users and contacts, made by the verbs."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text

from gatewright.base.ids import CompanyId, ContactId, ProjectId, ServiceAccountId, UserId
from gatewright.base.levels import Level
from gatewright.db.engine import Database
from gatewright.directory import service
from gatewright.directory.model import Contact, Grantor, Tool
from gatewright.directory.store import contacts, users
from gatewright.events.catalogue import SYSTEM, Origin

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
EVERY_LEVEL = tuple(Level)
TOOLS = (
    Tool("company", "budget", "Budget", EVERY_LEVEL),
    Tool("company", "reports", "Reports", (Level.NONE, Level.READ_ONLY)),
    Tool("project", "rfis", "RFIs", EVERY_LEVEL),
)
EDGE: dict[str, Any] = {"origin": SYSTEM, "now": NOON}
BY_ADA = Origin(by_kind="user", by_id=1)


@dataclass(slots=True)
class Town:
    """One database with the tools declared, and short ways to the verbs."""

    database: Database
    named: int = 0

    async def user(self, name: str = "", *, email: str = "") -> UserId:
        """Return a new active user."""
        self.named += 1
        label = name or f"User {self.named}"
        address = email or f"user{self.named}@example.com"
        return await service.create_user(self.database, email=address, name=label, password_hash=None, **EDGE)

    async def company(self) -> CompanyId:
        """Return a new company with an empty directory."""
        self.named += 1
        return await service.create_company(self.database, name=f"Company {self.named}", **EDGE)

    async def project(self, company_id: CompanyId, name: str = "") -> ProjectId:
        """Return a new project."""
        self.named += 1
        return await service.create_project(
            self.database, company_id=company_id, name=name or f"Project {self.named}", **EDGE
        )

    async def contact(
        self,
        company_id: CompanyId,
        *,
        user_id: UserId | None = None,
        service_account_id: int | None = None,
        granted_by: Grantor | None = None,
        **levels: str,
    ) -> ContactId:
        """Return a new contact with these levels."""
        self.named += 1
        return await service.add_contact(
            self.database,
            company_id=company_id,
            email=f"contact{self.named}@example.com",
            name=f"Contact {self.named}",
            levels=levels,
            user_id=user_id,
            service_account_id=None if service_account_id is None else ServiceAccountId(service_account_id),
            granted_by=granted_by,
            **EDGE,
        )

    async def admin(self, company_id: CompanyId) -> ContactId:
        """Return the contact of a new user who is company admin."""
        return await self.contact(company_id, user_id=await self.user(), directory="admin")

    async def set_levels(
        self, company_id: CompanyId, contact_id: ContactId, by: ContactId | None, confirmed: bool = False, **levels: str
    ) -> bool:
        """Return whether the levels changed, as granted by a contact, or by the operator."""
        return await service.set_levels(
            self.database,
            company_id=company_id,
            contact_id=contact_id,
            levels=levels,
            granted_by=None if by is None else Grantor(by),
            confirmed=confirmed,
            **EDGE,
        )

    async def join(
        self, company_id: CompanyId, contact_id: ContactId, project_id: ProjectId, by: ContactId | None, **levels: str
    ) -> bool:
        """Return whether the contact's membership of the project changed."""
        return await service.set_membership(
            self.database,
            company_id=company_id,
            contact_id=contact_id,
            project_id=project_id,
            levels=levels,
            granted_by=None if by is None else Grantor(by),
            **EDGE,
        )

    async def remove(self, company_id: CompanyId, contact_id: ContactId, by: ContactId | None) -> bool:
        """Return whether the contact was removed."""
        return await service.remove_contact(
            self.database,
            company_id=company_id,
            contact_id=contact_id,
            granted_by=None if by is None else Grantor(by),
            **EDGE,
        )

    async def look(self, company_id: CompanyId, contact_id: ContactId) -> Contact | None:
        """Return the contact as it is stored."""
        async with self.database.read() as reader:
            return await contacts.find_contact(reader, company_id, contact_id)

    async def projects_of(self, company_id: CompanyId, contact_id: ContactId) -> list[ProjectId]:
        """Return the projects that the contact is a member of."""
        async with self.database.read() as reader:
            held = await contacts.memberships(reader, company_id, [contact_id])
        return [membership.project_id for membership in held.get(contact_id, ())]

    async def is_active(self, user_id: UserId) -> bool:
        """Return whether the user is active."""
        async with self.database.read() as reader:
            user = await users.find_user(reader, user_id)
        return user is not None and user.is_active

    async def admins(self, company_id: CompanyId) -> int:
        """Return how many active users are company admins, counted by a statement of its own."""
        statement = text(
            "SELECT count(*) FROM contacts JOIN users ON users.id = contacts.user_id"
            " WHERE contacts.company_id = :company AND contacts.is_directory_admin AND users.is_active"
        )
        async with self.database.read() as reader:
            return int((await reader.execute(statement, {"company": company_id})).scalar_one())

    async def events(self) -> list[str]:
        """Return the kinds of all events, oldest first."""
        async with self.database.read() as reader:
            return list((await reader.execute(text("SELECT kind FROM events ORDER BY id"))).scalars())


async def found(database: Database) -> Town:
    """Return a town whose tools are declared."""
    await service.ensure_builtin_tools(database, **EDGE)
    for tool in TOOLS:
        await service.declare_tool(database, tool=tool, **EDGE)
    return Town(database)
