"""The tables that grow without end are searched by an index, not read."""

import pytest
from sqlalchemy import text

from gatewright.db.engine import Database

SEARCHES = {
    "SELECT max(last_at) FROM calls WHERE company_id = 1 AND service_account_id = 2": "ix_calls_service_account",
    "SELECT app_id, day, sum(count) FROM calls WHERE company_id = 1 AND app_id IN (2, 3) AND day >= '2026-11-01'"
    " GROUP BY app_id, day": "ix_calls_app",
    "SELECT count(*) FROM events WHERE company_id = 0 AND kind = 'service_account.address_elsewhere' AND at > '2026'"
    " AND json_extract(about, '$.in_company_id') = 1": "ix_events_kind",
    "SELECT * FROM events WHERE company_id = 1 AND kind IN ('contact.added') AND position < 9000"
    " ORDER BY position DESC LIMIT 51": "ix_events_kind_position",
    "SELECT at, ip FROM events WHERE company_id = 0 AND kind = 'session.started' AND at > '2026' AND by_kind = 'user'"
    " AND by_id = 7 ORDER BY at DESC, id DESC LIMIT 10": "ix_events_by",
    "SELECT * FROM events WHERE company_id = 1 AND position > 9 AND position < 99": "sqlite_autoindex_events_2",
}


@pytest.mark.parametrize(("search", "index"), SEARCHES.items())
async def test_what_grows_is_searched_by_an_index(sqlite_url: str, search: str, index: str) -> None:
    """R3, S8: years of calls and events are not read for one account, one person, one app or one day."""
    database = Database.open(sqlite_url)
    async with database.read() as reader:
        plan = (await reader.execute(text(f"EXPLAIN QUERY PLAN {search}"))).all()
    await database.close()
    assert index in " ".join(str(step.detail) for step in plan)
