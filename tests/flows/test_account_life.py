"""Accounts begin, join, recover and move, with mail: over HTTP and a real SMTP server."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from gatewright.base import clock
from gatewright.base.ids import UserId
from gatewright.base.secrets import mint_server_key
from gatewright.directory.service import add_contact, change_contact, create_user, deactivate_user, remove_contact
from gatewright.events.catalogue import SYSTEM
from gatewright.settings import Settings
from tests.support.databases import DIALECTS
from tests.support.forms import Page
from tests.support.mail import Letter, Sink, running_sink
from tests.support.world import BASE_URL, PASSWORD, Person, World, password_hash

NEW = "a stork above seven chimneys"
HELD = re.compile(r'value="[^"]*"|<code>[^<]*</code>|<bdi[^>]*>[^<]*</bdi>')


@pytest.fixture
def sink() -> Iterator[Sink]:
    """Lend the mail server."""
    with running_sink() as running:
        yield running


@pytest.fixture
def settings(request: pytest.FixtureRequest, flow_dialect: str, tmp_path: Path, sink: Sink) -> Settings:
    """Return the settings of a deployment that sends mail and lets people sign up."""
    return Settings(
        issuer=BASE_URL,
        data_dir=tmp_path,
        database_url=request.getfixturevalue(f"{flow_dialect}_url"),
        secret_keys=(mint_server_key(),),
        smtp_url=sink.url,
        sign_up=True,
        rate_limit_spike=100_000,
        rate_limit_hour=100_000,
    )


async def arrived(sink: Sink, email: str, count: int = 1) -> Letter:
    """Return the newest of so many letters to an address, once they are there."""
    for _ in range(400):
        if len(sink.to(email)) >= count:
            break
        await asyncio.sleep(0.05)
    letters = sink.to(email)
    assert len(letters) == count, [letter.mail["subject"] for letter in letters]
    return letters[-1]


async def contact(world: World, email: str, company: str = "alder") -> int:
    return await add_contact(
        world.house.database,
        company_id=world.companies[company],
        email=email,
        name="Label Only",
        levels={},
        granted_by=None,
        origin=SYSTEM,
        now=clock.now(),
    )


async def invite(world: World, contact_id: int, company: str = "alder") -> str | None:
    invited = await world.app.state.core.invitations.invite(
        world.companies[company], contact_id, origin=SYSTEM, now=clock.now()
    )
    return None if invited.link is None else str(invited.link).removeprefix(BASE_URL)


async def post_form(
    browser: httpx.AsyncClient, path: str, values: dict[str, str], *, field: str = "csrf_token"
) -> httpx.Response:
    form = Page(await browser.get(path)).form(field=field)
    return await browser.post(form.action or path, data={**form.fields, **values})


async def user_of(world: World, company: str, contact_id: int) -> int | None:
    ada = (await world.tokens("ada", "crane", scope="company.manage")).access
    path = f"/rest/v1.0/companies/{world.companies[company]}/contacts/{contact_id}"
    answer = await world.call(ada, path)
    assert answer.status_code == 200, answer.text
    found = answer.json().get("user_id")
    return None if found is None else int(found)


def on_disk(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("gatewright.db*"))


async def is_signed_in(browser: httpx.AsyncClient) -> bool:
    return (await browser.get("/account/apps")).status_code == 200


async def unproven(world: World, email: str) -> int:
    return await create_user(
        world.house.database,
        email=email,
        name="Squat Ter",
        password_hash=password_hash(),
        is_proven=False,
        origin=SYSTEM,
        now=clock.now(),
    )


# --- invitations by mail -------------------------------------------------------------------------


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_a_mailed_invitation_begins_a_proven_account_and_joins_its_contact(world: World, sink: Sink) -> None:
    """P2, P7: the inviter is shown no link; the letter names the company and nobody else."""
    contact_id = await contact(world, "nia@new.example")
    assert await invite(world, contact_id) is None
    letter = await arrived(sink, "nia@new.example")
    assert letter.mail["subject"] == "Alder Works invites you"
    assert letter.mail["auto-submitted"] == "auto-generated"
    assert "Ada" not in letter.text + letter.html
    assert letter.html.count(letter.path) == 2
    browser = await world.browser()
    page = await browser.get(letter.path)
    assert "Alder Works" in page.text
    assert "Ada Alder" not in page.text
    answer = await post_form(browser, letter.path, {"name": "Nia New", "password": NEW}, field="name")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "Alder Works" in (await browser.get("/")).text
    user_id = await user_of(world, "alder", contact_id)
    assert user_id is not None
    assert (await browser.get(letter.path)).status_code == 404  # it works once
    assert (await world.sign_in(await world.browser(), "nia@new.example", NEW)).status_code == 303
    await post_form(await world.browser(), "/password/forgot", {"email": "nia@new.example"})
    assert "/password/reset/" in (await arrived(sink, "nia@new.example", 2)).path  # proven


async def test_a_password_made_of_the_companys_name_is_refused(world: World, sink: Sink) -> None:
    """A189: what is tried first on whoever was invited there."""
    await invite(world, await contact(world, "nia@new.example"))
    path, browser = (await arrived(sink, "nia@new.example")).path, await world.browser()
    answer = await post_form(browser, path, {"name": "Nia New", "password": "Alder-Works-2026"}, field="name")
    assert (answer.status_code, "a word from here" in answer.text) == (422, True)
    answer = await post_form(browser, path, {"name": "Nia New", "password": NEW}, field="name")
    assert answer.status_code == 303


async def test_who_has_an_account_accepts_with_its_password_or_its_session(world: World, sink: Sink) -> None:
    """P7: a sign-in as that user; a wrong password and another's session open nothing."""
    contact_id = await contact(world, "DEV@example.com")
    await invite(world, contact_id)
    letter = await arrived(sink, "DEV@example.com")
    browser = await world.signed_in("bea")
    page = await browser.get(letter.path)
    assert "You are signed in as" in page.text
    assert "another address" in page.text
    for sent in ({"as": "known", "password": "wrong"}, {"as": "viewer"}, {"as": "known", "password": NEW}):
        answer = await browser.post(letter.path, data={**Page(page).form(field="name").fields, **sent})
        assert (answer.status_code, "does not open" in answer.text) == (422, True)
    taking = await post_form(browser, letter.path, {"name": "Thief", "password": NEW}, field="name")
    assert (taking.status_code, "There is an account" in taking.text) == (422, True)
    assert await user_of(world, "alder", contact_id) is None
    dev = await world.signed_in("dev")
    answer = await post_form(dev, letter.path, {}, field="as")
    assert answer.status_code == 303
    assert "You are in the directory of Alder Works now." in (await dev.get("/")).text
    assert await user_of(world, "alder", contact_id) == world.people["dev"].id


async def test_accepting_as_another_switches_the_browser_to_that_account(world: World, sink: Sink) -> None:
    contact_id = await contact(world, "dev@example.com")
    await invite(world, contact_id)
    path = (await arrived(sink, "dev@example.com")).path
    browser = await world.signed_in("bea")
    answer = await post_form(browser, path, {"as": "known", "password": PASSWORD}, field="as")
    assert answer.status_code == 303
    assert "Dev Dorn" in (await browser.get("/")).text


async def test_an_invitation_is_withdrawn_by_a_newer_one_and_with_its_contact(world: World, sink: Sink) -> None:
    """P2, P9: also when the contact's address is edited; the label's name may change."""
    database, company_id = world.house.database, world.companies["alder"]
    contact_id = await contact(world, "nia@new.example")
    await invite(world, contact_id)
    first = (await arrived(sink, "nia@new.example")).path
    await invite(world, contact_id)
    second = (await arrived(sink, "nia@new.example", 2)).path
    browser = await world.browser()
    assert [(await browser.get(path)).status_code for path in (first, second)] == [404, 200]
    named = {"company_id": company_id, "contact_id": contact_id, "origin": SYSTEM, "now": clock.now()}
    await change_contact(database, name="Other Label", **named)  # type: ignore[arg-type]
    assert (await browser.get(second)).status_code == 200
    await change_contact(database, email="nia@other.example", **named)  # type: ignore[arg-type]
    assert (await browser.get(second)).status_code == 404
    await invite(world, contact_id)
    third = (await arrived(sink, "nia@other.example")).path
    await remove_contact(database, granted_by=None, **named)  # type: ignore[arg-type]
    answer = await browser.post(third, data={**Page(await browser.get("/login")).forms[0].fields, "name": "N"})
    assert answer.status_code == 404


async def test_many_invitations_of_one_address_are_refused(world: World, sink: Sink) -> None:
    contact_id = await contact(world, "nia@new.example")
    for _ in range(3):
        await invite(world, contact_id)
    with pytest.raises(Exception, match="rate_limited"):
        await invite(world, contact_id)
    await arrived(sink, "nia@new.example", 3)


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_whoever_proves_an_address_has_the_account_that_was_begun_with_it(world: World, sink: Sink) -> None:
    """P7: its password, sessions and tokens end; who began it without proof captured nothing."""
    user_id = await unproven(world, "nia@new.example")
    world.people["squatter"] = Person(UserId(user_id), "nia@new.example", "Squat Ter")
    squatter, tokens = await world.signed_in("squatter"), await world.tokens("squatter", "plain")
    assert (await world.call(tokens.access, "/rest/v1.0/me")).status_code == 200
    contact_id = await contact(world, "nia@new.example")
    await invite(world, contact_id)
    path = (await arrived(sink, "nia@new.example")).path
    owner = await world.browser()
    answer = await post_form(owner, path, {"name": "Nia New", "password": NEW}, field="name")
    assert answer.status_code == 303
    assert await is_signed_in(owner)
    assert not await is_signed_in(squatter)
    assert (await world.call(tokens.access, "/rest/v1.0/me")).status_code == 401
    assert (await world.refresh("plain", tokens.refresh)).status_code == 400
    assert (await world.sign_in(squatter, "nia@new.example")).status_code == 422
    assert (await world.sign_in(squatter, "nia@new.example", NEW)).status_code == 303


# --- forgotten passwords -------------------------------------------------------------------------


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_a_forgotten_password_is_reset_once_and_every_session_ends(world: World, sink: Sink) -> None:
    """P8: the link goes to the account's own address, is consumed by POST, and tells nothing by a GET."""
    before = await world.signed_in("ada")
    browser = await world.browser()
    assert "/password/forgot" in Page(await browser.get("/login")).links
    answer = await post_form(browser, "/password/forgot", {"email": "ADA@Example.com"})
    assert answer.status_code == 200
    path = (await arrived(sink, "ada@example.com")).path
    assert path.startswith("/password/reset/gwl_")
    for _ in range(2):
        page = await browser.get(path)
        assert page.status_code == 200
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert (await post_form(browser, path, {"password": "short"}, field="password")).status_code == 422
    assert await is_signed_in(before)
    answer = await post_form(browser, path, {"password": NEW}, field="password")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert not await is_signed_in(before)
    assert (await world.sign_in(browser, "ada@example.com")).status_code == 422
    assert (await world.sign_in(browser, "ada@example.com", NEW)).status_code == 303
    assert (await (await world.browser()).get(path)).status_code == 404
    assert "password was changed" in (await arrived(sink, "ada@example.com", 2)).mail["subject"]


async def test_asking_tells_nobody_who_has_an_account(world: World, sink: Sink) -> None:
    """P8, S2: status and body are the same; mail goes to active, proven people alone."""
    await unproven(world, "una@new.example")
    await deactivate_user(world.house.database, user_id=world.people["bea"].id, origin=SYSTEM, now=clock.now())
    asked = ["nobody@x.example", "una@new.example", "bea@example.com", world.robots["robot"].address]
    asked += ["anyone@service.127.0.0.1", "ada@example.com"]
    answers = [await post_form(await world.browser(), "/password/forgot", {"email": email}) for email in asked]
    assert {answer.status_code for answer in answers} == {200}
    assert len({HELD.sub("", answer.text) for answer in answers}) == 1
    await arrived(sink, "ada@example.com")
    assert [letter.to for letter in sink.letters] == [["ada@example.com"]]
    signed = [await post_form(await world.browser(), "/sign-up", {"email": email}) for email in asked]
    assert len({(answer.status_code, HELD.sub("", answer.text)) for answer in signed}) == 1
    known = await arrived(sink, "ada@example.com", 2)
    assert known.mail["subject"] == "You have an account already"
    assert (await post_form(await world.browser(), "/password/forgot", {"email": "no address"})).status_code == 422


async def test_an_address_is_sent_three_links_an_hour(world: World, sink: Sink) -> None:
    for _ in range(5):
        await post_form(await world.browser(), "/password/forgot", {"email": "ada@example.com"})
    await post_form(await world.browser(), "/password/forgot", {"email": "max@example.com"})
    await arrived(sink, "max@example.com")
    assert len(sink.to("ada@example.com")) == 3


async def test_two_who_reset_at_once_set_one_password(world: World, sink: Sink) -> None:
    """P8: single use."""
    await post_form(await world.browser(), "/password/forgot", {"email": "ada@example.com"})
    path = (await arrived(sink, "ada@example.com")).path
    browsers = [await world.browser() for _ in range(4)]
    answers = await asyncio.gather(
        *(post_form(one, path, {"password": f"{NEW} {at}"}, field="password") for at, one in enumerate(browsers))
    )
    assert sorted(answer.status_code for answer in answers) == [303, 404, 404, 404]


async def test_a_link_of_before_a_change_opens_nothing(world: World, sink: Sink) -> None:
    """P8: neither after another reset nor after a deactivation."""
    for _ in range(2):
        await post_form(await world.browser(), "/password/forgot", {"email": "ada@example.com"})
    await arrived(sink, "ada@example.com", 2)
    first, second = (letter.path for letter in sink.to("ada@example.com"))
    browser = await world.browser()
    assert (await post_form(browser, second, {"password": NEW}, field="password")).status_code == 303
    assert (await browser.get(first)).status_code == 404
    await post_form(browser, "/password/forgot", {"email": "bea@example.com"})
    path = (await arrived(sink, "bea@example.com")).path
    await deactivate_user(world.house.database, user_id=world.people["bea"].id, origin=SYSTEM, now=clock.now())
    assert (await browser.get(path)).status_code == 404


async def test_links_are_neither_logged_nor_kept_in_clear(
    world: World, sink: Sink, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """P8, T13: in the log, the database and its write-ahead log."""
    await invite(world, await contact(world, "nia@new.example"))
    await post_form(await world.browser(), "/password/forgot", {"email": "ada@example.com"})
    await post_form(await world.browser(), "/sign-up", {"email": "sam@new.example"})
    paths = [(await arrived(sink, email)).path for email in ("nia@new.example", "ada@example.com", "sam@new.example")]
    browser = await world.browser()
    for path in paths:
        assert (await browser.get(path)).status_code == 200
    said = "".join(capfd.readouterr())
    kept = on_disk(tmp_path)
    assert len(kept) > 100_000
    for path in paths:
        token = path.rsplit("/", 1)[1]
        assert token not in said
        assert token.encode() not in kept
        assert token[4:].encode() not in kept
    assert "/password/reset/" in said


# --- signing up and moving -----------------------------------------------------------------------


async def test_signing_up_proves_the_address_first(world: World, sink: Sink) -> None:
    """P7: one-time link, then name and password; a second use opens nothing."""
    browser = await world.browser()
    assert (await post_form(browser, "/sign-up", {"email": "sam@new.example"})).status_code == 200
    path = (await arrived(sink, "sam@new.example")).path
    assert (await browser.get(path)).status_code == 200
    wrong = await post_form(browser, path, {"name": " ", "password": "short"}, field="name")
    assert (wrong.status_code, wrong.text.count('aria-invalid="true"')) == (422, 2)
    answer = await post_form(browser, path, {"name": "Sam Same", "password": NEW}, field="name")
    assert answer.status_code == 303
    assert "Sam Same" in (await browser.get("/")).text
    assert (await (await world.browser()).get(path)).status_code == 404


async def test_a_sign_up_link_takes_no_account_that_has_come_up_since(world: World, sink: Sink) -> None:
    """P7: it was proven in the meantime by somebody who has a password; an unproven one is the holder's."""
    for email in ("sam@new.example", "una@new.example"):
        await post_form(await world.browser(), "/sign-up", {"email": email})
    sam, una = [(await arrived(sink, email)).path for email in ("sam@new.example", "una@new.example")]
    await create_user(
        world.house.database,
        email="sam@new.example",
        name="Sam",
        password_hash=password_hash(),
        origin=SYSTEM,
        now=clock.now(),
    )
    await unproven(world, "una@new.example")
    taken = await post_form(await world.browser(), sam, {"name": "Sam", "password": NEW}, field="name")
    assert taken.status_code == 422
    claimed = await post_form(await world.browser(), una, {"name": "Una", "password": NEW}, field="name")
    assert claimed.status_code == 303


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_a_new_address_counts_once_it_is_proven(world: World, sink: Sink) -> None:
    """P9: with the password, by a link to the new address, in a browser of that account; labels stay."""
    browser = await world.signed_in("wim")
    values = {"email": "wim@new.example", "current_password": "wrong"}
    assert (await post_form(browser, "/account/address", values, field="email")).status_code == 422
    values["current_password"] = PASSWORD
    assert (await post_form(browser, "/account/address", values, field="email")).status_code == 303
    path = (await arrived(sink, "wim@new.example")).path
    assert (await world.sign_in(await world.browser(), "wim@new.example")).status_code == 422  # not before
    assert (await (await world.browser()).get(path)).headers["location"].startswith("/login")
    assert (await (await world.signed_in("bea")).get(path)).status_code == 404
    assert (await post_form(browser, path, {}, field="csrf_token")).status_code == 303
    assert "wim@new.example" in (await arrived(sink, "wim@example.com")).text  # the old one is told
    assert (await world.sign_in(await world.browser(), "wim@example.com")).status_code == 422
    assert (await world.sign_in(await world.browser(), "wim@new.example")).status_code == 303
    assert (await browser.get(path)).status_code == 404
    ada = (await world.tokens("ada", "crane", scope="company.manage")).access
    contacts = await world.call(ada, f"/rest/v1.0/companies/{world.companies['alder']}/contacts")
    assert "wim@example.com" in {one["email"] for one in contacts.json()}


async def test_who_asks_for_a_taken_address_learns_nothing(world: World, sink: Sink) -> None:
    """P9: the same answer; its owner is told. A service account's is refused like all under that domain."""
    browser = await world.signed_in("wim")
    answers = [
        await post_form(browser, "/account/address", {"email": email, "current_password": PASSWORD}, field="email")
        for email in ("bea@example.com", "free@new.example")
    ]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert (await arrived(sink, "bea@example.com")).mail["subject"] == "Somebody tried to use your address"
    await arrived(sink, "free@new.example")
    for address in (world.robots["robot"].address, "x@service.127.0.0.1", "none"):
        values = {"email": address, "current_password": PASSWORD}
        assert (await post_form(browser, "/account/address", values, field="email")).status_code == 422


async def test_an_address_taken_while_its_proof_waited_stays_whose_it_is(world: World, sink: Sink) -> None:
    """P9: and the newest link alone opens anything."""
    browser = await world.signed_in("wim")
    for email in ("one@new.example", "two@new.example"):
        values = {"email": email, "current_password": PASSWORD}
        await post_form(browser, "/account/address", values, field="email")
        await arrived(sink, email)
    assert (await browser.get(sink.to("one@new.example")[0].path)).status_code == 404
    await unproven(world, "two@new.example")
    answer = await post_form(browser, sink.to("two@new.example")[0].path, {})
    assert (answer.status_code, "cannot be used" in answer.text) == (422, True)


async def test_an_unproven_address_is_proven_by_asking_for_it(world: World, sink: Sink) -> None:
    """P7, P9: then a forgotten password can be reset."""
    await unproven(world, "una@new.example")
    browser = await world.browser()
    await world.sign_in(browser, "una@new.example")
    values = {"email": "una@new.example", "current_password": PASSWORD}
    await post_form(browser, "/account/address", values, field="email")
    path = (await arrived(sink, "una@new.example")).path
    assert (await post_form(browser, path, {})).status_code == 303
    assert "It is proven." in (await browser.get("/account/address")).text


async def test_many_requests_for_mail_from_one_place_are_refused(world: World) -> None:
    """A185: the same for every address."""
    browser = await world.browser()
    form = Page(await browser.get("/password/forgot")).form(field="email")
    for at in range(30):
        answer = await browser.post("/password/forgot", data={**form.fields, "email": f"n{at}@x.example"})
        assert answer.status_code == 200
    answers = [
        await browser.post("/password/forgot", data={**form.fields, "email": email})
        for email in ("ada@example.com", "nobody@x.example")
    ]
    assert [answer.status_code for answer in answers] == [429, 429]


@pytest.mark.parametrize("path", ["/password/forgot", "/sign-up", "/account/address"])
async def test_a_form_of_another_browser_asks_for_nothing(world: World, path: str, sink: Sink) -> None:
    """A174, A175."""
    browser = await world.signed_in("ada")
    for token in ("", "0" * 64):
        answer = await browser.post(path, data={"csrf_token": token, "email": "ada@example.com"})
        assert answer.status_code == 403
