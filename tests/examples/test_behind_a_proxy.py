"""The Jobsite API behind a proxy: identity headers that nobody vouched for let nobody in."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sdk.tests.model_server import model_server

from examples.jobsite_api import guarded_by_proxy
from examples.jobsite_api.store import Store
from gatewright_sdk import AsyncGatewright
from tests.examples.guarded import Site, guard_of, guarded_by, program_on

ASSERTION = "gatewright-auth-assertion"


@asynccontextmanager
async def _behind(folder: Path) -> AsyncIterator[tuple[Site, httpx.AsyncClient]]:
    """Lend a site, and a program that reached the proxy's API past the proxy."""
    async with guarded_by("sdk", folder) as site:
        app = guarded_by_proxy.create_app(site.store, await guard_of(site.world))
        async with app.router.lifespan_context(app), program_on(app) as client:
            yield site, client


async def _identity(site: Site, level: str, *, tool: str = "rfis") -> dict[str, str]:
    """Return the headers that Gatewright gives a proxy for the caller who holds this level on a tool of the project."""
    asked: dict[str, str | int] = {
        "company_id": site.place.company_id,
        "project_id": site.place.project_id,
        "tool": tool,
        "level": level,
    }
    bearer = {"authorization": f"Bearer {site.tokens[level]}"}
    told = await site.world.client.get("/authz/forward", params=asked, headers=bearer)
    assert told.status_code == 200, told.text
    return {name: value for name, value in told.headers.items() if name.startswith("gatewright-auth-")}


def _rfis(site: Site) -> str:
    return f"/rest/v1.0/projects/{site.place.project_id}/rfis"


def _refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def test_an_identity_with_its_assertion_is_let_in(tmp_path: Path) -> None:
    # X1
    async with _behind(tmp_path) as (site, client):
        identity = await _identity(site, "standard")
        made = await client.post(_rfis(site), json={"subject": "Bearing"}, headers=identity)
        assert made.status_code == 201
        assert made.json()["created_by"] == f"service account {site.world.robots['standard'].id}"
        # nginx passes no header on that has no value
        named = {name: value for name, value in identity.items() if value}
        assert (await client.get(_rfis(site), headers=named)).status_code == 200


async def test_an_identity_without_a_good_assertion_is_nobodys(tmp_path: Path) -> None:
    # X1: whoever reaches the API past the proxy can write any header
    async with _behind(tmp_path) as (site, client):
        identity = await _identity(site, "admin")
        signed = identity.pop(ASSERTION)
        head, body, signature = signed.split(".")
        forged = {
            "none": None,
            "empty": "",
            "another text": "a.b.c",
            "another signature": f"{head}.{body}.{signature[:-8]}AAAAAAAA",
            "no signature": f"{head}.{body}.",
            "an access token": site.tokens["admin"],
        }
        for what, text in forged.items():
            headers = identity if text is None else identity | {ASSERTION: text}
            answer = await client.get(_rfis(site), headers=headers)
            assert answer.status_code == 401, what
            assert answer.json()["error"]["request_id"], what
            assert answer.headers["www-authenticate"].startswith("Bearer "), what
        assert _refused(await client.get(_rfis(site), headers={"authorization": f"Bearer {signed}"}))[0] == 401


@pytest.mark.parametrize(
    "forged",
    [
        {"gatewright-auth-company-id": "2"},
        {"gatewright-auth-user-id": "1"},
        {"gatewright-auth-service-account-id": ""},
        {"gatewright-auth-level": "admin"},
        {"gatewright-auth-scope": "company.manage"},
        {"gatewright_auth_company_id": "2"},
    ],
    ids=str,
)
async def test_headers_that_the_assertion_was_not_signed_for_are_refused(
    forged: Mapping[str, str], tmp_path: Path
) -> None:
    # X1: with dash and with underscore
    async with _behind(tmp_path) as (site, client):
        identity = await _identity(site, "read_only")
        assert (await client.get(_rfis(site), headers=identity)).status_code == 200
        assert _refused(await client.get(_rfis(site), headers={**identity, **forged})) == (401, "token_invalid")


async def test_the_assertion_of_a_lower_level_opens_no_other_route(tmp_path: Path) -> None:
    # M2: each route compares the level that was signed
    async with _behind(tmp_path) as (site, client):
        path, reading, writing = _rfis(site), await _identity(site, "read_only"), await _identity(site, "standard")
        rfi = f"{path}/{site.rfi()}"
        refused = await client.post(path, json={"subject": "Bearing"}, headers=reading)
        assert _refused(refused) == (403, "permission_insufficient")
        assert refused.json()["error"]["message"] == "This needs the level standard."
        assert _refused(await client.delete(rfi, headers=writing)) == (403, "permission_insufficient")
        assert (await client.patch(rfi, json={"answer": "25 mm"}, headers=writing)).status_code == 200


async def test_the_assertion_of_another_route_opens_none(tmp_path: Path) -> None:
    # X1: the same caller, let in with the highest level for another tool, or in another project
    async with _behind(tmp_path) as (site, client):
        drawings = await _identity(site, "admin", tool="drawings")
        assert _refused(await client.get(_rfis(site), headers=drawings)) == (401, "token_invalid")
        assert (await client.get(_rfis(site).replace("rfis", "drawings"), headers=drawings)).status_code == 200
        elsewhere = f"/rest/v1.0/projects/{site.place.project_id + 1}/rfis"
        rfis = await _identity(site, "admin")
        assert _refused(await client.get(elsewhere, headers=rfis)) == (401, "token_invalid")


@pytest.mark.parametrize(
    ("decided", "status"),
    [
        ({}, 200),
        ({"level": "admin"}, 200),
        ({"level": "none"}, 401),
        ({"tool": "drawings"}, 401),
        ({"tool": None}, 401),
        ({"project_id": 8}, 401),
        ({"project_id": None}, 401),
        ({"of_company": True}, 401),
        ({"of_company": None}, 401),
        ({"company_id": None}, 401),
    ],
    ids=str,
)
async def test_only_what_was_decided_is_let_in(decided: dict[str, Any], status: int, tmp_path: Path) -> None:
    # X1: whatever a server signs
    with model_server() as signs:
        guard = AsyncGatewright(signs.issuer, client_id="none", client_secret="none")
        app = guarded_by_proxy.create_app(Store(tmp_path / "jobsite.db"), guard)
        said = {"user-id": 1, "service-account-id": "", "client-id": "app", "company-id": 1, "contact-id": 7}
        said |= {"level": "standard", "scope": ""}
        said |= {name.replace("_", "-"): value or "" for name, value in decided.items()}
        headers = {f"gatewright-auth-{name}": str(value) for name, value in said.items()}
        async with app.router.lifespan_context(app), program_on(app) as client:
            headers[ASSERTION] = signs.assertion(**decided)
            answer = await client.get("/rest/v1.0/projects/7/rfis", headers=headers)
            assert answer.status_code == status, answer.text


async def test_the_proxy_replaces_what_a_caller_says_of_itself(tmp_path: Path) -> None:
    # X1: neither a forged identity nor somebody else's good one comes through nginx
    async with guarded_by("proxy", tmp_path) as site:
        stolen = await _identity(site, "admin")
        for headers in (stolen, {name.replace("-", "_"): value for name, value in stolen.items()}):
            own = {"authorization": f"Bearer {site.tokens['read_only']}", **headers}
            own["gatewright-company-id"] = str(site.place.company_id)
            listed = await site.client.get(_rfis(site), headers=own)
            assert listed.status_code == 200, listed.text
            refused = await site.client.post(_rfis(site), json={"subject": "Bearing"}, headers=own)
            assert _refused(refused) == (403, "permission_insufficient")
            alone = {name: value for name, value in own.items() if name != "authorization"}
            assert _refused(await site.client.get(_rfis(site), headers=alone)) == (401, "token_missing")
