"""A world in the database, on both: whole or not at all, and nothing a second time."""

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from sqlalchemy import func, select

from gatewright.base import clock
from gatewright.base.errors import Invalid
from gatewright.base.secrets import is_client_secret_shaped, mint_server_key
from gatewright.base.yaml_nodes import BadFile
from gatewright.db.engine import Database
from gatewright.db.schema import (
    apps,
    companies,
    contacts,
    events,
    installations,
    project_members,
    service_accounts,
    users,
)
from gatewright.house import House, open_house
from gatewright.service_accounts.service import create_service_account, delete_service_account
from gatewright.settings import Settings
from gatewright.world.apply import OPERATOR, Made, apply_world
from gatewright.world.credentials import CredentialsFile, described
from gatewright.world.parse import parse

WORLD = """
terms: {version: "1", text: Be kind.}
users:
  - {email: Ada@a.example, name: Ada, password: only for development}
  - {email: ben@a.example, name: Ben, password_hash: "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo"}
  - {email: dev@a.example, name: Dev, operator: true}
companies:
  - name: Northwind
    app_access: approval
    projects: [{name: Pier 9, number: P-9}]
    templates: [{name: Engineer, company: {directory: read_only}, project: {rfis: standard}}]
    contacts:
      - {user: ada@a.example, levels: {directory: admin, admin: admin}}
      - {user: ben@a.example, levels: {directory: read_only}, projects: {Pier 9: {rfis: standard}}}
    service_accounts:
      - {name: Nightly, levels: {directory: read_only}, projects: {Pier 9: {rfis: read_only}}}
    installations: [{app: Sync, status: disconnected}, {app: Pocket, status: connected}]
apps:
  - {name: Sync, owner: dev@a.example, type: confidential, scopes: [company.manage], retry_window: 10m}
  - {name: Pocket, owner: dev@a.example, type: public, redirect_uris: ["http://127.0.0.1/cb"]}
  - {name: Platform, owner: dev@a.example, type: confidential, resource_server: true, blocked: true}
"""


@pytest.fixture
async def house(database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    """Lend an opened house on a migrated, empty database, once on each of the two."""
    settings = Settings(database_url=database_url, data_dir=tmp_path, secret_keys=(mint_server_key(),))
    async with open_house(settings) as house:
        yield house


class Kept:
    """What was handed over to be kept."""

    def __init__(self) -> None:
        self.made: Made | None = None

    async def __call__(self, made: Made) -> None:
        self.made = made


async def _apply(house: House, text: str) -> tuple[list[str], Made]:
    kept = Kept()
    taken = await apply_world(house, parse(dedent(text)), keep=kept, now=clock.now())
    assert kept.made is not None
    return [step.says for step in taken], kept.made


async def _one(database: Database, statement: Any) -> Any:
    async with database.read() as reader:
        return (await reader.execute(statement)).scalar_one()


async def test_a_world_is_applied_and_a_second_time_changes_nothing(house: House) -> None:
    says, made = await _apply(house, WORLD)
    assert "company Northwind" in says
    assert len(made.secrets) == 3
    assert all(is_client_secret_shaped(secret) for secret in made.secrets.values())
    count = select(func.count()).select_from(events)
    before = await _one(house.database, count)
    again, made_again = await _apply(house, WORLD)
    assert again == []
    assert made_again.secrets == {}
    assert made_again.companies == made.companies
    assert await _one(house.database, count) == before


async def test_the_database_holds_what_the_file_says(house: House) -> None:
    await _apply(house, WORLD)
    database = house.database
    assert await _one(database, select(companies.c.app_access)) == "approval"
    hashed = select(users.c.password_hash).where(users.c.email_folded == "ada@a.example")
    assert (await _one(database, hashed)).startswith("$argon2id$")
    assert await _one(database, select(func.count()).select_from(project_members)) == 2
    admin = select(contacts.c.levels).where(contacts.c.email_folded == "ada@a.example")
    assert await _one(database, admin) == {"directory": "admin", "admin": "admin"}
    standing = select(installations.c.status).join(apps, apps.c.id == installations.c.app_id)
    assert await _one(database, standing.where(apps.c.name == "Sync")) == "disconnected"
    assert await _one(database, standing.where(apps.c.name == "Pocket")) == "connected"
    assert await _one(database, select(apps.c.blocked_at).where(apps.c.name == "Platform")) is not None
    address = select(contacts.c.email).join(service_accounts, service_accounts.c.contact_id == contacts.c.id)
    assert (await _one(database, address)).endswith("@service.127.0.0.1")  # S2


async def test_a_change_of_the_file_is_a_change_of_the_database(house: House) -> None:
    await _apply(house, WORLD)
    says, _ = await _apply(
        house,
        """
        users: [{email: ben@a.example, active: false, password: another one}]
        companies:
          - name: Northwind
            contacts: [{user: ada@a.example, levels: {directory: admin}}]
            installations: [{app: Sync, status: connected}]
        apps: [{name: Platform, blocked: false}]
        """,
    )
    assert says == [
        "app Platform: unblocked",
        "Northwind: ada@a.example: levels directory admin",
        "Northwind: installation of Sync: connected",
        "user ben@a.example: deactivated",
    ]
    told = await _one(house.database, select(users.c.is_active).where(users.c.email_folded == "ben@a.example"))
    assert told is False


async def test_an_address_book_entry_is_joined_to_the_user_it_names(house: House) -> None:
    # P2
    from gatewright.directory.service import add_contact
    from gatewright.world.apply import OPERATOR

    _, made = await _apply(house, WORLD)
    company_id = made.companies["Northwind"].id
    entry = await add_contact(
        house.database,
        company_id=company_id,
        email="dev@a.example",
        name="Dev",
        levels={},
        granted_by=None,
        origin=OPERATOR,
        now=clock.now(),
    )
    _, again = await _apply(house, "companies: [{name: Northwind, contacts: [{user: dev@a.example}]}]")
    assert again.companies["Northwind"].contacts["dev@a.example"] == entry


async def test_a_refused_step_undoes_all_and_names_its_line(house: House) -> None:
    with pytest.raises(BadFile) as bad:
        await _apply(house, WORLD + "  - {name: Sуnc, owner: dev@a.example, type: public}\n")  # a Cyrillic letter
    (fault,) = bad.value.faults
    assert fault.line == WORLD.count("\n") + 1
    assert "looks like it" in fault.message
    assert await _one(house.database, select(func.count()).select_from(users)) == 0


async def test_what_cannot_be_kept_is_not_made(house: House) -> None:
    # S6: a secret that was lost at birth could never be shown again.
    async def cannot_keep(_made: Made) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        await apply_world(house, parse(WORLD), keep=cannot_keep, now=clock.now())
    assert await _one(house.database, select(func.count()).select_from(users)) == 0


async def test_the_credentials_have_the_shape_that_is_promised(house: House, tmp_path: Path) -> None:
    world = parse(WORLD)
    _, made = await _apply(house, WORLD)
    told = described(world, made)
    assert set(told) == {"users", "companies", "apps"}
    assert told["users"]["Ada@a.example"] == {"id": made.users["ada@a.example"]}
    company = told["companies"]["Northwind"]
    assert set(company) == {"id", "projects", "contacts", "service_accounts"}
    assert set(company["service_accounts"]["Nightly"]) == {"id", "client_id", "client_secret"}
    assert set(told["apps"]["Pocket"]) == {"id", "client_id"}  # a public app has no secret
    assert told["apps"]["Sync"]["client_secret"].startswith("gws_")
    place = tmp_path / "out.json"
    for _ in range(2):  # a second time no secret is known; the first file's are kept
        file = CredentialsFile(place)
        file.write(world, made)
        file.publish()
        made.secrets = {}
    assert json.loads(place.read_text()) == told
    assert place.stat().st_mode & 0o777 == 0o600
    assert [name for name in os.listdir(tmp_path) if "out.json" in name] == ["out.json"]  # noqa: PTH208


async def test_of_several_service_accounts_with_one_name_the_oldest_is_meant(house: House) -> None:
    # Any company admin can make a second one; the operator's file goes on as it was.
    _, made = await _apply(house, WORLD)
    oldest = made.companies["Northwind"].accounts["Nightly"]
    second = await create_service_account(
        house.database,
        company_id=made.companies["Northwind"].id,
        name="Nightly",
        domain="service.example",
        keys=house.keys,
        origin=OPERATOR,
        now=clock.now(),
    )
    says, made = await _apply(house, WORLD)
    assert says == []
    assert made.companies["Northwind"].accounts["Nightly"] == oldest
    says, _ = await _apply(house, WORLD.replace("Nightly, levels: {directory: read_only}", "Nightly, levels: {}"))
    assert says == ["Northwind: Nightly: levels none"]
    assert await _one(house.database, select(contacts.c.levels).where(contacts.c.id == oldest[2])) == {}
    await delete_service_account(
        house.database,
        company_id=made.companies["Northwind"].id,
        service_account_id=oldest[0],
        origin=OPERATOR,
        now=clock.now(),
    )
    says, made = await _apply(house, WORLD)
    assert says == ["Northwind: Nightly: levels directory read_only", "Northwind: Nightly: Pier 9 rfis read_only"]
    assert made.companies["Northwind"].accounts["Nightly"][0] == second.id


async def test_a_tool_keeps_the_levels_that_somebody_holds(house: House) -> None:
    # M1: nobody holds a level that the tool does not support.
    tools = """
    tools:
      - {key: reports, name: Reports, scope: company}
      - {key: rfis, name: RFIs, scope: project}
    """
    held = WORLD.replace("admin: admin}", "admin: admin, reports: admin}").replace("rfis: read_only", "rfis: standard")
    await _apply(house, dedent(tools) + held)
    narrow = "scope: company, levels: [none, read_only, standard]}"
    lowered = tools.replace("scope: company}", narrow).replace(
        "scope: project}", "scope: project, levels: [none, admin]}"
    )
    with pytest.raises(BadFile) as bad:
        await _apply(house, lowered)
    assert [(fault.line, fault.message.partition(" that")[0]) for fault in bad.value.faults] == [
        (3, "1 hold a level"),
        (4, "2 hold a level"),
    ]
    allowed = tools.replace("scope: company}", "scope: company, levels: [none, admin]}")
    says, _ = await _apply(house, allowed.replace("scope: project}", "scope: project, levels: [none, standard]}"))
    assert says == ["company tool reports", "project tool rfis"]


async def test_an_address_under_the_service_domain_is_no_users(house: House) -> None:
    # S2: nobody can sign in with a service account's address.
    _, made = await _apply(house, WORLD)
    address = await _one(
        house.database,
        select(contacts.c.email).where(contacts.c.id == made.companies["Northwind"].accounts["Nightly"][2]),
    )
    with pytest.raises((BadFile, Invalid)):
        await _apply(house, f"users: [{{email: {address}, name: Impostor}}]")
