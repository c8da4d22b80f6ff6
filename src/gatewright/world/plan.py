"""What would have to change for the database to hold what the file says. Pure: nothing is changed here.

Nothing is ever deleted, and a key that was left out changes nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from gatewright.base.folding import fold_email
from gatewright.base.levels import Level
from gatewright.base.yaml_nodes import BadFile, Fault
from gatewright.directory.model import DIRECTORY
from gatewright.directory.rules import BUILT_IN, CONFIRMATION
from gatewright.mail.rules import is_service_address
from gatewright.world import model
from gatewright.world.apps_plan import plan_apps, plan_installations
from gatewright.world.model import World
from gatewright.world.state import CompanyState, ContactState, Levels, NotThere, State, ToolState, UserState
from gatewright.world.steps import (
    AddContact,
    AnyStep,
    ChangeCompany,
    ChangeProject,
    ChangeUser,
    CreateCompany,
    CreateProject,
    CreateServiceAccount,
    CreateUser,
    DeclareTool,
    PublishTerms,
    SaveTemplate,
    SetActive,
    SetLevels,
    SetMembership,
)

Steps = Iterator[AnyStep]
Holder = model.Contact | model.ServiceAccount
Known = dict[tuple[str, str], tuple[Level, ...]]  # the levels of each (scope, tool)

# What an empty database gets when the file names no tools; `directory` and `admin` are built in.
_DEMO_SET: tuple[tuple[Literal["company", "project"], str, str], ...] = (
    ("company", "documents", "Documents"),
    ("company", "reports", "Reports"),
    ("company", "webhooks", "Webhooks"),
    ("project", "rfis", "RFIs"),
    ("project", "drawings", "Drawings"),
    ("project", "daily_log", "Daily log"),
    ("project", "budget", "Budget"),
    ("project", "documents", "Documents"),
)


def plan(world: World, state: State, *, service_domain: str) -> list[AnyStep]:
    """Return the steps, in an order that works; BadFile with every fault there is.

    Nobody is made under `service_domain`, where only service accounts have addresses (S2).
    Whoever is deactivated is so last: nothing before is refused for it.
    """
    faults: list[Fault] = []
    tools = _tools(world, state)
    known = _known(state, tools)
    steps = [
        *_plan_tools(tools, state, faults),
        *_plan_terms(world, state, faults),
        *_plan_users(world, state, faults, service_domain=service_domain),
        *plan_apps(world, state, faults),
    ]
    for company in world.companies:
        standing = state.companies.get(company.name)
        steps += _plan_company(_Place(company, standing, known, faults), world, state)
    steps += plan_installations(world, state, faults)
    steps += _plan_standing(world, state)
    if faults:
        raise BadFile(faults)
    return steps


def _tools(world: World, state: State) -> tuple[model.Tool, ...]:
    built_in = {(tool.scope, tool.key) for tool in BUILT_IN}
    if world.tools is not None:
        return world.tools
    if set(state.tools) - built_in:
        return ()
    return tuple(
        model.Tool(line=1, key=key, name=name, scope=scope, levels=tuple(Level)) for scope, key, name in _DEMO_SET
    )


def _known(state: State, tools: tuple[model.Tool, ...]) -> Known:
    known: Known = {(tool.scope, tool.key): tool.levels for tool in BUILT_IN}
    known |= {where: tool.levels for where, tool in state.tools.items()}
    return known | {(tool.scope, tool.key): tool.levels for tool in tools}


def _plan_tools(tools: tuple[model.Tool, ...], state: State, faults: list[Fault]) -> Steps:
    built_in = {(tool.scope, tool.key): ToolState(tool.name, tool.levels) for tool in BUILT_IN}
    built_in_keys = {tool.key for tool in BUILT_IN}
    for tool in tools:
        where, wanted = (tool.scope, tool.key), ToolState(tool.name, tool.levels)
        if where in built_in:
            if built_in[where] != wanted:
                faults.append(Fault(tool.line, f"tools: {tool.key}", "is built in and cannot be declared differently"))
        elif tool.key in built_in_keys:
            told = "is the key of a built-in company tool; choose another key for a project tool"
            faults.append(Fault(tool.line, f"tools: {tool.key}", told))
        elif list(tool.levels) != sorted(set(tool.levels)) or tool.levels[:1] != (Level.NONE,) or len(tool.levels) < 2:
            told = "levels must be none and at least one more, lowest first, each once"
            faults.append(Fault(tool.line, f"tools: {tool.key}", told))
        elif holders := state.stranded.get(where):
            told = f"{holders} hold a level that would no longer be supported; lower theirs first"
            faults.append(Fault(tool.line, f"tools: {tool.key}", told))
        elif state.tools.get(where) != wanted:
            says = f"{tool.scope} tool {tool.key}"
            yield DeclareTool(line=tool.line, says=says, is_new=where not in state.tools, tool=tool)


def _plan_terms(world: World, state: State, faults: list[Fault]) -> Steps:
    if (terms := world.terms) is None:
        return
    text = state.terms.get(terms.version)
    if text is None:
        yield PublishTerms(line=terms.line, says=f"terms of use {terms.version}", is_new=True, terms=terms)
    elif text != terms.text:
        told = f"version {terms.version} is published with another text; name a new version"
        faults.append(Fault(terms.line, "terms", told))


def _plan_users(world: World, state: State, faults: list[Fault], *, service_domain: str) -> Steps:
    for user in world.users:
        standing = state.users.get(fold_email(user.email))
        if standing is not None:
            yield from _plan_user(user, standing)
        elif user.name is None:
            faults.append(NotThere(user.line, f"users: {user.email}", "needs a name: there is no such user yet"))
        elif is_service_address(user.email, service_domain=service_domain):
            told = f"lies under {service_domain}, where only service accounts have addresses; nobody could sign in"
            faults.append(Fault(user.line, f"users: {user.email}", told))
        else:
            yield CreateUser(line=user.line, says=f"user {user.email}", is_new=True, user=user)


def _plan_user(user: model.User, standing: UserState) -> Steps:
    name = user.name if user.name != standing.name else None
    is_operator = user.is_operator if user.is_operator != standing.is_operator else None
    changed = [f"name {name}"] if name is not None else []
    if is_operator is not None:
        changed.append("operator" if is_operator else "no longer operator")
    if changed:
        says = f"user {user.email}: {', '.join(changed)}"
        yield ChangeUser(line=user.line, says=says, email=user.email, name=name, is_operator=is_operator)


def _plan_standing(world: World, state: State) -> Steps:
    for user in world.users:
        standing = state.users.get(fold_email(user.email))
        was = True if standing is None else standing.is_active
        if user.is_active is not None and user.is_active != was and standing is not None:
            says = f"user {user.email}: {'reactivated' if user.is_active else 'deactivated'}"
            yield SetActive(line=user.line, says=says, email=user.email, is_active=user.is_active)


@dataclass(frozen=True, slots=True)
class _Place:
    """One company of the file, as it stands, and where its faults go."""

    company: model.Company
    standing: CompanyState | None
    known: Known
    faults: list[Fault]

    @property
    def name(self) -> str:
        return self.company.name


def _plan_company(place: _Place, world: World, state: State) -> Steps:
    company, standing = place.company, place.standing
    says = f"company {company.name}"
    if standing is None:
        access = company.app_access or "open"
        yield CreateCompany(line=company.line, says=says, is_new=True, name=company.name, app_access=access)
    elif company.app_access is not None and company.app_access != standing.app_access:
        says += f": app_access {standing.app_access} → {company.app_access}"
        yield ChangeCompany(line=company.line, says=says, name=company.name, app_access=company.app_access)
    yield from _plan_projects(place)
    yield from _plan_templates(place)
    yield from _plan_contacts(place, world, state)
    yield from _plan_accounts(place)


def _plan_projects(place: _Place) -> Steps:
    for project in place.company.projects:
        there = place.standing.projects.get(project.name) if place.standing else None
        says = f"{place.name}: project {project.name}"
        if there is None:
            yield CreateProject(line=project.line, says=says, is_new=True, company=place.name, project=project)
        elif project.number is not None and project.number != there.number:
            says += f": number {there.number or 'none'} → {project.number}"
            yield ChangeProject(line=project.line, says=says, company=place.name, project=project)


def _plan_templates(place: _Place) -> Steps:
    for template in place.company.templates:
        says = f"{place.name}: template {template.name}"
        before = place.standing.templates.get(template.name) if place.standing else None
        company, project = before if before is not None else ({}, {})
        if template.company is not None:
            company = _judged(template.company, "company", says, place)
        if template.project is not None:
            project = _judged(template.project, "project", says, place)
        if (company, project) != before:
            yield SaveTemplate(
                line=template.line,
                says=says,
                is_new=before is None,
                company=place.name,
                name=template.name,
                company_levels=company,
                project_levels=project,
            )


def _plan_contacts(place: _Place, world: World, state: State) -> Steps:
    in_file = {fold_email(user.email): user for user in world.users}
    for contact in place.company.contacts:
        says, email = f"{place.name}: contact {contact.user}", fold_email(contact.user)
        user = state.users.get(email)
        if user is None and email not in in_file:
            place.faults.append(NotThere(contact.line, says, "there is no such user; add one under users"))
        there = place.standing.contact_of(user.id) if place.standing and user else None
        if there is None:
            entry = place.standing.entry_for(email) if place.standing else None
            yield AddContact(
                line=contact.line,
                says=says,
                is_new=True,
                company=place.name,
                email=contact.user,
                name=_name_of(in_file.get(email), user),
                joins=entry.id if entry else None,
            )
        yield from _plan_levels(contact, contact.user, there, place)
        yield from _plan_memberships(contact, contact.user, there, place)


def _name_of(user: model.User | None, standing: UserState | None) -> str:
    return (user.name if user else None) or (standing.name if standing else "")


def _plan_accounts(place: _Place) -> Steps:
    for account in place.company.service_accounts:
        says = f"{place.name}: service account {account.name}"
        named = place.standing.named_accounts().get(account.name) if place.standing else None
        there = place.standing.contact(named.contact_id) if place.standing and named else None
        stated = (account.levels or {}).get(DIRECTORY)
        if stated is not None and stated.level is Level.ADMIN and account.confirm is None:
            told = f"directory: admin lets a program manage the company; write confirm: {CONFIRMATION} beside it"
            place.faults.append(Fault(stated.line, says, told))  # S10
        if named is None:
            yield CreateServiceAccount(line=account.line, says=says, is_new=True, company=place.name, name=account.name)
        yield from _plan_levels(account, account.name, there, place)
        yield from _plan_memberships(account, account.name, there, place)


def _plan_levels(holder: Holder, name: str, there: ContactState | None, place: _Place) -> Steps:
    if holder.levels is None:
        return
    levels = _judged(holder.levels, "company", f"{place.name}: {name}", place)
    if levels != (there.levels if there else {}):
        yield SetLevels(
            line=holder.line,
            is_new=there is None,
            says=f"{place.name}: {name}: levels {_words(levels)}",
            company=place.name,
            holder=name,
            is_account=isinstance(holder, model.ServiceAccount),
            levels=levels,
        )


def _plan_memberships(holder: Holder, name: str, there: ContactState | None, place: _Place) -> Steps:
    standing = place.standing.projects if place.standing else {}
    projects = {project.name for project in place.company.projects} | set(standing)
    for project, membership in holder.projects.items():
        says = f"{place.name}: {name}: {project}"
        if project not in projects:
            place.faults.append(NotThere(membership.line, says, "there is no such project in this company"))
        levels = _judged(membership.levels, "project", says, place)
        held = there.memberships.get(standing[project].id) if there and project in standing else None
        if held != levels:
            yield SetMembership(
                line=membership.line,
                says=f"{says} {_words(levels)}",
                is_new=held is None,
                company=place.name,
                holder=name,
                is_account=isinstance(holder, model.ServiceAccount),
                project=project,
                levels=levels,
            )


def _judged(stated: model.Levels, scope: str, where: str, place: _Place) -> Levels:
    """Return the levels without those that are none (M2); a fault for each tool or level that there is not."""
    for tool, one in stated.items():
        supported = place.known.get((scope, tool))
        if supported is None:
            others = ", ".join(key for at, key in place.known if at == scope)
            place.faults.append(Fault(one.line, where, f"{tool!r} is no {scope} tool; there are {others}"))
        elif one.level not in supported:
            allowed = ", ".join(level.key for level in supported)
            place.faults.append(Fault(one.line, where, f"{tool} has no level {one.level.key}; it has {allowed}"))
    return {tool: one.level for tool, one in stated.items() if one.level is not Level.NONE}


def _words(levels: Levels) -> str:
    return ", ".join(f"{tool} {level.key}" for tool, level in levels.items()) or "none"
