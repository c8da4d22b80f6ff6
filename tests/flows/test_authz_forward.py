"""`/authz/forward` over HTTP: a proxy asks with its client's own headers."""

import json
from collections.abc import Mapping

import httpx
import pytest

from tests.support.databases import DIALECTS
from tests.support.world import World

IDENTITY = ("user-id", "service-account-id", "client-id", "company-id", "contact-id", "level", "scope")


async def ask(world: World, token: str | None, query: str, **headers: str) -> httpx.Response:
    """Return the answer to a question in the query; a header's `_` is written `-`."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if token is not None:
        given["authorization"] = f"Bearer {token}"
    return await world.client.get(f"/authz/forward?{query}", headers=given)


def identity(answer: httpx.Response) -> Mapping[str, str]:
    """Return the identity headers of a 200, by the ends of their names."""
    assert answer.status_code == 200, answer.text
    return {name: answer.headers[f"gatewright-auth-{name}"] for name in IDENTITY}


def refusal(answer: httpx.Response) -> tuple[int, str, str]:
    """Return status, code and X2's status of a refusal, whose body says the same as its headers."""
    body = answer.json()
    assert json.loads(answer.headers["gatewright-error"]) == body
    assert body["error"]["code"] == answer.headers["gatewright-code"]
    assert body["error"]["request_id"] == answer.headers["x-request-id"]
    return answer.status_code, answer.headers["gatewright-code"], answer.headers["gatewright-status"]


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_a_user_is_told_to_the_api_by_id_company_contact_and_level(world: World, flow_dialect: str) -> None:
    """X1: the level is the one held, which may be more than was asked for."""
    tokens = await world.tokens("wim", "crane")
    wim, company = world.people["wim"], world.companies["alder"]
    query = f"company_id={company}&project_id={world.projects['bridge']}&tool=rfis&level=read_only"
    answer = await ask(world, tokens.access, query)
    assert identity(answer) == {
        "user-id": str(wim.id),
        "service-account-id": "",
        "client-id": world.apps["crane"].client_id,
        "company-id": str(company),
        "contact-id": str(wim.contacts["alder"]),
        "level": "standard",
        "scope": "",
    }
    assert answer.content == b""
