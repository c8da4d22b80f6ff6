"""GET and POST /oauth/authorize as an app, a person and an attacker see them."""

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from gatewright.apps.service import block_app
from gatewright.base import clock
from gatewright.base.ids import AppId
from gatewright.events.catalogue import SYSTEM
from tests.support.forms import Page
from tests.support.world import BASE_URL, LOOPBACK_REDIRECT, OOB, WEB_REDIRECT, World, pkce

PATH = "/oauth/authorize"
CHALLENGE = {"code_challenge": pkce()[1], "code_challenge_method": "S256"}


def asked(world: World, app: str = "crane", /, **changed: str | None) -> dict[str, str]:
    registered = world.apps[app]
    asks: dict[str, str | None] = {
        "response_type": "code",
        "client_id": registered.client_id,
        "redirect_uri": registered.redirect_uri,
        "state": "xyz",
        **changed,
    }
    return {name: value for name, value in asks.items() if value is not None}


def answered(response: httpx.Response, *, at: str = WEB_REDIRECT) -> dict[str, str]:
    """Return the parameters that a redirect to the app carries, each of which must come once."""
    assert response.status_code == 303, (response.status_code, response.text)
    parts = urlsplit(response.headers["location"])
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == at
    parameters = parse_qs(parts.query, keep_blank_values=True, strict_parsing=True)
    assert all(len(values) == 1 for values in parameters.values()), parameters
    assert response.headers["cache-control"] == "no-store"
    return {name: values[0] for name, values in parameters.items()}


def is_page(response: httpx.Response) -> bool:
    """Return whether this is an error page of ours that sends nobody anywhere."""
    return (
        400 <= response.status_code < 500
        and "location" not in response.headers
        and response.headers["content-type"].startswith("text/html")
        and "Who can fix it" in response.text
    )


async def decide(browser: httpx.AsyncClient, page: httpx.Response, decision: str = "allow") -> httpx.Response:
    form = Page(page).form(field="decision")
    assert form.action == ""  # it posts back to its own address
    return await browser.post(str(page.request.url), data={**form.fields, "decision": decision})


# --- redirect URI ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "https://evil.example/callback",
        "https://crane.example/callback/../evil",
        "https://crane.example/callback%2f..%2fevil",
        "https://crane.example:8443/callback",
        "https://crane.example@evil.example/callback",
        "https://crane.example/callback#f",
        "https://crane.example/CALLBACK",
        "https://crane.example/callback/",
        "https://crane.example/callback?a=b",
        "https://crane.example.evil.example/callback",
        "https://xn--crne-5na.example/callback",
        "https://crane.example/callback\r\nX-Y: z",
        "https://crane.example/call\tback",
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "/callback",
        OOB,
        "x" * 20_000,
    ],
)
@pytest.mark.parametrize("person", ["ada", None])
async def test_an_unregistered_redirect_uri_is_a_page(world: World, redirect_uri: str, person: str | None) -> None:
    """D5: signed in or not; and denying, or a wrong request, does not send there either."""
    browser = await world.signed_in(person) if person else await world.browser()
    for changed in ({}, {"response_type": "token"}, {"scope": "other"}):
        answer = await browser.get(PATH, params=asked(world, redirect_uri=redirect_uri, **changed))
        assert is_page(answer)
        assert answer.status_code == 400
    answer = await browser.post(PATH, data=asked(world, redirect_uri=redirect_uri))
    assert is_page(answer)


async def test_an_unknown_repeated_or_blocked_client_is_a_page(world: World) -> None:
    """A25, A26, A31, A32: as is a service account, which no user authorizes (S4)."""
    browser, crane = await world.signed_in("ada"), world.apps["crane"]
    robot = world.robots["robot"].client_id
    for client_id in (None, "", "unknown", "a b", "a\0b", "é" * 30, robot):
        assert is_page(await browser.get(PATH, params=asked(world, client_id=client_id))), client_id
    for twice in ({"client_id": [crane.client_id] * 2}, {"redirect_uri": [WEB_REDIRECT] * 2}):
        assert is_page(await browser.get(PATH, params={**asked(world), **twice}))
    page = await browser.get(PATH, params=asked(world))
    await block_app(world.house.database, app_id=AppId(crane.id), origin=SYSTEM, now=clock.now())
    assert is_page(await browser.get(PATH, params=asked(world)))
    assert is_page(await decide(browser, page))


async def test_with_two_registered_the_redirect_uri_must_be_sent(world: World) -> None:
    """A24: with one it may be left out, and the answer goes there."""
    browser = await world.signed_in("ada")
    await world.add_app("two", "Two Ways", redirect_uris=("https://two.example/a", "https://two.example/b"))
    assert is_page(await browser.get(PATH, params=asked(world, "two", redirect_uri=None)))
    page = await browser.get(PATH, params=asked(world, "crane", redirect_uri=None))
    assert "code" in answered(await decide(browser, page))


async def test_a_loopback_redirect_takes_any_port(world: World) -> None:
    """D5: A19, A20, A21; `localhost` keeps its port."""
    browser = await world.signed_in("ada")
    for uri in ("http://127.0.0.1:51004/callback", "http://127.0.0.1:1/callback", LOOPBACK_REDIRECT):
        page = await browser.get(PATH, params=asked(world, "pocket", redirect_uri=uri, **CHALLENGE))
        assert "code" in answered(await decide(browser, page), at=uri)
        assert f"form-action 'self' {uri.removesuffix('/callback')} " in page.headers["content-security-policy"]
    await world.add_app("six", "Six", redirect_uris=("http://[::1]/cb", "http://localhost:3000/cb"))
    page = await browser.get(PATH, params=asked(world, "six", redirect_uri="http://[::1]:700/cb"))
    assert "code" in answered(await decide(browser, page), at="http://[::1]:700/cb")
    assert is_page(await browser.get(PATH, params=asked(world, "six", redirect_uri="http://localhost:3001/cb")))


async def test_a_registered_query_is_kept_and_our_parameters_come_once(world: World) -> None:
    """A29: after what is there already."""
    uri = "https://q.example/cb?tenant=5&x="
    await world.add_app("query", "Query", redirect_uris=(uri,))
    answer = await world.authorize("ada", "query")
    assert answer.headers["location"].startswith(f"{uri}&code=gwc_")
    assert set(answered(answer, at="https://q.example/cb")) == {"tenant", "x", "code", "state", "iss"}


# --- parameters and PKCE -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": None}, "invalid_request"),  # A34
        ({"response_type": "token"}, "unsupported_response_type"),  # A35
        ({"response_type": "code token"}, "unsupported_response_type"),
        ({"scope": "unknown"}, "invalid_scope"),  # A39
        ({"scope": "company.manage unknown"}, "invalid_scope"),
        ({"code_challenge": "a" * 43, "code_challenge_method": "plain"}, "invalid_request"),  # A52
        ({"code_challenge": "a" * 43}, "invalid_request"),  # A53
        ({"code_challenge": "a" * 42, "code_challenge_method": "S256"}, "invalid_request"),  # A54
        ({"code_challenge": "a" * 129, "code_challenge_method": "S256"}, "invalid_request"),
        ({"code_challenge_method": "S256"}, "invalid_request"),
        ({"scope": "a\0b"}, "invalid_request"),
    ],
)
async def test_a_fault_is_told_to_the_app_by_redirect(world: World, changed: dict[str, str | None], error: str) -> None:
    """D7, and RFC 6749 §4.1.2.1: with state and iss; before sign-in on a page, never by redirect."""
    browser = await world.signed_in("ada")
    told = answered(await browser.get(PATH, params=asked(world, **changed)))
    assert set(told) == {"error", "error_description", "state", "iss"}
    assert (told["error"], told["state"], told["iss"]) == (error, "xyz", BASE_URL)
    assert told["error_description"].isascii()
    assert is_page(await (await world.browser()).get(PATH, params=asked(world, **changed)))


async def test_a_scope_that_only_another_app_declares_is_refused(world: World) -> None:
    """D7: A40."""
    browser = await world.signed_in("ada")
    answer = await browser.get(PATH, params=asked(world, "plain", scope="company.manage"))
    assert answered(answer, at="https://plain.example/cb")["error"] == "invalid_scope"


async def test_a_repeated_parameter_is_told_to_the_app(world: World) -> None:
    """A33: a state that comes twice is not sent back."""
    browser = await world.signed_in("ada")
    for name in ("state", "scope", "response_type", "code_challenge", "prompt"):
        told = answered(await browser.get(PATH, params={**asked(world), name: ["a", "a"]}))
        assert told["error"] == "invalid_request"
        assert ("state" in told) == (name != "state")


async def test_a_public_client_needs_a_challenge(world: World) -> None:
    """D2: A51."""
    browser = await world.signed_in("ada")
    told = answered(await browser.get(PATH, params=asked(world, "pocket")), at=LOOPBACK_REDIRECT)
    assert told["error"] == "invalid_request"


async def test_a_long_state_is_a_page_and_sets_nothing(world: World) -> None:
    """A37: 4,096 characters come back whole, one more is refused; nothing is kept in cookies."""
    browser = await world.signed_in("ada")
    longest = "%é" * 2048
    page = await browser.get(PATH, params=asked(world, state=longest))
    assert answered(await decide(browser, page))["state"] == longest
    for state in (f"{longest}x", "s" * 32_768):
        for answer in (
            await browser.get(PATH, params=asked(world, state=state)),
            await browser.post(PATH, data=asked(world, state=state)),
        ):
            assert is_page(answer)
            assert "set-cookie" not in answer.headers


async def test_line_ends_in_the_state_split_no_header(world: World) -> None:
    """A210."""
    state = "a\r\nSet-Cookie: x=y\r\n\r\n<script>"
    answer = await world.authorize("ada", "crane", state=state)
    assert answered(answer)["state"] == state
    assert "set-cookie" not in answer.headers


async def test_a_form_of_the_same_parameters_has_the_same_result(world: World) -> None:
    """A46: url-encoded, multipart and JSON; signed out, the sign-in leads back to the same request."""
    browser, data = await world.signed_in("ada"), asked(world, scope="company.manage", prompt="consent")
    for sent in (
        {"data": data},
        {"files": {name: (None, value) for name, value in data.items()}},
        {"json": data},
    ):
        page = await browser.post(PATH, **sent)
        assert page.status_code == 200
        assert answered(await decide(browser, page))["state"] == "xyz"
    bad = await browser.post(PATH, data={**data, "response_type": "token"})
    assert answered(bad)["error"] == "unsupported_response_type"
    assert is_page(await browser.post(f"{PATH}?client_id={data['client_id']}", data=data))
    out = await (await world.browser()).post(PATH, data=data)
    back = parse_qs(urlsplit(out.headers["location"]).query)["next"][0]
    assert dict(parse_qs(urlsplit(back).query)) == {name: [value] for name, value in data.items()}


async def test_other_methods_and_bodies_are_refused(world: World) -> None:
    """A47: PUT is 405; a body that cannot be read is 400, a huge one 413."""
    browser = await world.signed_in("ada")
    assert (await browser.put(PATH, params=asked(world))).status_code == 405
    assert (await browser.delete(PATH, params=asked(world))).status_code == 405
    headers = {"content-type": "text/plain"}
    assert (await browser.post(PATH, content=b"client_id=a", headers=headers)).status_code == 400
    assert (await browser.post(PATH, content=b"[1]", headers={"content-type": "application/json"})).status_code == 400
    assert (await browser.post(PATH, data={"client_id": "a" * 70_000})).status_code == 413
    assert (await browser.get(f"{PATH}?client_id=%ff")).status_code == 400


async def test_no_other_origin_is_let_in(world: World) -> None:
    """A164: no CORS on authorize."""
    browser = await world.signed_in("ada")
    headers = {"origin": "https://crane.example"}
    for answer in (
        await browser.get(PATH, params=asked(world), headers=headers),
        await browser.options(PATH, headers={**headers, "access-control-request-method": "GET"}),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control")]


# --- signing in on the way ---------------------------------------------------------------------


async def test_whoever_is_signed_out_signs_in_first_and_comes_back_to_the_same_request(world: World) -> None:
    browser, state = await world.browser(), "a&b=c#d é%25"
    out = await browser.get(PATH, params=asked(world, state=state))
    assert out.status_code == 303
    assert out.headers["location"].startswith("/login?next=")
    login = await browser.get(out.headers["location"])
    assert "Crane Reports" in login.text
    form = Page(login).form(field="password")
    data = {**form.fields, "email": "ada@example.com", "password": "correct horse battery staple"}
    back = (await browser.post("/login", data=data)).headers["location"]
    assert answered(await decide(browser, await browser.get(back)))["state"] == state


# --- out of band ---------------------------------------------------------------------------------


async def native(world: World, person: str = "ada") -> str:
    """Return the address of the page with a code for the oob program of the world."""
    await world.add_app("cli", "Command Line", redirect_uris=(OOB,))
    answer = await world.authorize(person, "cli")
    assert answer.status_code == 303
    location = str(answer.headers["location"])
    assert location.startswith("/oauth/authorize/native?code=")
    return location


async def test_out_of_band_the_code_is_shown_to_this_sessions_user_while_it_lives(world: World) -> None:
    """T2: under its heading, in `<code>`, and no longer once it was used."""
    path = await native(world)
    page = await (await world.signed_in("ada")).get(path)
    assert page.status_code == 200
    assert "<h1>Authorization code:</h1>" in page.text
    assert "only into the program you started yourself" in page.text
    code = parse_qs(urlsplit(path).query)["code"][0]
    assert Page(page).codes == [code]
    assert page.headers["cache-control"] == "no-store"
    assert is_page(await (await world.signed_in("max")).get(path))
    out = await (await world.browser()).get(path)
    assert out.status_code == 303
    assert out.headers["location"].startswith("/login")
    assert (await world.exchange("cli", code)).status_code == 200
    assert is_page(await (await world.signed_in("ada")).get(path))


async def test_no_other_code_is_shown_on_the_native_page(world: World) -> None:
    browser = await world.signed_in("ada")
    web = await world.code("ada", "crane")
    for code in (web, "", "gwc_unknown", "é", "x" * 5000, "<script>alert(1)</script>"):
        answer = await browser.get("/oauth/authorize/native", params={"code": code})
        assert is_page(answer), code
        assert not code or code not in answer.text
    assert is_page(await browser.get("/oauth/authorize/native"))


async def test_a_code_whose_authorization_ended_is_shown_no_more(world: World) -> None:
    """T10, T11."""
    path = await native(world)
    browser = await world.signed_in("ada")
    await world.submit(browser, f"/account/apps/{world.apps['cli'].id}/end", at="/account/apps")
    assert is_page(await browser.get(path))


async def test_out_of_band_a_refusal_is_a_page(world: World) -> None:
    """A49: denied, or asked wrongly: there is nowhere to send anybody."""
    browser = await world.signed_in("ada")
    await world.add_app("cli", "Command Line", redirect_uris=(OOB,))
    denied = await decide(browser, await browser.get(PATH, params=asked(world, "cli")), "deny")
    assert is_page(denied)
    assert "You did not allow it" in denied.text
    wrong = await browser.get(PATH, params=asked(world, "cli", response_type="token"))
    assert is_page(wrong)
    assert "unsupported_response_type" in wrong.text
