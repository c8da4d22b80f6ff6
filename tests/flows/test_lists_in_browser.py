"""Lists that narrow while somebody types, in a real browser: htmx shortens the way, and nothing hangs from it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import OpenPage
from tests.support.server import Server, command, running_server

EVERYBODY = ["Ada Alder", "Wim Weide", "Mia <b>Moss</b>"]
PASSWORD = "only for development"
WORLD = """
users:
  - {email: ada@example.com, name: Ada Alder, password: "only for development"}
  - {email: dev@example.com, name: Dev Dorn, password: "only for development"}
  - {email: wim@example.com, name: Wim Weide, password: "only for development"}
  - {email: mia@example.com, name: "Mia <b>Moss</b>", password: "only for development"}
companies:
  - name: Alder Works
    app_access: approval
    contacts:
      - {user: ada@example.com, levels: {directory: admin, admin: admin}}
      - {user: wim@example.com}
      - {user: mia@example.com}
    installations: [{app: Crane, status: connected}, {app: Plain, status: disconnected}]
apps:
  - {name: Crane, owner: dev@example.com, type: confidential, redirect_uris: ["https://crane.example/callback"]}
  - {name: Plain, owner: dev@example.com, type: confidential, redirect_uris: ["https://plain.example/callback"]}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Lend a server whose one company has three contacts and two apps."""
    folder = tmp_path_factory.mktemp("lists")
    data_dir, world = folder / "data", folder / "world.yaml"
    world.write_text(WORLD)
    done = command("apply", str(world), "--credentials", str(folder / "made.json"), data_dir=data_dir)
    assert done.returncode == 0, done.stderr
    with running_server(data_dir=data_dir) as running:
        yield running


def at(page: Page, server: Server, path: str) -> Page:
    """Return the page of Ada's that a path names."""
    page.goto(f"{server.base_url}/login?next={path}")
    page.get_by_label("E-mail").fill("ada@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"**{path}")
    return page


def names(page: Page) -> list[str]:
    """Return whom the list shows."""
    return page.locator("#found .gw-name").all_inner_texts()


def test_a_list_narrows_while_somebody_types(server: Server, desktop: Page) -> None:
    """The field keeps its focus, the address can be passed on, and it is said how much was found."""
    page = at(desktop, server, "/companies/1/directory")
    field = page.get_by_label("Search contacts")
    field.press_sequentially("wim")
    expect(page.locator("#found .gw-name")).to_have_text(["Wim Weide"])
    expect(page.locator("#found-said")).to_have_text("1 contact")
    assert field.evaluate("field => field === document.activeElement && field.value === 'wim'")
    expect(page).to_have_url(f"{server.base_url}/companies/1/directory?q=wim&kind=")
    page.get_by_label("Kind").select_option("service_account")
    expect(page.locator("#found")).to_contain_text("No contact whose name or address holds “wim” is found with these")
    page.get_by_label("Kind").select_option("user")
    field.fill("")
    expect(page.locator("#found .gw-name")).to_have_text(EVERYBODY)
    page.reload()
    assert names(page) == EVERYBODY
    assert page.get_by_label("Kind").input_value() == "user"


def test_what_is_found_is_text(server: Server, desktop: Page) -> None:
    """A158: neither a name nor what was typed becomes a part of the page."""
    page = at(desktop, server, "/companies/1/directory")
    page.get_by_label("Search contacts").fill("<b>")
    expect(page.locator("#found .gw-name")).to_have_text(["Mia <b>Moss</b>"])
    page.get_by_label("Search contacts").fill("<img src=x hx-get=/logout hx-trigger=load>")
    expect(page.locator("#found")).to_contain_text("holds “<img src=x hx-get=/logout hx-trigger=load>”")
    assert page.locator("#found img").count() == 0


def test_the_choice_beside_a_list_follows_it(server: Server, desktop: Page) -> None:
    page = at(desktop, server, "/companies/1/apps")
    page.get_by_label("Search apps").fill("Plain")
    expect(page.locator("#found .gw-name")).to_have_text(["Plain"])
    connected = page.get_by_role("link", name="Connected 1", exact=True)
    expect(connected).to_have_attribute("href", "?q=Plain&status=connected")
    connected.click()
    page.wait_for_url("**/companies/1/apps?q=Plain&status=connected")
    expect(page.locator("#found")).to_contain_text("No connected app here is called “Plain”")


def test_whoever_is_signed_out_meanwhile_is_led_to_the_sign_in(server: Server, desktop: Page) -> None:
    """P4: and no list of a page that is none is put into this one."""
    page = at(desktop, server, "/companies/1/directory")
    page.context.clear_cookies()
    page.get_by_label("Search contacts").fill("wim")
    page.wait_for_url("**/login?next=**")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_a_refusal_meanwhile_is_shown_as_its_page(server: Server, desktop: Page) -> None:
    page = at(desktop, server, "/companies/1/directory")
    page.evaluate("document.querySelector('[hx-get]').setAttribute('hx-get', '/companies/77/directory')")
    page.get_by_label("Search contacts").fill("wim")
    page.wait_for_url("**/companies/77/directory?*")
    expect(page.get_by_role("main")).to_contain_text("company_unknown")


def test_without_a_script_the_button_does_it(server: Server, open_page: OpenPage) -> None:
    page = at(open_page(javascript=False), server, "/companies/1/directory")
    page.get_by_label("Search contacts").fill("wim")
    page.get_by_role("button", name="Search").click()
    assert names(page) == ["Wim Weide"]
