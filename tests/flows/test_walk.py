"""Every page as everybody: who may open it, what a refusal says, and that no link or form leads to one (M6).

`OPEN_TO` says of each page and each form whom it is for. A route that stands nowhere in it fails
the build. Each form is sent with the token of the browser's own page, while every commit fails as on a full
disk (`nothing_committed`): who may not is refused before that, with 403 or 404; who may comes as far
as the commit and is told 503, or is told what is wrong with the fields. So every form is tried for
real, as everybody, and nothing is changed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

import httpx
from sqlalchemy import func, select

from gatewright.apps.service import block_app
from gatewright.base import clock
from gatewright.base.ids import AppId
from gatewright.db.engine import Reader
from gatewright.db.schema import client_secrets, contacts, events, refusals, sessions, signing_keys
from gatewright.events.catalogue import SYSTEM
from tests.support.forms import Page
from tests.support.routes import Way, ways
from tests.support.walk import OF_A_BROWSER, Walk, nothing_committed
from tests.support.world import World

PROGRAMS = r"/(static|rest|authz|\.well-known|openapi\.json|healthz|readyz)\b|/oauth/(?!authorize)"


class To(StrEnum):
    """Whom a page is for."""

    EVERYBODY = "everybody"
    SIGNED_IN = "whoever is signed in"
    HOLDER = "whoever has the link or the code"
    KNOWN_HOLDER = "whoever is signed in and has the link or the code"
    OWNER = "the app's developer"
    OPERATOR = "operators"
    CONTACT = "contacts with any level or membership"
    READER = "directory: read_only"
    ADMIN = "admin: admin"
    COMPANY_ADMIN = "directory: admin"


IN_A_COMPANY = {To.CONTACT, To.READER, To.ADMIN, To.COMPANY_ADMIN}
COMPANY = "/companies/{company_id}"
CONTACT = f"{COMPANY}/directory/{{contact_id}}"
TEMPLATE = f"{COMPANY}/templates/{{template_id}}"
PROJECT = f"{COMPANY}/projects/{{project_id}}"
INSTALLED = f"{COMPANY}/apps/{{app_id}}"
ACCOUNT = f"{COMPANY}/service-accounts/{{service_account_id}}"
TRIAL = "/developer/try"
OWN_APP = "/developer/apps/{app_id}"
OPERATED_COMPANY = "/operator/companies/{company_id}"
OPERATED_USER = "/operator/users/{user_id}"
OPERATED_APP = "/operator/apps/{app_id}"

OPEN_TO: dict[To, tuple[str, ...]] = {
    To.EVERYBODY: (
        "GET /",
        "GET /login",
        "GET /logout",
        "POST /appearance",
        "POST /login",
        "POST /logout",
    ),
    To.HOLDER: (  # and closed to everybody without: there is no mail here, so no sign-up and no forgotten password
        *(
            f"{method} /{path}"
            for method in ("GET", "POST")
            for path in ("invitation/{token}", "password/reset/{token}")
        ),
        *(f"{method} /{path}" for method in ("GET", "POST") for path in ("sign-up", "sign-up/{token}")),
        "GET /password/forgot",
        "POST /password/forgot",
    ),
    To.KNOWN_HOLDER: (
        "GET /account/address/{token}",
        "POST /account/address/{token}",
        "GET /oauth/authorize/native",
    ),
    To.SIGNED_IN: (
        "GET /oauth/authorize",
        "POST /oauth/authorize",
        "GET /account/apps",
        "GET /account/apps/{app_id}/end",
        "POST /account/apps/{app_id}/end",
        "GET /account/security",
        "POST /account/security/password",
        "GET /account/address",
        "POST /account/address",
        "GET /account/sessions",
        "POST /account/sessions/end-others",
        "POST /account/sessions/{session_id}/end",
        "GET /developer/apps",
        "POST /developer/apps",
        "GET /developer/apps/new",
        "GET /developer/refusals",
        "GET /developer/terms",
        "POST /developer/terms",
        f"GET {TRIAL}",  # and says that nothing was begun
        f"POST {TRIAL}",
    ),
    To.OWNER: (
        f"GET {OWN_APP}",
        *(f"POST {OWN_APP}/{act}" for act in ("edit", "redirect-uris", "secrets", "secrets/reset", "delete")),
        f"POST {OWN_APP}/secrets/{{secret_id}}/retire",
        f"GET {OWN_APP}/try",
        f"POST {OWN_APP}/try/redirect-uri",
    ),
    To.CONTACT: (f"GET {COMPANY}",),
    To.READER: (f"GET {COMPANY}/directory", f"GET {CONTACT}"),
    To.ADMIN: (
        f"GET {COMPANY}/settings",
        f"POST {COMPANY}/settings",
        f"GET {COMPANY}/projects",
        f"POST {COMPANY}/projects",
        f"GET {PROJECT}",
        f"POST {PROJECT}",
        f"GET {COMPANY}/apps",
        f"GET {INSTALLED}",
        f"POST {INSTALLED}/disconnect",
        f"POST {INSTALLED}/reconnect",
        f"GET {COMPANY}/service-accounts",
        f"POST {COMPANY}/service-accounts",
        f"GET {ACCOUNT}",
        f"POST {ACCOUNT}/regenerate",
        f"POST {ACCOUNT}/delete",
        f"GET {COMPANY}/events",
        f"GET {COMPANY}/events/export",
    ),
    To.COMPANY_ADMIN: (
        f"POST {COMPANY}/directory",
        f"POST {CONTACT}",
        *(f"POST {CONTACT}/{act}" for act in ("edit", "template", "invite", "remove", "projects")),
        f"POST {CONTACT}/projects/{{project_id}}/remove",
        f"GET {CONTACT}/explain",
        f"GET {COMPANY}/templates",
        f"POST {COMPANY}/templates",
        f"GET {TEMPLATE}",
        f"POST {TEMPLATE}",
        f"GET {TEMPLATE}/preview",
        f"POST {TEMPLATE}/delete",
        f"POST {PROJECT}/contacts",
        f"POST {PROJECT}/contacts/{{contact_id}}/remove",
        f"GET {COMPANY}/refusals",
        f"GET {COMPANY}/refusals/{{request_id}}",
    ),
    To.OPERATOR: (
        *(f"GET /operator/{tab}" for tab in ("companies", "users", "apps", "tools", "terms", "keys")),
        *(f"GET /operator/{tab}" for tab in ("settings", "health", "events", "events/export")),
        *(f"POST /operator/{tab}" for tab in ("companies", "tools", "tools/name", "terms", "keys/rotate")),
        "POST /operator/keys/{kid}/retire",
        *(f"GET {one}" for one in (OPERATED_COMPANY, OPERATED_USER, OPERATED_APP)),
        f"POST {OPERATED_COMPANY}/name",
        f"POST {OPERATED_COMPANY}/admins",
        f"POST {OPERATED_COMPANY}/admins/{{contact_id}}/invite",
        *(f"POST {OPERATED_USER}/{act}" for act in ("deactivate", "reactivate", "make-operator", "unmake-operator")),
        f"POST {OPERATED_APP}/block",
        f"POST {OPERATED_APP}/unblock",
    ),
}
AUDIENCE = {way: to for to, named in OPEN_TO.items() for way in named}
ALL = frozenset(IN_A_COMPANY)


@dataclass(frozen=True, slots=True)
class Role:
    """Somebody who goes through the pages: what is open to them, in which company."""

    person: str | None = None  # of the world; None: signed in as nobody
    holds: frozenset[To] = frozenset()
    in_company: dict[str, frozenset[To]] = field(default_factory=dict)
    owns: str = ""  # an app of the world

    def may(self, to: To, company: str) -> bool:
        """Return whether a page for these is open to them, in that company if it is one of a company."""
        return to in self.in_company.get(company, ()) if to in IN_A_COMPANY else to in self.holds


PERSON = frozenset({To.EVERYBODY, To.SIGNED_IN})
ROLES = {
    "nobody": Role(holds=frozenset({To.EVERYBODY})),
    "contact without a level": Role("nil", PERSON, {"alder": frozenset()}),
    "contact on a project": Role("pat", PERSON, {"alder": frozenset({To.CONTACT})}),
    "reader of the directory": Role("wim", PERSON, {"alder": frozenset({To.CONTACT, To.READER})}),
    "standard": Role("sid", PERSON, {"alder": frozenset({To.CONTACT, To.READER})}),
    "admin of apps and accounts": Role("max", PERSON, {"alder": frozenset({To.CONTACT, To.ADMIN})}),
    "company admin": Role("ada", PERSON, {"alder": ALL, "birch": ALL}),
    "of another company": Role("bea", PERSON, {"birch": frozenset({To.CONTACT, To.READER})}),
    "developer": Role("dev", PERSON | {To.OWNER}, owns="crane"),
    "operator": Role("oda", PERSON | {To.OPERATOR}),
}
# What a page or a form answers to whom it is for: 503 is the commit that fails.
ANSWERED = {"GET": {200, 303, 400}, "POST": {200, 303, 400, 409, 422, 503}}
COMPANIES = ("alder", "birch", "cedar")  # cedar: only a service account acts there


async def furnish(world: World) -> None:
    """Add what the pages have something to say of: every status, level and kind of contact."""
    for key, name in (("nil", "Nil Nuss"), ("pat", "Pat Pappel"), ("sid", "Sid Seide")):
        await world.add_person(key, name)
        await world.add_contact("alder", key, **({"directory": "standard"} if key == "sid" else {}))
    for key in ("pat", "max"):
        await world.add_member("alder", "bridge", world.people[key].contacts["alder"], rfis="read_only")
    await world.add_company("cedar", "Cedar Works")
    await world.add_project("dock", "cedar", "Dock")
    for key, company in (("other", "birch"), ("third", "cedar")):
        await world.add_robot(key, company, f"Export of {company}")
    for company in COMPANIES:
        await world.add_template(company, company, levels={"budget": "standard"}, on_projects={"rfis": "read_only"})
    oda = await world.signed_in("oda")
    for company, id_ in world.companies.items():
        chief = {"name": f"Chief of {company}", "email": f"chief-{company}@example.org"}
        await world.submit(oda, f"/operator/companies/{id_}/admins", chief)
    ada, alder = await world.signed_in("ada"), f"/companies/{world.companies['alder']}"
    await world.submit(ada, f"{alder}/directory", {"name": "Ida Ilex", "email": "ida@example.org", "invite": "yes"})
    await _let_apps_work(world)
    await world.submit(ada, f"{alder}/apps/{world.apps['plain'].id}/disconnect")
    await world.submit(ada, f"{alder}/settings", {"app_access": "approval"})
    pocket = await world.tokens("wim", "pocket")
    await world.call(pocket.access, "/rest/v1.0/projects", company="alder")
    for key in ("shut", "gone"):
        await world.add_app(key, f"App {key}")
    await block_app(world.house.database, app_id=AppId(world.apps["shut"].id), origin=SYSTEM, now=clock.now())
    await world.app.state.counters.flush()
    await oda.get("/operator/events")  # makes the key of the record, which is an event


async def _let_apps_work(world: World) -> None:
    for person in ("nil", "pat", "wim", "sid", "max", "ada", "bea", "dev", "oda"):
        token = (await world.tokens(person, "crane", scope="company.manage")).access
        for company in world.people[person].contacts:
            await world.call(token, "/rest/v1.0/projects", company=company)
            await world.call(token, f"/rest/v1.0/companies/{world.companies[company]}/events", company=company)


async def ids_for(world: World, role: Role, company: str) -> dict[str, str]:
    """Return what the parameters of a path are for somebody in a company: its things, and their own."""
    of = {"alder": ("wim", "bridge", "robot"), "birch": ("bea", "mill", "other"), "cedar": ("", "dock", "third")}
    person, project, robot = of[company]
    contact = world.people[person].contacts[company] if person else world.robots[robot].contact_id
    user = world.people[role.person or "wim"]
    async with world.house.database.read() as reader:
        kid = (await reader.execute(select(signing_keys.c.kid))).scalars().first()
        secret = await reader.execute(
            select(client_secrets.c.id).where(client_secrets.c.app_id == world.apps["crane"].id)
        )
        if To.OPERATOR in role.holds:  # may invite nobody but admins
            named = contacts.select().where(contacts.c.email == f"chief-{company}@example.org")
            contact = (await reader.execute(named)).one().id
        session = await reader.execute(select(sessions.c.id).where(sessions.c.user_id == user.id))
        return {
            "company_id": str(world.companies[company]),
            "contact_id": str(contact),
            "project_id": str(world.projects[project]),
            "template_id": str(world.templates[company]),
            "service_account_id": str(world.robots[robot].id),
            "app_id": str(world.apps["crane"].id),
            "user_id": str(world.people["wim"].id),
            "secret_id": str(secret.scalars().first()),
            "session_id": str(session.scalars().first()),
            "kid": str(kid),
            "request_id": await _refused_in(reader, world.companies[company]),
            "token": "of-nobody",
        }


async def _refused_in(reader: Reader, company_id: int) -> str:
    found = await reader.execute(select(refusals.c.request_id).where(refusals.c.company_id == company_id))
    return str(found.scalars().first())


def address(world: World, way: Way, ids: dict[str, str]) -> str:
    """Return where the way leads with these ids; consent is asked for by an app, each time anew."""
    if way.pattern != "/oauth/authorize":
        return way.at(ids)
    app = world.apps["crane"]
    asked = {"response_type": "code", "client_id": app.client_id, "redirect_uri": app.redirect_uri, "prompt": "consent"}
    return f"{way.pattern}?{httpx.QueryParams(asked)}"


def pages(world: World) -> Iterator[tuple[Way, To]]:
    """Yield every way to a page and whom it is for; KeyError names one that stands in no table."""
    for way in ways(world.app, but=PROGRAMS):
        yield way, AUDIENCE[f"{way.method} {way.pattern}"]


async def test_every_page_and_form_says_whom_it_is_for(world: World) -> None:
    """M6: a new route without an entry in `OPEN_TO` fails the build, and so does an entry without a route."""
    there = {f"{way.method} {way.pattern}" for way in ways(world.app, but=PROGRAMS)}
    assert there == set(AUDIENCE), "write the route into OPEN_TO: whom is it for?"
    assert len(AUDIENCE) == sum(len(named) for named in OPEN_TO.values())


async def test_each_page_and_form_opens_to_whom_it_is_for_and_to_nobody_else(world: World) -> None:
    """M6, P6, X1: and a refusal says what is closed and who can help."""
    await furnish(world)
    wrong, seen, stopped = [], 0, 0
    for name, role in ROLES.items():
        browser = await browser_of(world, role)
        csrf = Page(await browser.get("/")).form(field="csrf_token").fields["csrf_token"]
        for company in COMPANIES:
            ids = await ids_for(world, role, company)
            for way, to in pages(world):
                if company != COMPANIES[0] and not (way.method == "GET" and way.pattern.startswith(COMPANY)):
                    continue  # what is asked the same everywhere; forms to foreign ids: see test_attacks_tenants.py
                answer, seen = await ask(world, browser, way, ids, csrf), seen + 1
                stopped += answer.status_code == 503
                faults = faults_of(answer, to, role, company)
                wrong += [f"{name}: {way.method} {way.at(ids)} in {company}: {fault}" for fault in faults]
    assert not wrong, "\n".join(wrong)
    assert seen >= 1200
    assert stopped >= 40, f"{stopped} forms came as far as a commit"


async def browser_of(world: World, role: Role) -> httpx.AsyncClient:
    """Return the browser that somebody in this role goes through the pages with."""
    return await (world.signed_in(role.person) if role.person else world.browser())


def faults_of(answer: httpx.Response, to: To, role: Role, company: str) -> Iterator[str]:
    """Yield what is wrong with an answer: open and shut the wrong way round, or a refusal that says too little."""
    is_refused = answer.status_code in {403, 404}
    if is_led_to_sign_in(answer):
        if role.person is not None or to in {To.EVERYBODY, To.HOLDER}:
            yield f"leads to the sign-in, but is for {to}"
    elif role.may(to, company):
        if is_refused or answer.status_code not in ANSWERED[answer.request.method]:
            yield f"{answer.status_code}, but is for {to}"
    elif not is_refused:
        yield f"{answer.status_code}, but is for {to} alone"
    else:
        yield from faults_of_refusal(answer, role, company)


async def ask(world: World, browser: httpx.AsyncClient, way: Way, ids: dict[str, str], csrf: str) -> httpx.Response:
    """Return what they are told; nothing is written for it."""
    if way.method == "GET":
        return await browser.get(address(world, way, ids), headers=OF_A_BROWSER)
    given = {"csrf_token": csrf, **{name: ids[name] for name in ("contact_id", "project_id", "template_id")}}
    with nothing_committed(world.house.database):
        return await browser.post(address(world, way, ids), data=given, headers=OF_A_BROWSER)


def is_led_to_sign_in(answer: httpx.Response) -> bool:
    """Return whether the answer leads to the sign-in page."""
    return answer.status_code == 303 and answer.headers["location"].startswith("/login")


def faults_of_refusal(answer: httpx.Response, role: Role, company: str) -> Iterator[str]:
    """Yield what the page of a refusal lacks."""
    text = answer.text
    if not answer.headers["content-type"].startswith("text/html") or answer.headers["cache-control"] != "no-store":
        yield f"no page of its own: {answer.headers}"
    if text.count("<h1") != 1 or text.count("<main") != 1:
        yield "not one h1 in one main"
    if not re.search(rf"<code>{answer.status_code} \w+</code>", text) or answer.headers["x-request-id"] not in text:
        yield "no code or no request id"
    if not re.search(r"<h2>Who can (help|fix it)</h2>\s*(<ul>|<p>\w)", text):
        yield "nobody who can help"
    may_read = role.may(To.READER, company)
    if "mailto:" in text and not may_read:
        yield "names somebody to who may not read the directory"
    if not may_read and answer.status_code == 404 and "Works" in text.partition("<main")[2]:
        yield "names a company that is not theirs"


async def test_no_link_and_no_form_leads_to_what_is_closed(world: World) -> None:
    """M6: whoever sees it may use it, on every page that they can open."""
    await furnish(world)
    browsers = {name: await browser_of(world, role) for name, role in ROLES.items()}
    before, dead_ends, opened = await recorded(world), [], {}
    for name, role in ROLES.items():
        walk = Walk(browsers[name], world.house.database)
        await walk.begin_at(await addresses(world, role))
        dead_ends += [f"{name}: {fault}" for fault in walk.dead_ends]
        opened[name] = len(walk.opened)
    assert not dead_ends, "\n".join(dead_ends)
    assert await recorded(world) == before
    assert opened["nobody"] >= 2
    assert opened["company admin"] >= 100


async def addresses(world: World, role: Role) -> list[str]:
    """Return every page that could be typed in, of the companies that they are in; an answer to a trial could not."""
    typed = []
    for company in role.in_company or COMPANIES[:1]:
        ids = await ids_for(world, role, company)
        typed += [address(world, way, ids) for way, _ in pages(world) if way.method == "GET" and way.pattern != TRIAL]
    return list(dict.fromkeys(typed))


async def recorded(world: World) -> int:
    """Return how many events there are, those apart that an export leaves."""
    async with world.house.database.read() as reader:
        return int((await reader.execute(select(func.count()).select_from(events))).scalar_one())
