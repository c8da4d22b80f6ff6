"""A world file's text, read into values. Everything that is wrong is told at once, with its line."""

import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Literal, TypeVar, cast

from gatewright.base.folding import fold_email, is_email_shaped, is_name_shaped
from gatewright.base.levels import Level
from gatewright.base.yaml_nodes import Faults, Value, compose
from gatewright.world.model import (
    App,
    Company,
    Contact,
    Installation,
    Levels,
    Membership,
    Memberships,
    Project,
    ServiceAccount,
    Stated,
    Template,
    Terms,
    Tool,
    User,
    World,
)

T = TypeVar("T")
Fields = dict[str, Value]
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
# Salts from 8 bytes on, hashes from 12: what the PHC form can say, and can be verified.
_PASSWORD_HASH = re.compile(
    r"\$argon2id\$v=19\$m=[1-9]\d{0,6},t=[1-9]\d{0,2},p=[1-9]\d?\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{16,86}", re.ASCII
)
_LONGEST_WINDOW = timedelta(days=30)


def parse(text: str) -> World:
    """Return what the text says; BadFile with every fault, so that one look mends all."""
    faults = Faults()
    root = Value(compose(text, example="the world file in the README"), "", faults)
    fields = root.fields(known=("tools", "terms", "users", "companies", "apps")) or {}
    world = World(
        tools=fields["tools"].each(_tool) if "tools" in fields else None,
        terms=_terms(fields["terms"]) if "terms" in fields else None,
        users=_each(fields, "users", _user),
        companies=_each(fields, "companies", _company),
        apps=_each(fields, "apps", _app),
    )
    _refuse_repeats(world, faults)
    faults.settle()
    return world


def _tool(value: Value) -> Tool | None:
    fields = value.fields(known=("key", "name", "scope", "levels"), needed=("key", "name", "scope"))
    if fields is None:
        return None
    scope = _one_of(fields["scope"], "company", "project")
    key, name = _key(fields["key"]), _name(fields["name"])
    levels = tuple(Level) if "levels" not in fields else fields["levels"].each(_level)
    if scope is None or key is None or name is None:
        return None
    return Tool(line=value.line, key=key, name=name, scope=cast(Literal["company", "project"], scope), levels=levels)


def _terms(value: Value) -> Terms | None:
    fields = value.fields(known=("version", "text"), needed=("version", "text"))
    if fields is None:
        return None
    version, text = fields["version"].text(), fields["text"].text()
    if version is not None and not is_name_shaped(version, longest=40):
        fields["version"].wrong("must have 1 to 40 characters")
    return None if version is None or text is None else Terms(line=value.line, version=version, text=text)


def _user(value: Value) -> User | None:
    known = ("email", "name", "password", "password_hash", "active", "operator")
    fields = value.fields(known=known, needed=("email",))
    email = None if fields is None else _email(fields["email"])
    if fields is None or email is None:
        return None
    if "password" in fields and "password_hash" in fields:
        fields["password_hash"].wrong("cannot stand beside a password; keep one of the two")
    return User(
        line=value.line,
        email=email,
        name=_opt(fields, "name", _name),
        password=_opt(fields, "password", _password),
        password_hash=_opt(fields, "password_hash", _password_hash),
        is_active=_opt(fields, "active", Value.switch),
        is_operator=_opt(fields, "operator", Value.switch),
    )


def _company(value: Value) -> Company | None:
    known = ("name", "app_access", "projects", "templates", "contacts", "service_accounts", "installations")
    fields = value.fields(known=known, needed=("name",))
    name = None if fields is None else _name(fields["name"])
    if fields is None or name is None:
        return None
    access = _opt(fields, "app_access", lambda v: _one_of(v, "open", "approval"))
    return Company(
        line=value.line,
        name=name,
        app_access=cast(Literal["open", "approval"] | None, access),
        projects=_each(fields, "projects", _project),
        templates=_each(fields, "templates", _template),
        contacts=_each(fields, "contacts", _contact),
        service_accounts=_each(fields, "service_accounts", _service_account),
        installations=_each(fields, "installations", _installation),
    )


def _project(value: Value) -> Project | None:
    fields = value.fields(known=("name", "number"), needed=("name",))
    name = None if fields is None else _name(fields["name"])
    if fields is None or name is None:
        return None
    return Project(line=value.line, name=name, number=_opt(fields, "number", Value.text_or_number))


def _template(value: Value) -> Template | None:
    fields = value.fields(known=("name", "company", "project"), needed=("name",))
    name = None if fields is None else _name(fields["name"])
    if fields is None or name is None:
        return None
    company, project = _opt(fields, "company", _levels), _opt(fields, "project", _levels)
    return Template(line=value.line, name=name, company=company, project=project)


def _contact(value: Value) -> Contact | None:
    fields = value.fields(known=("user", "levels", "projects"), needed=("user",))
    user = None if fields is None else _email(fields["user"])
    if fields is None or user is None:
        return None
    levels, projects = _opt(fields, "levels", _levels), _opt(fields, "projects", _memberships)
    return Contact(line=value.line, user=user, levels=levels, projects=projects or {})


def _service_account(value: Value) -> ServiceAccount | None:
    fields = value.fields(known=("name", "levels", "projects", "confirm"), needed=("name",))
    name = None if fields is None else _name(fields["name"])
    if fields is None or name is None:
        return None
    return ServiceAccount(
        line=value.line,
        name=name,
        levels=_opt(fields, "levels", _levels),
        projects=_opt(fields, "projects", _memberships) or {},
        confirm=_opt(fields, "confirm", lambda v: _one_of(v, "directory-admin")),
    )


def _installation(value: Value) -> Installation | None:
    fields = value.fields(known=("app", "status"), needed=("app", "status"))
    if fields is None:
        return None
    app, status = _name(fields["app"]), _one_of(fields["status"], "connected", "disconnected")
    if app is None or status is None:
        return None
    return Installation(line=value.line, app=app, status=cast(Literal["connected", "disconnected"], status))


def _app(value: Value) -> App | None:
    known = ("name", "owner", "type", "homepage", "redirect_uris", "scopes", "retry_window", "resource_server")
    fields = value.fields(known=(*known, "blocked"), needed=("name",))
    name = None if fields is None else _name(fields["name"])
    if fields is None or name is None:
        return None
    kind = _opt(fields, "type", lambda v: _one_of(v, "confidential", "public"))
    return App(
        line=value.line,
        name=name,
        owner=_opt(fields, "owner", _email),
        is_confidential=None if kind is None else kind == "confidential",
        homepage=_opt(fields, "homepage", Value.text),
        redirect_uris=_opt(fields, "redirect_uris", lambda v: v.each(Value.text)),
        scopes=_opt(fields, "scopes", lambda v: v.each(Value.text)),
        retry_window=_opt(fields, "retry_window", _window),
        is_resource_server=_opt(fields, "resource_server", Value.switch),
        is_blocked=_opt(fields, "blocked", Value.switch),
    )


def _each(fields: Fields, key: str, read: Callable[[Value], T | None]) -> tuple[T, ...]:
    return fields[key].each(read) if key in fields else ()


def _opt(fields: Fields, key: str, read: Callable[[Value], T | None]) -> T | None:
    return read(fields[key]) if key in fields else None


def _one_of(value: Value, *allowed: str) -> str | None:
    text = value.text()
    if text is not None and text not in allowed:
        value.wrong(f"must be {' or '.join(allowed)}, not {text!r}")
        return None
    return text


def _name(value: Value) -> str | None:
    text = value.text()
    if text is not None and not is_name_shaped(text):
        value.wrong("must have 1 to 120 visible characters, without spaces around them")
        return None
    return text


def _email(value: Value) -> str | None:
    text = value.text()
    if text is not None and not is_email_shaped(text):
        value.wrong("must be an e-mail address, such as ada@example.com")
        return None
    return text


def _key(value: Value) -> str | None:
    text = value.text()
    if text is not None and not (text.isascii() and text.replace("_", "a").isalnum() and text.islower()):
        value.wrong("must be small letters, digits and underscores")
        return None
    return text


def _password_hash(value: Value) -> str | None:
    text = value.text()
    if text is not None and not _PASSWORD_HASH.fullmatch(text):
        value.wrong("must be an argon2id hash in PHC form, such as $argon2id$v=19$m=65536,t=3,p=4$SALT$HASH")
        return None
    return text


def _password(value: Value) -> str | None:
    text = value.text()
    if text == "":
        value.wrong("must not be empty; leave it out for an account that cannot sign in by password")
        return None
    return text


def _level(value: Value) -> Level | None:
    text = _one_of(value, *(level.key for level in Level))
    return None if text is None else Level.from_key(text)


def _levels(value: Value) -> Levels:
    found = ((tool, stated.line, _level(stated)) for tool, stated in value.pairs())
    return {tool: Stated(line, level) for tool, line, level in found if level is not None}


def _memberships(value: Value) -> Memberships:
    return {project: Membership(levels.line, _levels(levels)) for project, levels in value.pairs()}


def _window(value: Value) -> timedelta | None:
    text = value.text_or_number() or ""
    number, unit = (text, "s") if text.isascii() and text.isdigit() else (text[:-1], text[-1:])
    if not (number.isascii() and number.isdigit()) or unit not in _UNITS or len(number) > 9:
        value.wrong("must be seconds or a number with s, m, h or d, such as 10m")
        return None
    window = timedelta(seconds=int(number) * int(timedelta(**{_UNITS[unit]: 1}).total_seconds()))
    if window > _LONGEST_WINDOW:
        value.wrong("must be at most 30d")
        return None
    return window


def _refuse_repeats(world: World, faults: Faults) -> None:
    _once(faults, "tools", ((f"{tool.scope}:{tool.key}", tool.line) for tool in world.tools or ()))
    _once(faults, "users", ((fold_email(user.email), user.line) for user in world.users))
    _once(faults, "apps", ((app.name, app.line) for app in world.apps))
    _once(faults, "companies", ((company.name, company.line) for company in world.companies))
    for company in world.companies:
        where = f"companies: {company.name}"
        _once(faults, f"{where}: projects", ((one.name, one.line) for one in company.projects))
        _once(faults, f"{where}: templates", ((one.name, one.line) for one in company.templates))
        _once(faults, f"{where}: contacts", ((fold_email(one.user), one.line) for one in company.contacts))
        _once(faults, f"{where}: service_accounts", ((one.name, one.line) for one in company.service_accounts))
        _once(faults, f"{where}: installations", ((one.app, one.line) for one in company.installations))


def _once(faults: Faults, where: str, named: Iterable[tuple[str, int]]) -> None:
    seen: dict[str, int] = {}
    for name, line in named:
        if name in seen:
            faults.add(line, where, f"{name!r} stands on line {seen[name]} already")
        seen.setdefault(name, line)
