"""A small world made by the product's own verbs, and the ways a client goes through it: only HTTP."""

import base64
import hashlib
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import cache

import httpx
from argon2 import PasswordHasher
from fastapi import FastAPI

from gatewright.apps.service import create_app as create_client_app
from gatewright.base import clock
from gatewright.base.ids import CompanyId, ContactId, ProjectId, ServiceAccountId, TemplateId, UserId
from gatewright.base.levels import Level
from gatewright.directory import service as directory
from gatewright.directory.model import Tool
from gatewright.events.catalogue import SYSTEM
from gatewright.house import House
from gatewright.service_accounts.service import create_service_account
from tests.support.forms import Page

BASE_URL = "http://127.0.0.1:8400"
PASSWORD = "correct horse battery staple"
WEB_REDIRECT = "https://crane.example/callback"
LOOPBACK_REDIRECT = "http://127.0.0.1/callback"
OOB = "urn:ietf:wg:oauth:2.0:oob"
EVERY_LEVEL = tuple(Level)


@cache
def password_hash() -> str:
    """Return the hash that every user of the world has: of `PASSWORD`, made cheaply."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


@dataclass(frozen=True, slots=True)
class Person:
    """A user, with the contact they have in each company."""

    id: UserId
    email: str
    name: str
    contacts: dict[str, ContactId] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class App:
    """A registered app as its developer holds it."""

    id: int
    client_id: str
    secret: str | None
    redirect_uri: str

    @property
    def credentials(self) -> dict[str, str]:
        """Return its client authentication for a body."""
        return {"client_id": self.client_id} | ({"client_secret": self.secret} if self.secret else {})


@dataclass(frozen=True, slots=True)
class Robot:
    """A service account as its creator holds it."""

    id: ServiceAccountId
    client_id: str
    secret: str
    contact_id: ContactId
    address: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a token answer held."""

    access: str
    refresh: str
    body: Mapping[str, object]


@dataclass(slots=True)
class World:
    """Two companies, their people, apps and a service account.

    `ada` is company admin in both; `max` holds admin: admin in alder; `wim` reads the
    directory there and works on one project; `bea` is in birch alone; `dev` owns the
    apps and is in no directory; `oda` is an operator.
    """

    app: FastAPI
    house: House
    client: httpx.AsyncClient  # nobody's: for programs
    people: dict[str, Person] = field(default_factory=dict)
    companies: dict[str, CompanyId] = field(default_factory=dict)
    projects: dict[str, ProjectId] = field(default_factory=dict)
    templates: dict[str, TemplateId] = field(default_factory=dict)
    apps: dict[str, App] = field(default_factory=dict)
    robots: dict[str, Robot] = field(default_factory=dict)
    _browsers: AsyncExitStack = field(default_factory=AsyncExitStack)
    _signed_in: dict[str, httpx.AsyncClient] = field(default_factory=dict)

    # --- made by verbs -------------------------------------------------------------------

    async def add_person(self, key: str, name: str, *, is_operator: bool = False) -> Person:
        """Return a new user who signs in with `PASSWORD`."""
        email = f"{key}@example.com"
        user_id = await directory.create_user(
            self.house.database,
            email=email,
            name=name,
            password_hash=password_hash(),
            is_operator=is_operator,
            origin=SYSTEM,
            now=clock.now(),
        )
        self.people[key] = Person(user_id, email, name)
        return self.people[key]

    async def add_company(self, key: str, name: str, *, app_access: str = "open") -> CompanyId:
        """Return a new company, its directory empty."""
        self.companies[key] = await directory.create_company(
            self.house.database, name=name, app_access=app_access, origin=SYSTEM, now=clock.now()
        )
        return self.companies[key]

    async def add_project(self, key: str, company: str, name: str) -> ProjectId:
        """Return a new project."""
        self.projects[key] = await directory.create_project(
            self.house.database,
            company_id=self.companies[company],
            name=name,
            project_number=f"N-{len(self.projects) + 1}",
            origin=SYSTEM,
            now=clock.now(),
        )
        return self.projects[key]

    async def add_contact(self, company: str, person: str, **levels: str) -> ContactId:
        """Return the new contact of a person in a company."""
        who = self.people[person]
        who.contacts[company] = await directory.add_contact(
            self.house.database,
            company_id=self.companies[company],
            email=who.email,
            name=who.name,
            levels=levels,
            user_id=who.id,
            granted_by=None,
            origin=SYSTEM,
            now=clock.now(),
        )
        return who.contacts[company]

    async def add_template(
        self, key: str, company: str, *, levels: Mapping[str, str], on_projects: Mapping[str, str]
    ) -> TemplateId:
        """Return a new permission template, which nobody holds."""
        self.templates[key] = await directory.create_template(
            self.house.database,
            company_id=self.companies[company],
            name=key.title(),
            company=levels,
            project=on_projects,
            origin=SYSTEM,
            now=clock.now(),
        )
        return self.templates[key]

    async def set_levels(self, company: str, contact_id: ContactId, **levels: str) -> None:
        """Set a contact's company levels, as the operator's side does."""
        await directory.set_levels(
            self.house.database,
            company_id=self.companies[company],
            contact_id=contact_id,
            levels=levels,
            granted_by=None,
            origin=SYSTEM,
            now=clock.now(),
        )

    async def add_member(self, company: str, project: str, contact_id: ContactId, **levels: str) -> None:
        """Make a contact a member of a project, with these levels there."""
        await directory.set_membership(
            self.house.database,
            company_id=self.companies[company],
            contact_id=contact_id,
            project_id=self.projects[project],
            levels=levels,
            granted_by=None,
            origin=SYSTEM,
            now=clock.now(),
        )

    async def add_app(
        self,
        key: str,
        name: str,
        *,
        owner: str = "dev",
        redirect_uris: tuple[str, ...] = (WEB_REDIRECT,),
        is_confidential: bool = True,
        scopes: tuple[str, ...] = (),
        is_resource_server: bool = False,
    ) -> App:
        """Return a new app with its credentials."""
        made = await create_client_app(
            self.house.database,
            owner_id=self.people[owner].id,
            name=name,
            homepage=f"https://{key}.example/",
            is_confidential=is_confidential,
            redirect_uris=redirect_uris,
            scopes=scopes,
            is_resource_server=is_resource_server,
            keys=self.house.keys,
            origin=SYSTEM,
            now=clock.now(),
        )
        self.apps[key] = App(made.app_id, made.client_id, made.secret, redirect_uris[0] if redirect_uris else "")
        return self.apps[key]

    async def add_robot(self, key: str, company: str, name: str) -> Robot:
        """Return a new service account with its secret; it holds none on everything."""
        made = await create_service_account(
            self.house.database,
            company_id=self.companies[company],
            name=name,
            domain=self.house.settings.service_domain,
            keys=self.house.keys,
            origin=SYSTEM,
            now=clock.now(),
        )
        self.robots[key] = Robot(made.id, made.client_id, made.secret, made.contact_id, made.address)
        return self.robots[key]

    # --- over HTTP: browsers ---------------------------------------------------------------

    async def browser(self) -> httpx.AsyncClient:
        """Return a fresh browser, signed in as nobody."""
        return await self._browsers.enter_async_context(browser_on(self.app))

    async def signed_in(self, person: str) -> httpx.AsyncClient:
        """Return the browser in which a person signed in through `/login`; the same one each time."""
        if person not in self._signed_in:
            browser = await self.browser()
            answer = await self.sign_in(browser, self.people[person].email)
            assert answer.status_code == 303, answer.text
            self._signed_in[person] = browser
        return self._signed_in[person]

    async def sign_in(self, browser: httpx.AsyncClient, email: str, password: str = PASSWORD) -> httpx.Response:
        """Return the answer to the sign-in form."""
        page = Page(await browser.get("/login"))
        form = page.form(field="password")
        return await browser.post("/login", data={**form.fields, "email": email, "password": password})

    async def submit(
        self, browser: httpx.AsyncClient, path: str, values: Mapping[str, str] | None = None, *, at: str = ""
    ) -> httpx.Response:
        """Return the answer to a form posted to `path`, with the CSRF token of the page `at` (default: `/`)."""
        page = Page(await browser.get(at or "/"))
        token = next(form.fields["csrf_token"] for form in page.forms if "csrf_token" in form.fields)
        return await browser.post(path, data={"csrf_token": token, **(values or {})})

    # --- over HTTP: OAuth ------------------------------------------------------------------

    async def authorize(self, person: str, app: str, *, decision: str = "allow", **parameters: str) -> httpx.Response:
        """Return the answer that ends the authorization: the redirect to the app, or a page of ours."""
        browser, registered = await self.signed_in(person), self.apps[app]
        query = {
            "response_type": "code",
            "client_id": registered.client_id,
            "redirect_uri": registered.redirect_uri,
            "state": "xyz",
            **parameters,
        }
        answer = await browser.get("/oauth/authorize", params=query)
        if answer.status_code != 200 or "decision" not in answer.text:
            return answer
        form = Page(answer).form(field="decision")
        to = form.action or str(answer.request.url)
        return await browser.post(to, data={**form.fields, "decision": decision})

    async def code(self, person: str, app: str, **parameters: str) -> str:
        """Return an authorization code for the app in that person's name."""
        answer = await self.authorize(person, app, **parameters)
        assert answer.status_code == 303, (answer.status_code, answer.text)
        return httpx.URL(answer.headers["location"]).params["code"]

    async def exchange(self, app: str, code: str, **parameters: str) -> httpx.Response:
        """Return the answer of the token endpoint to a code."""
        registered = self.apps[app]
        given = {"grant_type": "authorization_code", "code": code, "redirect_uri": registered.redirect_uri}
        return await self.client.post("/oauth/token", data={**registered.credentials, **given, **parameters})

    async def tokens(self, person: str, app: str, *, scope: str = "") -> Tokens:
        """Return the tokens of a whole authorization: consent, code, exchange."""
        verifier, challenge = pkce()
        asked = {"code_challenge": challenge, "code_challenge_method": "S256"} | ({"scope": scope} if scope else {})
        answer = await self.exchange(app, await self.code(person, app, **asked), code_verifier=verifier)
        return tokens_of(answer)

    async def refresh(self, app: str, refresh_token: str, **parameters: str) -> httpx.Response:
        """Return the answer of the token endpoint to a refresh token."""
        given = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return await self.client.post("/oauth/token", data={**self.apps[app].credentials, **given, **parameters})

    async def robot_token(self, key: str) -> str:
        """Return an access token of a service account."""
        robot = self.robots[key]
        given = {"grant_type": "client_credentials", "client_id": robot.client_id, "client_secret": robot.secret}
        answer = await self.client.post("/oauth/token", data=given)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    # --- over HTTP: the API ----------------------------------------------------------------

    async def call(
        self,
        token: str | None,
        path: str,
        *,
        method: str = "GET",
        company: str | int | None = None,
        json: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Return the API's answer; `company` (a key of the world, or an id) goes into the header."""
        given = dict(headers or {})
        if token is not None:
            given["authorization"] = f"Bearer {token}"
        if company is not None:
            given["gatewright-company-id"] = str(self.companies[company] if isinstance(company, str) else company)
        if json is None:
            return await self.client.request(method, path, headers=given)
        return await self.client.request(method, path, headers=given, json=json)

    async def close(self) -> None:
        """Close the browsers."""
        await self._browsers.aclose()


def tokens_of(answer: httpx.Response) -> Tokens:
    """Return the tokens of a token answer that must be a 200."""
    assert answer.status_code == 200, answer.text
    body = answer.json()
    return Tokens(body["access_token"], body.get("refresh_token", ""), body)


def pkce() -> tuple[str, str]:
    """Return a code verifier and its S256 challenge."""
    verifier = secrets.token_urlsafe(48)
    digest = hashlib.sha256(verifier.encode()).digest()
    return verifier, base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@asynccontextmanager
async def browser_on(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Lend a browser on the application, without a network; it follows no redirects."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL, trust_env=False) as browser:
        yield browser


async def fill(world: World) -> None:
    """Fill the world with what every flow may rely on."""
    database = world.house.database
    await directory.ensure_builtin_tools(database, origin=SYSTEM, now=clock.now())
    for tool in (
        Tool("company", "budget", "Budget", EVERY_LEVEL),
        Tool("project", "rfis", "RFIs", EVERY_LEVEL),
        Tool("project", "drawings", "Drawings", EVERY_LEVEL),
    ):
        await directory.declare_tool(database, tool=tool, origin=SYSTEM, now=clock.now())
    for key, name in (("ada", "Ada Alder"), ("max", "Max Moss"), ("wim", "Wim Weide"), ("bea", "Bea Birch")):
        await world.add_person(key, name)
    await world.add_person("dev", "Dev Dorn")
    await world.add_person("oda", "Oda Oak", is_operator=True)
    await world.add_company("alder", "Alder Works")
    await world.add_company("birch", "Birch Works")
    for key, company, name in (("bridge", "alder", "Bridge"), ("tower", "alder", "Tower"), ("mill", "birch", "Mill")):
        await world.add_project(key, company, name)
    await world.add_contact("alder", "ada", directory="admin")
    await world.add_contact("birch", "ada", directory="admin")
    await world.add_contact("alder", "max", admin="admin")
    wim = await world.add_contact("alder", "wim", directory="read_only")
    await world.add_contact("birch", "bea", directory="standard")
    await world.add_member("alder", "bridge", wim, rfis="standard")
    await world.add_app("crane", "Crane Reports", scopes=("company.manage",))
    await world.add_app("plain", "Plain Viewer", redirect_uris=("https://plain.example/cb",))
    await world.add_app("pocket", "Pocket Plans", redirect_uris=(LOOPBACK_REDIRECT, OOB), is_confidential=False)
    await world.add_app("gate", "Platform Gate", is_resource_server=True)
    await world.add_robot("robot", "alder", "Nightly export")
