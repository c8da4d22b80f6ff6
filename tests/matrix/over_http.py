"""Requests of a way, some at a time over kept connections; and identities read from headers."""

import asyncio
import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.matrix.placed import Answer

AT_ONCE = 8
CLAIMS = {
    "user-id": "user_id",
    "service-account-id": "service_account_id",
    "client-id": "client_id",
    "company-id": "company_id",
    "contact-id": "contact_id",
    "level": "level",
    "scope": "scope",
}


@dataclass(frozen=True, slots=True)
class Request:
    """One request: a header may come twice."""

    method: str
    path: str
    headers: Sequence[tuple[str, str]] = ()
    params: Mapping[str, str | int] = field(default_factory=dict)
    json: object = None


async def sent(client: httpx.AsyncClient, requests: Sequence[Request]) -> list[httpx.Response]:
    """Return the answers, in order."""
    answers: dict[int, httpx.Response] = {}
    left = iter(enumerate(requests))

    async def send_some() -> None:
        for number, request in left:
            answers[number] = await client.request(
                request.method,
                request.path,
                headers=list(request.headers),
                params=dict(request.params) or None,  # an empty one would empty the query of the path
                json=request.json,
            )

    await asyncio.gather(*(send_some() for _ in range(AT_ONCE)))
    return [answers[number] for number in range(len(requests))]


def identity(headers: Mapping[str, str], *, all_present: bool) -> Answer:
    """Return who was allowed, as the identity headers say; the assertion must say the same."""
    prefix = "gatewright-auth-"
    told = {claim: headers.get(prefix + name, "") for name, claim in CLAIMS.items()}
    if all_present:
        assert {prefix + name for name in CLAIMS} <= set(headers), dict(headers)
    assert not (told["user_id"] and told["service_account_id"]), told
    asserted = claims_of(headers[f"{prefix}assertion"])
    assert {claim: "" if asserted[claim] is None else str(asserted[claim]) for claim in told} == told
    return Answer(
        None,
        200,
        kind="user" if told["user_id"] else "service_account",
        principal=_number(told["user_id"] or told["service_account_id"]),
        company=_number(told["company_id"]),
        contact=_number(told["contact_id"]),
        level=told["level"] or None,
        client_id=told["client_id"] or None,
        scopes=tuple(told["scope"].split()),
    )


def claims_of(token: str) -> dict[str, Any]:
    """Return what a signed text says, unverified."""
    part = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


def _number(text: str) -> int | None:
    return int(text) if text else None
