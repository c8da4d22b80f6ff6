"""Every route of the Jobsite API, for every caller, guarded by the SDK and by nginx: the same answers."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from examples.jobsite_api import guarded_by_sdk
from examples.jobsite_api.api import GUARDED, GuardedRoute
from examples.jobsite_api.store import Store
from gatewright_sdk import AsyncGatewright
from gatewright_sdk.fastapi import unguarded
from tests.examples.guarded import HOLDERS, ROUTES, Site, guarded_by

PING = "/rest/v1.0/ping"
CONTENT: dict[str, dict[str, Any]] = {
    "rfis": {"subject": "Conduit", "question": "Which goes around?"},
    "drawings": {"title": "Pile caps", "number": "S-1"},
    "daily_log": {"date": "2026-11-24", "notes": "Dry."},
}


def _request(route: GuardedRoute, site: Site, *, project: int, number: int) -> tuple[str, str, dict[str, Any] | None]:
    """Return a request to the route that does what it is for: method, path, content."""
    path = route.path.format(project_id=project, rfi_id=site.rfi() if "{rfi_id}" in route.path else 0)
    if route.method == "PATCH":
        return route.method, path, {"answer": "25 mm"}
    if route.method != "POST" or path.endswith("/close"):
        return route.method, path, None
    content = CONTENT[route.tool]
    return route.method, path, content | ({"number": f"S-{number}"} if route.tool == "drawings" else {})


def _expected(route: GuardedRoute, holder: str) -> tuple[int, str]:
    if HOLDERS.index(holder) >= HOLDERS.index(route.level):
        return route.status, ""
    return 403, "permission_insufficient"


@pytest.mark.parametrize("version", ["sdk", "proxy"])
async def test_every_route_answers_every_caller_as_its_level_says(version: str, tmp_path: Path) -> None:
    # M2, P6, X2
    async with guarded_by(version, tmp_path) as site:
        here, found, wanted = site.place, {}, {}
        elsewhere = site.world.companies["birch"], site.world.projects["mill"]
        for route in GUARDED:
            callers: dict[str, tuple[str | None, int | None, int, tuple[int, str]]] = {
                level: (site.tokens[level], here.company_id, here.project_id, _expected(route, level))
                for level in HOLDERS
            }
            admin = site.tokens["admin"]
            callers["no token"] = (None, here.company_id, here.project_id, (401, "token_missing"))
            callers["no company"] = (admin, None, here.project_id, (400, "company_required"))
            callers["wrong company"] = (admin, elsewhere[0], here.project_id, (404, "company_unknown"))
            callers["project of another company"] = (admin, here.company_id, elsewhere[1], (404, "project_unknown"))
            for number, (caller, (token, company, project, expected)) in enumerate(callers.items()):
                method, path, content = _request(route, site, project=project, number=number)
                answer = await site.call(method, path, token=token, company=company, json=content)
                code = "" if answer.is_success else answer.json()["error"]["code"]
                found[route.method, route.path, caller] = answer.status_code, code
                wanted[route.method, route.path, caller] = expected
        assert found == wanted
        assert len(found) == len(GUARDED) * 8


@pytest.mark.parametrize("version", ["sdk", "proxy"])
async def test_a_row_says_who_made_it(version: str, tmp_path: Path) -> None:
    # S5, X1: the principal that was decided, whatever the program says of itself
    async with guarded_by(version, tmp_path) as site:
        path, company = f"/rest/v1.0/projects/{site.place.project_id}/rfis", site.place.company_id
        who = {
            "wim": f"user {site.world.people['wim'].id}",
            "admin": f"service account {site.world.robots['admin'].id}",
        }
        for caller, by in who.items():
            answer = await site.call(
                "POST", path, token=site.tokens[caller], company=company, json={"subject": "Bearing"}
            )
            assert answer.json()["created_by"] == by
        listed = await site.call("GET", path, token=site.tokens["wim"], company=company)
        assert [one["created_by"] for one in listed.json()] == list(who.values())


@pytest.mark.parametrize("version", ["sdk", "proxy"])
async def test_what_a_stranger_sends_is_not_looked_at(version: str, tmp_path: Path) -> None:
    # X2: first who it is, then what is wrong with the body
    async with guarded_by(version, tmp_path) as site:
        path = f"/rest/v1.0/projects/{site.place.project_id}/rfis"
        assert (await site.call("POST", path, token=None, company=None, json=[])).status_code == 401
        refused = await site.call("POST", path, token=site.tokens["read_only"], company=site.place.company_id, json=[])
        assert refused.status_code == 403
        assert "Someone who holds Directory: Admin in this company can raise it." in refused.json()["error"]["help"]
        allowed = await site.call("POST", path, token=site.tokens["admin"], company=site.place.company_id, json=[])
        assert allowed.status_code == 422
        assert (await site.client.get(PING)).json() == {"ping": "pong"}


def test_every_route_is_guarded_and_stands_in_the_route_map(tmp_path: Path) -> None:
    # M6: what the SDK asks for a route and what the proxy asks for it is the same
    guard = AsyncGatewright("http://127.0.0.1:9", client_id="a", client_secret="b")
    assert unguarded(guarded_by_sdk.create_app(Store(tmp_path / "jobsite.db"), guard), public={PING}) == []
    told = yaml.safe_load(ROUTES.read_text())
    needed = {f"{one.method} {one.path}": {"tool": one.tool, "level": one.level} for one in GUARDED}
    assert told == {"unknown_routes": "refuse", "routes": {f"GET {PING}": "public", **needed}}
