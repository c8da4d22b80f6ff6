"""Make the database hold what a world file says: all of it in one transaction, or nothing."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, assert_never

from gatewright.apps import installation_service as installations
from gatewright.apps import service as apps
from gatewright.base.errors import Invalid, Refusal
from gatewright.base.folding import fold_email
from gatewright.base.ids import AppId, CompanyId, ContactId, ProjectId, ServiceAccountId, UserId
from gatewright.base.yaml_nodes import BadFile, Fault
from gatewright.db.engine import Transaction
from gatewright.directory import service as directory
from gatewright.directory.model import Tool
from gatewright.events.catalogue import Origin
from gatewright.house import House
from gatewright.login.passwords import Passwords
from gatewright.service_accounts.service import create_service_account
from gatewright.world import steps
from gatewright.world.model import App, User, World
from gatewright.world.plan import plan
from gatewright.world.state import Levels, State
from gatewright.world.store import load_state

OPERATOR = Origin(by_kind="operator")
Hashes = Mapping[str, str]  # by folded address
# Told all that was made, before the commit: whoever keeps the secrets does it there.
Keep = Callable[["Made"], Awaitable[None]]


@dataclass(slots=True)
class Names:
    """The ids of what the file names in one company."""

    id: CompanyId
    projects: dict[str, ProjectId] = field(default_factory=dict)
    contacts: dict[str, ContactId] = field(default_factory=dict)  # by folded address
    accounts: dict[str, tuple[ServiceAccountId, str, ContactId]] = field(default_factory=dict)


@dataclass(slots=True)
class Made:
    """Ids by name, and the secrets of what was made in this run, in clear here and nowhere else."""

    users: dict[str, UserId] = field(default_factory=dict)  # by folded address
    companies: dict[str, Names] = field(default_factory=dict)
    apps: dict[str, tuple[AppId, str]] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)  # by client id


async def planned(house: House, world: World) -> list[steps.AnyStep]:
    """Return what applying the file would change; BadFile when it cannot be applied."""
    async with house.database.read() as reader:
        return plan(world, await load_state(reader, world), service_domain=house.settings.service_domain)


async def apply_world(house: House, world: World, *, keep: Keep, now: datetime) -> list[steps.AnyStep]:
    """Return the steps that were taken; none when the database held it all before.

    BadFile when the file cannot be applied, or a step was refused: nothing is changed then.
    """
    hashes = await _hashes(house, world)

    async def work(tx: Transaction) -> list[steps.AnyStep]:
        await directory.ensure_builtin_tools(tx, origin=OPERATOR, now=now)
        state = await load_state(tx, world)
        taken = plan(world, state, service_domain=house.settings.service_domain)
        made = _standing(state)
        run = _Run(tx, house, made, hashes, now)
        for step in taken:
            await run.take(step)
        await keep(made)
        return taken

    return await house.database.write(work)


async def _hashes(house: House, world: World) -> Hashes:
    """Return a password hash for each account that is to be made. Outside: hashing takes its time."""
    new = [step.user for step in await planned(house, world) if isinstance(step, steps.CreateUser)]
    passwords = Passwords()
    try:
        return {fold_email(user.email): digest for user in new if (digest := await _hash(passwords, user))}
    finally:
        passwords.close()


async def _hash(passwords: Passwords, user: User) -> str | None:
    return user.password_hash if user.password is None else await passwords.hash(user.password)


def _standing(state: State) -> Made:
    made = Made(
        users={email: user.id for email, user in state.users.items()},
        apps={name: (app.id, app.client_id) for name, app in state.apps.items()},
    )
    for name, company in state.companies.items():
        names = Names(company.id, projects={name: project.id for name, project in company.projects.items()})
        by_user = {contact.user_id: contact.id for contact in company.contacts}
        names.contacts = {email: by_user[user.id] for email, user in state.users.items() if user.id in by_user}
        means = company.named_accounts()
        names.accounts = {name: (one.id, one.client_id, one.contact_id) for name, one in means.items()}
        made.companies[name] = names
    return made


@dataclass(frozen=True, slots=True)
class _Run:
    """One transaction under way: the verbs, with what they need."""

    tx: Transaction
    house: House
    made: Made
    hashes: Hashes
    now: datetime

    async def take(self, step: steps.AnyStep) -> None:
        """Take one step; BadFile, with its line, when the verb refuses."""
        try:
            await self._take(step)
        except Invalid as refusal:
            faults = [Fault(step.line, f"{step.says}: {one.field}", one.message) for one in refusal.problems]
            raise BadFile(faults) from None
        except Refusal as refusal:
            raise BadFile([Fault(step.line, step.says, f"{refusal.message} {refusal.help}".strip())]) from None

    async def _take(self, step: steps.AnyStep) -> None:
        match step:
            case steps.DeclareTool() | steps.PublishTerms():
                await self._declare(step)
            case steps.CreateUser() | steps.ChangeUser() | steps.SetActive():
                await self._settle_user(step)
            case steps.CreateCompany() | steps.ChangeCompany():
                await self._settle_company(step)
            case steps.CreateProject() | steps.ChangeProject() | steps.SaveTemplate():
                await self._settle_place(step)
            case steps.AddContact():
                await self._add_contact(step)
            case steps.CreateServiceAccount(company=company, name=name):
                await self._create_account(self.made.companies[company], name)
            case steps.SetLevels() | steps.SetMembership():
                await self._set_levels(step)
            case steps.CreateApp() | steps.ChangeApp() | steps.SetBlocked():
                await self._settle_app(step)
            case steps.SetInstallation():
                await self._settle_installation(step)
            case _:
                assert_never(step)

    async def _declare(self, step: steps.DeclareTool | steps.PublishTerms) -> None:
        match step:
            case steps.DeclareTool(tool=tool):
                await self._call(directory.declare_tool, tool=Tool(tool.scope, tool.key, tool.name, tool.levels))
            case steps.PublishTerms(terms=terms):
                await self._call(apps.publish_terms, version=terms.version, text=terms.text)

    async def _settle_user(self, step: steps.CreateUser | steps.ChangeUser | steps.SetActive) -> None:
        match step:
            case steps.CreateUser(user=user):
                await self._create_user(user)
            case steps.ChangeUser(email=email, name=name, is_operator=is_operator):
                user_id = self.made.users[fold_email(email)]
                await self._call(directory.change_user, user_id=user_id, name=name, is_operator=is_operator)
            case steps.SetActive(email=email, is_active=is_active):
                change = directory.reactivate_user if is_active else directory.deactivate_user
                await self._call(change, user_id=self.made.users[fold_email(email)])

    async def _settle_company(self, step: steps.CreateCompany | steps.ChangeCompany) -> None:
        match step:
            case steps.CreateCompany(name=name, app_access=access):
                company_id = await self._call(directory.create_company, name=name, app_access=access)
                self.made.companies[name] = Names(company_id)
            case steps.ChangeCompany(name=name, app_access=access):
                await self._call(directory.change_company, company_id=self.made.companies[name].id, app_access=access)

    async def _settle_place(self, step: steps.CreateProject | steps.ChangeProject | steps.SaveTemplate) -> None:
        match step:
            case steps.SaveTemplate():
                await self._save_template(step)
            case steps.CreateProject(company=company, project=project):
                names = self.made.companies[company]
                named = {"name": project.name, "project_number": project.number}
                names.projects[project.name] = await self._call(directory.create_project, company_id=names.id, **named)
            case steps.ChangeProject(company=company, project=project):
                names = self.made.companies[company]
                where = {"company_id": names.id, "project_id": names.projects[project.name]}
                await self._call(directory.change_project, **where, project_number=project.number)

    async def _call(self, verb: Callable[..., Awaitable[Any]], **arguments: Any) -> Any:
        return await verb(self.tx, **arguments, origin=OPERATOR, now=self.now)

    async def _create_user(self, user: User) -> None:
        self.made.users[fold_email(user.email)] = await self._call(
            directory.create_user,
            email=user.email,
            name=user.name,
            password_hash=self.hashes.get(fold_email(user.email)),
            is_operator=bool(user.is_operator),
            is_active=user.is_active is not False,
        )

    async def _save_template(self, step: steps.SaveTemplate) -> None:
        await self._call(
            directory.save_template,
            company_id=self.made.companies[step.company].id,
            name=step.name,
            company=_keys(step.company_levels),
            project=_keys(step.project_levels),
        )

    async def _add_contact(self, step: steps.AddContact) -> None:
        names, email = self.made.companies[step.company], fold_email(step.email)
        whose: dict[str, Any] = {"company_id": names.id, "user_id": self.made.users[email]}
        if step.joins is not None:
            await self._call(directory.join_user, **whose, contact_id=step.joins)
            names.contacts[email] = step.joins
            return
        label: dict[str, Any] = {"email": step.email, "name": step.name, "levels": {}, "granted_by": None}
        names.contacts[email] = await self._call(directory.add_contact, **whose, **label)

    async def _create_account(self, names: Names, name: str) -> None:
        created = await self._call(
            create_service_account,
            company_id=names.id,
            name=name,
            domain=self.house.settings.service_domain,
            keys=self.house.keys,
        )
        names.accounts[name] = (created.id, created.client_id, created.contact_id)
        self.made.secrets[created.client_id] = created.secret

    async def _set_levels(self, step: steps.SetLevels | steps.SetMembership) -> None:
        names = self.made.companies[step.company]
        holder = names.accounts[step.holder][2] if step.is_account else names.contacts[fold_email(step.holder)]
        whose: dict[str, Any] = {"company_id": names.id, "contact_id": holder, "granted_by": None}
        if isinstance(step, steps.SetMembership):
            project_id = names.projects[step.project]
            await self._call(directory.set_membership, **whose, project_id=project_id, levels=_keys(step.levels))
        else:
            # S10: the plan refused what was not confirmed.
            await self._call(directory.set_levels, **whose, levels=_keys(step.levels), confirmed=True)

    async def _settle_app(self, step: steps.CreateApp | steps.ChangeApp | steps.SetBlocked) -> None:
        match step:
            case steps.CreateApp(app=app):
                await self._create_app(app)
            case steps.ChangeApp(name=name, changes=changes):
                await self._call(apps.change_app, app_id=self.made.apps[name][0], **changes)
            case steps.SetBlocked(name=name, is_blocked=is_blocked):
                change = apps.block_app if is_blocked else apps.unblock_app
                await self._call(change, app_id=self.made.apps[name][0])

    async def _create_app(self, app: App) -> None:
        created = await self._call(
            apps.create_app,
            owner_id=self.made.users[fold_email(app.owner or "")],
            name=app.name,
            homepage=app.homepage or "",
            is_confidential=bool(app.is_confidential),
            redirect_uris=app.redirect_uris or (),
            scopes=app.scopes or (),
            is_resource_server=bool(app.is_resource_server),
            retry_window=app.retry_window,
            keys=self.house.keys,
        )
        self.made.apps[app.name] = (created.app_id, created.client_id)
        if created.secret is not None:
            self.made.secrets[created.client_id] = created.secret

    async def _settle_installation(self, step: steps.SetInstallation) -> None:
        where = {"company_id": self.made.companies[step.company].id, "app_id": self.made.apps[step.app][0]}
        if step.status == "disconnected":
            await self._call(installations.disconnect, **where)
        elif step.is_new:
            await self._call(installations.connect_beforehand, **where)
        else:
            await self._call(installations.reconnect, **where)


def _keys(levels: Levels) -> dict[str, str]:
    return {tool: level.key for tool, level in levels.items()}
