"""Who is mailed when an app comes in, or asks to, by a call of its own; on both databases."""

import asyncio
import json
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import select, update

from gatewright.apps import installation_service as service
from gatewright.apps.notices import MOST_TOLD
from gatewright.base.ids import AppId, CompanyId, UserId
from gatewright.base.secrets import Purpose
from gatewright.db.engine import Database
from gatewright.db.schema import mail_outbox, users
from gatewright.directory import service as directory
from gatewright.mail.service import place
from gatewright.settings import Settings
from tests.support.tenants import NOON, OPERATOR, Tenants, by

MAILING = Settings(smtp_url="smtp://127.0.0.1", mail_from="gatewright@id.example")


@pytest.fixture
async def mailing(database: Database) -> Tenants:
    """Return a database whose deployment has a mail server."""
    made = Tenants(database, MAILING)
    await made.declare_tools()
    return made


async def outbox(tenants: Tenants) -> list[dict[str, Any]]:
    """Return the messages that wait, opened."""
    async with tenants.database.read() as reader:
        rows = (await reader.execute(select(mail_outbox.c.id, mail_outbox.c.message_sealed))).all()
    return [json.loads(tenants.keys.unseal(Purpose.MAIL, place(row.id), row.message_sealed)) for row in rows]


async def admin(tenants: Tenants, company_id: CompanyId, name: str, *, proven: bool = True, **levels: str) -> UserId:
    """Return a user with a contact of these levels there."""
    user_id = await tenants.user(name)
    if not proven:
        unproven = update(users).where(users.c.id == user_id).values(email_proven_at=None)
        await tenants.database.write(lambda tx: tx.execute(unproven))
    else:
        proved = update(users).where(users.c.id == user_id).values(email_proven_at=NOON)
        await tenants.database.write(lambda tx: tx.execute(proved))
    await directory.add_contact(
        tenants.database,
        company_id=company_id,
        email=f"{user_id}@example.com",
        name=name,
        levels=levels,
        user_id=user_id,
        granted_by=None,
        origin=OPERATOR,
        now=NOON,
    )
    return user_id


async def first_call(tenants: Tenants, company_id: CompanyId, app_id: AppId, user_id: UserId) -> None:
    """Let an app's call reach a company."""
    where: dict[str, Any] = {"company_id": company_id, "app_id": app_id, "user_id": user_id}
    await service.connect_on_first_call(tenants.database, **where, origin=by(user_id, via=app_id), now=NOON)


async def a_world(tenants: Tenants, app_access: str) -> tuple[CompanyId, AppId, UserId]:
    """Return a company with two admins and others, an app and its user."""
    company = await tenants.company("Alder", app_access=app_access)
    await admin(tenants, company, "Ada Alder", directory="admin")
    await admin(tenants, company, "Max Moss", admin="admin")
    await admin(tenants, company, "Una Proven", proven=False, admin="admin")
    gone = await admin(tenants, company, "Gus Gone", admin="admin")
    await directory.deactivate_user(tenants.database, user_id=gone, origin=OPERATOR, now=NOON)
    wim = await admin(tenants, company, "Wim Weide", directory="standard")
    elsewhere = await tenants.company("Birch")
    await admin(tenants, elsewhere, "Bea Birch", directory="admin")
    return company, (await tenants.app(wim, "Crane Reports")).app_id, wim


@pytest.mark.parametrize(("app_access", "template"), [("open", "app_connected"), ("approval", "app_requested")])
async def test_each_admin_is_mailed_once(mailing: Tenants, app_access: str, template: str) -> None:
    """I2: proven and active admins of that company, once, however many calls come first."""
    company, app_id, wim = await a_world(mailing, app_access)
    await asyncio.gather(*(first_call(mailing, company, app_id, wim) for _ in range(4)))
    messages = await outbox(mailing)
    assert Counter(message["to"] for message in messages) == {"ada.alder@example.com": 1, "max.moss@example.com": 1}
    for message in messages:
        assert message["template"] == template
        assert message["shows"] == {
            "company": "Alder",
            "app": "Crane Reports",
            "developer": "Wim Weide",
            "link": f"{MAILING.issuer}/companies/{company}/apps/{app_id}",
        }


async def test_what_an_admin_does_is_no_news_to_them(mailing: Tenants) -> None:
    """I2: neither approving, nor letting in again, nor what the operator connects beforehand."""
    company, app_id, wim = await a_world(mailing, "approval")
    await first_call(mailing, company, app_id, wim)
    told = len(await outbox(mailing))
    where: dict[str, Any] = {"company_id": company, "app_id": app_id, "now": NOON}
    await service.reconnect(mailing.database, **where, origin=by(wim))
    await service.disconnect(mailing.database, **where, origin=by(wim))
    await service.reconnect(mailing.database, **where, origin=by(wim))
    other = (await mailing.app(wim, "Plum Sync")).app_id
    await service.connect_beforehand(mailing.database, **{**where, "app_id": other}, origin=OPERATOR)
    assert len(await outbox(mailing)) == told == 2


async def test_without_a_mail_server_nothing_is_posted(tenants: Tenants) -> None:
    """I2: the admins see it on their pages."""
    company, app_id, wim = await a_world(tenants, "approval")
    await first_call(tenants, company, app_id, wim)
    assert await outbox(tenants) == []


async def test_so_many_admins_are_mailed_and_no_more(mailing: Tenants) -> None:
    """I2: one first call posts a bounded number of messages."""
    company = await mailing.company("Alder")
    for number in range(MOST_TOLD + 1):
        wim = await admin(mailing, company, f"Admin {number}", admin="admin")
    await first_call(mailing, company, (await mailing.app(wim, "Crane Reports")).app_id, wim)
    assert len(await outbox(mailing)) == MOST_TOLD
