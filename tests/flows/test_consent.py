"""The consent page: what it says, who it asks, and that only its own form is an answer."""

import asyncio
import re
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from gatewright.apps.installation_service import disconnect, reconnect
from gatewright.base import clock
from gatewright.base.ids import AppId
from gatewright.directory.service import change_company
from gatewright.events.catalogue import SYSTEM
from tests.support.databases import DIALECTS
from tests.support.forms import Page
from tests.support.world import BASE_URL, PASSWORD, WEB_REDIRECT, World, pkce

PATH = "/oauth/authorize"
COOKIE = "gw_session"


def asked(world: World, app: str = "crane", /, **changed: str) -> dict[str, str]:
    registered = world.apps[app]
    asks = {"response_type": "code", "client_id": registered.client_id, "redirect_uri": registered.redirect_uri}
    return {**asks, "state": "xyz", **changed}


async def consent(world: World, person: str = "ada", app: str = "crane", /, **changed: str) -> httpx.Response:
    page = await (await world.signed_in(person)).get(PATH, params=asked(world, app, **changed))
    assert page.status_code == 200, (page.status_code, page.headers.get("location"))
    return page


def parameters(response: httpx.Response) -> dict[str, str]:
    assert response.status_code == 303, (response.status_code, response.text)
    assert response.headers["location"].startswith(f"{WEB_REDIRECT}?")
    return {name: values[0] for name, values in parse_qs(urlsplit(response.headers["location"]).query).items()}


def is_silent(response: httpx.Response) -> bool:
    return response.status_code == 303 and "code=" in response.headers["location"]


async def test_consent_says_who_asks_for_what_and_where(world: World) -> None:
    """The developer keeps the tokens; the homepage's host; where one returns; who one is."""
    page = await consent(world)
    for told in (
        "Let <bdi>Crane Reports</bdi> act for",
        "Dev Dorn",
        "crane.example",
        "Ada Alder",
        "ada@example.com",
        "not the platform, keeps the tokens",
        "Alder Works",
        "Birch Works",
    ):
        assert told in page.text, told
    assert "Manage company security" not in page.text
    policy = page.headers["content-security-policy"]
    assert "form-action 'self' https://crane.example https:;" in policy
    assert "frame-ancestors 'none'" in policy  # A176


async def test_consent_names_each_company_that_the_scope_lets_it_manage(world: World) -> None:
    """M8: in plain words, and only where the user holds what it would lend."""
    page = await consent(world, scope="company.manage")
    told = page.text[page.text.index("Manage company security") :].partition("</li>")[0]
    assert "Alder Works" in told
    assert "Birch Works" in told
    page = await consent(world, "max", scope="company.manage")
    told = page.text[page.text.index("Manage company security") :].partition("</li>")[0]
    assert "Alder Works" in told
    page = await consent(world, "wim", scope="company.manage")
    told = page.text[page.text.index("Manage company security") :].partition("</li>")[0]
    assert "Today that is nowhere" in told


async def test_consent_says_how_the_app_stands_in_each_company(world: World) -> None:
    """I2, I3: connects at its first call, waits for an approval, is connected, is refused."""
    database, now = world.house.database, clock.now()
    crane, birch = AppId(world.apps["crane"].id), world.companies["birch"]

    async def says() -> str:
        page = await consent(world, "bea", prompt="consent")
        told: str = page.text[page.text.index("Where it will act") :].partition("</section>")[0]
        return re.sub(r"<[^>]*>|\s+", " ", told).partition("Birch Works")[2].strip()

    async def let_in(access: str) -> None:
        await change_company(database, company_id=birch, app_access=access, origin=SYSTEM, now=now)

    assert await says() == "at its first call"
    await let_in("approval")
    assert await says() == "once its admin approves"
    token = (await world.tokens("bea", "crane")).access
    await world.call(token, "/rest/v1.0/projects", company="birch")
    await let_in("open")
    assert await says() == "once its admin approves"
    await reconnect(database, company_id=birch, app_id=crane, origin=SYSTEM, now=now)
    assert await says() == "connected"
    await disconnect(database, company_id=birch, app_id=crane, origin=SYSTEM, now=now)
    assert await says() == "refused: disconnected there"


async def test_allow_sends_code_state_and_issuer(world: World) -> None:
    """RFC 9207; the code becomes tokens."""
    answer = await world.authorize("ada", "crane")
    told = parameters(answer)
    assert set(told) == {"code", "state", "iss"}
    assert (told["state"], told["iss"]) == ("xyz", BASE_URL)
    assert (await world.exchange("crane", told["code"])).status_code == 200
    answer = await world.authorize("bea", "crane", state="")
    assert set(parameters(answer)) == {"code", "iss"}


async def test_deny_sends_access_denied_with_state_and_issuer(world: World) -> None:
    """A49: and leaves nothing behind."""
    told = parameters(await world.authorize("ada", "crane", decision="deny"))
    assert (told["error"], told["state"], told["iss"]) == ("access_denied", "xyz", BASE_URL)
    assert "code" not in told
    await consent(world)
    assert "Crane Reports" not in (await (await world.signed_in("ada")).get("/account/apps")).text


async def test_consent_without_this_sessions_token_is_refused(world: World) -> None:
    """A174, A175: none, another session's, one of before the sign-in; nothing is authorized."""
    browser = await world.signed_in("ada")
    page = await consent(world)
    form = Page(page).form(field="decision").fields
    foreign = Page(await consent(world, "max")).form(field="decision").fields["csrf_token"]
    early = Page(await (await world.browser()).get("/login")).form(field="password").fields["csrf_token"]
    for token in ("", foreign, early, form["csrf_token"][:-1]):
        data = {**form, "csrf_token": token, "decision": "allow"}
        for url in (str(page.request.url), PATH):
            answer = await browser.post(url, data=data)
            assert answer.status_code == 403
            assert "location" not in answer.headers
    data = {**form, "decision": "allow"}
    answer = await browser.post(PATH, data=data, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403
    await consent(world)


async def test_a_consent_form_of_another_session_is_no_answer(world: World) -> None:
    """Its request is sealed to the session: also with the right token of the session that posts it."""
    page = await consent(world)
    theirs = Page(page).form(field="decision").fields["request"]
    own = Page(await consent(world, "max")).form(field="decision").fields["csrf_token"]
    browser = await world.signed_in("max")
    for request in (theirs, f"{theirs[:-4]}AAAA", "x", "é", "AAAA", "A" * 200):
        data = {"csrf_token": own, "request": request, "decision": "allow"}
        answer = await browser.post(str(page.request.url), data=data)
        assert answer.status_code == 400
        assert "location" not in answer.headers
    await world.submit(await world.signed_in("ada"), "/logout")
    again = await (await world.signed_in("ada")).post(str(page.request.url), data={"decision": "allow"})
    assert again.status_code == 403


async def test_two_tabs_never_mix(world: World) -> None:
    """Each form answers the request it was made for, whatever address it is posted to."""
    browser = await world.signed_in("ada")
    one = await consent(world, state="one")
    two = await consent(world, state="two", scope="company.manage")
    first = Page(one).form(field="decision").fields
    answer = await browser.post(str(two.request.url), data={**first, "decision": "allow"})
    assert parameters(answer)["state"] == "one"
    answer = await browser.post(PATH, data={**Page(two).form(field="decision").fields, "decision": "deny"})
    assert parameters(answer)["state"] == "two"


async def test_a_program_may_post_the_decision_and_the_token_alone(world: World) -> None:
    """Then the address names the request, or the body does; both at once are refused."""
    browser = await world.signed_in("ada")
    page = await consent(world)
    token = Page(page).form(field="decision").fields["csrf_token"]
    for decision, expected in (("deny", "error"), ("allow", "code")):
        data = {"csrf_token": token, "decision": decision}
        assert expected in parameters(await browser.post(str(page.request.url), data=data))
        assert expected in parameters(await browser.post(PATH, data={**asked(world), **data}))
        assert (await browser.post(str(page.request.url), data={**asked(world), **data})).status_code == 400
        assert (await browser.post(PATH, data=data)).status_code == 400
    evil = {"csrf_token": token, "decision": "allow", **asked(world, redirect_uri="https://evil.example/")}
    assert (await browser.post(PATH, data=evil)).status_code == 400


@pytest.mark.parametrize("decision", ["", "yes", "Allow", "allow deny"])
async def test_any_other_decision_is_none(world: World, decision: str) -> None:
    browser = await world.signed_in("ada")
    page = await consent(world)
    data = {**Page(page).form(field="decision").fields, "decision": decision}
    answer = await browser.post(str(page.request.url), data=data)
    assert answer.status_code == 400
    both = [*Page(page).form(field="decision").fields.items(), ("decision", "deny"), ("decision", "allow")]
    content = urlencode(both)
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert (await browser.post(str(page.request.url), content=content, headers=headers)).status_code == 400


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_a_confidential_web_app_is_not_asked_about_again_for_the_same_or_fewer_scopes(world: World) -> None:
    """T1: more scopes, or `prompt=consent`, ask again."""
    browser = await world.signed_in("ada")
    await world.code("ada", "crane")
    assert is_silent(await browser.get(PATH, params=asked(world)))
    assert is_silent(await browser.post(PATH, data=asked(world)))
    await consent(world, prompt="consent")
    await consent(world, scope="company.manage")
    await consent(world, "bea")
    await world.code("ada", "crane", scope="company.manage")
    assert is_silent(await browser.get(PATH, params=asked(world, scope="company.manage")))
    silent = await browser.get(PATH, params=asked(world))
    told = parameters(silent)
    assert set(told) == {"code", "state", "iss"}
    answer = await world.exchange("crane", told["code"])
    assert answer.status_code == 200


async def test_a_public_client_and_a_redirect_on_this_computer_are_always_asked_about(world: World) -> None:
    """T1: A191."""
    challenge = {"code_challenge": pkce()[1], "code_challenge_method": "S256"}
    await world.add_app("local", "Local", redirect_uris=("http://localhost:3000/cb",))
    await world.add_app("loop", "Loop", redirect_uris=("http://127.0.0.1/cb",))
    await world.add_app("cli", "Command Line", redirect_uris=("urn:ietf:wg:oauth:2.0:oob",))
    await world.add_app("spa", "Public", redirect_uris=("https://spa.example/cb",), is_confidential=False)
    for app in ("local", "loop", "cli", "spa"):
        for _ in range(2):
            page = await consent(world, "ada", app, **challenge)
            form = Page(page).form(field="decision").fields
            browser = await world.signed_in("ada")
            answer = await browser.post(str(page.request.url), data={**form, "decision": "allow"})
            assert answer.status_code == 303, app


async def test_after_an_end_the_user_is_asked_again(world: World) -> None:
    """T10, T11."""
    browser = await world.signed_in("ada")
    tokens = await world.tokens("ada", "crane")
    assert is_silent(await browser.get(PATH, params=asked(world)))
    await world.submit(browser, f"/account/apps/{world.apps['crane'].id}/end", at="/account/apps")
    await consent(world)
    assert (await world.refresh("crane", tokens.refresh)).status_code == 400


async def test_not_you_signs_in_as_somebody_else_and_comes_back(world: World) -> None:
    browser = await world.signed_in("ada")
    page = await consent(world, state="a&b")
    switch = next(link for link in Page(page).links if link.startswith("/login"))
    form = Page(await browser.get(switch)).form(field="password").fields
    data = {**form, "email": "max@example.com", "password": PASSWORD}
    back = (await browser.post("/login", data=data)).headers["location"]
    page = await browser.get(back)
    assert "Max Moss" in page.text
    form = Page(page).form(field="decision").fields
    answer = await browser.post(str(page.request.url), data={**form, "decision": "allow"})
    assert parameters(answer)["state"] == "a&b"


async def test_names_are_shown_as_letters_whatever_they_hold(world: World) -> None:
    """A192, A207: markup and template braces stay text."""
    await world.add_app("odd", "<b>{{7*7}}</b>", redirect_uris=("https://odd.example/cb",))
    page = await consent(world, "ada", "odd")
    assert "&lt;b&gt;{{7*7}}&lt;/b&gt;" in page.text
    assert "<b>{{7*7}}" not in page.text


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_sixty_four_allows_at_once_are_one_authorization(world: World) -> None:
    """T1: and each code works."""
    browser = await world.signed_in("ada")
    page = await consent(world)
    form = {**Page(page).form(field="decision").fields, "decision": "allow"}
    answers = await asyncio.gather(*(browser.post(str(page.request.url), data=form) for _ in range(64)))
    codes = {parameters(answer)["code"] for answer in answers}
    assert len(codes) == 64
    exchanged = [await world.exchange("crane", code) for code in list(codes)[:3]]
    assert [answer.status_code for answer in exchanged] == [200, 200, 200]
    listed = await browser.get("/account/apps")
    assert listed.text.count("/end") == 1
