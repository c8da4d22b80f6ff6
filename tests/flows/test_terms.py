"""Terms of use on the pages: published, accepted, and named wherever an app's tokens go."""

import httpx
import pytest

from tests.support.forms import Page
from tests.support.world import WEB_REDIRECT, World

TERMS, OPERATED = "/developer/terms", "/operator/terms"
TEXT = "1. Keep the tokens to yourself.\r\n2. Say who you are."


async def publish(world: World, version: str, text: str = TEXT) -> httpx.Response:
    """Return the answer to the operator's form."""
    oda = await world.signed_in("oda")
    form = Page(await oda.get(OPERATED)).form(field="version")
    return await oda.post(OPERATED, data={**form.fields, "version": version, "text": text})


async def test_a_developer_accepts_the_terms_and_goes_on(world: World) -> None:
    """D1: the refusal leads to the terms, the terms lead back, and what waited is done then."""
    assert (await publish(world, "2026-11")).status_code == 303
    token = (await world.tokens("ada", "crane")).access
    dev = await world.signed_in("dev")
    address = f"/developer/apps/{world.apps['crane'].id}"
    waiting = await dev.get(address)
    assert "The terms of use 2026-11 wait for you." in waiting.text
    assert "/secrets/reset" not in waiting.text
    refused = await world.submit(dev, f"{address}/edit", {"name": "Crane Two", "homepage": ""})
    assert refused.status_code == 403
    assert "terms_not_accepted" in refused.text
    way = f"{TERMS}?next={address}"
    assert way in Page(refused).links
    page = await dev.get(way)
    assert "Keep the tokens to yourself." in page.text
    form = Page(page).form(field="version")
    accepted = await dev.post(TERMS, data=form.fields)
    assert (accepted.status_code, accepted.headers["location"]) == (303, address)
    assert "Accepted." in (await dev.get(address)).text
    done = await world.submit(dev, f"{address}/edit", {"name": "Crane Two", "homepage": ""})
    assert done.status_code == 303
    assert "You accepted this version." in (await dev.get(TERMS)).text
    assert (await world.call(token, "/rest/v1.0/me")).status_code == 200  # running apps keep running


@pytest.mark.parametrize("act", ["", "/edit", "/redirect-uris", "/secrets", "/secrets/reset", "/delete"])
async def test_every_change_waits_for_the_terms(world: World, act: str) -> None:
    """D1: whoever has not accepted them makes and changes nothing; a program is told in JSON."""
    await publish(world, "1")
    dev = await world.signed_in("dev")
    app = f"/{world.apps['crane'].id}" if act else ""
    sent = {"name": "Crane Reports", "typed": "Crane Reports", "redirect_uris": WEB_REDIRECT, "homepage": ""}
    assert (await world.submit(dev, f"/developer/apps{app}{act}", sent)).status_code == 403
    token = Page(await dev.get("/developer/apps/new")).form(field="name").fields["csrf_token"]
    headers = {"accept": "application/json"}
    told = await dev.post(f"/developer/apps{app}{act}", data={**sent, "csrf_token": token}, headers=headers)
    assert (told.status_code, told.json()["error"]["code"]) == (403, "terms_not_accepted")
    assert "Crane Reports" in (await dev.get("/developer/apps")).text


async def test_a_new_version_waits_again_and_an_old_form_accepts_nothing(world: World) -> None:
    """D1: what was read is what is accepted."""
    await publish(world, "1")
    dev = await world.signed_in("dev")
    old = Page(await dev.get(TERMS)).form(field="version").fields
    await publish(world, "2", "Another text.")
    stale = await dev.post(TERMS, data=old)
    assert stale.status_code == 409
    assert "Another version is current by now." in stale.text
    assert "Another text." in stale.text
    fields = Page(stale).form(field="version").fields
    assert (await dev.post(TERMS, data=fields)).headers["location"] == TERMS
    again = await dev.post(TERMS, data=fields)
    assert again.status_code == 303
    await publish(world, "3")
    page = await dev.get(TERMS)
    assert "Accept version 3" in page.text
    assert page.text.count('<td class="gw-strong">2</td>') == 1


@pytest.mark.parametrize(
    "back", ["https://evil.example", "//evil.example", "/login", "/developer/apps/../x", "/developer/apps\n"]
)
async def test_the_terms_lead_back_to_a_developers_page_alone(world: World, back: str) -> None:
    """A178: an address of somebody's invention is dropped."""
    await publish(world, "1")
    dev = await world.signed_in("dev")
    form = Page(await dev.get(TERMS, params={"next": back})).form(field="version")
    assert form.fields["next"] == ""
    answer = await dev.post(TERMS, data={**form.fields, "next": back})
    assert answer.headers["location"] == TERMS


async def test_where_there_are_no_terms_the_page_says_so(world: World) -> None:
    """D1: and nothing waits."""
    dev = await world.signed_in("dev")
    page = await dev.get(TERMS)
    assert "This deployment has published no terms of use." in page.text
    assert (await world.submit(dev, TERMS, {"version": "1"})).status_code == 409
    assert "wait for you" not in (await dev.get("/developer/apps")).text


async def test_the_operator_publishes_a_version_that_never_changes(world: World) -> None:
    """D1: read again, with who accepted it; another text needs another name."""
    assert (await publish(world, "1")).status_code == 303
    dev = await world.signed_in("dev")
    await dev.post(TERMS, data=Page(await dev.get(TERMS)).form(field="version").fields)
    assert (await publish(world, "1")).status_code == 303  # the same text: published already
    refused = await publish(world, "1", "Another text.")
    assert refused.status_code == 422
    assert "Version 1 is published with another text" in refused.text
    assert "Another text." in refused.text  # kept
    for version, text in (("", TEXT), ("2", " "), ("x" * 41, TEXT)):
        assert (await publish(world, version, text)).status_code == 422
    page = await (await world.signed_in("oda")).get(OPERATED)
    assert "1 user" in page.text
    assert page.text.count("<details><summary>") == 1


async def test_only_operators_publish_terms(world: World) -> None:
    """M6: nobody else sees the page, or its form's effect."""
    ada = await world.signed_in("ada")
    assert (await ada.get(OPERATED)).status_code == 403
    assert (await world.submit(ada, OPERATED, {"version": "1", "text": "x"})).status_code == 403
    oda = await world.signed_in("oda")
    assert (await oda.post(OPERATED, data={"version": "1", "text": "x"})).status_code == 403  # A174: no token
    assert "None is published" in (await oda.get(OPERATED)).text


async def test_consent_and_both_lists_of_apps_name_the_accepted_terms(world: World) -> None:
    """D8: the developer, not the platform, keeps the tokens; which terms they accepted, and whether current ones."""
    ada, dev = await world.signed_in("ada"), await world.signed_in("dev")
    await world.call((await world.tokens("ada", "plain")).access, "/rest/v1.0/projects", company="alder")
    at = f"/companies/{world.companies['alder']}/apps"
    crane = world.apps["crane"]
    link = {"response_type": "code", "client_id": crane.client_id, "redirect_uri": crane.redirect_uri}
    pages = [("/oauth/authorize", link), ("/account/apps", {}), (at, {}), (f"{at}/{world.apps['plain'].id}", {})]

    async def said() -> list[str]:
        texts = [(await ada.get(path, params=query)).text for path, query in pages]
        assert all("not the platform, keeps" in text for text in texts)
        return texts

    assert all("terms of use" not in text for text in await said())
    await publish(world, "1")
    assert all("has not accepted the current terms of use, 1" in text for text in await said())
    await dev.post(TERMS, data=Page(await dev.get(TERMS)).form(field="version").fields)
    for text in await said():
        assert "accepted the terms of use 1" in text
        assert "has not accepted" not in text
    await publish(world, "2")
    assert all("accepted the terms of use 1, and has not accepted the current ones, 2" in text for text in await said())
