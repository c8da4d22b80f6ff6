"""Accounts where no mail is sent: links shown once, to be passed on, which prove no address."""

import re
from pathlib import Path

import httpx
import pytest

from gatewright.base import clock
from gatewright.base.errors import Conflict
from gatewright.base.secrets import mint_server_key
from gatewright.directory.service import add_contact, create_user, deactivate_user
from gatewright.events.catalogue import SYSTEM
from gatewright.login.link_service import make_reset_link
from gatewright.settings import Settings
from tests.support.databases import DIALECTS
from tests.support.forms import Page
from tests.support.world import BASE_URL, PASSWORD, World, password_hash

NEW = "a stork above seven chimneys"
HELD = re.compile(r'value="[^"]*"|<code>[^<]*</code>|<bdi[^>]*>[^<]*</bdi>')


@pytest.fixture
def sign_in_limit() -> int:
    """Return how many wrong passwords are looked at."""
    return 10


@pytest.fixture
def settings(request: pytest.FixtureRequest, flow_dialect: str, tmp_path: Path, sign_in_limit: int) -> Settings:
    """Return the settings of a deployment that sends no mail, though people might sign up."""
    return Settings(
        issuer=BASE_URL,
        data_dir=tmp_path,
        database_url=request.getfixturevalue(f"{flow_dialect}_url"),
        secret_keys=(mint_server_key(),),
        sign_up=True,
        sign_in_limit=sign_in_limit,
    )


async def shown_link(world: World, email: str, company: str = "alder") -> str:
    """Return the path of the link that the inviter is shown."""
    contact_id = await add_contact(
        world.house.database,
        company_id=world.companies[company],
        email=email,
        name="Label Only",
        levels={},
        granted_by=None,
        origin=SYSTEM,
        now=clock.now(),
    )
    invited = await world.app.state.core.invitations.invite(
        world.companies[company], contact_id, origin=SYSTEM, now=clock.now()
    )
    assert not invited.was_mailed
    assert "gwi_" not in repr(invited)  # T13
    return str(invited.link).removeprefix(BASE_URL)


async def accept(browser: httpx.AsyncClient, path: str, **values: str) -> httpx.Response:
    form = Page(await browser.get(path)).form(field="csrf_token")
    sent = {"name": "Nia New", "password": NEW, **values}
    return await browser.post(path, data={"csrf_token": form.fields["csrf_token"], **sent})


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_a_shown_link_begins_an_unproven_account_of_one_company(world: World) -> None:
    """P7: it joins only the company that invited it, whatever others write into their directories."""
    path = await shown_link(world, "nia@new.example")
    other = await shown_link(world, "nia@new.example", "birch")
    browser = await world.browser()
    assert (await accept(browser, path)).status_code == 303
    companies = (await browser.get("/")).text
    assert "Alder Works" in companies
    assert "Birch Works" not in companies
    for values in ({"as": "known"}, {"as": "viewer"}):
        answer = await accept(browser, other, **values)
        assert (answer.status_code, "never proven" in answer.text) == (422, True)
    assert "Birch Works" not in (await browser.get("/")).text


async def test_a_shown_link_needs_the_password_of_the_account_there_is(world: World) -> None:
    """P7: it takes over neither a proven account nor one that another link began."""
    await create_user(
        world.house.database,
        email="una@new.example",
        name="Una",
        password_hash=password_hash(),
        is_proven=False,
        origin=SYSTEM,
        now=clock.now(),
    )
    for email in ("bea@example.com", "una@new.example"):
        path, browser = await shown_link(world, email), await world.browser()
        for values in ({}, {"as": "known"}, {"as": "viewer"}):
            assert (await accept(browser, path, **values)).status_code == 422
        assert (await world.sign_in(browser, email)).status_code == 303
        browser = await world.browser()
        assert (await accept(browser, path, password=PASSWORD)).status_code == 303
        assert "Alder Works" in (await browser.get("/")).text


@pytest.mark.parametrize("sign_in_limit", [0])
async def test_what_a_link_answers_before_a_good_password_does_not_tell_of_accounts(world: World) -> None:
    """P2, P7: the page, a weak password, a missing name, the form for those who have an account."""
    off = await create_user(
        world.house.database,
        email="off@new.example",
        name="Off",
        password_hash=password_hash(),
        origin=SYSTEM,
        now=clock.now(),
    )
    await deactivate_user(world.house.database, user_id=off, origin=SYSTEM, now=clock.now())
    emails = ["bea@example.com", "nobody@new.example", "off@new.example", "x@service.127.0.0.1"]
    paths = [await shown_link(world, email) for email in emails]
    probes: list[dict[str, str]] = [
        {"password": "short"},
        {"name": ""},
        {"as": "known"},
        {"as": "known", "password": ""},
        {"as": "viewer"},
    ]
    pages = [HELD.sub("", (await (await world.browser()).get(path)).text) for path in paths]
    assert len(set(pages)) == 1
    for probe in probes:
        answers = [await accept(await world.browser(), path, **probe) for path in paths]
        assert {answer.status_code for answer in answers} == {422}, probe
        assert len({HELD.sub("", answer.text) for answer in answers}) == 1, probe


async def test_nobody_joins_with_a_service_accounts_address(world: World) -> None:
    """S2, S8: the foreign entry never gets a principal; it answers like an account of somebody else."""
    path = await shown_link(world, world.robots["robot"].address, "birch")
    taken = await shown_link(world, "dev@example.com", "birch")
    answers = [await accept(await world.browser(), one) for one in (path, taken)]
    assert [answer.status_code for answer in answers] == [422, 422]
    assert len({HELD.sub("", answer.text) for answer in answers}) == 1
    assert (await world.sign_in(await world.browser(), world.robots["robot"].address, NEW)).status_code == 422


async def test_guesses_behind_a_link_are_counted_like_those_at_sign_in(world: World) -> None:
    """A182: together with them, for the account."""
    path, browser = await shown_link(world, "bea@example.com"), await world.browser()
    for at in range(10):
        assert (await accept(browser, path, **{"as": "known", "password": f"wrong {at}"})).status_code == 422
    assert (await accept(browser, path, **{"as": "known", "password": PASSWORD})).status_code == 429
    assert (await world.sign_in(await world.browser(), "bea@example.com")).status_code == 429


async def test_without_mail_there_is_no_page_for_forgotten_passwords_and_no_sign_up(world: World) -> None:
    """P7, P8: the page says who helps; nothing leads there."""
    browser = await world.browser()
    links = Page(await browser.get("/login")).links
    assert "/password/forgot" not in links
    assert "/sign-up" not in links
    for path in ("/password/forgot", "/sign-up", "/sign-up/gwl_x"):
        answer = await browser.get(path)
        assert answer.status_code == 404
        token = Page(await browser.get("/login")).form(field="password").fields["csrf_token"]
        posted = await browser.post(path, data={"csrf_token": token, "email": "ada@example.com"})
        assert posted.status_code == 404
    assert "operator" in (await browser.get("/password/forgot")).text
    ada = await world.signed_in("ada")
    assert "this deployment sends none" in (await ada.get("/account/address")).text
    token = Page(await ada.get("/account/apps")).forms[0].fields["csrf_token"]
    values = {"csrf_token": token, "email": "ada@new.example", "current_password": PASSWORD}
    assert (await ada.post("/account/address", data=values)).status_code == 422


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_the_operators_reset_link_ends_every_session_and_proves_nothing(world: World) -> None:
    """P8: for active users alone, never for a service account (S2)."""
    keys, now = world.house.keys, clock.now()
    given = {"service_domain": world.house.settings.service_domain, "keys": keys, "origin": SYSTEM, "now": now}
    await create_user(
        world.house.database,
        email="una@new.example",
        name="Una",
        password_hash=password_hash(),
        is_proven=False,
        origin=SYSTEM,
        now=now,
    )
    before = await world.browser()
    await world.sign_in(before, "una@new.example")
    token = await make_reset_link(world.house.database, email="UNA@new.example", **given)  # type: ignore[arg-type]
    browser, path = await world.browser(), f"/password/reset/{token}"
    assert (await browser.get(path)).status_code == 200
    assert (await accept(browser, path)).status_code == 303
    assert (await before.get("/account/apps")).status_code == 303
    assert (await world.sign_in(browser, "una@new.example", NEW)).status_code == 303
    assert "never proven" in (await browser.get("/account/address")).text
    for email in ("nobody@new.example", world.robots["robot"].address):
        with pytest.raises(Exception, match="user_unknown"):
            await make_reset_link(world.house.database, email=email, **given)  # type: ignore[arg-type]
    await deactivate_user(world.house.database, user_id=world.people["bea"].id, origin=SYSTEM, now=now)
    with pytest.raises(Conflict):
        await make_reset_link(world.house.database, email="bea@example.com", **given)  # type: ignore[arg-type]
