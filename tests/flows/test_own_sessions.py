"""Security and Sessions: what stands about one's account, and ending where one is signed in."""

import asyncio
import re
from datetime import UTC, datetime

import httpx
import pytest
from sqlalchemy import select

from gatewright.base import clock
from gatewright.db.schema import events, mail_outbox, sessions, users
from gatewright.directory.service import deactivate_user, reactivate_user
from gatewright.events.catalogue import SYSTEM
from gatewright.login.session_service import MOST_SESSIONS
from tests.support.databases import DIALECTS
from tests.support.forms import Page
from tests.support.statements import counted
from tests.support.world import PASSWORD, World

COOKIE = "gw_session"
NEW_PASSWORD = "seven grey herons walk slowly"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Mobile Safari/604"


async def signed_in(world: World, person: str, user_agent: str = FIREFOX) -> httpx.AsyncClient:
    browser = await world.browser()
    browser.headers["user-agent"] = user_agent
    assert (await world.sign_in(browser, world.people[person].email)).status_code == 303
    return browser


async def is_signed_in(browser: httpx.AsyncClient) -> bool:
    return (await browser.get("/account/apps")).status_code == 200


def ends(page: httpx.Response) -> list[str]:
    """Return the addresses at which one session is ended, in the page's order: this one first."""
    return [
        form.action for form in Page(page).forms if re.fullmatch(r"/account/sessions/[0-9a-f]{32}/end", form.action)
    ]


async def kinds(world: World, person: str) -> list[str]:
    async with world.house.database.read() as reader:
        rows = await reader.execute(select(events.c.kind, events.c.about).order_by(events.c.id))
        return [row.kind for row in rows if row.about.get("user_id") == world.people[person].id]


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_sessions_are_listed_with_device_and_address_and_ended_one_by_one(world: World) -> None:
    """A172: at once; another browser's stands on."""
    here, phone, other = [await signed_in(world, "ada", agent) for agent in (FIREFOX, SAFARI, "curl/8.5.0 <b>")]
    page = await here.get("/account/sessions")
    assert page.status_code == 200
    for shown in ("Firefox on Linux", "Safari on iPhone", "curl/8.5.0 &lt;b&gt;", "127.0.0.1", "This browser"):
        assert shown in page.text, shown
    assert len(ends(page)) == 3
    on_phone = ends(await phone.get("/account/sessions"))[0]
    answer = await world.submit(here, on_phone, at="/account/sessions")
    assert (answer.status_code, answer.headers["location"]) == (303, "/account/sessions")
    assert "The session ended everywhere at" in (await here.get("/account/sessions")).text
    assert [await is_signed_in(one) for one in (here, phone, other)] == [True, False, True]
    assert len(ends(await here.get("/account/sessions"))) == 2
    assert (await kinds(world, "ada")).count("session.ended") == 1
    again = await world.submit(here, on_phone, at="/account/sessions")
    assert again.status_code == 303  # it has ended; nothing is recorded twice
    assert (await kinds(world, "ada")).count("session.ended") == 1


async def test_ending_all_others_leaves_this_one(world: World) -> None:
    here, *others = [await signed_in(world, "ada") for _ in range(3)]
    bea = await signed_in(world, "bea")
    answer = await world.submit(here, "/account/sessions/end-others", at="/account/sessions")
    assert answer.status_code == 303
    assert "2 other sessions ended everywhere at" in (await here.get("/account/sessions")).text
    assert [await is_signed_in(one) for one in (here, bea, *others)] == [True, True, False, False]
    assert "end-others" not in (await here.get("/account/sessions")).text
    await world.submit(here, "/account/sessions/end-others", at="/account/sessions")
    assert "There was no other." in (await here.get("/account/sessions")).text


async def test_ending_this_one_is_signing_out(world: World) -> None:
    browser = await signed_in(world, "ada")
    this = ends(await browser.get("/account/sessions"))[0]
    answer = await world.submit(browser, this, at="/account/sessions")
    assert (answer.status_code, answer.headers["location"]) == (303, "/logout")
    assert COOKIE not in browser.cookies
    assert not await is_signed_in(browser)


async def test_another_users_session_is_as_unknown_as_one_that_never_was(world: World) -> None:
    """P6: the same answer and the same work, and it stands."""
    browser, bea = await signed_in(world, "ada"), await signed_in(world, "bea")
    foreign = ends(await bea.get("/account/sessions"))[0]
    told = []
    for path in (foreign, f"/account/sessions/{'0' * 32}/end", "/account/sessions/%F0%9F%97%9D/end"):
        with counted(world.house.database) as seen:
            answer = await world.submit(browser, path, at="/account/sessions")
        body = re.sub(r"<code>[^<]*</code>", "", answer.text).replace(path, "")
        told.append((answer.status_code, body, len(seen.statements)))
    assert {status for status, *_ in told} == {404}
    assert len(set(told[:2])) == 1
    assert await is_signed_in(bea)


async def test_sessions_of_before_a_deactivation_are_not_listed(world: World) -> None:
    """P4: they have ended, and stay so."""
    await signed_in(world, "bea")
    bea, now = world.people["bea"], clock.now()
    await deactivate_user(world.house.database, user_id=bea.id, origin=SYSTEM, now=now)
    await reactivate_user(world.house.database, user_id=bea.id, origin=SYSTEM, now=now)
    assert len(ends(await (await signed_in(world, "bea")).get("/account/sessions"))) == 1


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_a_user_has_a_bounded_number_of_sessions(world: World) -> None:
    """T14: the oldest ends when one more begins, and each end is recorded."""
    first, second = await signed_in(world, "ada"), await signed_in(world, "ada")
    for _ in range(MOST_SESSIONS - 1):
        last = await signed_in(world, "ada")
    assert [await is_signed_in(one) for one in (first, second, last)] == [False, True, True]
    assert (await kinds(world, "ada")).count("session.ended") == 1


async def test_pages_about_oneself_take_constant_statements(world: World) -> None:
    """P6: whatever one did."""
    browser = await signed_in(world, "ada")
    taken = []
    for _ in range(2):
        for path in ("/account/sessions", "/account/security"):
            with counted(world.house.database) as seen:
                assert (await browser.get(path)).status_code == 200
            taken.append(len(seen.statements))
        for _ in range(12):
            await signed_in(world, "ada")
    assert taken[:2] == taken[2:]


async def test_security_says_what_stands_about_the_account(world: World) -> None:
    """P9, D1: the address and whether it is proven, the password's age, the terms, the last sign-ins."""
    browser = await signed_in(world, "dev", SAFARI)
    page = (await browser.get("/account/security")).text
    for shown in ("dev@example.com", "Proven", "Not changed since the account began", "Safari on iPhone"):
        assert shown in page, shown
    await world.house.database.write(lambda tx: tx.execute(users.update().values(email_proven_at=None)))
    assert "Not proven" in (await browser.get("/account/security")).text
    assert 'href="/account/address"' in page
    assert 'href="/account/sessions"' in page


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_a_new_password_ends_every_other_session_and_is_told(world: World) -> None:
    """A172: events and cookie change; the old password opens nothing."""
    here, other = await signed_in(world, "ada"), await signed_in(world, "ada")
    before = here.cookies[COOKIE]
    answer = await change(here, PASSWORD, NEW_PASSWORD)
    assert (answer.status_code, answer.headers["location"]) == (303, "/account/security")
    assert here.cookies[COOKIE] != before
    page = (await here.get("/account/security")).text
    assert "Password changed. Every other session has ended." in page
    assert "Changed" in page
    assert [await is_signed_in(here), await is_signed_in(other)] == [True, False]
    assert (await kinds(world, "ada"))[-4:] == [
        "user.password_changed",
        "session.ended",
        "session.ended",
        "session.started",
    ]
    fresh = await world.browser()
    assert (await world.sign_in(fresh, "ada@example.com")).status_code == 422
    assert (await world.sign_in(fresh, "ada@example.com", NEW_PASSWORD)).status_code == 303
    async with world.house.database.read() as reader:
        assert (await reader.execute(select(mail_outbox.c.id))).all() == []  # no mail is configured


async def test_without_the_current_password_nothing_changes(world: World) -> None:
    """A172: nor with a form of before the change."""
    here, other = await signed_in(world, "ada"), await signed_in(world, "ada")
    old_form = Page(await other.get("/account/security")).form(field="current_password").fields
    for current in ("", "wrong", NEW_PASSWORD, PASSWORD + " "):
        answer = await change(here, current, NEW_PASSWORD)
        assert answer.status_code == 422
        assert "This is not your password." in answer.text
    assert await is_signed_in(other)
    assert (await change(here, PASSWORD, NEW_PASSWORD)).status_code == 303
    sent = {**old_form, "current_password": NEW_PASSWORD, "password": PASSWORD}
    answer = await other.post("/account/security/password", data=sent)
    assert answer.headers["location"].startswith("/login")  # its session has ended


async def change(browser: httpx.AsyncClient, current: str, new: str) -> httpx.Response:
    form = Page(await browser.get("/account/security")).form(field="current_password").fields
    return await browser.post("/account/security/password", data={**form, "current_password": current, "password": new})


async def test_a_hash_of_weaker_parameters_is_renewed_by_the_next_sign_in(world: World) -> None:
    """A108: only the right password does it, silently; sessions and known browsers stay."""
    hash_of = select(users.c.password_hash, users.c.password_changed_at).where(users.c.id == world.people["ada"].id)

    async def stored() -> tuple[str, object]:
        async with world.house.database.read() as reader:
            return tuple((await reader.execute(hash_of)).one())

    weak = await stored()
    assert weak[0].startswith("$argon2id$v=19$m=8,t=1,p=1$")
    browser = await world.browser()
    await world.sign_in(browser, "ada@example.com", "wrong")
    assert await stored() == weak
    first = await signed_in(world, "ada")
    renewed = await stored()
    assert renewed[0].startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert renewed[1] is None
    await signed_in(world, "ada")
    assert await stored() == renewed
    assert await is_signed_in(first)
    assert "user.password_changed" not in await kinds(world, "ada")


async def test_when_a_session_was_last_seen_is_kept_to_within_some_minutes(world: World) -> None:
    """P6: written off the answer's path, and not at every click."""
    browser = await signed_in(world, "ada")
    await world.house.database.write(lambda tx: tx.execute(sessions.update().values(last_seen_at=LONG_AGO)))
    await is_signed_in(browser)
    for _ in range(100):
        seen = await last_seen(world)
        if seen != LONG_AGO:
            break
        await asyncio.sleep(0.02)
    assert seen != LONG_AGO
    with counted(world.house.database) as statements:
        await is_signed_in(browser)
        await asyncio.sleep(0.05)
    assert not any(text.startswith("UPDATE sessions") for text in statements.statements)


async def last_seen(world: World) -> datetime:
    async with world.house.database.read() as reader:
        seen: datetime = (await reader.execute(select(sessions.c.last_seen_at))).scalar_one()
    return seen


LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
