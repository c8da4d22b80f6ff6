"""Sign-in and consent in a real browser, which is stricter with redirects after a form than any client."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Page, Request

from tests.support.browser import OpenPage
from tests.support.server import Server, command, running_server

PASSWORD = "only for development"
WEB_REDIRECT = "https://crane.example/callback"
WORLD = """
users:
  - {email: ada@example.com, name: Ada Alder, password: "only for development"}
  - {email: dev@example.com, name: Dev Dorn, password: "only for development"}
companies:
  - name: Alder Works
    contacts: [{user: ada@example.com, levels: {directory: admin}}]
apps:
  - {name: Crane, owner: dev@example.com, type: confidential, redirect_uris: ["https://crane.example/callback"]}
  - name: Local
    owner: dev@example.com
    type: confidential
    redirect_uris: ["http://127.0.0.1/callback", "urn:ietf:wg:oauth:2.0:oob"]
    scopes: [company.manage]
"""


class Deployment:
    """A running server and the client ids of its apps."""

    def __init__(self, server: Server, apps: dict[str, str]) -> None:
        self.url = server.base_url
        self.apps = apps

    def asks(self, app: str, redirect_uri: str, **more: str) -> str:
        """Return the address that asks for an authorization."""
        query = {"response_type": "code", "client_id": self.apps[app], "redirect_uri": redirect_uri, "state": "a&b"}
        return f"{self.url}/oauth/authorize?{urlencode({**query, **more})}"


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Lend a server with a person and two apps."""
    folder = tmp_path_factory.mktemp("consent")
    data_dir, world, made = folder / "data", folder / "world.yaml", folder / "made.json"
    world.write_text(WORLD)
    done = command("apply", str(world), "--credentials", str(made), data_dir=data_dir)
    assert done.returncode == 0, done.stderr
    apps = {name: app["client_id"] for name, app in json.loads(made.read_text())["apps"].items()}
    with running_server(data_dir=data_dir) as server:
        yield Deployment(server, apps)


@contextmanager
def listening(*, onward: str = "") -> Iterator[tuple[str, list[str]]]:
    """Lend an address on this computer and what was asked of it; it sends whoever comes `onward`."""
    asked: list[str] = []

    class Listener(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(303 if onward else 200)
            self.send_header("location" if onward else "content-type", onward or "text/html")
            self.end_headers()
            self.wfile.write(b"" if onward else b"<title>Arrived</title><link rel=icon href=data:,>")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def sign_in(page: Page) -> None:
    page.get_by_label("E-mail").fill("ada@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def failed_request(page: Page) -> list[str]:
    """Return a list that fills with the addresses that the browser went to and could not reach."""
    failed: list[str] = []

    def note(request: Request) -> None:
        if request.failure == "net::ERR_NAME_NOT_RESOLVED":
            failed.append(request.url)

    page.on("requestfailed", note)
    return failed


@pytest.mark.parametrize("javascript", [True, False])
def test_allow_leads_to_the_app_and_wherever_its_callback_leads(
    deployment: Deployment, open_page: OpenPage, *, javascript: bool
) -> None:
    """RFC 8252 §7.3: with and without a script, in one go from signed out."""
    page = open_page(javascript=javascript)
    with listening() as (end, arrived), listening(onward=f"{end}/done") as (callback, asked):
        page.goto(deployment.asks("Local", f"{callback}/callback", scope="company.manage"))
        sign_in(page)
        assert page.get_by_role("heading", level=1).inner_text().startswith("Let Local act for")
        assert "Alder Works" in page.get_by_text("Manage company security").locator("..").inner_text()
        page.get_by_role("button", name="Allow", exact=True).click()
        page.wait_for_url(f"{end}/done")
    assert arrived[0] == "/done"
    parameters = parse_qs(urlsplit(asked[0]).query)
    assert parameters["state"] == ["a&b"]
    assert parameters["iss"] == [deployment.url]
    assert parameters["code"][0].startswith("gwc_")


def test_dont_allow_leads_to_the_app(deployment: Deployment, desktop: Page) -> None:
    with listening() as (callback, asked):
        desktop.goto(deployment.asks("Local", f"{callback}/callback"))
        sign_in(desktop)
        desktop.get_by_role("button", name="Don’t allow").click()
        desktop.wait_for_url(f"{callback}/**")
    assert parse_qs(urlsplit(asked[0]).query)["error"] == ["access_denied"]


def test_out_of_band_the_code_is_on_the_page(deployment: Deployment, phone: Page) -> None:
    phone.goto(deployment.asks("Local", "urn:ietf:wg:oauth:2.0:oob"))
    sign_in(phone)
    phone.get_by_role("button", name="Allow", exact=True).click()
    phone.wait_for_url("**/oauth/authorize/native?code=*")
    assert phone.get_by_role("heading", level=1).inner_text() == "Authorization code:"
    assert phone.locator("code").first.inner_text().startswith("gwc_")


def test_signing_in_leads_through_a_standing_consent_to_the_app(deployment: Deployment, open_page: OpenPage) -> None:
    """T1: the sign-in form's answer ends at the app, two redirects on."""
    for clicks_allow in (True, False):
        page = open_page()
        failed = failed_request(page)
        page.goto(deployment.asks("Crane", WEB_REDIRECT))
        with page.expect_event("requestfailed", predicate=lambda request: WEB_REDIRECT in request.url):
            sign_in(page)
            if clicks_allow:
                page.get_by_role("button", name="Allow", exact=True).click()
        assert failed[-1].startswith(f"{WEB_REDIRECT}?code=gwc_")
