"""Try it: a developer's real authorization of their own app, and what an attacker makes of its pages."""

import asyncio
from html import escape
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest
from sqlalchemy import select

from gatewright.base import clock
from gatewright.base.ids import AppId
from gatewright.db.schema import sessions
from gatewright.oauth.trial_rules import LIFETIME, Credentials, Received, Sent, Trial, open_trial, seal_trial
from gatewright.oauth.trial_steps import Arrived, Ran, Step, Wishes, run_trial
from tests.support.forms import Page
from tests.support.world import BASE_URL, World, pkce

TRY = f"{BASE_URL}/developer/try"
MASK = "••••••••"


async def begin(world: World, app: str = "crane", person: str = "dev") -> str:
    """Return the address that `Send it` leads to, the redirect URI registered before."""
    browser, address = await world.signed_in(person), f"/developer/apps/{world.apps[app].id}/try"
    page = await browser.get(address)
    if "Add it" in page.text:
        added = await world.submit(browser, f"{address}/redirect-uri")
        assert (added.status_code, added.headers["location"]) == (303, address)
        page = await browser.get(address)
    return next(link for link in Page(page).links if link.startswith("/oauth/authorize?"))


async def allowed(world: World, app: str = "crane", *, decision: str = "allow") -> str:
    """Return the address that the browser comes back to."""
    browser = await world.signed_in("dev")
    consent = await browser.get(await begin(world, app))
    form = Page(consent).form(field="decision")
    answer = await browser.post(str(consent.request.url), data={**form.fields, "decision": decision})
    assert answer.status_code == 303
    return answer.headers["location"]


async def trade(world: World, back: str, **fields: str) -> httpx.Response:
    """Return the answer to the form of the page that the browser came back to."""
    browser = await world.signed_in("dev")
    form = Page(await browser.get(back)).form(field="code")
    return await browser.post("/developer/try", data={**form.fields, **fields})


def sent_with(back: str) -> dict[str, str]:
    """Return the parameters of an address."""
    return {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}


async def test_a_trial_runs_the_real_endpoints_and_leaves_no_token(world: World) -> None:
    """T2, T4, T9, T13: code, call, refresh and revocation; neither secret nor token stands on any page."""
    dev, crane = await world.signed_in("dev"), world.apps["crane"]
    back = await allowed(world)
    assert back.startswith(f"{TRY}?code=")
    code, state = (sent_with(back)[name] for name in ("code", "state"))
    shown = back.removeprefix(BASE_URL)
    for secret in (code, state):
        shown = shown.replace(secret, f"{secret[:6]}…{secret[-6:]}")
    assert f"GET {escape(shown)} HTTP/1.1" in (await dev.get(back)).text
    answer = await trade(world, back, client_secret=f" {crane.secret}\n")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert answer.headers["referrer-policy"] == "no-referrer"
    for said in ("POST /oauth/token HTTP/1.1", f"Basic {MASK}", "GET /rest/v1.0/me", "dev@example.com", "oauth/revoke"):
        assert said in answer.text, said
    assert answer.text.count("200 answered") == 4
    assert crane.secret is not None
    assert crane.secret not in answer.text
    assert code not in answer.text
    assert "gws_" not in answer.text
    assert "tokens are revoked" in answer.text
    again = await dev.get(back)
    assert (again.status_code, "code_unknown" in again.text) == (400, True)
    assert "Connected apps" in (await dev.get(f"/account/apps/{crane.id}/end")).text


async def test_a_public_app_needs_no_secret_and_may_stay_alive(world: World) -> None:
    """D2, T1: without the ticks nothing is refreshed or revoked, and the page leads to the end of it."""
    answer = await trade(world, await allowed(world, "pocket"), refresh="", revoke="")
    assert answer.text.count("200 answered") == 2
    assert f"client_id={world.apps['pocket'].client_id}" in answer.text
    assert "This is a live authorization" in answer.text
    dev = await world.signed_in("dev")
    assert "1 token family" in (await dev.get(f"/account/apps/{world.apps['pocket'].id}/end")).text


async def test_of_a_form_sent_twice_at_once_no_answer_promises_what_has_ended(world: World) -> None:
    """T2: whichever comes second ends what the first was given."""
    dev = await world.signed_in("dev")
    form = Page(await dev.get(await allowed(world))).form(field="code")
    given = {**form.fields, "client_secret": world.apps["crane"].secret or "", "refresh": "on"}
    given.pop("revoke", None)
    answers = await asyncio.gather(*(dev.post("/developer/try", data=given) for _ in range(2)))
    assert {answer.status_code for answer in answers} <= {200, 400}
    for answer in answers:
        assert "400 refused" not in answer.text or "This is a live authorization" not in answer.text
    refused = Step("Refresh", "", "", 400)
    assert [Ran([Step("Trade", "", "", 200), *more], got_tokens=True).outcome for more in ([], [refused])] == [
        "live",
        "unclear",
    ]


async def test_the_tokens_are_revoked_though_a_request_fails(world: World) -> None:
    """T4: what was ticked is done, whatever became of the calls before it."""
    back, asked = sent_with(await allowed(world)), []
    keys, dev = world.house.keys, await world.signed_in("dev")
    async with world.house.database.read() as reader:
        session_id = await reader.execute(select(sessions.c.id).where(sessions.c.user_id == world.people["dev"].id))
    trial = open_trial(keys, session_id.scalars().one(), back["state"], now=clock.now())
    assert trial is not None

    async def ask_badly(sent: Sent) -> Received:
        asked.append(sent.path)
        if sent.method == "GET":
            raise ConnectionError
        answer = await dev.request(sent.method, sent.path, content=sent.body, headers=dict(sent.headers))
        return Received(answer.status_code, list(answer.headers.items()), answer.text)

    arrived, crane = Arrived(trial, back["code"]), world.apps["crane"]
    with pytest.raises(ConnectionError):
        await run_trial(
            ask_badly,
            arrived,
            Credentials(crane.client_id, crane.secret),
            issuer=BASE_URL,
            wishes=Wishes(refreshes=True, revokes=True),
        )
    assert asked == ["/oauth/token", "/rest/v1.0/me", "/oauth/revoke"]
    assert "It holds no live token today" in (await dev.get(f"/account/apps/{crane.id}/end")).text


async def test_a_wrong_secret_is_refused_by_the_endpoint_and_the_code_stays(world: World) -> None:
    """T2: the client is judged first; with the right one the same code works."""
    back = await allowed(world)
    wrong = await trade(world, back, client_secret="gws_wrong")
    assert "401 refused" in wrong.text
    assert "invalid_client" in wrong.text
    assert "gws_wrong" not in wrong.text
    right = await trade(world, back, client_secret=world.apps["crane"].secret or "")
    assert "200 answered" in right.text


@pytest.mark.parametrize("secret", ["", " \n", "x" * 201, "x" * 100_000])
async def test_a_secret_that_is_none_is_sent_nowhere(world: World, secret: str) -> None:
    """D3: nothing, and what no secret is as long as; the page does not repeat it."""
    answer = await trade(world, await allowed(world), client_secret=secret)
    assert answer.status_code == 422
    assert "Paste the client secret" in answer.text
    assert "xxx" not in answer.text
    assert "POST /oauth/token" not in answer.text


async def test_a_secret_splits_no_header(world: World) -> None:
    """A210: line ends and colons in what is pasted are sent encoded, and refused by the endpoint."""
    answer = await trade(world, await allowed(world), client_secret="a:b\r\nX-Evil: 1")
    assert "401 refused" in answer.text
    assert "X-Evil" not in answer.text


async def test_denied_is_shown_as_it_came(world: World) -> None:
    """T1: `access_denied` with state and issuer; there is no form to send on."""
    back = await allowed(world, decision="deny")
    page = await (await world.signed_in("dev")).get(back)
    assert page.status_code == 200
    assert "error=access_denied" in page.text
    assert 'name="code"' not in page.text


async def test_the_redirect_uri_is_added_as_any_change(world: World) -> None:
    """D5, R1: beside those that stand, once, recorded; removed like any other."""
    dev, app = await world.signed_in("dev"), world.apps["plain"]
    start = await dev.get(f"/developer/apps/{app.id}/try")
    assert "Send it" not in start.text
    await begin(world, "plain")
    again = await world.submit(dev, f"/developer/apps/{app.id}/try/redirect-uri")
    assert again.status_code == 303
    page = await dev.get(f"/developer/apps/{app.id}")
    assert f"{app.redirect_uri}\n{TRY}</textarea>" in page.text
    assert page.text.count(f"{TRY}</textarea>") == 1


async def test_another_session_cannot_go_on_with_it(world: World) -> None:
    """T7, P6: state of one developer is nothing in another's browser, nor after another sign-in (login CSRF)."""
    back = await allowed(world)
    for browser in (await world.signed_in("ada"), await world.browser()):
        if browser is not await world.signed_in("ada"):
            await world.sign_in(browser, world.people["dev"].email)
        page = await browser.get(back)
        assert (page.status_code, "trial_unknown" in page.text) == (400, True)
        assert sent_with(back)["code"] not in page.text
        sent = {"code": sent_with(back)["code"], "state": sent_with(back)["state"], "client_secret": "x"}
        posted = await world.submit(browser, "/developer/try", sent)
        assert (posted.status_code, "trial_unknown" in posted.text) == (400, True)
    assert "200 answered" in (await trade(world, back, client_secret=world.apps["crane"].secret or "")).text


async def test_a_code_of_another_person_app_or_trial_reaches_no_endpoint(world: World) -> None:
    """T2, T7: injected beside a state of one's own it is not traded, and stays good for whom it was made."""
    dev = await world.signed_in("dev")
    own, other = await allowed(world), await allowed(world, "plain")
    verifier, challenge = pkce()
    asked = {"code_challenge": challenge, "code_challenge_method": "S256", "redirect_uri": TRY}
    foreign = await world.code("ada", "crane", **asked)
    second = sent_with(await allowed(world))["code"]
    for code in (foreign, sent_with(other)["code"], second, "gwc_nothing", "", "x" * 5000):
        given = {"code": code, "state": sent_with(own)["state"], "iss": BASE_URL}
        page = await dev.get("/developer/try", params=given)
        assert (page.status_code, "code_unknown" in page.text) == (400, True), code
        posted = await world.submit(dev, "/developer/try", {**given, "client_secret": world.apps["crane"].secret or ""})
        assert (posted.status_code, "code_unknown" in posted.text) == (400, True), code
    answer = await world.exchange("crane", foreign, code_verifier=verifier, redirect_uri=TRY)
    assert answer.status_code == 200


async def test_a_forged_or_stale_state_shows_nothing_that_came_with_it(world: World) -> None:
    """A192, T2: no words of a stranger's on a page of ours, whatever they are."""
    dev = await world.signed_in("dev")
    await dev.get("/account/security")
    state = sent_with(await allowed(world))["state"]
    evil = "<script>call 555 0100</script>"
    for forged in ("", "x", "é", state[:-4] + "AAAA", state[:20], f"{state}=", "A" * 5000, "=" * 40):
        given = {"state": forged, "error": evil, "error_description": evil, "code": evil}
        page = await dev.get("/developer/try", params=given)
        assert (page.status_code, "trial_unknown" in page.text) == (400, True), forged
        assert "555" not in page.text


async def test_a_described_error_stays_text(world: World) -> None:
    """A192, A207: with a good state what came is shown, percent-encoded and cut."""
    dev, state = await world.signed_in("dev"), sent_with(await begin(world))["state"]
    evil = "<script>alert(1)</script>{{7*7}}\u202e" + "x" * 20_000
    came = f"error={quote(evil)}&error_description={quote(evil)}&state={state}&iss={BASE_URL}"
    page = await dev.get(f"/developer/try?{came}")
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert "\u202e" not in page.text
    assert len(page.text) < 20_000


@pytest.mark.parametrize("issuer", ["", "https://evil.example"])
async def test_an_answer_of_another_issuer_is_refused(world: World, issuer: str) -> None:
    """T7: RFC 9207, as an app has to."""
    back = sent_with(await allowed(world)) | {"iss": issuer}
    page = await (await world.signed_in("dev")).get("/developer/try", params=back)
    assert (page.status_code, "issuer_mismatch" in page.text) == (400, True)


async def test_a_trial_ends_after_its_time(world: World) -> None:
    """T2: the boundary pair, sealed for this very session."""
    dev, crane = await world.signed_in("dev"), world.apps["crane"]
    consent = await dev.get(await begin(world))
    assert consent.status_code == 200
    async with world.house.database.read() as reader:
        of_dev = select(sessions.c.id).where(sessions.c.user_id == world.people["dev"].id)
        session_id = (await reader.execute(of_dev)).scalars().one()
    for left, said in ((LIFETIME, "code_unknown"), (-LIFETIME, "trial_expired")):
        trial = Trial(AppId(crane.id), clock.now() + left, "v" * 43)
        state = seal_trial(world.house.keys, session_id, trial)
        page = await dev.get("/developer/try", params={"state": state, "code": "c", "iss": BASE_URL})
        assert (page.status_code, said in page.text) == (400, True), said


async def test_a_blocked_app_is_not_tried(world: World) -> None:
    """D6: the pages say why, whichever is asked, and nothing is added or sent."""
    dev, oda, crane = await world.signed_in("dev"), await world.signed_in("oda"), world.apps["crane"]
    back = await allowed(world)
    assert (await world.submit(oda, f"/operator/apps/{crane.id}/block")).status_code == 303
    address = f"/developer/apps/{crane.id}/try"
    sent = {"code": sent_with(back)["code"], "state": sent_with(back)["state"], "client_secret": crane.secret or ""}
    for page in (
        await dev.get(address),
        await dev.get(back),
        await world.submit(dev, f"{address}/redirect-uri"),
        await world.submit(dev, "/developer/try", sent),
    ):
        assert page.status_code == 403
        assert "blocked this app" in page.text
        assert "Send it" not in page.text


async def test_nobody_and_others_are_not_let_in(world: World) -> None:
    """P6, A174: sign-in first, without what came; another developer's app is unknown; no POST without its token."""
    crane, nobody, ada = world.apps["crane"], await world.browser(), await world.signed_in("ada")
    back = await allowed(world)
    to = (await nobody.get(back)).headers["location"]
    assert to.startswith("/login")
    assert sent_with(back)["code"] not in to
    for answer in (
        await ada.get(f"/developer/apps/{crane.id}/try"),
        await world.submit(ada, f"/developer/apps/{crane.id}/try/redirect-uri"),
    ):
        assert answer.status_code == 404
    dev = await world.signed_in("dev")
    for path in (f"/developer/apps/{crane.id}/try/redirect-uri", "/developer/try"):
        assert (await dev.post(path, data={"code": "c", "state": "s"})).status_code == 403
