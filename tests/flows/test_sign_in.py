"""Signing in and out, sessions, forms of other browsers, invitations: over HTTP alone."""

import asyncio
import re
import threading

import httpx
import pytest

from gatewright.base import clock
from gatewright.directory.service import create_user, deactivate_user, reactivate_user
from gatewright.events.catalogue import SYSTEM
from gatewright.login.invitation_service import create_invitation
from gatewright.login.passwords import Passwords
from tests.support.databases import DIALECTS
from tests.support.forms import Page
from tests.support.world import PASSWORD, World, password_hash

COOKIE = "gw_session"


async def is_signed_in(browser: httpx.AsyncClient) -> bool:
    return (await browser.get("/account/apps")).status_code == 200


async def fields(browser: httpx.AsyncClient, path: str = "/login") -> dict[str, str]:
    return Page(await browser.get(path)).form(field="password").fields


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_a_person_signs_in_and_out(world: World) -> None:
    browser = await world.browser()
    before = (await fields(browser))["csrf_token"]
    anonymous = browser.cookies[COOKIE]
    answer = await browser.post("/login", data={"csrf_token": before, "email": "ADA@example.com", "password": PASSWORD})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    session = browser.cookies[COOKIE]
    assert session != anonymous  # A173: rotated at sign-in
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/" in cookie
    assert "Ada Alder" in (await browser.get("/")).text
    assert (await browser.get("/login?next=/account/apps")).headers["location"] == "/account/apps"
    answer = await world.submit(browser, "/logout")
    assert (answer.status_code, answer.headers["location"]) == (303, "/logout")
    assert "You are signed out" in (await browser.get("/logout")).text
    browser.cookies.set(COOKIE, session, domain="127.0.0.1")
    assert not await is_signed_in(browser)  # A172


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("ada@example.com", "wrong"),
        ("ada@example.com", ""),
        ("nobody@example.com", PASSWORD),
        ("", ""),
        ("ada@example.com", f"{PASSWORD} "),
        ("not an address", PASSWORD),
        ("ada@example.com", "x" * 100_000),
        ("ada@example.com\u202e", PASSWORD),
    ],
)
async def test_a_failed_sign_in_answers_422_with_the_page_and_one_sentence(
    world: World, email: str, password: str
) -> None:
    browser = await world.browser()
    answer = await world.sign_in(browser, email, password)
    assert answer.status_code == 422
    assert answer.text.count("do not open an account") == 1
    kept = Page(answer).form(field="password").fields
    assert kept["email"] == email
    assert password == "" or password not in answer.text
    assert not await is_signed_in(browser)


async def test_what_cannot_be_an_address_is_unknown_before_it_is_folded(world: World) -> None:
    """P1: folding it would hold up everybody (A117); it costs the work of a wrong password (A108)."""
    compared: list[str | None] = []

    class Counted(Passwords):
        async def verify(self, password_hash: str | None, password: str) -> bool:
            compared.append(password_hash)
            return await super().verify(password_hash, password)

    world.app.state.passwords.close()
    world.app.state.passwords = Counted()
    browser = await world.browser()
    for email in ("\u0345\u0316" * 20_000, "a" * 250 + "@b.example", "two words@example.com"):
        answer = await world.sign_in(browser, email)
        assert (answer.status_code, answer.text.count("do not open an account")) == (422, 1)
    assert compared == [None] * 3


async def test_nobody_signs_in_with_a_service_accounts_address(world: World) -> None:
    """S2: refused like any unknown address (A108); so is a user whose address lies under that domain."""
    browser = await world.browser()
    await create_user(
        world.house.database,
        email="somebody@service.127.0.0.1",
        name="Somebody",
        password_hash=password_hash(),
        origin=SYSTEM,
        now=clock.now(),
    )
    answers = [
        await world.sign_in(browser, address)
        for address in (world.robots["robot"].address, "somebody@service.127.0.0.1", "unknown@example.com")
    ]
    assert [answer.status_code for answer in answers] == [422, 422, 422]
    bodies = {re.sub(r'value="[^"]*"|<code>[^<]*</code>', "", answer.text) for answer in answers}
    assert len(bodies) == 1


async def test_a_deactivated_users_session_is_dead_at_once_and_stays_so(world: World) -> None:
    """P4: reactivating restores sign-in, not the sessions of before."""
    browser, bea = await world.signed_in("bea"), world.people["bea"]
    assert await is_signed_in(browser)
    database, now = world.house.database, clock.now()
    await deactivate_user(database, user_id=bea.id, origin=SYSTEM, now=now)
    assert not await is_signed_in(browser)
    assert (await world.sign_in(browser, bea.email)).status_code == 422
    await reactivate_user(database, user_id=bea.id, origin=SYSTEM, now=now)
    assert not await is_signed_in(browser)
    assert (await world.sign_in(browser, bea.email)).status_code == 303
    assert await is_signed_in(browser)


async def test_signing_in_as_somebody_else_ends_the_first_session(world: World) -> None:
    browser = await world.signed_in("ada")
    old = browser.cookies[COOKIE]
    form = Page(await browser.get("/login?switch=1&next=/account/apps")).form(field="password")
    answer = await browser.post(
        "/login", data={**form.fields, "email": world.people["max"].email, "password": PASSWORD}
    )
    assert answer.headers["location"] == "/account/apps"
    assert "Max Moss" in (await browser.get("/account/apps")).text
    browser.cookies.set(COOKIE, old, domain="127.0.0.1")
    assert not await is_signed_in(browser)


@pytest.mark.parametrize(
    "to", ["//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil.example", "javascript:alert(1)"]
)
async def test_next_leads_nowhere_else(world: World, to: str) -> None:
    """A179: in the link, in the form, and for whoever is signed in already."""
    browser = await world.browser()
    form = Page(await browser.get("/login", params={"next": to})).form(field="password")
    assert form.fields["next"] == "/"
    data = {**form.fields, "next": to, "email": "ada@example.com", "password": PASSWORD}
    assert (await browser.post("/login", data=data)).headers["location"] == "/"
    assert (await browser.get("/login", params={"next": to})).headers["location"] == "/"
    answer = await world.submit(browser, "/appearance", {"appearance": "dark", "next": to})
    assert answer.headers["location"] == "/"


async def test_signed_out_pages_lead_to_sign_in_and_back(world: World) -> None:
    browser = await world.browser()
    answer = await browser.get("/account/apps")
    assert answer.status_code == 303
    form = Page(await browser.get(answer.headers["location"])).form(field="password")
    data = {**form.fields, "email": "ada@example.com", "password": PASSWORD}
    assert (await browser.post("/login", data=data)).headers["location"] == "/account/apps"


@pytest.mark.parametrize("path", ["/login", "/logout", "/appearance"])
async def test_a_form_without_this_browsers_token_is_refused(world: World, path: str) -> None:
    """A174, A175: none, another browser's, one of before the sign-in, or from another site."""
    browser, other = await world.browser(), await world.browser()
    stale = (await fields(browser))["csrf_token"]
    foreign = (await fields(other))["csrf_token"]
    await world.sign_in(browser, "ada@example.com")
    for token in ("", foreign, stale, "0" * 64, "é"):
        answer = await browser.post(path, data={"csrf_token": token, "appearance": "dark"})
        assert answer.status_code == 403, token
    own = (await fields(browser, "/login?switch=1"))["csrf_token"]
    answer = await browser.post(path, data={"csrf_token": own}, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403
    assert await is_signed_in(browser)


async def test_a_browser_without_a_cookie_cannot_sign_in_by_a_copied_token(world: World) -> None:
    """A175: the token alone, without the cookie it was made for."""
    token = (await fields(await world.browser()))["csrf_token"]
    answer = await (await world.browser()).post(
        "/login", data={"csrf_token": token, "email": "ada@example.com", "password": PASSWORD}
    )
    assert answer.status_code == 403


async def test_every_page_forbids_framing_and_referrers_and_storing(world: World) -> None:
    """A176, A177: also of those signed in, and of refusals."""
    browser = await world.signed_in("ada")
    for path in ("/", "/login?switch=1", "/account/apps", "/oauth/authorize", "/nowhere"):
        answer = await browser.get(path)
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"], path
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"


async def test_the_appearance_is_remembered_in_this_browser(world: World) -> None:
    browser = await world.browser()
    for chosen, shown in (("dark", 'data-theme="dark"'), ("light", 'data-theme="light"')):
        answer = await world.submit(browser, "/appearance", {"appearance": chosen, "next": "/login"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")
        assert shown in (await browser.get("/")).text
    await world.submit(browser, "/appearance", {"appearance": "system"})
    assert "data-theme" not in (await browser.get("/")).text
    assert (await world.submit(browser, "/appearance", {"appearance": "<b>"})).status_code == 422


async def invitation(world: World, email: str = "new@example.com") -> str:
    return await create_invitation(
        world.house.database,
        email=email,
        makes_operator=True,
        service_domain=world.house.settings.service_domain,
        keys=world.house.keys,
        origin=SYSTEM,
        now=clock.now(),
    )


async def test_an_invitation_is_accepted_once(world: World) -> None:
    path = f"/invitation/{await invitation(world)}"
    browser = await world.browser()
    for _ in range(2):  # following the link consumes nothing
        page = await browser.get(path)
        assert page.status_code == 200
        assert "new@example.com" in page.text
    own = Page(page).form(field="password").fields
    for wrong in (
        {"name": "", "password": PASSWORD},
        {"name": "New", "password": "short"},
        {"name": "New", "password": "new@example.com"},
        {"name": "a\u202eb", "password": PASSWORD},
    ):
        assert (await browser.post(path, data={**own, **wrong})).status_code == 422
    answer = await browser.post(path, data={**own, "name": "New Oak", "password": PASSWORD})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "New Oak" in (await browser.get("/")).text
    other = await world.browser()
    assert (await other.get(path)).status_code == 404
    assert (await other.get("/invitation/gwi_unknown")).status_code == 404
    assert (await world.sign_in(other, "NEW@example.com")).status_code == 303


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_two_who_accept_at_once_make_one_account(world: World) -> None:
    path = f"/invitation/{await invitation(world)}"
    browsers = [await world.browser() for _ in range(4)]
    forms = [Page(await browser.get(path)).form(field="password").fields for browser in browsers]
    answers = await asyncio.gather(
        *(
            browser.post(path, data={**form, "name": f"N {at}", "password": PASSWORD})
            for at, (browser, form) in enumerate(zip(browsers, forms, strict=True))
        )
    )
    assert sorted(answer.status_code for answer in answers) == [303, 404, 404, 404]


async def test_the_token_of_an_invitation_is_not_logged(world: World, capfd: pytest.CaptureFixture[str]) -> None:
    """T13: the log ends before the token; a query is never logged."""
    token = await invitation(world)
    browser = await world.browser()
    await browser.get(f"/invitation/{token}")
    await browser.get("/oauth/authorize/native", params={"code": "gwc_canary"})
    said = "".join(capfd.readouterr())
    assert "/invitation/" in said
    assert token not in said
    assert "gwc_canary" not in said


async def test_when_too_many_sign_in_at_once_the_rest_are_told_to_come_back(world: World) -> None:
    """A182: 503 at once, on a page, while the threads are busy; then it works again."""
    busy = threading.Event()
    world.app.state.passwords = passwords = Passwords(threads=1, most_waiting=0)
    occupied = asyncio.ensure_future(passwords._run(busy.wait))
    await asyncio.sleep(0.05)
    browser = await world.browser()
    answer = await world.sign_in(browser, "ada@example.com")
    assert answer.status_code == 503
    assert answer.headers["content-type"].startswith("text/html")
    busy.set()
    await occupied
    assert (await world.sign_in(browser, "ada@example.com")).status_code == 303
