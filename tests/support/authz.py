"""`/authz/forward` and `/authz/check` as a proxy and a resource server ask them."""

import json
from collections.abc import Mapping
from typing import Any

import httpx

from tests.support.world import World

FORWARD = "/authz/forward"
CHECK = "/authz/check"
IDENTITY = ("user-id", "service-account-id", "client-id", "company-id", "contact-id", "level", "scope")


async def forward(
    world: World, token: str | None, query: str, *more: tuple[str, str], method: str = "GET"
) -> httpx.Response:
    """Return the answer to a question in the query; `more` are headers of the client's."""
    bearer = [] if token is None else [("authorization", f"Bearer {token}")]
    return await world.client.request(method, f"{FORWARD}?{query}", headers=[*bearer, *more])


def named(world: World, tool: str = "directory", level: str = "read_only", *, company: str = "alder") -> str:
    """Return the query of a question about a company."""
    return f"company_id={world.companies[company]}&tool={tool}&level={level}"


def identity(answer: httpx.Response) -> Mapping[str, str]:
    """Return the identity headers of a 200, by the ends of their names."""
    assert answer.status_code == 200, answer.text
    return {name: answer.headers[f"gatewright-auth-{name}"] for name in IDENTITY}


def refused(answer: httpx.Response) -> tuple[int, str, str]:
    """Return status, code and X2's status of a refusal, whose body and headers say the same."""
    body = answer.json()
    assert set(body) == {"error", "errors"}
    assert set(body["error"]) == {"code", "message", "help", "request_id"}
    assert body["error"]["help"]
    assert json.loads(answer.headers["gatewright-error"]) == body
    assert answer.headers["gatewright-error"].isascii()
    assert body["error"]["code"] == answer.headers["gatewright-code"]
    assert body["error"]["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["cache-control"] == "no-store"
    assert not any(name.startswith("gatewright-auth-") for name in answer.headers)
    return answer.status_code, answer.headers["gatewright-code"], answer.headers["gatewright-status"]


async def post_check(world: World, body: Any, *, app: str = "gate") -> httpx.Response:
    """Return the answer to a body, asked by an app."""
    credentials = world.apps[app]
    return await world.client.post(CHECK, json=body, auth=(credentials.client_id, credentials.secret or ""))


async def check(world: World, *questions: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the answers to questions that are in shape."""
    answer = await post_check(world, {"questions": list(questions)})
    assert answer.status_code == 200, answer.text
    answers: list[dict[str, Any]] = answer.json()["answers"]
    return answers


def about(world: World, *, company: str = "alder", tool: str = "directory", **more: Any) -> dict[str, Any]:
    """Return a question, about the directory of a company unless said otherwise."""
    return {"company_id": world.companies[company], "tool": tool, "level": "read_only", **more}
