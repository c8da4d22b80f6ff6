"""The feed on SQLite: what any process committed is known at the next use (T12)."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatewright.events.feed import SqliteFeed

INSERT = (
    "INSERT INTO events (company_id, id, at, kind, by_kind, about, keys, position, digest, by_digest,"
    " whom_digest) VALUES (0, ?1, '2026-11-23 12:00:00', 'user.changed', 'system', '{}', ?2, ?1, x'', x'', x'')"
)


@pytest.fixture
def file(sqlite_url: str) -> Path:
    """Return the file of a migrated SQLite database."""
    return Path(sqlite_url.removeprefix("sqlite:///"))


@pytest.fixture
def feed(file: Path) -> Iterator[SqliteFeed]:
    """Lend a feed that begins now."""
    opened = SqliteFeed(file)
    yield opened
    opened.close()


@pytest.fixture
def elsewhere(file: Path) -> Iterator[sqlite3.Connection]:
    """Lend a connection such as another process has."""
    connection = sqlite3.connect(file, isolation_level=None)
    yield connection
    connection.close()


def test_what_another_connection_committed_is_known_at_once(feed: SqliteFeed, elsewhere: sqlite3.Connection) -> None:
    """T12: time after time; a cursor that stays open would freeze the answer."""
    assert list(feed.touched()) == []
    for number in range(1, 6):
        elsewhere.execute(INSERT, (number, json.dumps([f"user:{number}", "tools"])))
        assert list(feed.touched()) == [f"user:{number}", "tools"]
        assert list(feed.touched()) == []


def test_what_was_there_before_the_feed_began_is_not_told(file: Path, elsewhere: sqlite3.Connection) -> None:
    """T12: the memory was empty then."""
    elsewhere.execute(INSERT, (1, '["user:1"]'))
    feed = SqliteFeed(file)
    assert list(feed.touched()) == []
    feed.close()


def test_nothing_is_told_before_its_commit_and_nothing_that_was_undone(
    feed: SqliteFeed, elsewhere: sqlite3.Connection
) -> None:
    """T12."""
    elsewhere.execute("BEGIN IMMEDIATE")
    elsewhere.execute(INSERT, (1, '["user:1"]'))
    assert list(feed.touched()) == []
    elsewhere.execute("COMMIT")
    assert list(feed.touched()) == ["user:1"]
    elsewhere.execute("BEGIN IMMEDIATE")
    elsewhere.execute(INSERT, (2, '["user:2"]'))
    elsewhere.execute("ROLLBACK")
    assert list(feed.touched()) == []


def test_a_commit_without_an_event_moves_nothing(feed: SqliteFeed, elsewhere: sqlite3.Connection) -> None:
    """T12: and what comes after it is still told."""
    elsewhere.execute("UPDATE sequences SET value = value + 1")
    assert list(feed.touched()) == []
    elsewhere.execute(INSERT, (1, '["user:1"]'))
    assert list(feed.touched()) == ["user:1"]


def test_events_of_several_commits_are_told_together(feed: SqliteFeed, elsewhere: sqlite3.Connection) -> None:
    """T12."""
    for number in range(1, 500):
        elsewhere.execute(INSERT, (number, json.dumps([f"user:{number}"])))
    assert list(feed.touched()) == [f"user:{number}" for number in range(1, 500)]


def test_it_can_write_nothing(feed: SqliteFeed) -> None:
    """T12: a connection's own writes do not move its data_version."""
    with pytest.raises(sqlite3.OperationalError):
        feed._connection.execute(INSERT, (1, "[]"))


@pytest.mark.parametrize("name", ["a%20b.db", "50%.db", "no #1.db", "why?.db", "ü?mode=rwc.db"])
def test_a_file_is_found_whatever_it_is_called(tmp_path: Path, name: str) -> None:
    """T12: a path with a `%` or a `?` led to another file."""
    elsewhere = sqlite3.connect(tmp_path / name, isolation_level=None)
    elsewhere.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, keys TEXT)")
    feed = SqliteFeed(tmp_path / name)
    elsewhere.execute("INSERT INTO events (keys) VALUES ('[\"user:1\"]')")
    assert list(feed.touched()) == ["user:1"]
    feed.close()
    elsewhere.close()
    assert sorted(file.name for file in tmp_path.iterdir()) == [name]
