"""Law 4: SQL only in store.py, db/ and events/; each table has one writing store."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from sqlalchemy import Table

from gatewright.db import schema
from tests.laws.source import Module, dotted, imports, planted, product, texts

DRIVERS = ("aiosqlite", "alembic", "asyncpg", "gatewright.db.schema", "sqlalchemy", "sqlite3")
STATEMENT = re.compile(
    r"\s*(?:WITH\b.*\bAS\b|SELECT\b.*\b(?:FROM|EXISTS)\b|INSERT\s+(?:OR\s+\w+\s+)?INTO\b|UPDATE\b.+\bSET\b"
    r"|DELETE\s+FROM\b|PRAGMA\b|CREATE\s+(?:TABLE|INDEX)\b|BEGIN\s+IMMEDIATE\b)",
    re.DOTALL,
)
WRITTEN_TEXT = re.compile(r"\b(?:INSERT\s+(?:OR\s+\w+\s+)?INTO|UPDATE|DELETE\s+FROM)\s+\"?(\w+)")
WRITERS = {"delete", "insert", "insert_or_add", "insert_or_ignore", "update"}
TABLES = {name: table.name for name, table in vars(schema).items() if isinstance(table, Table)}


def may_speak_sql(module: Module) -> bool:
    """Return whether the law lets this module hold SQL."""
    return module.floor in {"db", "events"} or module.is_room("store")


def stray_sql(module: Module) -> Iterator[str]:
    """Yield each import of a driver or the schema, and each statement, outside the stores."""
    if may_speak_sql(module):
        return
    for name, node in imports(module):
        if any(name == driver or name.startswith(f"{driver}.") for driver in DRIVERS):
            yield f"{module.at(node)} imports {name}; law 4: SQL only in store.py, db/ and events/"
    for text, node in texts(module):
        if STATEMENT.match(text):
            yield f"{module.at(node)} holds a statement; law 4: SQL only in store.py, db/ and events/"


def writes(module: Module) -> Iterator[str]:
    """Yield the name of each table that a module inserts into, updates or deletes from."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else dotted(node.func)
            named = [node.args[0]] if node.args else []
            if isinstance(node.func, ast.Attribute):
                named.append(node.func.value)
            if called in WRITERS:
                yield from (TABLES[name] for place in named if (name := dotted(place).split(".")[-1]) in TABLES)
    for text, _ in texts(module):
        if STATEMENT.match(text):
            yield from (table for table in WRITTEN_TEXT.findall(text) if table in TABLES.values())


def contested_tables(modules: Iterable[Module]) -> Iterator[str]:
    """Yield each table that more than one floor writes; db/ writes for others and does not count."""
    writers = defaultdict(set)
    for module in modules:
        if module.floor != "db":
            for table in writes(module):
                writers[table].add(module.floor)
    for table, floors in sorted(writers.items()):
        if len(floors) > 1:
            yield f"{table} is written by {', '.join(sorted(floors))}; law 4: each table has one writing store"


def test_sql_stands_in_stores_alone() -> None:
    assert [told for module in product() for told in stray_sql(module)] == []


def test_each_table_has_one_writing_store() -> None:
    assert list(contested_tables(product())) == []


def test_sql_outside_a_store_is_caught() -> None:
    text = '''
        """SELECT x FROM docstrings is no statement."""
        from sqlalchemy import select
        from gatewright.db import schema
        from gatewright.db.engine import Database
        rows = await tx.execute(f"SELECT 1 FROM {table}")
        told = "Select a company from the list"
        '''
    assert len(list(stray_sql(planted(text, path="apps/service.py")))) == 3
    assert list(stray_sql(planted(text, path="apps/store.py"))) == []
    assert list(stray_sql(planted(text, path="apps/store/installations.py"))) == []
    assert list(stray_sql(planted(text, path="apps/installation_store.py"))) == []


def test_a_table_with_two_writers_is_caught() -> None:
    table, other = list(TABLES)[:2]
    mine = planted(f"await tx.execute(update(schema.{table}).where(x)); select({other})", path="apps/store.py")
    for text in (
        f"await tx.insert({table}, values)",
        f"{table}.delete().where(x)",
        f'statement = "UPDATE {TABLES[table]} SET a = 1 RETURNING a"',
    ):
        contested = list(contested_tables([mine, planted(text, path="login/store.py")]))
        assert len(contested) == 1, text
        assert contested[0].startswith(f"{TABLES[table]} is written by apps, login"), text
    assert list(contested_tables([mine, planted(f"tx.insert({other}, values)", path="login/store.py")])) == []
