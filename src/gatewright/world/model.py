"""What a world file says, as values. `None` is a key that was left out: it changes nothing.

Each value knows the line it stands on, so that whatever is wrong with it can be found.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from gatewright.base.levels import Level


@dataclass(frozen=True, slots=True)
class Stated:
    """A level, and the line it stands on."""

    line: int
    level: Level


Levels = Mapping[str, Stated]  # by tool


@dataclass(frozen=True, slots=True)
class Membership:
    """The levels on one project, and the line it stands on."""

    line: int
    levels: Levels


Memberships = Mapping[str, Membership]  # by the project's name


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A part of the platform that permissions are given on (M1)."""

    line: int
    key: str
    name: str
    scope: Literal["company", "project"]
    levels: tuple[Level, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """One version of the terms of use (D1)."""

    line: int
    version: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person. The password, or its hash, counts only at creation."""

    line: int
    email: str
    name: str | None
    password: str | None
    password_hash: str | None
    is_active: bool | None
    is_operator: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project of a company."""

    line: int
    name: str
    number: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A named set of levels."""

    line: int
    name: str
    company: Levels | None
    project: Levels | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A user in a company's directory, with levels and memberships (M2)."""

    line: int
    user: str
    levels: Levels | None
    projects: Memberships


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccount:
    """A program in a company's directory (S1). `confirm` lets it hold `directory: admin` (S10)."""

    line: int
    name: str
    levels: Levels | None
    projects: Memberships
    confirm: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What an app may do in a company: come in, or not (I1)."""

    line: int
    app: str
    status: Literal["connected", "disconnected"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """A company and what belongs to it."""

    line: int
    name: str
    app_access: Literal["open", "approval"] | None
    projects: tuple[Project, ...]
    templates: tuple[Template, ...]
    contacts: tuple[Contact, ...]
    service_accounts: tuple[ServiceAccount, ...]
    installations: tuple[Installation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """A developer's app and its client (D2)."""

    line: int
    name: str
    owner: str | None
    is_confidential: bool | None
    homepage: str | None
    redirect_uris: tuple[str, ...] | None
    scopes: tuple[str, ...] | None
    retry_window: timedelta | None
    is_resource_server: bool | None
    is_blocked: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A whole file. `tools` is None when the key was left out."""

    tools: tuple[Tool, ...] | None
    terms: Terms | None
    users: tuple[User, ...]
    companies: tuple[Company, ...]
    apps: tuple[App, ...]
