"""Section Tenants of the attacks, along the route table: what is another's answers like what is not there.

A parameter of a path that stands in no table here fails the build: say whose its ids are.
"""

import re
import uuid
from dataclasses import dataclass

import pytest
from fastapi.routing import APIRoute
from sqlalchemy import func, select

from gatewright.db.engine import Database
from gatewright.db.schema import client_secrets, events, sessions, signing_keys
from tests.support.databases import DIALECTS
from tests.support.routes import Asker, Way, asker, ways
from tests.support.statements import counted
from tests.support.world import World

# Not of anybody's: open to all, or named by a token that nobody can guess and that is its own case.
OPEN = (
    r"/(static|oauth|\.well-known|openapi\.json|healthz|readyz|invitation|password|sign-up|login|logout)\b"
    r"|/account/address/"
)
# What differs from request to request by itself.
PASSING = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{64}")
PASSING_HEADERS = {"x-request-id", "x-rate-limit-remaining", "x-rate-limit-reset", "content-length"}
TRIES = 4  # what the process writes by itself once a second falls into the count of one try, never of each
UNKNOWN_NUMBER = "987654321"
UNKNOWN_TEXT = "0123456789abcdef0123456789abcdef"
UNKNOWN_UUID = "12345678-1234-4123-8123-123456789abc"
APP_OF_NOBODYS = {"app_id"}  # an app is of no company: disconnecting one never seen blocks it beforehand (I3)

Ids = dict[str, str]


@dataclass(frozen=True, slots=True)
class Told:
    """An answer without what differs by itself, and what it cost the database."""

    status: int
    body: str
    headers: tuple[tuple[str, str], ...]
    statements: tuple[str, ...]


async def told(who: Asker, way: Way, ids: dict[str, str]) -> Told:
    """Return what they are told. Asked once before, so that facts which hold an absence are there."""
    await who.ask(way, ids)
    with counted(who.world.house.database) as seen:
        answer = await who.ask(way, ids)
    path = way.at(ids)
    body = PASSING.sub("", answer.text.replace(path, ""))
    headers = sorted((k, PASSING.sub("", v)) for k, v in answer.headers.items() if k not in PASSING_HEADERS)
    return Told(answer.status_code, body, tuple(headers), tuple(seen.statements))


async def compared(who: Asker, way: Way, ids: Ids, nowhere: Ids) -> Told:
    """Return what they are told of ids that are another's, which has to be what they are told of none."""
    for _ in range(TRIES):
        there, none = await told(who, way, ids), await told(who, way, nowhere)
        if there == none:
            break
    assert there == none, (way, ids, nowhere)
    return there


# --- whose ids they are --------------------------------------------------------------------------


async def ids_of_company(world: World, company: str) -> Ids:
    """Return an id that is of that company, for each parameter of a path below it."""
    people = {"alder": "wim", "birch": "bea"}
    projects = {"alder": "bridge", "birch": "mill"}
    robots = {"alder": "robot", "birch": "other"}
    company_id = world.companies[company]
    return {
        "company_id": str(company_id),
        "contact_id": str(world.people[people[company]].contacts[company]),
        "project_id": str(world.projects[projects[company]]),
        "service_account_id": str(world.robots[robots[company]].id),
        "template_id": await template_of(world, company),
        "app_id": str(world.apps["crane"].id),
        "request_id": await refused_in(world, company),
    }


UNKNOWN_OF_COMPANY = {
    "company_id": UNKNOWN_NUMBER,
    "contact_id": UNKNOWN_NUMBER,
    "project_id": UNKNOWN_NUMBER,
    "service_account_id": UNKNOWN_NUMBER,
    "template_id": UNKNOWN_NUMBER,
    "app_id": UNKNOWN_NUMBER,
    "request_id": UNKNOWN_UUID,
}


async def template_of(world: World, company: str) -> str:
    """Return the id of a permission template made in that company."""
    ada = await world.tokens("ada", "crane", scope="company.manage")
    path = f"/rest/v1.0/companies/{world.companies[company]}/permission_templates"
    given = {"name": f"Engineer {uuid.uuid4()}", "company": {}, "project": {"rfis": "standard"}}
    answer = await world.call(ada.access, path, method="POST", json=given)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def refused_in(world: World, company: str) -> str:
    """Return the request id of a call that was refused in that company."""
    person = {"alder": "wim", "birch": "bea"}[company]
    tokens = await world.tokens(person, "crane")
    path = f"/rest/v1.0/companies/{world.companies[company]}/service_accounts"
    answer = await world.call(tokens.access, path)
    assert answer.status_code == 403, answer.text
    await world.app.state.counters.flush()
    return answer.headers["x-request-id"]


async def ids_of_person(world: World, person: str) -> Ids:
    """Return ids that are that person's own: an app with its secret, an authorization of it, a session."""
    await world.signed_in(person)
    app, of = world.apps[f"own-{person}"], world.people[person].id
    async with world.house.database.read() as reader:
        secret = await reader.execute(select(client_secrets.c.id).where(client_secrets.c.app_id == app.id))
        session = await reader.execute(select(sessions.c.id).where(sessions.c.user_id == of))
    return {"app_id": str(app.id), "secret_id": secret.scalar_one(), "session_id": session.scalars().first() or ""}


UNKNOWN_OF_PERSON = {"app_id": UNKNOWN_NUMBER, "secret_id": UNKNOWN_TEXT, "session_id": UNKNOWN_TEXT}


async def ids_of_deployment(world: World) -> Ids:
    """Return ids that an operator may name."""
    async with world.house.database.read() as reader:
        kid = (await reader.execute(select(signing_keys.c.kid))).scalars().first()
    return {
        "company_id": str(world.companies["alder"]),
        "user_id": str(world.people["wim"].id),
        "contact_id": str(world.people["wim"].contacts["alder"]),
        "app_id": str(world.apps["crane"].id),
        "kid": str(kid),
    }


UNKNOWN_OF_DEPLOYMENT = {
    "company_id": UNKNOWN_NUMBER,
    "user_id": UNKNOWN_NUMBER,
    "contact_id": UNKNOWN_NUMBER,
    "app_id": UNKNOWN_NUMBER,
    "kid": UNKNOWN_TEXT,
}


def below(world: World, prefix: str, known: Ids) -> list[Way]:
    """Return the ways below a prefix that name something; each parameter has to be in the table."""
    found = [way for way in ways(world.app, but=OPEN) if way.pattern.startswith(prefix) and way.parameters]
    for way in found:
        assert way.parameters <= set(known), f"{way.pattern} needs a case: whose are its ids?"
    return found


COMPANY_PREFIXES = ("/rest/v1.0/companies/{company_id}", "/companies/{company_id}")
PERSON_PREFIXES = ("/account/", "/developer/")
OPERATOR_PREFIX = "/operator/"


async def test_every_way_with_an_id_stands_in_a_table(world: World) -> None:
    """A194: a route whose ids belong to nobody known here fails the build."""
    covered = (*COMPANY_PREFIXES, *PERSON_PREFIXES, OPERATOR_PREFIX)
    for way in ways(world.app, but=OPEN):
        assert not way.parameters or way.pattern.startswith(covered), f"{way.pattern} needs a case: whose are its ids?"


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_another_company_answers_like_none(world: World, flow_dialect: str) -> None:
    """A194, P6: status, body, headers and statements, for JSON and pages, whatever the method."""
    await world.add_robot("other", "birch", "Other export")
    foreign, seen = await ids_of_company(world, "birch"), 0
    max_ = await asker(world, "max")  # in alder alone
    for prefix in COMPANY_PREFIXES:
        for way in below(world, prefix, foreign):
            there = await compared(max_, way, foreign, UNKNOWN_OF_COMPANY)
            assert there.status == 404, (way, there)
            seen += 1
    assert seen >= 40


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_a_thing_of_another_company_answers_like_none(world: World, flow_dialect: str) -> None:
    """A194, P6: within one's own company, an id of another company that one manages too."""
    await world.add_robot("other", "birch", "Other export")
    own, foreign = await ids_of_company(world, "alder"), await ids_of_company(world, "birch")
    ada, seen = await asker(world, "ada"), 0
    for prefix in COMPANY_PREFIXES:
        for way in below(world, prefix, foreign):
            for name in way.parameters - {"company_id"} - APP_OF_NOBODYS:
                nowhere = {**own, name: UNKNOWN_OF_COMPANY[name]}
                there = await compared(ada, way, {**own, name: foreign[name]}, nowhere)
                assert there.status == 404, (way, name, there)
                seen += 1
    assert seen >= 20


async def test_a_thing_of_another_person_answers_like_none(world: World) -> None:
    """A194, P6: another developer's apps and secrets, another's sessions and authorizations."""
    for person in ("dev", "max"):
        await world.add_app(f"own-{person}", f"App of {person}", owner=person)
        await world.tokens(person, f"own-{person}")
    dev, seen = await asker(world, "dev"), 0
    own, foreign = await ids_of_person(world, "dev"), await ids_of_person(world, "max")
    for prefix in PERSON_PREFIXES:
        for way in below(world, prefix, foreign):
            for name in way.parameters:
                nowhere = {**own, name: UNKNOWN_OF_PERSON[name]}
                there = await compared(dev, way, {**own, name: foreign[name]}, nowhere)
                assert there.status == 404, (way, name, there)
                seen += 1
    assert seen >= 6


async def test_the_operators_pages_tell_nobody_else_what_there_is(world: World) -> None:
    """A194: 403 for what exists and for what does not, alike; an operator is told that it does not."""
    there, nowhere = await ids_of_deployment(world), UNKNOWN_OF_DEPLOYMENT
    ada, oda = await asker(world, "ada"), await asker(world, "oda")
    for way in below(world, OPERATOR_PREFIX, there):
        answer = await compared(ada, way, there, nowhere)
        assert answer.status == 403, (way, answer)
        assert (await told(oda, way, nowhere)).status in {404, 422}, way


# --- what a body may set -------------------------------------------------------------------------


async def recorded(database: Database) -> int:
    """Return how many events there are."""
    async with database.read() as reader:
        return int((await reader.execute(select(func.count()).select_from(events))).scalar_one())


async def test_no_body_may_set_what_is_not_its_own(world: World) -> None:
    """A195: each unknown or forbidden key is an error of its own, and nothing changes."""
    ada, own = await asker(world, "ada"), await ids_of_company(world, "alder")
    before, seen = await recorded(world.house.database), 0
    with_bodies = [route for route in world.app.routes if isinstance(route, APIRoute) and route.body_field]
    for route in with_bodies:
        for method in route.methods or ():
            path = Way(method, route.path, frozenset(route.param_convertors)).at(own)
            given = {"company_id": str(world.companies["birch"]), "role": "admin", "id": "1"}
            answer = await world.call(ada.token, path, method=method, json=given)
            assert answer.status_code == 422, (method, path, answer.text)
            said = " ".join(answer.json()["errors"])
            assert all(key in said for key in given), (method, path, said)
            seen += 1
    assert seen >= 10
    assert await recorded(world.house.database) == before


# --- what lists hold -----------------------------------------------------------------------------

# In every name of the other company, and nowhere else. A page repeats what was sought, so one half is sought.
SHOWN, SOUGHT = "zqxw", "vkpt"
MARK = SHOWN + SOUGHT


async def marked(world: World) -> None:
    """Fill a third company, of which nobody else is, with marked names and a busy record.

    Apps and their developers are no secret: App Management finds them to be blocked beforehand (I3).
    """
    await world.add_person("zed", f"Zed {MARK}")
    await world.add_company("zeta", f"Zeta {MARK}")
    await world.add_contact("zeta", "zed", directory="admin")
    await world.add_project("zeta", "zeta", f"Project {MARK}")
    await world.add_robot("zeta", "zeta", f"Robot {MARK}")
    await world.add_app("lift", "Lift", scopes=("company.manage",))
    for app in ("lift", "crane"):
        zed = await world.tokens("zed", app, scope="company.manage")
        base = f"/rest/v1.0/companies/{world.companies['zeta']}"
        await world.call(
            zed.access, f"{base}/contacts", method="POST", json={"email": f"{MARK}{app}@example.org", "name": MARK}
        )
        await world.call(
            zed.access,
            f"{base}/permission_templates",
            method="POST",
            json={"name": f"T {MARK} {app}", "company": {}, "project": {}},
        )
        await world.call(zed.access, f"{base}/contacts/{UNKNOWN_NUMBER}")
        await world.call(zed.access, "/rest/v1.0/projects", company="alder")
    await world.app.state.counters.flush()


QUERIES = ("", f"?search={SOUGHT}", f"?q={SOUGHT}", "?per_page=300", "?after=0", "?company_id={zeta}")


async def test_nobody_is_shown_anything_of_a_company_they_are_not_in(world: World) -> None:
    """A200, P6: lists, searches, counts, exports, navigation, a developer's figures."""
    await marked(world)
    own = await ids_of_company(world, "alder")
    await world.add_app("own-dev", "App of dev")
    queries = [query.format(zeta=world.companies["zeta"]) for query in QUERIES]
    for person in ("ada", "dev"):
        who, shown = await asker(world, person), 0
        ids = {**(await ids_of_person(world, "dev")), **own}
        for way in ways(world.app, but=OPEN):
            if way.method != "GET" or way.pattern.startswith(OPERATOR_PREFIX) or not way.parameters <= set(ids):
                continue
            for query in queries:
                answer = await who.ask(way, ids, query=query)
                assert SHOWN not in f"{answer.headers}{answer.text}".lower(), (person, way, query)
                shown += answer.status_code == 200
        assert shown >= 10, person


async def test_a_count_tells_nothing_of_another_company(world: World) -> None:
    """A200: what another company adds moves no number of ours."""
    ada, own = await asker(world, "max"), await ids_of_company(world, "alder")
    lists = [
        way
        for way in ways(world.app, but=OPEN)
        if way.is_api and way.method == "GET" and way.parameters <= {"company_id"}
    ]

    async def totals() -> list[str | None]:
        return [
            (await ada.ask(way, own, query=f"?company_id={own['company_id']}")).headers.get("total") for way in lists
        ]

    before = await totals()
    await marked(world)
    assert await totals() == before
    assert sum(total is not None for total in before) >= 3


async def test_a_removed_contacts_live_token_is_refused_at_once(world: World) -> None:
    """A198, P5: on the next call, in that company alone."""
    tokens, ada = await world.tokens("wim", "crane"), await asker(world, "ada")
    await world.add_contact("birch", "wim", directory="read_only")
    own = await ids_of_company(world, "alder")
    for company in ("alder", "birch"):
        assert (await world.call(tokens.access, "/rest/v1.0/projects", company=company)).status_code == 200
    path = f"/rest/v1.0/companies/{own['company_id']}/contacts/{own['contact_id']}"
    assert (await world.call(ada.token, path, method="DELETE")).status_code == 204
    refused = await world.call(tokens.access, "/rest/v1.0/projects", company="alder")
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "company_unknown")
    assert (await world.call(tokens.access, "/rest/v1.0/projects", company="birch")).status_code == 200
