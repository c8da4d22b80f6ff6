"""A big company costs no more statements than a small one, and no statement reads a big table whole.

Rows are put straight into the tables: 20,000 contacts, 2,000 service accounts, 200,000 events, 1,000 apps.
"""

import re
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.flows.test_attacks_tenants import OPEN, ids_of_company
from tests.support.routes import Asker, Way, asker, ways
from tests.support.statements import counted
from tests.support.world import World

CONTACTS, ACCOUNTS, EVENTS, APPS = 20_000, 2_000, 200_000, 1_000
FIRST = 5_000_000  # ids that the world does not reach
BIG = ("contacts", "service_accounts", "events", "apps", "installations")
AT = datetime(2026, 11, 1, tzinfo=UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
# The whole record as a file: it has to read each event of the company.
WHOLE = re.compile(r".*/events/export$")
BACKGROUND = re.compile(
    r"^(BEGIN|INSERT INTO (calls|refusals)|UPDATE client_secrets|DELETE FROM (refusals|mail_outbox))"
)


def company_ways(world: World) -> list[Way]:
    """Return every GET of a company, API and page, which a company admin may ask."""
    return [
        way
        for way in ways(world.app, but=OPEN)
        if way.method == "GET" and "{company_id}" in way.pattern and not way.pattern.startswith("/operator/")
    ]


def rows_of(table: str, company_id: int) -> Iterator[dict[str, Any]]:
    """Yield what makes the company big in one table."""
    names = {"contacts": CONTACTS, "service_accounts": ACCOUNTS, "events": EVENTS, "apps": APPS, "installations": APPS}
    for number in range(names[table]):
        yield row_of(table, company_id, FIRST + number, number)


def row_of(table: str, company_id: int, id_: int, number: int) -> dict[str, Any]:
    """Return one of those rows: the columns that are new in each."""
    own: dict[str, dict[str, Any]] = {
        "contacts": {
            "id": id_,
            "user_id": None,
            "service_account_id": None,
            "email": f"{id_}@x.example",
            "email_folded": f"{id_}@x.example",
        },
        "service_accounts": {"id": id_, "client_id": f"sa_{id_}", "address_folded": f"{id_}@s.example"},
        "events": {"id": id_, "position": id_, "feed_position": id_},
        "apps": {"id": id_, "client_id": f"app_{id_}", "name": f"App {id_}", "name_folded": f"app {id_}"},
        "installations": {"app_id": id_},
    }
    return {**own[table], "company_id": company_id}


def enlarge(file: Path, company_id: int) -> None:
    """Copy one row of each table as often as the company is big; what has to differ does."""
    with sqlite3.connect(file, timeout=60) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA foreign_keys = OFF")
        for table in ("apps", "contacts", "service_accounts", "events", "installations"):
            columns = [row["name"] for row in connection.execute(f"PRAGMA table_info({table})")]
            where = f"WHERE company_id = {company_id}" if "company_id" in columns else "WHERE deleted_at IS NULL"
            model = dict(connection.execute(f"SELECT * FROM {table} {where} LIMIT 1").fetchone())
            marks = ", ".join("?" for _ in columns)
            made = (model | row for row in rows_of(table, company_id))
            connection.executemany(
                f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})",
                ([row[column] for column in columns] for row in made),
            )


async def statements_of(who: Asker, way: Way, ids: dict[str, str]) -> list[str]:
    """Return what asking sends to the database; asked once before, so that facts are in memory."""
    await who.ask(way, ids)
    with counted(who.world.house.database) as seen:
        answer = await who.ask(way, ids)
    assert answer.status_code in {200, 422}, (way, answer.status_code, answer.text[:300])
    return [text for text in seen.statements if not BACKGROUND.match(text)]


def scanned(file: Path, statement: str) -> list[str]:
    """Return the big tables that a statement reads from end to end, by SQLite's own plan."""
    with sqlite3.connect(file) as connection:
        marks = statement.count("?")
        plan = connection.execute(f"EXPLAIN QUERY PLAN {statement}", [None] * marks).fetchall()
    details = [str(step[3]) for step in plan]
    whole = [d for d in details if d.startswith("SCAN") and "USING COVERING INDEX" not in d]
    return [d for d in whole if d.split()[1] in BIG]


async def test_a_big_company_costs_no_more_statements_than_a_small_one(world: World, tmp_path: Path) -> None:
    """What must hold: each list and page takes no more statements, and scans no big table."""
    file = tmp_path / "gatewright.db"
    ada, ids = await asker(world, "ada"), await ids_of_company(world, "alder")
    before = {way: await statements_of(ada, way, ids) for way in company_ways(world)}
    assert len(before) >= 20
    enlarge(file, world.companies["alder"])
    wrong: list[str] = []
    for way, small in before.items():
        if WHOLE.match(way.pattern):
            continue
        big = await statements_of(ada, way, ids)
        if len(big) > len(small):  # fewer kinds of things may stand on a page, never more
            wrong.append(f"{way.pattern}: {len(small)} statements became {len(big)}")
        wrong += [f"{way.pattern}: {scan}: {s}" for s in dict.fromkeys(big) for scan in scanned(file, s)]
    assert wrong == [], "\n".join(wrong)
