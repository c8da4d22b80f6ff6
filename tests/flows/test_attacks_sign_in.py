"""Section "Sign-in, session, pages" of the attacks, each over HTTP alone; its numbers are A172 to A192."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import unescape
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from gatewright.app import create_app
from gatewright.login.passwords import Passwords
from gatewright.settings import Settings
from tests.support.databases import DIALECTS
from tests.support.forms import Page
from tests.support.routes import ways
from tests.support.served import served_world
from tests.support.statements import counted
from tests.support.world import BASE_URL, LOOPBACK_REDIRECT, PASSWORD, World, fill, pkce

COOKIE = "gw_session"
LIMIT = 10
WRONG = "not the password of anybody"
NEW_PASSWORD = "seven grey herons walk slowly"


@asynccontextmanager
async def from_address(app: FastAPI, ip: str) -> AsyncIterator[httpx.AsyncClient]:
    """Lend a browser whose requests come from that address."""
    transport = httpx.ASGITransport(app, client=(ip, 40_000))
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL, trust_env=False) as browser:
        yield browser


async def guesses(world: World, browser: httpx.AsyncClient, email: str, times: int) -> list[int]:
    """Return the statuses of so many wrong passwords, one after the other."""
    return [(await world.sign_in(browser, email, WRONG)).status_code for _ in range(times)]


async def is_signed_in(browser: httpx.AsyncClient) -> bool:
    return (await browser.get("/account/apps")).status_code == 200


# --- A172, A173: the cookie ----------------------------------------------------------------------


async def test_a_cookie_of_before_a_sign_out_or_a_new_password_is_dead(world: World) -> None:
    """A172: in whichever browser it is kept."""
    browser, thief = await world.signed_in("ada"), await world.browser()
    stolen = browser.cookies[COOKIE]
    thief.cookies.set(COOKIE, stolen, domain="127.0.0.1")
    assert await is_signed_in(thief)
    answer = await change_password(browser, PASSWORD, NEW_PASSWORD)
    assert answer.status_code == 303
    assert browser.cookies[COOKIE] != stolen
    assert await is_signed_in(browser)
    assert not await is_signed_in(thief)
    kept = browser.cookies[COOKIE]
    await world.submit(browser, "/logout")
    thief.cookies.set(COOKIE, kept, domain="127.0.0.1")
    assert not await is_signed_in(thief)


async def test_a_cookie_planted_before_the_sign_in_never_becomes_a_session(world: World) -> None:
    """A172: fixation, with a made-up value, a page's own one and a session that ended."""
    for planted in ("gwn_planted", "x", "gwb_planted", await ended_cookie(world)):
        browser, attacker = await world.browser(), await world.browser()
        for one in (browser, attacker):
            one.cookies.set(COOKIE, planted, domain="127.0.0.1")
        assert (await world.sign_in(browser, "ada@example.com")).status_code == 303
        assert [value for value in values(browser, COOKIE) if value != planted] == values(browser, COOKIE)
        assert await is_signed_in(browser)
        assert not await is_signed_in(attacker)


async def ended_cookie(world: World) -> str:
    browser = await world.browser()
    await world.sign_in(browser, "ada@example.com")
    value = browser.cookies[COOKIE]
    await world.submit(browser, "/logout")
    return value


def values(browser: httpx.AsyncClient, name: str) -> list[str]:
    return [cookie.value or "" for cookie in browser.cookies.jar if cookie.name == name]


@pytest.mark.parametrize(("issuer", "prefix"), [("https://id.example", "__Host-"), (BASE_URL, "")])
async def test_cookies_are_out_of_reach_of_scripts_other_hosts_and_plain_http(
    settings: Settings, issuer: str, prefix: str
) -> None:
    """A173: the session's and the known browser's; Secure but on loopback http."""
    app = create_app(settings.model_copy(update={"issuer": issuer}))
    async with app.router.lifespan_context(app):
        world = World(app, app.state.house, httpx.AsyncClient())
        await fill(world)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=issuer, trust_env=False) as browser:
            answer = await world.sign_in(browser, "ada@example.com")
    cookies = {line.partition("=")[0]: line.lower() for line in answer.headers.get_list("set-cookie")}
    assert set(cookies) == {f"{prefix}gw_session", f"{prefix}gw_known"}
    for line in cookies.values():
        assert "httponly" in line
        assert "samesite=lax" in line
        assert "path=/" in line
        assert "domain=" not in line
        assert ("secure" in line) is bool(prefix)


# --- A174, A175: forms, along the route table ----------------------------------------------------

PROGRAMS = r"/(rest|authz|\.well-known|oauth/(?!authorize)|openapi\.json|healthz|readyz|static)"
# A form without a decision asks for an authorization, as any link from anywhere does (A46).
NEEDED = {"/oauth/authorize": {"decision": "allow"}}


async def test_every_form_is_refused_unless_this_browsers_own_page_sent_it(world: World) -> None:
    """A174, A175: no token, another session's, another origin, another site; a page without the guard fails here."""
    browser, other = await all_rights(world), await world.signed_in("ada")
    own, foreign = await csrf(browser), await csrf(other)
    hostile: list[tuple[dict[str, str], dict[str, str]]] = [
        ({}, {}),
        ({"csrf_token": ""}, {}),
        ({"csrf_token": foreign}, {}),
        ({"csrf_token": own}, {"origin": "https://evil.example"}),
        ({"csrf_token": own}, {"origin": "null"}),
        ({"csrf_token": own}, {"origin": BASE_URL + ".evil.example"}),
        ({"csrf_token": own}, {"origin": BASE_URL.replace("http:", "https:")}),
        ({"csrf_token": own}, {"sec-fetch-site": "cross-site"}),
        ({"csrf_token": own}, {"sec-fetch-site": "same-site"}),
        ({"csrf_token": own}, {"origin": "null", "sec-fetch-site": "cross-site"}),
    ]
    posts = [way for way in ways(world.app, but=PROGRAMS) if way.method == "POST"]
    assert len(posts) > 15
    for way in posts:
        path = way.at(await ids(world, way.parameters))
        for form, headers in hostile:
            data = {**NEEDED.get(way.pattern, {}), **form}
            answer = await browser.post(path, data=data, headers={"accept": "text/html", **headers})
            assert answer.status_code == 403, (way.pattern, form, headers, answer.status_code)
            assert "csrf_failed" in answer.text, (way.pattern, form, headers)
    assert await is_signed_in(browser)


async def test_a_form_of_our_own_page_is_taken_as_browsers_send_it(world: World) -> None:
    """A174: with its origin; with `null`, which no-referrer makes of it; and without both."""
    browser = await world.signed_in("ada")
    for headers in (
        {"origin": BASE_URL, "sec-fetch-site": "same-origin"},
        {"origin": "null", "sec-fetch-site": "same-origin"},
        {"origin": BASE_URL},
        {},
    ):
        form = {"csrf_token": await csrf(browser), "appearance": "dark"}
        assert (await browser.post("/appearance", data=form, headers=headers)).status_code == 303, headers


async def test_nobody_is_signed_in_by_another_sites_form(world: World) -> None:
    """A174: not into the attacker's account either."""
    browser = await world.browser()
    form = Page(await browser.get("/login")).form(field="password").fields
    data = {**form, "email": "dev@example.com", "password": PASSWORD}
    answer = await browser.post("/login", data=data, headers={"origin": "https://evil.example"})
    assert answer.status_code == 403
    assert not await is_signed_in(browser)


async def csrf(browser: httpx.AsyncClient) -> str:
    return Page(await browser.get("/")).form(action="/logout").fields["csrf_token"]


async def all_rights(world: World) -> httpx.AsyncClient:
    """Return the browser of somebody who may enter every page: operator, company admin, owner of an app."""
    await world.add_person("zoe", "Zoe Zeder", is_operator=True)
    await world.add_contact("alder", "zoe", directory="admin")
    await world.add_app("hers", "Zoe Reports", owner="zoe")
    return await world.signed_in("zoe")


async def ids(world: World, names: frozenset[str]) -> dict[str, str]:
    """Return an id for each name; what is not of the world is an id of nothing."""
    of_world = {
        "company_id": world.companies["alder"],
        "app_id": world.apps["hers"].id,
        "project_id": world.projects["bridge"],
        "contact_id": world.people["wim"].contacts["alder"],
        "service_account_id": world.robots["robot"].id,
        "user_id": world.people["wim"].id,
    }
    return {name: str(of_world.get(name, 7)) for name in names}


# --- A176, A177, A192, A207: what pages carry and show -------------------------------------------


async def pages(world: World, browser: httpx.AsyncClient) -> AsyncIterator[tuple[str, httpx.Response]]:
    """Yield the answer of each page of the route table, and of each form sent without its token."""
    for way in ways(world.app, but=PROGRAMS):
        path = way.at(await ids(world, way.parameters))
        yield path, await browser.request(way.method, path, headers={"accept": "text/html"})


async def test_no_page_can_be_framed_or_stored_or_tells_where_one_was(world: World) -> None:
    """A176, A177: and nothing is loaded from elsewhere."""
    browser = await all_rights(world)
    seen = 0
    async for path, answer in pages(world, browser):
        assert answer.status_code < 500, path
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"], path
        assert answer.headers["referrer-policy"] == "no-referrer", path
        assert answer.headers["x-content-type-options"] == "nosniff", path
        if answer.headers.get("content-type", "").startswith("text/html"):
            seen += 1
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy, path
            assert "unsafe" not in policy, path
            assert answer.headers["cache-control"] == "no-store", path
            loaded = re.findall(r"<(?:script|link|img|iframe|use|source)\b[^>]*?(?:src|href)=\"([^\"]*)\"", answer.text)
            assert all(address.startswith("/static/") for address in loaded), (path, loaded)
    assert seen > 30


NAMES = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{7*7}}${7*7}<%= 7*7 %>",
    "'; DROP TABLE users--",
)


async def test_names_are_shown_as_they_are_written_wherever_they_are_shown(world: World) -> None:
    """A192, A207: no page makes markup, a template or a statement of them."""
    for number, name in enumerate(NAMES):
        key = f"hostile{number}"
        await world.add_person(key, name)
        await world.add_contact("alder", key, directory="read_only")
        await world.add_project(key, "alder", name)
    browser = await all_rights(world)
    shown = 0
    async for path, answer in pages(world, browser):
        if not answer.headers.get("content-type", "").startswith("text/html"):
            continue
        text = answer.text
        assert "<script>alert" not in text, path
        assert "<img src=x" not in text, path
        if "7*7" in text:
            shown += 1
            assert "{{7*7}}" in unescape(text), path
            assert "49${" not in text, path
    assert shown >= 2


async def test_a_name_that_reads_backwards_is_refused_where_names_are_given(world: World) -> None:
    """A192: a right-to-left override would show `gpj.exe` as `exe.jpg`; names are set apart by `bdi` besides."""
    browser = await all_rights(world)
    for name in ("harmless\u202egpj.exe", "a\u2066b", "zero\u200bwidth", "line\u2028end"):
        sent = {
            "name": name,
            "type": "confidential",
            "redirect_uris": "https://a.example/cb",
            "homepage": "https://a.example/",
        }
        answer = await world.submit(browser, "/developer/apps", sent)
        assert answer.status_code in {409, 422}, name
        assert "\u202egpj" not in (await browser.get("/developer/apps")).text


# --- A179: next ----------------------------------------------------------------------------------


@pytest.mark.parametrize("to", ["//evil", "/\\evil", "https://evil", "/%09/evil", "///evil", "javascript:alert(1)"])
async def test_signing_in_leads_nowhere_else(world: World, to: str) -> None:
    """A179."""
    browser = await world.browser()
    form = Page(await browser.get("/login", params={"next": to})).form(field="password").fields
    data = {**form, "next": to, "email": "ada@example.com", "password": PASSWORD}
    leads = (await browser.post("/login", data=data)).headers["location"]
    assert leads.startswith("/")
    assert httpx.URL(BASE_URL).join(leads).host == "127.0.0.1"


# --- A182 to A186: guesses -----------------------------------------------------------------------


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_of_200_guesses_at_once_no_more_than_the_limit_are_evaluated(world: World) -> None:
    """A182: and the right password is not evaluated either, nor told from a wrong one."""
    browser = await world.browser()
    form = Page(await browser.get("/login")).form(field="password").fields

    async def one(number: int) -> int:
        sent = {**form, "email": "ada@example.com", "password": PASSWORD if number == 199 else f"{WRONG} {number}"}
        return (await browser.post("/login", data=sent)).status_code

    # The right one comes last, when the limit is used up.
    statuses = [*await asyncio.gather(*(one(number) for number in range(199))), await one(199)]
    assert statuses.count(422) == LIMIT
    assert statuses.count(429) == 200 - LIMIT


async def test_a_building_full_of_people_signs_in_at_once_from_one_address(world: World) -> None:
    """A185: nobody guesses there, so nobody is refused."""

    async def one() -> int:
        browser = await world.browser()
        form = Page(await browser.get("/login")).form(field="password").fields
        sent = {**form, "email": "ada@example.com", "password": PASSWORD}
        return (await browser.post("/login", data=sent)).status_code

    assert await asyncio.gather(*(one() for _ in range(4 * LIMIT))) == [303] * 4 * LIMIT


async def test_of_guesses_through_several_processes_no_more_than_the_limit_are_evaluated(tmp_path: Path) -> None:
    """A182: three workers, and a session ended through one is ended on the others (T12)."""
    async with served_world(tmp_path, workers=3) as world:
        here = world.workers[0]
        assert (await world.sign_in(here, "ada@example.com")).status_code == 303
        for worker in world.workers[1:]:
            worker.cookies.set(COOKIE, here.cookies[COOKIE], domain="127.0.0.1")
        assert all([await is_signed_in(worker) for worker in world.workers])
        await world.submit(world.workers[2], "/account/sessions/end-others", at="/account/sessions")
        assert all([await is_signed_in(worker) for worker in world.workers])
        await world.submit(world.workers[1], "/logout")
        assert not any([await is_signed_in(worker) for worker in world.workers])
        for worker in world.workers:
            worker.cookies.clear()
        forms = [Page(await worker.get("/login")).form(field="password").fields for worker in world.workers]

        async def one(number: int) -> int:
            at = number % 3
            sent = {**forms[at], "email": "bea@example.com", "password": f"{WRONG} {number}"}
            return (await world.workers[at].post("/login", data=sent)).status_code

        statuses = await asyncio.gather(*(one(number) for number in range(90)))
    assert statuses.count(422) == LIMIT
    assert statuses.count(429) == 90 - LIMIT


async def test_whoever_is_throttled_is_told_when_to_try_again_alike_for_all(world: World) -> None:
    """A182: an account that is there, one that is not, one of a service account, one that is switched off."""
    told = set()
    emails = ("ada@example.com", "nobody@example.com", world.robots["robot"].address, "not an address")
    for number, email in enumerate(emails):
        async with from_address(world.app, f"203.0.113.{number + 1}") as browser:
            assert await guesses(world, browser, email, LIMIT) == [422] * LIMIT
            answer = await world.sign_in(browser, email)
        assert answer.status_code == 429
        assert 0 < int(answer.headers["retry-after"]) <= 15 * 60
        assert "Try again in 15 minutes" in answer.text
        headers = {name: value for name, value in answer.headers.items() if name not in PASSING_HEADERS}
        body = re.sub(r'value="[^"]*"|<code>[^<]*</code>', "", answer.text)
        told.add((body, tuple(sorted(headers.items()))))
    assert len(told) == 1


PASSING_HEADERS = {"x-request-id", "content-length", "retry-after"}


async def test_a_guess_costs_the_same_work_whether_or_not_there_is_an_account(world: World) -> None:
    """A182: the same statements and hashes, below the limit and beyond it, where nothing is hashed."""
    evaluated = 0

    class Watched(Passwords):
        async def verify(self, password_hash: str | None, password: str) -> bool:
            nonlocal evaluated
            evaluated += 1
            return await super().verify(password_hash, password)

    world.app.state.passwords.close()
    world.app.state.passwords = Watched()
    work: list[list[tuple[object, ...]]] = []
    for number, email in enumerate(("ada@example.com", "nobody@example.com")):
        work.append([])
        async with from_address(world.app, f"203.0.113.{number + 1}") as browser:
            form = Page(await browser.get("/login")).form(field="password").fields
            for _ in range(LIMIT + 1):
                before = evaluated
                with counted(world.house.database) as seen:
                    await browser.post("/login", data={**form, "email": email, "password": WRONG})
                work[-1].append((tuple(seen.statements), seen.commits, evaluated - before))
    assert work[0] == work[1]
    assert [hashed for *_, hashed in work[0]] == [1] * LIMIT + [0]


async def test_however_an_address_is_spelled_its_guesses_are_counted_together(world: World) -> None:
    """A183: case and Unicode variants; the spellings with which one could sign in."""
    spellings = ("ada@example.com", "ADA@EXAMPLE.COM", "Ada@Example.com", "ａda@example.com", "ada@example．com")
    statuses = []
    for number in range(3 * len(spellings)):
        async with from_address(world.app, f"203.0.113.{number + 1}") as browser:
            statuses += await guesses(world, browser, spellings[number % len(spellings)], 1)
    assert statuses == [422] * LIMIT + [429] * (len(statuses) - LIMIT)


async def test_a_stranger_who_hammers_on_an_account_locks_its_owner_out_of_nothing(world: World) -> None:
    """A184: neither of a live session nor of a browser in which they signed in before."""
    owner = await world.signed_in("ada")
    known = await world.browser()
    await world.sign_in(known, "ada@example.com")
    await world.submit(known, "/logout")
    async with from_address(world.app, "203.0.113.1") as stranger:
        assert (await guesses(world, stranger, "ada@example.com", 3 * LIMIT))[-1] == 429
    assert await is_signed_in(owner)
    fresh = await world.browser()
    assert (await world.sign_in(fresh, "ada@example.com")).status_code == 429
    assert (await world.sign_in(known, "ada@example.com")).status_code == 303
    # That browser's guesses are limited too, by a count of its own.
    await world.submit(known, "/logout")
    assert await guesses(world, known, "ada@example.com", LIMIT + 1) == [422] * LIMIT + [429]


async def test_a_known_browser_is_known_to_its_own_account_alone(world: World) -> None:
    """A184: one's own account opens no second count for somebody else's, nor does a forged or copied mark."""
    browser = await world.signed_in("bea")
    mark = browser.cookies["gw_known"]
    await world.submit(browser, "/logout")
    assert await guesses(world, browser, "ada@example.com", LIMIT + 1) == [422] * LIMIT + [429]
    for number, forged in enumerate(
        (mark[:-1] + ("0" if mark[-1] != "0" else "1"), "x", "~" * 500, mark.replace(".", ""))
    ):
        async with from_address(world.app, f"203.0.113.{number + 1}") as other:
            other.cookies.set("gw_known", forged, domain="127.0.0.1")
            assert await guesses(world, other, "ada@example.com", 1) == [429], forged


async def test_a_new_password_makes_strangers_of_the_browsers_that_knew_the_old_one(world: World) -> None:
    """A184: but of the one in which it was changed."""
    old, here = await world.browser(), await world.signed_in("ada")
    await world.sign_in(old, "ada@example.com")
    assert (await change_password(here, PASSWORD, NEW_PASSWORD)).status_code == 303
    async with from_address(world.app, "203.0.113.1") as stranger:
        await guesses(world, stranger, "ada@example.com", LIMIT)
    assert await guesses(world, old, "ada@example.com", 1) == [429]
    await world.submit(here, "/logout")
    assert (await world.sign_in(here, "ada@example.com", NEW_PASSWORD)).status_code == 303


async def test_one_address_that_tries_many_accounts_is_throttled(world: World) -> None:
    """A185: known and unknown ones; of IPv6 its whole /64."""
    async with from_address(world.app, "203.0.113.1") as browser:
        statuses = [(await world.sign_in(browser, f"p{n}@example.com", WRONG)).status_code for n in range(LIMIT + 2)]
        assert (await world.sign_in(browser, "ada@example.com")).status_code == 429
    assert statuses == [422] * LIMIT + [429] * 2
    statuses = []
    for number in range(LIMIT + 1):
        async with from_address(world.app, f"2001:db8:1:2::{number:x}") as browser:
            statuses += await guesses(world, browser, f"q{number}@example.com", 1)
    assert statuses == [422] * LIMIT + [429]
    async with from_address(world.app, "2001:db8:1:3::1") as browser:
        assert (await world.sign_in(browser, "ada@example.com")).status_code == 303


async def test_an_invented_address_is_no_new_count(world: World) -> None:
    """A186: no proxy is trusted here, so none of these says whose request it is."""
    statuses = []
    for number in range(LIMIT + 3):
        async with from_address(world.app, "203.0.113.1") as browser:
            for name in ("x-forwarded-for", "forwarded", "x-real-ip", "client-ip"):
                browser.headers[name] = f"for=198.51.100.{number}" if name == "forwarded" else f"198.51.100.{number}"
            statuses += await guesses(world, browser, f"p{number}@example.com", 1)
    assert statuses == [422] * LIMIT + [429] * 3


async def test_behind_a_trusted_proxy_the_client_cannot_invent_its_address_either(settings: Settings) -> None:
    """A186: what it writes stands left of what the proxy adds, in the same header or another one."""
    app = create_app(settings.model_copy(update={"trusted_proxies": ("10.0.0.0/8",)}))
    async with app.router.lifespan_context(app):
        world = World(app, app.state.house, httpx.AsyncClient())
        await fill(world)
        statuses = []
        async with from_address(app, "10.0.0.1") as proxy:
            form = Page(await proxy.get("/login")).form(field="password").fields
            for number in range(LIMIT + 3):
                invented = f"198.51.100.{number}"
                forged = [
                    [f"{invented}, 203.0.113.9"],
                    [invented, "203.0.113.9"],
                    [f"{invented},, 203.0.113.9:{number}"],
                ]
                headers = [("x-forwarded-for", value) for value in forged[number % 3]]
                sent = {**form, "email": f"p{number}@example.com", "password": WRONG}
                statuses.append((await proxy.post("/login", data=sent, headers=headers)).status_code)
    assert statuses == [422] * LIMIT + [429] * 3


async def test_the_limit_can_be_switched_off(settings: Settings) -> None:
    """A182: SIGN_IN_LIMIT 0."""
    app = create_app(settings.model_copy(update={"sign_in_limit": 0}))
    async with app.router.lifespan_context(app), from_address(app, "203.0.113.1") as browser:
        world = World(app, app.state.house, httpx.AsyncClient())
        await fill(world)
        assert await guesses(world, browser, "ada@example.com", 2 * LIMIT) == [422] * 2 * LIMIT


async def test_a_browser_left_open_is_no_place_to_guess_the_password_either(world: World) -> None:
    """A182: the current password is asked with a count of its own, which fills no other."""
    browser = await world.signed_in("ada")
    answers = [await change_password(browser, WRONG, NEW_PASSWORD) for _ in range(LIMIT + 1)]
    assert [answer.status_code for answer in answers] == [422] * LIMIT + [429]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert (await change_password(browser, PASSWORD, NEW_PASSWORD)).status_code == 429
    other = await world.browser()
    assert (await world.sign_in(other, "ada@example.com")).status_code == 303
    assert (await change_password(other, PASSWORD, NEW_PASSWORD)).status_code == 303


# --- A189, A190: passwords -----------------------------------------------------------------------


async def change_password(browser: httpx.AsyncClient, current: str, new: str) -> httpx.Response:
    form = Page(await browser.get("/account/security")).form(field="current_password").fields
    return await browser.post("/account/security/password", data={**form, "current_password": current, "password": new})


@pytest.mark.parametrize(
    "weak",
    ["short", "password1234", "P@ssw0rd1234", "aaaaaaaaaaaaaaaa", "ada@example.com", "Ada Alder 2026", "x" * 4097],
)
async def test_a_short_or_listed_password_is_refused_with_the_reason(world: World, weak: str) -> None:
    """A189: beside the field; the old one stays."""
    browser = await world.signed_in("ada")
    answer = await change_password(browser, PASSWORD, weak)
    assert answer.status_code == 422
    assert 'id="password-error"' in answer.text
    assert weak == "short" or weak not in answer.text.replace("ada@example.com", "")
    assert (await world.sign_in(await world.browser(), "ada@example.com")).status_code == 303


@pytest.mark.parametrize(
    "long",
    [
        "seven grey herons walk slowly over 5 wet meadows, and none of them looks back at us",
        "漢字 é 🗝️ – herons walk. " * 150,
    ],
)
async def test_a_long_password_with_spaces_and_unicode_is_taken_whole(world: World, long: str) -> None:
    """A190: its last letter counts, and a password of 4,096 characters has one."""
    browser = await world.signed_in("ada")
    whole = long[:4096].strip() + "!"
    assert (await change_password(browser, PASSWORD, whole)).status_code == 303
    other = await world.browser()
    assert (await world.sign_in(other, "ada@example.com", whole[:-1])).status_code == 422
    assert (await world.sign_in(other, "ada@example.com", whole)).status_code == 303


# --- A191: silent consent ------------------------------------------------------------------------


async def test_a_public_client_is_asked_about_every_time(world: World) -> None:
    """A191: nobody knows which program on the computer asks under its name."""
    for _ in range(2):
        challenge = pkce()[1]
        query = {
            "response_type": "code",
            "client_id": world.apps["pocket"].client_id,
            "redirect_uri": LOOPBACK_REDIRECT,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        browser = await world.signed_in("ada")
        asked = await browser.get("/oauth/authorize", params=query)
        assert asked.status_code == 200
        assert "decision" in asked.text
        assert await world.code("ada", "pocket", code_challenge=challenge, code_challenge_method="S256")
