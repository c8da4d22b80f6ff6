"""Service accounts on the pages: the secret once, regenerating, deleting."""

import asyncio

import pytest

from tests.support.forms import Page
from tests.support.world import World

NAME = "Nightly sync"


def at(world: World, path: str = "", *, company: str = "alder") -> str:
    """Return the address of a company's service accounts, or of one."""
    return f"/companies/{world.companies[company]}/service-accounts{path}"


async def ask_token(world: World, client_id: str, secret: str) -> int:
    """Return the status that the token endpoint answers to client credentials."""
    given = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    return (await world.client.post("/oauth/token", data=given)).status_code


async def test_the_secret_is_on_the_answer_alone(world: World) -> None:
    """S6: sent again, reloaded or gone back to, the form makes nothing and shows nothing."""
    ada = await world.signed_in("ada")
    form = Page(await ada.get(at(world))).form(field="name")
    sent = {**form.fields, "name": NAME}
    answer = await ada.post(at(world), data=sent)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    client_id, secret = Page(answer).codes
    assert secret.startswith("gws_")
    assert await ask_token(world, client_id, secret) == 200
    again = await asyncio.gather(*(ada.post(at(world), data=sent) for _ in range(3)))
    assert {one.status_code for one in again} == {409}
    listed = await ada.get(at(world))
    account = next(link for link in Page(listed).links if NAME in listed.text and link.startswith(at(world) + "/"))
    for page in (*again, listed, await ada.get(account)):
        assert "gws_" not in page.text
    assert listed.text.count(f"<bdi>{NAME}</bdi>") == 1
    assert await ask_token(world, client_id, secret) == 200


async def test_continuing_leads_to_a_page_that_is_open_to_whoever_made_it(world: World) -> None:
    """S3, M4: to the levels, or, without a level on the directory, to the account itself."""
    for person, leads_to in (("ada", f"/companies/{world.companies['alder']}/directory/"), ("max", at(world, "/"))):
        browser = await world.signed_in(person)
        answer = await world.submit(browser, at(world), {"name": f"{NAME} of {person}"})
        form = next(form for form in Page(answer).forms if form.method == "get")
        assert form.action.startswith(leads_to)
        assert (await browser.get(form.action)).status_code == 200


async def test_a_program_posts_the_name_alone(world: World) -> None:
    """S1: without the hidden field each form makes an account of its own."""
    ada = await world.signed_in("ada")
    ids = {Page(await world.submit(ada, at(world), {"name": NAME})).codes[0] for _ in range(2)}
    assert len(ids) == 2


async def test_a_bad_name_shows_the_form_again(world: World) -> None:
    """S1: with what was typed, and escaped (A192)."""
    ada = await world.signed_in("ada")
    for name in ("", "x" * 121, "a\u202eb"):
        answer = await world.submit(ada, at(world), {"name": name})
        assert answer.status_code == 422
        assert "gws_" not in answer.text
    made = await world.submit(ada, at(world), {"name": "<script>{{7*7}}"})
    assert made.status_code == 200
    assert "<script>{{" not in made.text
    assert "&lt;script&gt;{{7*7}}" in made.text  # A207


async def test_regenerating_says_what_stops_and_shows_the_new_secret_once(world: World) -> None:
    """S7: the warning stands before it; the same form sent again, even much later, changes nothing."""
    robot = world.robots["robot"]
    await world.set_levels("alder", robot.contact_id, directory="read_only")
    token = await world.robot_token("robot")
    ada = await world.signed_in("ada")
    page = await ada.get(at(world, f"/{robot.id}"))
    assert "returns to none: 1 level" in page.text
    form = Page(page).form(action="/regenerate")
    answer = await ada.post(form.action, data=form.fields)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    client_id, secret = Page(answer).codes
    assert client_id == robot.client_id
    assert (await world.call(token, "/rest/v1.0/me")).status_code == 401
    assert await ask_token(world, client_id, robot.secret) == 401
    again = await ada.post(form.action, data=form.fields)
    assert again.status_code == 409
    assert "gws_" not in again.text
    assert await ask_token(world, client_id, secret) == 200
    newer = Page(await ada.get(at(world, f"/{robot.id}"))).form(action="/regenerate")
    _, newest = Page(await ada.post(newer.action, data=newer.fields)).codes
    assert (await ada.post(form.action, data=form.fields)).status_code == 409
    assert await ask_token(world, client_id, newest) == 200
    plain = await world.submit(ada, at(world, f"/{robot.id}/regenerate"))
    assert plain.status_code == 200


async def test_a_stopped_account_says_why(world: World) -> None:
    """S8: on its page, with the way back."""
    robot = world.robots["robot"]
    manager = (await world.tokens("ada", "crane", scope="company.manage")).access
    contact = f"/rest/v1.0/companies/{world.companies['alder']}/contacts/{robot.contact_id}"
    await world.call(manager, contact, method="PATCH", json={"email": "human@example.com"})
    ada = await world.signed_in("ada")
    page = await ada.get(at(world, f"/{robot.id}"))
    assert "The address of its contact was changed." in page.text
    assert "Stopped" in (await ada.get(at(world))).text
    form = Page(page).form(action="/regenerate")
    _, secret = Page(await ada.post(form.action, data=form.fields)).codes
    assert await ask_token(world, robot.client_id, secret) == 200
    assert "human@example.com" not in (await ada.get(at(world, f"/{robot.id}"))).text


async def test_deleting_ends_it(world: World) -> None:
    """S9: and a second form finds nothing."""
    robot = world.robots["robot"]
    token = await world.robot_token("robot")
    ada = await world.signed_in("ada")
    form = Page(await ada.get(at(world, f"/{robot.id}"))).form(action="/delete")
    answer = await ada.post(form.action, data=form.fields)
    assert (answer.status_code, answer.headers["location"]) == (303, at(world))
    assert (await world.call(token, "/rest/v1.0/me")).status_code == 401
    assert (await ada.post(form.action, data=form.fields)).status_code == 404
    assert (await ada.get(at(world, f"/{robot.id}"))).status_code == 404


async def test_only_admin_admin_of_that_company_sees_service_accounts(world: World) -> None:
    """P6, S2: nor its address."""
    robot = world.robots["robot"]
    for person, company, status in (("wim", "alder", 403), ("bea", "alder", 404), ("ada", "birch", 404)):
        browser = await world.signed_in(person)
        page = await browser.get(at(world, f"/{robot.id}", company=company))
        assert page.status_code == status
        assert robot.address not in page.text
        for act in ("regenerate", "delete"):
            answer = await world.submit(browser, at(world, f"/{robot.id}/{act}", company=company))
            assert answer.status_code == status
    assert await world.robot_token("robot")
    max_ = await world.signed_in("max")
    assert robot.address in (await max_.get(at(world, f"/{robot.id}"))).text


@pytest.mark.parametrize("account_id", ["0", "01", "x", "%00", "9" * 40, "999"])
async def test_an_id_that_is_none_is_not_found(world: World, account_id: str) -> None:
    """P6: the same page for each."""
    ada = await world.signed_in("ada")
    assert (await ada.get(at(world, f"/{account_id}"))).status_code == 404
    assert (await world.submit(ada, at(world, f"/{account_id}/delete"))).status_code == 404


async def test_a_form_from_elsewhere_makes_nothing(world: World) -> None:
    """A174: neither an account nor a new secret."""
    ada = await world.signed_in("ada")
    robot = world.robots["robot"]
    for path in ("", f"/{robot.id}/regenerate", f"/{robot.id}/delete"):
        assert (await ada.post(at(world, path), data={"name": "X"})).status_code == 403
    assert await world.robot_token("robot")


async def test_each_account_is_on_some_page_of_the_list(world: World) -> None:
    """S1: fifty on a page, with the way to the others."""
    for number in range(60):
        await world.add_robot(f"many{number}", "alder", f"Many number {number:02}")
    max_, path = await world.signed_in("max"), f"/companies/{world.companies['alder']}/service-accounts"
    pages = [(await max_.get(path, params={"page": str(number)})).text for number in (1, 2)]
    shown = [number for number in range(60) if any(f"Many number {number:02}" in page for page in pages)]
    assert shown == list(range(60))
    assert f"{path}?page=2" in pages[0]
    assert (await max_.get(path, params={"page": "99"})).status_code == 200
