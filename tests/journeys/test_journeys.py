"""What each of the four roles does, page after page, with scripts on a wide window and without on a narrow one.

Every page on the way is looked at (`Visitor.look`): one heading, a title, nothing wider than the
window, nothing asked of another host, the focus on what is wrong, no finding of axe-core in light
and dark; and the browser complains of nothing (`open_page`).
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Error, expect

from tests.journeys.deployment import PASSWORD, Deployment, deployed
from tests.support.browser import DESKTOP, PHONE, OpenPage
from tests.support.visitor import Judged, Visitor

Arrive = Callable[[str], Visitor]
each_way = pytest.mark.parametrize("way", ["wide", "bare"])


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Lend the one server of all journeys."""
    with deployed(tmp_path_factory.mktemp("journeys")) as running:
        yield running


@pytest.fixture(scope="module")
def judged() -> Judged:
    """Return the pages that axe-core has seen."""
    return set()


@pytest.fixture
def arrive(deployment: Deployment, open_page: OpenPage, judged: Judged) -> Arrive:
    """Return how somebody comes to a browser: `wide` or with `keys`, `bare` of scripts, or with `touch`."""

    def come(way: str) -> Visitor:
        if way == "touch":
            page = open_page(PHONE, is_mobile=True, has_touch=True, device_scale_factor=2)
        else:
            page = open_page(PHONE if way == "bare" else DESKTOP, javascript=way != "bare")
        return Visitor(page, deployment.url, None if way == "bare" else judged)

    return come


def signed_in(arrive: Arrive, way: str, person: str) -> Visitor:
    """Return somebody who has signed in on the page."""
    who = arrive(way)
    who.go("/login")
    who.sign_in(f"{person}@example.com", PASSWORD)
    return who


@each_way
def test_a_user_allows_an_app_ends_it_and_looks_after_the_account(
    deployment: Deployment, arrive: Arrive, way: str
) -> None:
    """T1, T10, P8, X1: what is refused says what is closed and who can help."""
    uma, asks = arrive(way), deployment.asks(f"Hoist {way}")
    uma.go(asks)
    uma.sign_in(f"uma-{way}@example.com", "not the password")
    assert uma.page.get_by_label("E-mail").input_value() == f"uma-{way}@example.com"
    uma.sign_in(f"uma-{way}@example.com", PASSWORD)
    assert uma.heading.startswith(f"Let Hoist {way} act for")
    uma.press("Don’t allow")
    assert uma.heading == "You did not allow it"
    uma.go(asks)
    uma.press(re.compile("^Allow$"))
    assert uma.heading == "Authorization code:"
    uma.go("/account/apps")
    uma.follow(f"End… Hoist {way}")
    uma.press(f"End Hoist {way}")
    assert "Ended everywhere at" in uma.said
    assert "No app may act for you" in uma.said
    uma.follow("Security")
    uma.fill("Current password", "not the password")
    uma.fill("New password", "keystone, quarry, seven spans")
    uma.press("Change password")
    assert "This is not your password." in uma.said
    uma.follow("Sessions")
    assert "This browser" in uma.said
    assert uma.go(f"{deployment.company(way)}/apps") == 403
    for told in (
        "This needs Admin: Admin in this company. You hold None.",
        "Who can help",
        "403 permission_insufficient",
    ):
        assert told in uma.said
    assert uma.heading == "App Management is for whoever holds Admin: Admin"
    uma.follow("To Overview")
    uma.page.locator(".gw-me summary").click()
    uma.press("Sign out")
    assert uma.heading == "You are signed out"


@each_way
def test_an_admin_decides_on_apps(deployment: Deployment, arrive: Arrive, way: str) -> None:
    """I2 to I6: approve, disconnect, reconnect, decline."""
    company = deployment.company(way)
    for app in ("Crane", "Lift"):
        assert deployment.let_work(f"uma-{way}@example.com", f"{app} {way}", way) == 403
    ada = signed_in(arrive, way, f"ada-{way}")
    ada.go(company)
    ada.press(f"Approve Crane {way}")
    assert "Connected at" in ada.said
    ada.follow(re.compile("^App Management"))
    ada.press(f"Decline Lift {way}")
    assert "Disconnected everywhere at" in ada.said
    ada.follow("App Management")
    ada.page.get_by_label("Search apps").fill("crane")
    ada.press("Search")
    ada.follow(f"Crane {way}")
    assert "What stops" in ada.said
    ada.press(re.compile("^Disconnect, stop 1 user"))
    assert "1 user stopped" in ada.said
    ada.press("Reconnect")
    assert "1 user may use it" in ada.said
    assert deployment.let_work(f"uma-{way}@example.com", f"Crane {way}", way) == 200


@each_way
def test_an_admin_manages_the_directory(deployment: Deployment, arrive: Arrive, way: str) -> None:
    """M2, M3, X4: a contact, its levels, why it has them; a template, and whom its change touches."""
    ada = signed_in(arrive, way, f"ada-{way}")
    ada.go(f"{deployment.company(way)}/directory")
    ada.fill("Name", "Ida Ilex")
    ada.fill("E-mail", f"ada-{way}@example.com")
    ada.page.get_by_label("Invite to sign in").uncheck()
    ada.press("Add contact")
    assert ada.page.get_by_label("Name", exact=True).input_value() == "Ida Ilex"
    ada.fill("E-mail", f"ida-{way}@example.org")
    ada.press("Add contact")
    assert ada.heading == "Ida Ilex"
    contact = ada.page.url
    ada.page.get_by_label("Reports in the whole company").select_option("standard")
    ada.press("Save 1 change" if way == "wide" else "Save levels")
    assert "Levels saved." in ada.said
    ada.follow(re.compile("^Reports ?, Whole company"))
    assert ada.heading == "What Ida Ilex may do, and why"
    assert "can invite its address" in ada.said
    ada.follow("Templates")
    ada.fill("Name", "Engineer")
    ada.press("New template")
    ada.page.get_by_label("Reports in the whole company").select_option("read_only")
    ada.press(re.compile("^Save"))
    template = ada.page.url
    ada.go(contact.removeprefix(deployment.url))
    ada.page.get_by_role("combobox", name="Template").select_option("Engineer")
    ada.press("Set template")
    assert "has the template’s levels" in ada.said
    ada.go(template.removeprefix(deployment.url))
    ada.page.get_by_label("RFIs on each project").select_option("admin")
    ada.press("Show whom it changes")
    assert "Nothing is saved yet." in ada.said
    assert "Ida Ilex" in ada.said
    ada.press("Save for 1 contact")
    assert "Saved for 1 contact" in ada.said


@each_way
def test_an_admin_makes_a_service_account_whose_secret_is_shown_once(
    deployment: Deployment, arrive: Arrive, way: str
) -> None:
    """S6: neither going back, nor reloading, nor sending the form again shows it or makes another."""
    ada = signed_in(arrive, way, f"ada-{way}")
    ada.go(f"{deployment.company(way)}/service-accounts")
    ada.fill("Name", "Nightly export")
    ada.press("New service account")
    secret = ada.page.locator("#client-secret").inner_text()
    assert secret.startswith("gws_")
    goes_on = ada.page.get_by_role("button", name="Continue to its levels")
    goes_on.click()
    assert ada.page.locator("#client-secret").count() == 1, "goes on without a tick"
    ada.page.reload()  # sends the form once more
    ada.look()
    assert ada.heading == "The secret was shown once"
    assert secret not in ada.page.content()
    ada.follow("Open Nightly export")
    ada.follow(re.compile("Service accounts$"))
    assert ada.page.get_by_role("link", name="Nightly export").count() == 1
    ada.fill("Name", "Hourly export")
    ada.press("New service account")
    secret = ada.page.locator("#client-secret").inner_text()
    ada.tick("I have stored the secret")
    ada.press("Continue to its levels")
    assert ada.heading == "Hourly export"
    with suppress(Error):  # there is nothing to go back to: the browser was not to keep the page
        ada.page.go_back()
    ada.page.wait_for_load_state()
    expect(ada.page.get_by_text(secret)).to_have_count(0)


@each_way
def test_an_admin_reads_and_takes_the_record(deployment: Deployment, arrive: Arrive, way: str, tmp_path: Path) -> None:
    """R1, R2: one kind of event, and the whole record as a file."""
    ada = signed_in(arrive, way, f"ada-{way}")
    ada.go(f"{deployment.company(way)}/events")
    ada.page.get_by_label("Kind of event").select_option("contact.added")
    ada.press("Show")
    assert "kind=contact.added" in ada.page.url
    ada.open(f"Uma {way}")
    assert ada.page.locator("details[open] .gw-record-facts").is_visible()
    with ada.page.expect_download() as taken:
        ada.page.get_by_role("link", name="Export").click()
    file = tmp_path / "record"
    taken.value.save_as(file)
    lines = file.read_text().splitlines()
    assert any('"contact.added"' in line and f"Uma {way}" in line for line in lines)
    assert all(isinstance(json.loads(line), dict) for line in lines)


@each_way
def test_a_developer_makes_an_app_turns_its_secrets_and_deletes_it(arrive: Arrive, way: str) -> None:
    """D1 to D6: terms first, a wrong redirect URI keeps what was typed, a name typed before the end."""
    dev, name = signed_in(arrive, way, f"dev-{way}"), f"Plumb line {way}"
    dev.go("/developer/apps/new")
    dev.follow("Read and accept them")
    dev.press("Accept version 2026-11")
    assert dev.heading == "New app"
    dev.fill("Name", name)
    dev.fill("Homepage", "https://plumb.example/")
    dev.fill("Redirect URIs, one a line", "https://plumb.example/cb\nhttp://plumb.example/cb")
    dev.press("Make app")
    assert "line 2" in dev.said.lower()
    assert dev.page.get_by_label("Redirect URIs, one a line").input_value().endswith("\nhttp://plumb.example/cb")
    dev.fill("Redirect URIs, one a line", "https://plumb.example/cb")
    dev.press("Make app")
    assert dev.page.locator("#client-secret").inner_text().startswith("gws_")
    dev.tick("I have stored the secret")
    dev.press("Continue to the app")
    app = dev.page.url.partition("?")[0]
    dev.press("Add a secret")
    dev.tick("I have stored the secret")
    dev.press("Continue to the app")
    dev.open(re.compile("^Retire…"))
    dev.press(re.compile("^Retire$"))
    assert dev.page.locator("summary").filter(has_text="Retire…").count() == 1
    uris = dev.page.locator("#redirect_uris")
    uris.fill("https://plumb.example/cb#part")
    dev.press("Save redirect URIs")
    assert "line 1" in dev.said.lower()
    assert uris.input_value() == "https://plumb.example/cb#part"
    dev.go(app.removeprefix(dev.base_url))
    dev.open("Delete…")
    dev.page.locator("#delete-name").fill("Plumb")
    dev.page.get_by_role("button", name=f"Delete {name}").click()
    assert dev.page.url == app, "another name than the app's"
    dev.page.locator("#delete-name").fill(name)
    dev.press(f"Delete {name}")
    assert dev.heading == "Apps"
    expect(dev.page.get_by_role("link", name=name)).to_have_count(0)
    dev.go("/developer/refusals")


@each_way
def test_an_operator_runs_the_deployment(deployment: Deployment, arrive: Arrive, way: str) -> None:
    """P4, D6, M1: companies, users, apps, tools, keys, settings, health, events."""
    oda = signed_in(arrive, way, "oda")
    oda.go("/operator/companies")
    oda.fill("Company", f"Cedar {way}")
    oda.fill("First admin’s name", "Cid Cedar")
    oda.fill("First admin’s e-mail", f"cid-{way}@example.org")
    oda.press("Make company")
    oda.tick("I have copied the link")
    oda.press("Continue")
    assert oda.heading == f"Cedar {way}"
    oda.follow("Users")
    oda.page.get_by_label("Search users").fill(f"tim-{way}")
    oda.press("Search")
    oda.follow(f"Tim {way}")
    oda.press(re.compile("^Deactivate"))
    oda.press("Reactivate")
    assert "Reactivated." in oda.said
    oda.go("/operator/apps")
    oda.follow(f"Hoist {way}")
    oda.press(re.compile("^Block"))
    oda.press("Unblock")
    oda.follow("Tools")
    oda.fill("Name", f"Diary {way}")
    oda.fill("Key", "Not A Key")
    oda.press("Declare tool")
    oda.fill("Key", f"diary_{way}")
    oda.press("Declare tool")
    assert f"Diary {way} is declared." in oda.said
    oda.follow("Keys")
    waits = oda.page.get_by_role("button", name="Let it sign now").count()
    oda.press("Let it sign now" if waits else "Rotate")
    assert re.search(r"Key \S{8} (is published|signs now)", oda.said)
    for tab in ("Terms of use", "Settings", "Health", "Events"):
        oda.follow(tab)
        assert oda.heading == tab


def test_an_app_is_approved_with_the_keyboard_alone(deployment: Deployment, arrive: Arrive) -> None:
    """WCAG 2.1.1, 2.4.7: from the sign-in to the receipt; where the focus is shows."""
    deployment.let_work("uma-keys@example.com", "Crane keys", "keys")
    ada = arrive("keys")
    ada.go(f"/login?next={deployment.company('keys')}")
    keyboard = ada.page.keyboard
    keyboard.type("ada-keys@example.com")
    keyboard.press("Tab")
    keyboard.type(PASSWORD)
    with ada.page.expect_navigation():
        keyboard.press("Enter")
    ada.look()
    keyboard.press("Tab")
    assert ada.page.locator(":focus").inner_text() == "Skip to content"
    keyboard.press("Enter")
    for _ in range(5):
        keyboard.press("Tab")
        focused = ada.page.locator(":focus-visible")
        assert focused.count() == 1
        if focused.inner_text().startswith("Approve"):
            break
    with ada.page.expect_navigation():
        keyboard.press("Enter")
    ada.look()
    assert "Connected at" in ada.said


def test_an_app_is_approved_and_a_level_is_set_by_touch(deployment: Deployment, arrive: Arrive) -> None:
    """Phones: the same pages with scripts; targets that a finger meets."""
    deployment.let_work("uma-touch@example.com", "Crane touch", "touch")
    ada = signed_in(arrive, "touch", "ada-touch")
    ada.go(deployment.company("touch"))
    approve = ada.page.get_by_role("button", name="Approve Crane touch")
    assert (approve.bounding_box() or {"height": 0})["height"] >= 44
    with ada.page.expect_navigation():
        approve.tap()
    ada.look()
    assert "Connected at" in ada.said
    ada.follow("Directory")
    ada.follow("Uma touch")
    ada.page.get_by_label("RFIs on Bridge").select_option("admin")
    assert ada.page.get_by_text("RFIs on Bridge: Standard → Admin.").is_visible()
    ada.press("Save 1 change")
    assert "Levels saved." in ada.said
