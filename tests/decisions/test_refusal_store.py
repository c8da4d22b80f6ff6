"""Refused calls as they are shown: to their company, to the developer, to nobody after seven days (X4, R3)."""

from datetime import UTC, datetime, timedelta

import pytest

from gatewright.activity.model import Refusal
from gatewright.activity.refusal_store import add_refusals
from gatewright.base.ids import AppId, CompanyId
from gatewright.db.engine import Database
from gatewright.decisions import refusal_store
from gatewright.decisions.refusal_store import KEPT_FOR, Wanted
from tests.support.tenants import Tenants

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ASKED = {"method": "GET", "path": "/x", "sentence": "No.", "help": "Ask."}


@pytest.fixture
async def app_id(database: Database) -> AppId:
    """Return an app that was refused at noon in company 5, and once in none."""
    tenants = Tenants(database)
    made = await tenants.app(await tenants.user("Dev"), "Crane")
    rows = [
        Refusal(
            company_id=company_id,
            request_id=request_id,
            at=NOON,
            code=code,
            app_id=made.app_id,
            service_account_id=0,
            user_id=7,
            contact_id=None,
            project_id=None,
            asked=ASKED,
        )
        for company_id, request_id, code in ((5, "here", "app_not_connected"), (0, "nowhere", "company_unknown"))
    ]
    await database.write(lambda tx: add_refusals(tx, rows))
    return made.app_id


@pytest.mark.parametrize("late", [False, True])
async def test_they_are_shown_for_seven_days_swept_or_not(database: Database, app_id: AppId, late: bool) -> None:
    """R3: to the instant, in every list."""
    here, now = CompanyId(5), NOON + KEPT_FOR + timedelta(microseconds=late)
    async with database.read() as reader:
        one = await refusal_store.find_refusal(reader, here, "here", now=now)
        _, total = await refusal_store.list_refusals(reader, here, Wanted(), now=now, offset=0, limit=9)
        found, _ = await refusal_store.list_refusals(reader, here, Wanted(), now=now, offset=0, limit=9)
        codes = await refusal_store.refused_with(reader, here, now=now)
        apps = await refusal_store.refused_apps(reader, here, now=now)
        told, all_told = await refusal_store.told_refusals(reader, [app_id], Wanted(), now=now, offset=0, limit=9)
    shown = [one is not None, total == 1, len(found) == 1, len(codes) == 1, len(apps) == 1, len(told) == 2]
    assert shown == [not late] * 6
    assert all_told == (0 if late else 2)


async def test_a_company_is_shown_its_own_alone(database: Database, app_id: AppId) -> None:
    """X4, P6: what belongs to no company belongs to no list of a company."""
    async with database.read() as reader:
        for company_id, request_id in ((5, "nowhere"), (6, "here")):
            assert await refusal_store.find_refusal(reader, CompanyId(company_id), request_id, now=NOON) is None
        found, total = await refusal_store.list_refusals(reader, CompanyId(6), Wanted(), now=NOON, offset=0, limit=9)
    assert (found, total) == ([], 0)
