"""The part of a plan about apps: registered, changed, blocked, and where each may come in."""

from collections.abc import Iterator
from typing import Any

from gatewright.apps import rules
from gatewright.base.errors import Problem
from gatewright.base.folding import fold_email
from gatewright.base.yaml_nodes import Fault
from gatewright.world import model
from gatewright.world.model import World
from gatewright.world.state import AppState, NotThere, State
from gatewright.world.steps import AnyStep, ChangeApp, CreateApp, SetBlocked, SetInstallation

Steps = Iterator[AnyStep]


def plan_apps(world: World, state: State, faults: list[Fault]) -> Steps:
    """Yield what makes the apps as the file says."""
    in_file = {fold_email(user.email) for user in world.users}
    for app in world.apps:
        where = f"apps: {app.name}"
        faults += [Fault(app.line, f"{where}: {problem.field}", problem.message) for problem in _problems(app)]
        if app.owner is not None and fold_email(app.owner) not in in_file | set(state.users):
            faults.append(NotThere(app.line, where, f"its owner {app.owner} is no user; add one under users"))
        standing = state.apps.get(app.name)
        if standing is not None:
            yield from _plan_change(app, standing, state, faults)
            continue
        missing = [key for key, value in (("owner", app.owner), ("type", app.is_confidential)) if value is None]
        if missing:
            faults.append(NotThere(app.line, where, f"needs {' and '.join(missing)}: there is no such app yet"))
        yield CreateApp(line=app.line, says=f"app {app.name}", is_new=True, app=app)
        if app.is_blocked:
            yield SetBlocked(line=app.line, says=f"app {app.name}: blocked", name=app.name, is_blocked=True)


def plan_installations(world: World, state: State, faults: list[Fault]) -> Steps:
    """Yield what connects and disconnects apps as the file says."""
    in_file = {app.name for app in world.apps}
    for company in world.companies:
        standing = state.companies.get(company.name)
        for one in company.installations:
            where = f"{company.name}: installation of {one.app}"
            app = state.apps.get(one.app)
            if app is None and one.app not in in_file:
                faults.append(NotThere(one.line, where, "there is no such app; add it under apps"))
            status = standing.installations.get(app.id) if standing and app else None
            if status != one.status:
                yield SetInstallation(
                    line=one.line,
                    says=f"{where}: {one.status}",
                    is_new=status is None,
                    company=company.name,
                    app=one.app,
                    status=one.status,
                )


def _plan_change(app: model.App, standing: AppState, state: State, faults: list[Fault]) -> Steps:
    where = f"apps: {app.name}"
    owner = state.users.get(fold_email(app.owner)) if app.owner is not None else None
    if app.owner is not None and (owner is None or owner.id != standing.owner_id):
        faults.append(Fault(app.line, where, "has another owner; a file cannot hand an app over"))
    if app.is_confidential not in {None, standing.is_confidential}:
        faults.append(Fault(app.line, where, "cannot change its type; register a new app"))
    wanted: dict[str, Any] = {
        "homepage": app.homepage,
        "redirect_uris": app.redirect_uris,
        "scopes": app.scopes,
        "retry_window": app.retry_window,
        "is_resource_server": app.is_resource_server,
    }
    changes = {key: new for key, new in wanted.items() if new is not None and new != getattr(standing, key)}
    if changes:
        says = f"app {app.name}: {', '.join(changes)}"
        yield ChangeApp(line=app.line, says=says, name=app.name, changes=changes)
    if app.is_blocked not in {None, standing.is_blocked}:
        says = f"app {app.name}: {'blocked' if app.is_blocked else 'unblocked'}"
        yield SetBlocked(line=app.line, says=says, name=app.name, is_blocked=bool(app.is_blocked))


def _problems(app: model.App) -> list[Problem]:
    problems = [
        *rules.problems_of_name(app.name),
        *rules.problems_of_homepage(app.homepage or ""),
        *rules.problems_of_redirect_uris(app.redirect_uris or ()),
        *rules.problems_of_scopes(app.scopes or ()),
    ]
    if app.is_resource_server and app.is_confidential is False:
        problems.append(Problem("type", "must be confidential for a resource server, which proves who it is"))
    return problems
