"""The bar of every page: only places and tabs that the viewer may enter (M6)."""

import re

import httpx
import pytest

from gatewright.apps.installation_service import connect_on_first_call
from gatewright.apps.service import block_app
from gatewright.base import clock
from gatewright.base.ids import AppId
from gatewright.decisions.navigation import COMPANY_TABS
from gatewright.directory import service as directory
from gatewright.events.catalogue import SYSTEM
from tests.support.forms import Page
from tests.support.statements import counted
from tests.support.world import World

PLACE = re.compile(r"/(companies/\d+|account/apps|developer/apps)")


async def links(world: World, person: str, path: str) -> list[str]:
    """Return the links of a page that lead into the product, in their order, each once."""
    answer = await (await world.signed_in(person)).get(path)
    assert answer.status_code == 200, (person, path, answer.text)
    return list(dict.fromkeys(Page(answer).links))


async def test_the_menu_names_the_places_one_may_enter(world: World) -> None:
    """M6, P6: companies with a contact of theirs, and no others."""
    alder, birch = (f"/companies/{world.companies[key]}" for key in ("alder", "birch"))
    for person, expected in (
        ("ada", {alder, birch}),
        ("max", {alder}),
        ("bea", {birch}),
        ("dev", set()),
    ):
        places = {link for link in await links(world, person, "/account/apps") if PLACE.fullmatch(link)}
        assert places == {"/account/apps", "/developer/apps", *expected}, person


async def test_every_tab_that_is_shown_opens_and_no_other_does(world: World) -> None:
    """M6: the tab asks the same decision as the page behind it."""
    alder = f"/companies/{world.companies['alder']}"
    tabs = {alder, f"{alder}/apps", f"{alder}/directory", f"{alder}/service-accounts"}
    for person, expected in (
        ("ada", tabs),
        ("max", tabs - {f"{alder}/directory"}),
        ("wim", {alder, f"{alder}/directory"}),
    ):
        shown = tabs & set(await links(world, person, alder))
        assert shown == expected, person
        browser = await world.signed_in(person)
        for tab in tabs:
            assert (await browser.get(tab)).status_code == (200 if tab in expected else 403), (person, tab)


@pytest.mark.parametrize("flow_dialect", ["postgresql"])
async def test_what_several_tabs_take_is_asked_once(world: World) -> None:
    """M6: on PostgreSQL each question reads its rows anew."""
    ada = await world.signed_in("ada")
    with counted(world.house.database) as seen:
        await ada.get(f"/companies/{world.companies['alder']}/directory")
    decisions = sum("FROM contacts \nWHERE contacts.company_id = $1::BIGINT AND (" in one for one in seen.statements)
    requests = sum("FROM sessions" in one for one in seen.statements)
    taken = {(tab.tool, tab.level) for tab in COMPANY_TABS}
    assert decisions == requests * (len(taken) + 1)  # and the page's own


async def test_a_company_that_one_may_not_enter_is_not_offered(world: World) -> None:
    """M6: without any level or membership the overview is closed, so neither place nor tab leads to it."""
    alder, zoe = f"/companies/{world.companies['alder']}", await world.add_person("zoe", "Zoe Zeder")
    contact = await world.add_contact("alder", "zoe")
    browser = await world.signed_in("zoe")
    closed = await browser.get(alder)
    assert closed.status_code == 403
    assert alder not in Page(closed).links
    assert alder not in await links(world, "zoe", "/account/apps")
    await world.add_member("alder", "bridge", zoe.contacts["alder"])
    assert alder in await links(world, "zoe", "/account/apps")
    assert alder in await links(world, "zoe", alder)
    await world.set_levels("alder", contact, budget="read_only")
    assert alder in await links(world, "zoe", "/account/apps")


async def test_a_tab_counts_the_decisions_that_wait_behind_it(world: World) -> None:
    """I2: an app that asks to be let in."""
    alder, database = world.companies["alder"], world.house.database
    await directory.change_company(database, company_id=alder, app_access="approval", origin=SYSTEM, now=clock.now())
    await connect_on_first_call(
        database,
        company_id=alder,
        app_id=AppId(world.apps["crane"].id),
        user_id=world.people["wim"].id,
        origin=SYSTEM,
        now=clock.now(),
    )
    page = await (await world.signed_in("max")).get(f"/companies/{alder}/service-accounts")
    assert ", 1 waiting" in page.text
    page = await (await world.signed_in("wim")).get(f"/companies/{alder}")
    assert ", 1 waiting" not in page.text


async def test_a_blocked_app_waits_nowhere(world: World) -> None:
    """I2: the overview, App Management and its tab speak of the same apps; none can let a blocked one in."""
    alder, database = world.companies["alder"], world.house.database
    await directory.change_company(database, company_id=alder, app_access="approval", origin=SYSTEM, now=clock.now())
    for app in ("crane", "plain"):
        await connect_on_first_call(
            database,
            company_id=alder,
            app_id=AppId(world.apps[app].id),
            user_id=world.people["wim"].id,
            origin=SYSTEM,
            now=clock.now(),
        )
    browser, pages = await world.signed_in("max"), (f"/companies/{alder}", f"/companies/{alder}/apps")
    for page in pages:
        assert "Plain Viewer" in (await browser.get(page)).text
    await block_app(database, app_id=AppId(world.apps["plain"].id), origin=SYSTEM, now=clock.now())
    for page in pages:
        shown = (await browser.get(page)).text
        assert "<bdi>Crane Reports</bdi> asks to connect" in shown
        assert "<bdi>Plain Viewer</bdi> asks to connect" not in shown
        assert ", 1 waiting" in shown


def main_of(answer: httpx.Response) -> list[str]:
    """Return the words of the page that a refusal is, without its code and request id, and tiles' initials."""
    main = answer.text.partition("<main")[2].partition('<p class="gw-codes">')[0].partition(">")[2]
    words = re.sub(r'<span class="gw-tile[^>]*>\w+</span>', "", main)
    return [text.strip() for text in re.split(r"<[^>]*>", words) if text.strip()]


async def test_who_can_help_is_named_only_to_readers_of_the_directory(world: World) -> None:
    """P6, M4: others are told by what; who cannot sign in helps nobody; a part of an open page names no page."""
    alder = f"/companies/{world.companies['alder']}"
    answer = await (await world.signed_in("max")).get(f"{alder}/directory")
    assert main_of(answer) == [
        "Directory is for whoever holds Directory: Read only",
        "This needs Directory: Read only in this company. You hold None.",
        "Who can help",
        "Someone who holds Directory: Admin in this company can raise it.",
        "To Overview",
    ]
    wim = await world.signed_in("wim")
    contact = f"{alder}/directory/{world.people['wim'].contacts['alder']}"
    part = main_of(await wim.get(f"{contact}/explain?tool=directory"))
    assert (part[0], part[3]) == ("This is not open to you", "Ada Alder")
    assert main_of(await wim.get(f"{alder}/templates"))[0] == "Templates are for company admins"
    assert main_of(await wim.get(f"{alder}/settings"))[0] == "Settings are for whoever holds Admin: Admin"
    await world.add_person("ben", "Ben Birke")
    await world.add_contact("alder", "ben", directory="admin")
    assert main_of(await wim.get(f"{alder}/events"))[3:7] == [
        "Ada Alder",
        "ada@example.com",
        "Ben Birke",
        "ben@example.com",
    ]
    await directory.deactivate_user(
        world.house.database, user_id=world.people["ben"].id, origin=SYSTEM, now=clock.now()
    )
    assert main_of(await wim.get(f"{alder}/events"))[3:] == ["Ada Alder", "ada@example.com", "To Overview"]


async def test_a_refused_page_says_what_is_missing_and_who_can_help(world: World) -> None:
    """X1: one question, one answer; names only where the directory may be read."""
    answer = await (await world.signed_in("wim")).get(f"/companies/{world.companies['alder']}/apps")
    assert answer.status_code == 403
    assert "permission_insufficient" in answer.text
    assert answer.headers["x-request-id"] in answer.text
    assert main_of(answer) == [
        "App Management is for whoever holds Admin: Admin",
        "This needs Admin: Admin in this company. You hold None.",
        "Who can help",
        "Ada Alder",
        "ada@example.com",
        "To Overview",
    ]
    foreign = await (await world.signed_in("wim")).get(f"/companies/{world.companies['birch']}/apps")
    nowhere = await (await world.signed_in("wim")).get("/companies/424242/apps")
    assert foreign.status_code == nowhere.status_code == 404
    told = [
        re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|/companies/\d+|[0-9a-f]{64}", "", page.text) for page in (foreign, nowhere)
    ]
    assert told[0] == told[1]
