"""A developer's apps on the pages: made, changed, their secrets added and retired."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.support.forms import Page
from tests.support.world import WEB_REDIRECT, App, World, tokens_of

NEW = {
    "name": "Plum Sync",
    "type": "confidential",
    "homepage": "https://plum.example",
    "redirect_uris": WEB_REDIRECT,
}


async def make(world: World, browser: httpx.AsyncClient, **fields: Any) -> httpx.Response:
    """Return the answer to the form for a new app."""
    form = Page(await browser.get("/developer/apps/new")).form(field="redirect_uris")
    return await browser.post("/developer/apps", data={**form.fields, **NEW, **fields})


async def own_app(world: World, person: str = "dev") -> tuple[httpx.AsyncClient, str, str, str]:
    """Return a browser, the address of a new app of that person, its client id and its secret."""
    browser = await world.signed_in(person)
    client_id, secret = Page(await make(world, browser)).codes
    page = Page(await browser.get("/developer/apps"))
    links = [link for link in page.links if link.removeprefix("/developer/apps/").isdigit()]
    return browser, max(links, key=lambda link: int(link.rpartition("/")[2])), client_id, secret


async def test_a_new_app_shows_its_secret_once_and_works(world: World) -> None:
    """D2, D3: and the whole flow runs with it."""
    dev = await world.signed_in("dev")
    form = Page(await dev.get("/developer/apps/new")).form(field="redirect_uris")
    sent = {**form.fields, **NEW}
    answer = await dev.post("/developer/apps", data=sent)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    client_id, secret = Page(answer).codes
    again = await asyncio.gather(*(dev.post("/developer/apps", data=sent) for _ in range(3)))
    assert {one.status_code for one in again} == {409}
    listed = await dev.get("/developer/apps")
    assert listed.text.count("<bdi>Plum Sync</bdi>") == 1
    for page in (*again, listed):
        assert secret not in page.text
    world.apps["plum"] = App(0, client_id, secret, WEB_REDIRECT)
    assert (await world.tokens("ada", "plum")).access


async def test_a_public_app_gets_no_secret(world: World) -> None:
    """D2: the answer leads to its page at once."""
    dev = await world.signed_in("dev")
    answer = await make(world, dev, type="public")
    assert answer.status_code == 303
    page = await dev.get(answer.headers["location"])
    assert page.status_code == 200
    assert "Client secrets" not in page.text
    refused = await world.submit(dev, answer.headers["location"] + "/secrets")
    assert refused.status_code == 422


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("name", "", "1 to 120"),
        ("name", "Сrane Reports", "looks like it"),
        ("type", "robot", "confidential or public"),
        ("homepage", "javascript:alert(1)", "Must begin"),
        ("redirect_uris", "javascript:alert(1)", "Line 1"),  # A17
        ("redirect_uris", "data:text/html,x", "Line 1"),
        ("redirect_uris", f"{WEB_REDIRECT}\nhttp://evil.example/cb", "Line 2"),  # A18
        ("redirect_uris", f"{WEB_REDIRECT}\r\n\r\nhttps://a.example/#x", "Line 2"),
        ("redirect_uris", "https://*.evil.example/", "wildcard"),
        ("redirect_uris", "https://good@evil.example/", "user"),
        ("scopes", "everything", "out of"),
    ],
)
async def test_a_bad_app_shows_the_form_again_and_makes_nothing(
    world: World, field: str, value: str, said: str
) -> None:
    """D2, D5, D7: with what was typed and the sentence beside its field."""
    dev = await world.signed_in("dev")
    answer = await make(world, dev, **{field: value})
    assert answer.status_code == 422
    assert said in answer.text
    assert "gws_" not in answer.text
    assert "Plum Sync" not in (await dev.get("/developer/apps")).text


async def test_redirect_uris_are_replaced_at_once(world: World) -> None:
    """D5: the old one is refused by the next request; a bad line leaves all as it was."""
    dev, address, client_id, _ = await own_app(world)
    bad = await world.submit(dev, f"{address}/redirect-uris", {"redirect_uris": "https://new.example/cb\nhttp://x/"})
    assert bad.status_code == 422
    assert "Line 2" in bad.text
    query = {"response_type": "code", "client_id": client_id, "redirect_uri": WEB_REDIRECT, "state": "s"}
    ada = await world.signed_in("ada")
    assert (await ada.get("/oauth/authorize", params=query)).status_code == 200
    assert (await world.submit(dev, f"{address}/redirect-uris", {"redirect_uri": "misspelt"})).status_code == 400
    assert (await ada.get("/oauth/authorize", params=query)).status_code == 200
    good = await world.submit(dev, f"{address}/redirect-uris", {"redirect_uris": "https://new.example/cb"})
    assert good.status_code == 303
    assert (await ada.get("/oauth/authorize", params=query)).status_code == 400
    query["redirect_uri"] = "https://new.example/cb"
    assert (await ada.get("/oauth/authorize", params=query)).status_code == 200


async def test_name_homepage_and_scopes_are_changed(world: World) -> None:
    """D2, D7: and a name that looks like another's is refused beside its field."""
    dev, address, client_id, _ = await own_app(world)
    form = Page(await dev.get(address)).form(action="/edit")
    changed = await dev.post(f"{address}/edit", data={**form.fields, "name": "Plum Two", "scopes": "company.manage"})
    assert changed.status_code == 303
    query = {"response_type": "code", "client_id": client_id, "redirect_uri": WEB_REDIRECT, "scope": "company.manage"}
    consent = await (await world.signed_in("ada")).get("/oauth/authorize", params=query)
    assert "Plum Two" in consent.text
    for fields in ({"name": "CRANE_REPORTS"}, {"homepage": "http://plum.example"}, {"scopes": "other"}):
        refused = await dev.post(f"{address}/edit", data={**form.fields, **fields})
        assert refused.status_code == 422, fields


async def test_a_second_secret_works_beside_the_first_until_one_is_retired(world: World) -> None:
    """D4: two live, no third; the retired one ends at once, the other goes on."""
    dev, address, client_id, first = await own_app(world)
    form = Page(await dev.get(address)).form(action="/secrets")
    answer = await dev.post(form.action, data=form.fields)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    _, second = Page(answer).codes
    again = await dev.post(form.action, data=form.fields)
    assert again.status_code == 409
    assert "gws_" not in again.text.replace(second[:8], "")
    third = await world.submit(dev, f"{address}/secrets")
    assert third.status_code == 422
    assert "Two secrets live already." in third.text
    apps = {key: App(0, client_id, secret, WEB_REDIRECT) for key, secret in (("first", first), ("second", second))}
    world.apps |= apps
    old = await world.tokens("ada", "first")
    assert "last used never" in (await dev.get(address)).text
    new = tokens_of(await world.exchange("second", await world.code("wim", "second")))
    assert "last used never" not in (await dev.get(address)).text
    retire = next(f for f in Page(await dev.get(address)).forms if f.action.endswith("/retire"))
    assert (await dev.post(retire.action, data=retire.fields)).status_code == 303
    assert (await world.call(old.access, "/rest/v1.0/me")).status_code == 401
    assert (await world.refresh("first", old.refresh)).json()["error"] == "invalid_client"
    assert (await world.refresh("second", old.refresh)).json()["error"] == "invalid_grant"
    assert (await world.call(new.access, "/rest/v1.0/me")).status_code == 200
    assert (await world.refresh("second", new.refresh)).status_code == 200
    assert (await dev.post(retire.action, data=retire.fields)).status_code == 303  # retired already


async def test_a_secret_that_its_families_left_still_says_when_it_was_used(world: World) -> None:
    """D4: a refresh moves its family to the secret that authenticated it; the old one shows since when it is silent."""
    dev, address, client_id, first = await own_app(world)
    _, second = Page(await world.submit(dev, f"{address}/secrets")).codes
    world.apps |= {key: App(0, client_id, secret, WEB_REDIRECT) for key, secret in (("a", first), ("b", second))}
    tokens = await world.tokens("ada", "a")
    assert (await world.refresh("b", tokens.refresh)).status_code == 200
    page = (await dev.get(address)).text
    assert "last used never" not in page
    assert "stop 1 token family" in page


async def test_only_the_owner_sees_an_app(world: World) -> None:
    """P6, D2: another developer's is answered like one there is not, whatever is asked."""
    dev, address, _, _ = await own_app(world)
    retire = next(f for f in Page(await dev.get(address)).forms if f.action.endswith("/retire"))
    ada = await world.signed_in("ada")
    assert "Plum Sync" not in (await ada.get("/developer/apps")).text
    bodies = []
    for path in (address, "/developer/apps/999", "/developer/apps/0", "/developer/apps/x", "/developer/apps/%00"):
        page = await ada.get(path)
        assert page.status_code == 404
        bodies.append(page.headers["content-length"])
        for act in ("edit", "redirect-uris", "secrets", "secrets/reset", "delete"):
            assert (await world.submit(ada, f"{path}/{act}", {"name": "X"})).status_code == 404
    assert (await world.submit(ada, retire.action)).status_code == 404
    for secret_id in ("0" * 32, "%00", "x", "-", "é"):
        assert (await world.submit(dev, f"{address}/secrets/{secret_id}/retire")).status_code == 404
    stranger = await world.browser()
    assert (await stranger.get("/developer/apps")).headers["location"].startswith("/login")


async def test_a_form_from_elsewhere_changes_no_app(world: World) -> None:
    """A174: no token, no change."""
    dev, address, _, _ = await own_app(world)
    acts = ("edit", "redirect-uris", "secrets", "secrets/reset", "delete")
    for path in ("/developer/apps", *(f"{address}/{act}" for act in acts)):
        assert (await dev.post(path, data=NEW)).status_code == 403


async def test_a_reset_retires_every_secret_and_shows_one_new(world: World) -> None:
    """D4: both secrets and their tokens end, the new one works without asking the user anew; once for each form."""
    dev, address, client_id, first = await own_app(world)
    _, second = Page(await world.submit(dev, f"{address}/secrets")).codes
    world.apps |= {key: App(0, client_id, secret, WEB_REDIRECT) for key, secret in (("a", first), ("b", second))}
    old = [(await world.tokens(person, app)) for person, app in (("ada", "a"), ("wim", "b"))]
    page = await dev.get(address)
    assert "Reset, stop 2 token families" in page.text
    form = Page(page).form(action="/secrets/reset")
    answer = await dev.post(form.action, data=form.fields)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    _, fresh = Page(answer).codes
    assert fresh not in {first, second}
    again = await dev.post(form.action, data=form.fields)
    assert again.status_code == 409
    assert fresh not in again.text
    for tokens, app in zip(old, ("a", "b"), strict=True):
        assert (await world.call(tokens.access, "/rest/v1.0/me")).status_code == 401
        assert (await world.refresh(app, tokens.refresh)).json()["error"] == "invalid_client"
    world.apps["c"] = App(0, client_id, fresh, WEB_REDIRECT)
    assert (await world.refresh("c", old[0].refresh)).json()["error"] == "invalid_grant"
    ada = await world.signed_in("ada")
    link = {"response_type": "code", "client_id": client_id, "redirect_uri": WEB_REDIRECT, "state": "x"}
    silent = await ada.get("/oauth/authorize", params=link)
    assert silent.status_code == 303  # T1: the authorization stands
    assert (await dev.get(address)).text.count("by <bdi>Dev Dorn</bdi>") == 1


async def test_a_deleted_app_is_gone_everywhere(world: World) -> None:
    """D6, A66: its name typed; tokens, code, client and installation end, and its name is free."""
    tokens = await world.tokens("wim", "plain")
    await world.call(tokens.access, "/rest/v1.0/projects", company="alder")
    code = await world.code("ada", "plain")
    dev, plain = await world.signed_in("dev"), world.apps["plain"]
    address = f"/developer/apps/{plain.id}"
    form = Page(await dev.get(address)).form(action="/delete")
    for typed in ("", "plain viewer", "Plain Viewer 2"):
        refused = await dev.post(form.action, data={**form.fields, "typed": typed})
        assert refused.status_code == 422
        assert "Type the name exactly as it stands above." in refused.text
    assert (await world.call(tokens.access, "/rest/v1.0/me")).status_code == 200
    answer = await dev.post(form.action, data={**form.fields, "typed": " Plain  Viewer "})
    assert (answer.status_code, answer.headers["location"]) == (303, "/developer/apps")
    listed = await dev.get("/developer/apps")
    assert "Plain Viewer is deleted. It stopped everywhere." in listed.text
    assert address not in Page(listed).links
    assert (await dev.get(address)).status_code == 404
    assert (await dev.post(form.action, data={**form.fields, "typed": "Plain Viewer"})).status_code == 404
    assert (await world.call(tokens.access, "/rest/v1.0/me")).status_code == 401
    assert (await world.exchange("plain", code)).json()["error"] == "invalid_client"
    assert (await world.refresh("plain", tokens.refresh)).json()["error"] == "invalid_client"
    ada, max_ = await world.signed_in("ada"), await world.signed_in("max")
    assert "Plain Viewer" not in (await ada.get("/account/apps")).text
    managed = f"/companies/{world.companies['alder']}/apps"
    assert "Plain Viewer" not in (await max_.get(managed)).text
    assert (await max_.get(f"{managed}/{plain.id}")).status_code == 404
    link = {"response_type": "code", "client_id": plain.client_id, "redirect_uri": plain.redirect_uri}
    assert (await ada.get("/oauth/authorize", params=link)).status_code == 400
    assert (await make(world, ada, name="Plain Viewer")).status_code == 200


async def test_refused_calls_are_counted_by_code_and_day(world: World) -> None:
    """R3, X4: of this app alone, over all companies, without anybody's name."""
    token, other = (await world.tokens("wim", "plain")).access, (await world.tokens("wim", "crane")).access
    for _ in range(3):
        await world.call(token, "/rest/v1.0/projects", company="birch")
    await world.call(other, "/rest/v1.0/projects")
    await world.app.state.counters.flush()
    dev = await world.signed_in("dev")
    address = f"/developer/apps/{world.apps['plain'].id}"
    page = (await dev.get(address)).text
    assert "<code>company_unknown</code>" in page
    assert '<td class="gw-right gw-num gw-strong">3</td>' in page
    assert "company_required" not in page
    assert f"/developer/refusals?app_id={world.apps['plain'].id}" in page
    nothing = (await dev.get(f"/developer/apps/{world.apps['gate'].id}")).text
    assert "No call of this app was refused in 30 days." in nothing


async def test_a_use_that_moves_no_family_shows_too(world: World) -> None:
    """D4: a secret that only revokes or introspects is in use."""
    dev, address, client_id, secret = await own_app(world)
    world.apps["plum"] = App(0, client_id, secret, WEB_REDIRECT)
    data = {**world.apps["plum"].credentials, "token": "gwr_nothing"}
    assert (await world.client.post("/oauth/revoke", data=data)).status_code == 200
    await world.app.state.secret_uses.flush()
    assert "last used never" not in (await dev.get(address)).text
