"""Places and tabs: only what the viewer may enter (`web.core.Navigation`)."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gatewright.base.ids import CompanyId
from gatewright.base.levels import Level
from gatewright.db.engine import Database
from gatewright.decisions import navigation_store as store
from gatewright.directory.model import DIRECTORY
from gatewright.web.access import Access, Allow, Question, Viewer, plain_id
from gatewright.web.core import Closed, CompanyAdmin, Place, Tab

ACCOUNT: Final = "account"
DEVELOPER: Final = "developer"
OPERATOR: Final = "operator"
COMPANY: Final = "company:"


@dataclass(frozen=True, slots=True)
class CompanyTab:
    """A tab of a company, and what opening it takes; no tool: any level or membership."""

    name: str
    path: str
    tool: str | None = None
    level: Level | None = None
    counts_requests: bool = False


COMPANY_TABS: Final = (
    CompanyTab("Overview", ""),
    CompanyTab("App Management", "/apps", "admin", Level.ADMIN, counts_requests=True),
    CompanyTab("Directory", "/directory", "directory", Level.READ_ONLY),
    CompanyTab("Projects", "/projects", "admin", Level.ADMIN),
    CompanyTab("Templates", "/templates", "directory", Level.ADMIN),
    CompanyTab("Service accounts", "/service-accounts", "admin", Level.ADMIN),
    CompanyTab("Refused calls", "/refusals", "directory", Level.ADMIN),
    CompanyTab("Events", "/events", "admin", Level.ADMIN),
)
_BEHIND_NO_TAB: Final = (CompanyTab("Settings", "/settings", "admin", Level.ADMIN),)
_MOST_NAMED: Final = 3
_OF_COMPANY: Final = re.compile(r"/companies/([0-9]+)(/.*)?")
ACCOUNT_TABS: Final = (
    Tab("Connected apps", "/account/apps"),
    Tab("Security", "/account/security"),
    Tab("Sessions", "/account/sessions"),
)
DEVELOPER_TABS: Final = (
    Tab("Apps", "/developer/apps"),
    Tab("Refused calls", "/developer/refusals"),
    Tab("Terms of use", "/developer/terms"),
)
OPERATOR_TABS: Final = (
    Tab("Companies", "/operator/companies"),
    Tab("Users", "/operator/users"),
    Tab("Apps", "/operator/apps"),
    Tab("Tools", "/operator/tools"),
    Tab("Terms of use", "/operator/terms"),
    Tab("Keys", "/operator/keys"),
    Tab("Settings", "/operator/settings"),
    Tab("Health", "/operator/health"),
    Tab("Events", "/operator/events"),
)


@dataclass(frozen=True, slots=True)
class PlacesAndTabs:
    """The bar of every page, asked of the same decision as the pages behind it (M6)."""

    database: Database
    access: Access

    async def places(self, viewer: Viewer, *, now: datetime) -> list[Place]:
        """Return the viewer's account, the companies they may enter, and their apps."""
        async with self.database.read() as reader:
            entered = await store.companies_entered(reader, viewer.user_id)
            apps = await store.count_apps(reader, viewer.user_id)
        made = f"{apps} app{'' if apps == 1 else 's'}" if apps else "Make an app"
        return [
            Place(ACCOUNT, viewer.name, "Your account", "/account/apps", "person"),
            *(_company(one) for one in entered),
            Place(DEVELOPER, "Developer", made, "/developer/apps", "developer"),
            *([Place(OPERATOR, "Operator", "This deployment", "/operator/companies", "operator")] * viewer.is_operator),
        ]

    async def tabs(self, viewer: Viewer, place: str, *, now: datetime) -> list[Tab]:
        """Return the tabs of one place that this viewer may open."""
        if place == ACCOUNT:
            return list(ACCOUNT_TABS)
        if place == DEVELOPER:
            return list(DEVELOPER_TABS)
        if place == OPERATOR:
            return list(OPERATOR_TABS) if viewer.is_operator else []
        company_id = plain_id(place.removeprefix(COMPANY))
        if company_id is None or not place.startswith(COMPANY):
            return []
        return await self._company_tabs(viewer, CompanyId(company_id), now=now)

    async def _company_tabs(self, viewer: Viewer, company_id: CompanyId, *, now: datetime) -> list[Tab]:
        """Return the tabs that the viewer may open; what several of them take is asked once."""
        may: dict[Question, bool] = {}
        for tab in COMPANY_TABS:
            question = _taken(tab, company_id)
            if question not in may:
                may[question] = isinstance(await self.access.by_user(viewer.user_id, question, now=now), Allow)
        return [
            Tab(
                tab.name,
                f"/companies/{company_id}{tab.path}",
                await self._requests(company_id) if tab.counts_requests else 0,
            )
            for tab in COMPANY_TABS
            if may[_taken(tab, company_id)]
        ]

    async def closed(self, viewer: Viewer, path: str, *, now: datetime) -> Closed | None:
        """Return what is closed at a path that was refused for want of a level; None where it is of no company."""
        found = _OF_COMPANY.fullmatch(path)
        company_id = None if found is None else plain_id(found[1])
        if found is None or company_id is None:
            return None
        open_tabs = await self._company_tabs(viewer, CompanyId(company_id), now=now)
        names = {tab.name for tab in open_tabs}
        asked = _tab_of(found[2] or "")
        return Closed(
            "" if asked is None or asked.name in names else _closes(asked),
            f"{COMPANY}{company_id}",
            await self._admins(CompanyId(company_id)) if "Directory" in names else (),
            next(iter(open_tabs), None),
        )

    async def _admins(self, company_id: CompanyId) -> tuple[CompanyAdmin, ...]:
        async with self.database.read() as reader:
            return await store.company_admins(reader, company_id, most=_MOST_NAMED)

    async def _requests(self, company_id: CompanyId) -> int:
        async with self.database.read() as reader:
            return await store.count_requests(reader, company_id)


def _taken(tab: CompanyTab, company_id: CompanyId) -> Question:
    """Return what opening the tab takes."""
    any_level = tab.tool is None
    return Question(company_id=company_id, needs_company=True, tool=tab.tool, level=tab.level, any_level=any_level)


def _tab_of(rest: str) -> CompanyTab | None:
    """Return the tab that a page below a company's path belongs to."""
    first = f"/{rest.split('/')[1]}" if rest.strip("/") else ""
    return next((tab for tab in (*COMPANY_TABS, *_BEHIND_NO_TAB) if tab.path == first), None)


def _closes(tab: CompanyTab) -> str:
    """Return whom a tab is for, as a sentence: `Templates are for company admins`."""
    if tab.tool is None or tab.level is None:
        whom = "contacts who hold a level"
    elif (tab.tool, tab.level) == (DIRECTORY, Level.ADMIN):
        whom = "company admins"
    else:
        whom = f"whoever holds {tab.tool.title()}: {tab.level.word}"
    return f"{tab.name} {'are' if tab.name.endswith('s') else 'is'} for {whom}"


def _company(one: store.Entered) -> Place:
    role = "Company admin" if one.is_company_admin else "Contact"
    return Place(f"{COMPANY}{one.id}", one.name, role, f"/companies/{one.id}", "company")
