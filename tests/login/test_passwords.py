"""Passwords: nothing truncated, the same work for nobody's, a queue that does not grow."""

import asyncio
import threading
import unicodedata

import pytest

from gatewright.base.errors import Unavailable
from gatewright.login.passwords import Passwords

SENTENCE = "correct horse battery staple"


async def test_a_password_opens_its_own_hash_alone() -> None:
    passwords = Passwords()
    made = await passwords.hash(SENTENCE)
    assert made.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await passwords.verify(made, SENTENCE)
    assert not await passwords.verify(made, SENTENCE + " ")
    assert not await passwords.verify("not a hash", SENTENCE)
    passwords.close()


async def test_nothing_of_a_password_is_truncated_and_its_spelling_does_not_matter() -> None:
    """A190: long, with spaces and Unicode; composed and decomposed letters are the same."""
    passwords = Passwords()
    long = "é漢 字🗝️" * 60
    made = await passwords.hash(long)
    assert await passwords.verify(made, unicodedata.normalize("NFD", long))
    assert not await passwords.verify(made, long[:-1])
    passwords.close()


async def test_a_password_of_nobody_never_matches_and_costs_the_same_work() -> None:
    """A108: neither an unknown address nor an account without password answers sooner."""
    worked = 0

    class Counted(Passwords):
        async def _run(self, work):  # type: ignore[no-untyped-def]
            nonlocal worked
            worked += 1
            return await super()._run(work)

    passwords = Counted()
    assert not await passwords.verify(None, SENTENCE)
    assert not await passwords.verify("", SENTENCE)
    assert worked == 2
    passwords.close()


async def test_a_full_queue_refuses_instead_of_growing_and_recovers() -> None:
    """A182: what cannot be worked on soon is refused at once."""
    passwords = Passwords(threads=1, most_waiting=2)
    gate = threading.Event()
    waiting = [asyncio.ensure_future(passwords._run(gate.wait)) for _ in range(3)]
    await asyncio.sleep(0.05)
    with pytest.raises(Unavailable):
        await passwords.verify(None, SENTENCE)
    gate.set()
    assert await asyncio.gather(*waiting) == [True, True, True]
    assert not await passwords.verify(None, SENTENCE)
    passwords.close()


async def test_a_request_that_gives_up_keeps_its_place_until_its_work_is_done() -> None:
    passwords = Passwords(threads=1, most_waiting=0)
    gate = threading.Event()
    running = asyncio.ensure_future(passwords._run(gate.wait))
    await asyncio.sleep(0.05)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    with pytest.raises(Unavailable):
        await passwords.verify(None, SENTENCE)
    gate.set()
    for _ in range(200):
        try:
            assert not await passwords.verify(None, SENTENCE)
            break
        except Unavailable:
            await asyncio.sleep(0.01)
    else:
        pytest.fail("the place was never given back")
    passwords.close()


async def test_after_closing_it_refuses() -> None:
    passwords = Passwords()
    passwords.close()
    with pytest.raises(Unavailable):
        await passwords.verify(None, SENTENCE)
