"""Sending: once, after the commit, by one process; again when the server was away; never to programs."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from gatewright.base.secrets import ServerKeys, mint_server_key
from gatewright.db.engine import Database, Transaction
from gatewright.db.schema import events, mail_outbox
from gatewright.directory.service import create_company
from gatewright.events.catalogue import SYSTEM
from gatewright.mail import store
from gatewright.mail.model import Message
from gatewright.mail.rules import FIRST_PAUSE, GIVEN_UP_AFTER, LONGEST_PAUSE, mail_sender, mail_server, pause_after
from gatewright.mail.sending import LEFT_ALONE_FOR, Sender
from gatewright.mail.service import post
from gatewright.service_accounts.service import create_service_account
from gatewright.settings import Settings
from tests.support.mail import Sink, running_sink

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
KEYS = ServerKeys.from_texts([mint_server_key()])
LINK = "https://id.example.com/password/reset/gwl_canary-in-the-outbox"


@pytest.fixture
def sink() -> Iterator[Sink]:
    """Lend the mail server."""
    with running_sink() as running:
        yield running


def sender(database: Database, smtp_url: str, **settings: str) -> Sender:
    configured = Settings(issuer="https://id.example.com", smtp_url=smtp_url, **settings)
    return Sender(configured, database, KEYS, {"asked": answer})


async def answer(tx: Transaction, message: Message, now: datetime) -> None:
    await post(tx, Message(message.to, "password_reset", message.shows), keys=KEYS, now=now)


async def posted(database: Database, to: str = "ada@example.com", template: str = "password_reset") -> None:
    message = Message(to, template, {"email": to, "link": LINK})
    assert LINK not in repr(message)  # T13
    await post(database, message, keys=KEYS, now=NOON)


async def waiting(database: Database) -> int:
    async with database.read() as reader:
        return len((await reader.execute(select(mail_outbox.c.id))).all())


async def test_a_message_is_sent_once_and_leaves_nothing_behind(database: Database, sink: Sink) -> None:
    """P8: by several senders at once, too."""
    for at in range(6):
        await posted(database, f"n{at}@example.com")
    counts = await asyncio.gather(*(sender(database, sink.url).send_due(now=NOON) for _ in range(3)))
    assert sum(counts) == 6
    assert sorted(letter.to[0] for letter in sink.letters) == [f"n{at}@example.com" for at in range(6)]
    assert await waiting(database) == 0
    assert LINK in sink.letters[0].text


async def test_what_was_rolled_back_is_never_sent(database: Database, sink: Sink) -> None:
    async def undone(tx: Transaction) -> None:
        await post(tx, Message("ada@example.com", "password_reset", {}), keys=KEYS, now=NOON)
        raise LookupError

    with pytest.raises(LookupError):
        await database.write(undone)
    assert await sender(database, sink.url).send_due(now=NOON) == 0


async def test_a_link_waits_sealed(database: Database, tmp_path: Path) -> None:
    """T13: neither address nor link can be read in the outbox."""
    await posted(database)
    async with database.read() as reader:
        sealed = (await reader.execute(select(mail_outbox.c.message_sealed))).scalar_one()
    assert b"canary" not in sealed
    assert b"ada@" not in sealed


async def test_a_server_that_is_down_is_tried_again_with_longer_pauses(database: Database, sink: Sink) -> None:
    await posted(database)
    sink.answer = "451 later"
    mine = sender(database, sink.url)
    assert await mine.send_due(now=NOON) == 0
    assert await mine.send_due(now=NOON + FIRST_PAUSE - timedelta(seconds=1)) == 0
    sink.answer = "250 OK"
    assert sink.letters == []
    assert await mine.send_due(now=NOON + FIRST_PAUSE) == 1
    assert len(sink.letters) == 1
    assert [pause_after(n) for n in (1, 2, 3, 50)] == [FIRST_PAUSE, FIRST_PAUSE * 2, FIRST_PAUSE * 4, LONGEST_PAUSE]


async def test_a_server_that_comes_up_late_gets_what_waited(database: Database) -> None:
    with running_sink() as gone:
        port = gone.port
    await posted(database)
    mine = sender(database, f"smtp://127.0.0.1:{port}")
    assert await mine.send_due(now=NOON) == 0
    with running_sink(port) as back:
        assert await mine.send_due(now=NOON + LEFT_ALONE_FOR) == 1
        assert len(back.to("ada@example.com")) == 1


async def test_a_sender_that_died_leaves_its_message_to_another(database: Database, sink: Sink) -> None:
    """Claimed and never sent: after a while it is anybody's again."""
    await posted(database)
    dead = sender(database, "smtp://127.0.0.1:1")
    async with database.read() as reader:
        message_id = (await reader.execute(select(mail_outbox.c.id))).scalar_one()
    until = NOON + LEFT_ALONE_FOR
    assert await database.write(lambda tx: store.claim(tx, message_id, until=until, now=NOON)) is not None
    assert await database.write(lambda tx: store.claim(tx, message_id, until=until, now=NOON)) is None
    assert await dead.send_due(now=NOON) == 0
    assert await sender(database, sink.url).send_due(now=until - timedelta(seconds=1)) == 0
    assert await sender(database, sink.url).send_due(now=until) == 1


async def test_a_message_is_left_alone_from_when_its_turn_comes(database: Database, sink: Sink) -> None:
    """P8: of many at a slow server the last is claimed late, or another process would send it too."""
    sink.seconds, sink.answer = 1.1, "451 later"
    await posted(database)
    await posted(database, "bea@example.com")
    assert await sender(database, sink.url).send_due(now=NOON) == 0
    async with database.read() as reader:
        first, second = (await reader.execute(select(mail_outbox.c.not_before).order_by("not_before"))).scalars()
    assert first == NOON + FIRST_PAUSE
    assert second >= first + timedelta(seconds=1)


async def test_what_cannot_be_delivered_is_given_up_and_the_operator_is_told(database: Database, sink: Sink) -> None:
    """R1: after a day, or at once where the address is refused; without the address (T13)."""
    await posted(database)
    sink.answer = "451 later"
    mine = sender(database, sink.url)
    await mine.send_due(now=NOON)
    assert await waiting(database) == 1
    await mine.send_due(now=NOON + GIVEN_UP_AFTER)
    assert await waiting(database) == 0
    sink.answer = "550 nobody here"
    await posted(database)
    await posted(database, "a@-odd-.example")
    await mine.send_due(now=NOON)
    assert await waiting(database) == 0
    async with database.read() as reader:
        told = (await reader.execute(select(events.c.kind, events.c.after))).all()
    assert [one.kind for one in told] == ["mail.given_up"] * 3
    assert "ada" not in str(told)
    assert sink.letters == []


async def test_no_mail_goes_to_a_service_accounts_address(database: Database, sink: Sink) -> None:
    """S2, S8: under the domain of today, and at an address given out under another."""
    company_id = await create_company(database, name="Alder", app_access="open", origin=SYSTEM, now=NOON)
    made = await create_service_account(
        database, company_id=company_id, name="Robot", domain="old.example", keys=KEYS, origin=SYSTEM, now=NOON
    )
    for to in (made.address, made.address.upper(), "x@service.id.example.com", "X@SERVICE.ID.example.com"):
        await posted(database, to)
    assert await sender(database, sink.url).send_due(now=NOON) == 4
    assert sink.letters == []
    assert await waiting(database) == 0


async def test_one_message_that_cannot_be_made_does_not_hold_up_the_others(database: Database, sink: Sink) -> None:
    await posted(database, template="no_such_template")
    await posted(database)
    assert await sender(database, sink.url).send_due(now=NOON) == 1
    assert len(sink.letters) == 1


async def test_a_question_is_answered_in_the_transaction_that_takes_it(database: Database, sink: Sink) -> None:
    await posted(database, template="asked")
    mine = sender(database, sink.url, mail_from="Keys <keys@id.example.com>")
    assert [await mine.send_due(now=NOON), await mine.send_due(now=NOON)] == [1, 1]
    assert [letter.mail["from"] for letter in sink.letters] == ["Keys <keys@id.example.com>"]
    assert sink.letters[0].sender == "keys@id.example.com"


@pytest.mark.parametrize(
    ("url", "port", "encryption"),
    [
        ("smtp://mail.example.com", 25, "offered"),
        ("smtp://me:p%40ss@mail.example.com", 587, "required"),
        ("smtps://me:p%40ss@mail.example.com", 465, "whole"),
        ("smtp://127.0.0.1:2525", 2525, "off"),
        ("smtp://localhost?starttls=required", 25, "required"),
        ("smtp://mail.example.com?starttls=off", 25, "off"),
    ],
)
def test_the_address_of_the_server_says_how_it_is_spoken_to(url: str, port: int, encryption: str) -> None:
    """T13: a password goes to another computer encrypted or not at all, and into no repr."""
    server = mail_server(url)
    assert (server.port, server.encryption) == (port, encryption)
    assert server.password == ("p@ss" if "me:" in url else None)
    assert "p@ss" not in repr(server)


@pytest.mark.parametrize(
    "url",
    [
        "smtp://me:pass@mail.example.com?starttls=off",
        "smtp://me:pass@mail.example.com?starttls=offered",
        "smtp://mail.example.com/path",
        "smtp://mail.example.com?x=1",
        "smtp://mail.example.com:0",
        "http://mail.example.com",
    ],
)
def test_a_server_that_would_see_a_password_in_clear_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"smtp|starttls|port"):
        Settings(smtp_url=url)


@pytest.mark.parametrize("stated", ["no address", "a@b.example\r\nBcc: c@d.example", "x"])
def test_a_sender_that_is_no_address_is_refused(stated: str) -> None:
    with pytest.raises(ValueError, match="mail_from"):
        Settings(mail_from=stated)


def test_mail_is_from_the_issuers_host_unless_said_otherwise() -> None:
    assert str(mail_sender("", host="id.example.com")) == "Gatewright <no-reply@id.example.com>"
    assert mail_sender("", host="::1").domain == "localhost"
