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
        for act in ("edit", "redirect-uris", "secrets"):
            assert (await world.submit(ada, f"{path}/{act}", {"name": "X"})).status_code == 404
    assert (await world.submit(ada, retire.action)).status_code == 404
    for secret_id in ("0" * 32, "%00", "x", "-", "é"):
        assert (await world.submit(dev, f"{address}/secrets/{secret_id}/retire")).status_code == 404
    stranger = await world.browser()
    assert (await stranger.get("/developer/apps")).headers["location"].startswith("/login")


async def test_a_form_from_elsewhere_changes_no_app(world: World) -> None:
    """A174: no token, no change."""
    dev, address, _, _ = await own_app(world)
    for path in ("/developer/apps", f"{address}/edit", f"{address}/redirect-uris", f"{address}/secrets"):
        assert (await dev.post(path, data=NEW)).status_code == 403
