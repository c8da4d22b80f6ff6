"""`POST /authz/check` over HTTP: a resource server asks many questions at once."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from gatewright.events import keys
from tests.support.databases import DIALECTS
from tests.support.world import World


async def post(world: World, body: Any, *, app: str = "gate") -> httpx.Response:
    """Return the answer to a body, asked by an app."""
    credentials = world.apps[app]
    return await world.client.post("/authz/check", json=body, auth=(credentials.client_id, credentials.secret or ""))


async def check(world: World, *questions: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the answers to questions that are in shape."""
    answer = await post(world, {"questions": list(questions)})
    assert answer.status_code == 200, answer.text
    answers: list[dict[str, Any]] = answer.json()["answers"]
    return answers


def about(world: World, *, company: str = "alder", tool: str = "directory", **more: Any) -> dict[str, Any]:
    """Return a question, about the directory of a company unless said otherwise."""
    return {"company_id": world.companies[company], "tool": tool, "level": "read_only", **more}


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_answers_come_in_the_order_of_their_questions(world: World, flow_dialect: str) -> None:
    """X1, S2: by token and by contact; who is allowed is told by ids alone."""
    tokens, wim = await world.tokens("wim", "crane"), world.people["wim"]
    company, project = world.companies["alder"], world.projects["bridge"]
    answers = await check(
        world,
        about(world, token=tokens.access, project_id=project, tool="rfis"),
        about(world, contact_id=wim.contacts["alder"], level="admin"),
        about(world, contact_id=wim.contacts["alder"]),
    )
    assert [(answer["allow"], answer["code"], answer["status"]) for answer in answers] == [
        (True, None, 200),
        (False, "permission_insufficient", 403),
        (True, None, 200),
    ]
    who = {"kind": "user", "id": wim.id, "company_id": company, "contact_id": wim.contacts["alder"]}
    through = {"client_id": world.apps["crane"].client_id, "scopes": []}
    assert answers[0]["principal"] == {**who, "level": "standard", **through}
    assert answers[2]["principal"] == {**who, "level": "read_only", "client_id": None, "scopes": []}
    assert "principal" not in answers[1]
    assert keys.tag(keys.membership(company, project, wim.contacts["alder"])) in answers[0]["tags"]
