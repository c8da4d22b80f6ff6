"""Connections and transactions on SQLite and PostgreSQL, with one set of statements.

SQLite: one write connection, `BEGIN IMMEDIATE`, separate read connections, WAL,
`synchronous=FULL`. What else differs between the two stands here and nowhere else.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import update_wrapper
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from sqlalchemy import CursorResult, event, func, insert, make_url, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlalchemy.schema import Table
from sqlalchemy.sql import Executable

from gatewright.db.schema import SEQUENCES, sequences

P = ParamSpec("P")
T = TypeVar("T")

Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None
WRITE_ATTEMPTS = 5
SQLITE_READERS = 4
POSTGRESQL_CONNECTIONS = 10
SQLITE_BUSY_SECONDS = 10
_RETRIED_SQLSTATES = {"40001", "40P01"}  # serialization failure, deadlock


class Reader:
    """A connection for reading; stores take one wherever they only read."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    @property
    def dialect(self) -> str:
        """Return `sqlite` or `postgresql`."""
        return self._connection.dialect.name

    async def execute(self, statement: Executable, parameters: Parameters = None) -> CursorResult[Any]:
        """Return the result of one statement."""
        return await self._connection.execute(statement, parameters)


class Transaction(Reader):
    """A writing transaction. What it touched is told to the house after its commit."""

    def __init__(self, connection: AsyncConnection, news: "News") -> None:
        super().__init__(connection)
        self.news = news  # who hears of an event inside the transaction that records it
        self.touched: set[str] = set()
        self.ends_something = False
        self._put_off: dict[LastStep, list[Any]] = {}

    def put_off(self, step: "LastStep", item: Any) -> None:
        """Have `step` called right before the commit, once, with all the items put off to it."""
        self._put_off.setdefault(step, []).append(item)

    async def take_last_steps(self) -> None:
        """Do what was put off; the commit follows."""
        for step, items in self._put_off.items():
            await step(self, items)

    def touch(self, keys: Sequence[str], *, ending: bool = False) -> None:
        """Note the facts that this transaction changes, and whether it ends something (T12)."""
        self.touched.update(keys)
        self.ends_something = self.ends_something or ending

    def answers_an_ending(self) -> None:
        """Note that the answer will say "ended" though another transaction ended it (T12)."""
        self.ends_something = True

    async def next_id(self, name: str) -> int:
        """Return the next value of a sequence of `schema.SEQUENCES`."""
        return (await self.next_ids(name, 1))[0]

    async def next_ids(self, name: str, many: int) -> list[int]:
        """Return the next values of a sequence, rising, in one statement."""
        if self.dialect == "postgresql":
            each = select(SEQUENCES[name].next_value()).select_from(func.generate_series(1, many))
            return sorted(int(value) for value in (await self.execute(each)).scalars())
        raised = update(sequences).where(sequences.c.name == name).values(value=sequences.c.value + many)
        last = int((await self.execute(raised.returning(sequences.c.value))).scalar_one())
        return list(range(last - many + 1, last + 1))

    async def insert_or_ignore(self, table: Table, values: Mapping[str, Any]) -> bool:
        """Return whether the row was inserted; False when its key was there already."""
        if self.dialect == "postgresql":
            statement: Executable = postgresql.insert(table).values(**values).on_conflict_do_nothing()
        else:
            statement = sqlite.insert(table).values(**values).on_conflict_do_nothing()
        return (await self.execute(statement)).rowcount == 1

    async def insert_missing(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert the rows whose keys are not there already."""
        dialect = postgresql if self.dialect == "postgresql" else sqlite
        await self.execute(dialect.insert(table).on_conflict_do_nothing(), rows)

    async def insert_or_add(
        self, table: Table, values: Mapping[str, Any], *, keys: Sequence[str], add: Sequence[str], put: Sequence[str]
    ) -> None:
        """Insert the row, or add to its `add` columns and overwrite its `put` columns."""
        dialect = postgresql if self.dialect == "postgresql" else sqlite
        statement = dialect.insert(table).values(**values)
        changes = {name: table.c[name] + statement.excluded[name] for name in add}
        changes |= {name: statement.excluded[name] for name in put}
        await self.execute(statement.on_conflict_do_update(index_elements=list(keys), set_=changes))

    async def insert(self, table: Table, values: Mapping[str, Any]) -> None:
        """Insert one row; a taken key raises IntegrityError."""
        await self.execute(insert(table).values(**values))


LastStep = Callable[[Transaction, Sequence[Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Committed:
    """What the house is told after a commit, before the answer goes out."""

    keys: frozenset[str]
    ends_something: bool


AfterCommit = Callable[[Committed], Awaitable[None]]
# By the event's class: higher floors that must act in the same transaction.
News = Mapping[type, Sequence[Callable[..., Awaitable[None]]]]


@dataclass(slots=True)
class Database:
    """The engines of one process. `open` makes it, `close` ends it."""

    # Not in the repr (T13): SQLAlchemy masks the password of a URL, not those in its query.
    url: URL = field(repr=False)
    writer: AsyncEngine = field(repr=False)
    reader: AsyncEngine = field(repr=False)
    after_commit: list[AfterCommit] = field(default_factory=list)
    news: News = field(default_factory=dict)

    @classmethod
    def open(cls, url: str, *, news: News | None = None) -> "Database":
        """Return the database at `sqlite:///PATH` or `postgresql://…`; nothing is connected yet."""
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            return cls(parsed, _sqlite_writer(parsed), _sqlite_reader(parsed), news=news or {})
        if parsed.get_backend_name() == "postgresql":
            engine = create_async_engine(
                parsed.set(drivername="postgresql+asyncpg"),
                pool_size=POSTGRESQL_CONNECTIONS,
                max_overflow=0,
                pool_timeout=10,
                hide_parameters=True,  # T13: an error's text does not repeat what a statement was given
                isolation_level="READ COMMITTED",  # whatever the database's own: who waited for a lock has to see more
            )
            # The same pool, but each statement by itself: reads begin no transaction.
            reader = engine.execution_options(isolation_level="AUTOCOMMIT")
            return cls(parsed, engine, reader, news=news or {})
        raise ValueError(f"DATABASE_URL must begin with sqlite:/// or postgresql://, not {parsed.drivername}")

    @property
    def dialect(self) -> str:
        """Return `sqlite` or `postgresql`."""
        return self.url.get_backend_name()

    async def close(self) -> None:
        """Close every connection."""
        await self.writer.dispose()
        await self.reader.dispose()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Reader]:
        """Lend a connection on which each statement sees what was committed before it."""
        async with self.reader.connect() as connection:
            yield Reader(connection)

    async def write(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Return what `work` returned, after its transaction was committed and made known.

        An exception undoes everything. A serialization failure runs `work` anew, so it
        may do nothing outside its transaction.
        """
        result, transaction = await self._committed(work)
        committed = Committed(frozenset(transaction.touched), transaction.ends_something)
        # The commit stands whatever becomes of this request, so a disconnecting
        # client must not keep the house from hearing of it.
        await asyncio.shield(self._tell(committed))
        return result

    async def _committed(self, work: Callable[[Transaction], Awaitable[T]]) -> tuple[T, Transaction]:
        for attempt in range(WRITE_ATTEMPTS):
            try:
                async with self.writer.begin() as connection:
                    transaction = Transaction(connection, self.news)
                    result = await work(transaction)
                    await transaction.take_last_steps()
                    return result, transaction
            except DBAPIError as error:
                if attempt + 1 == WRITE_ATTEMPTS or not _may_be_retried(error):
                    raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _tell(self, committed: Committed) -> None:
        for listener in self.after_commit:
            await listener(committed)


class Verb(Generic[P, T]):
    """A service verb: one transaction of its own, or a part of one that is open.

    Called with a `Database` it opens a transaction, commits, and makes the change
    known before it returns. Called with a `Transaction` it works inside it.
    """

    def __init__(self, work: Callable[Concatenate[Transaction, P], Awaitable[T]]) -> None:
        self._work = work
        update_wrapper(self, work)

    async def __call__(self, where: Database | Transaction, /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what the verb's body returns."""
        if isinstance(where, Transaction):
            return await self._work(where, *args, **kwargs)
        return await where.write(lambda transaction: self._work(transaction, *args, **kwargs))


def verb(work: Callable[Concatenate[Transaction, P], Awaitable[T]]) -> Verb[P, T]:
    """Return `work`, which takes a Transaction first, as a Verb."""
    return Verb(work)


def _may_be_retried(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) in _RETRIED_SQLSTATES


def _sqlite_writer(url: URL) -> AsyncEngine:
    engine = _sqlite_engine(url, connections=1)

    @event.listens_for(engine.sync_engine, "begin")
    def begin_immediately(connection: Any) -> None:
        # A deferred BEGIN that turns into a write fails with "locked" instead of waiting.
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _sqlite_reader(url: URL) -> AsyncEngine:
    return _sqlite_engine(url, connections=SQLITE_READERS, isolation_level="AUTOCOMMIT", pool_reset_on_return=None)


def _lower(text: str | None) -> str | None:
    # SQLite's own knows a to z alone, so that nobody would find an Émile or an Özil by name.
    return None if text is None else text.lower()


def _sqlite_engine(url: URL, *, connections: int, **options: Any) -> AsyncEngine:
    engine = create_async_engine(
        url.set(drivername="sqlite+aiosqlite"),
        poolclass=AsyncAdaptedQueuePool,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=30,
        connect_args={"timeout": SQLITE_BUSY_SECONDS},
        hide_parameters=True,  # T13: an error's text does not repeat what a statement was given
        **options,
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # BEGIN is ours, not the driver's
        connection.create_function("lower", 1, _lower, deterministic=True)
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "wal_autocheckpoint=500"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine
