"""Gatewright's own API: what its routes need is what some cells ask."""

from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from tests.matrix.built import Built
from tests.matrix.cells import Cell
from tests.matrix.over_http import Request, sent
from tests.matrix.placed import NAMINGS, Answer, Placed

COMPANY = "/rest/v1.0/companies/{company}"
# What is asked, on which route: (asks, tool, level, of a project, scope).
ROUTES = {
    ("token", None, None, False, False): ("GET", "/rest/v1.0/me"),
    ("member", None, None, False, False): ("GET", "/rest/v1.0/projects"),
    ("tool", "directory", "read_only", False, False): ("GET", f"{COMPANY}/contacts"),
    ("tool", "directory", "admin", False, True): ("GET", f"{COMPANY}/permission_templates"),
    ("tool", "admin", "admin", False, True): ("GET", f"{COMPANY}/installations"),
    ("tool", "admin", "admin", True, True): ("PATCH", f"{COMPANY}/projects/{{project}}"),
}


@dataclass(frozen=True, slots=True)
class PlatformApi:
    """Asks the routes of the management API that need exactly what the cell asks."""

    built: Built
    name: str = "the API"
    least: int = 1_200
    acts: bool = True
    tells: tuple[str, ...] = ()

    def why_not(self, cell: Cell) -> str | None:
        """Return why a cell cannot be asked."""
        if cell["contact"] is not None:
            return "the API is called with a token, never for a contact"
        if _route(cell) is None:
            return "no route of the API needs this tool, level and scope"
        if cell["company"] is None and cell["asks"] == "tool":
            return "the API names the company in the path of all that needs a tool"
        return None

    async def ask(self, placed: Sequence[Placed]) -> list[Answer]:
        """Return the API's answers."""
        return [_read(answer) for answer in await sent(self.built.world.client, [_request(one) for one in placed])]


def _request(one: Placed) -> Request:
    route = _route(one.cell)
    if route is None:
        raise AssertionError(one.name)
    method, path = route
    headers, in_query, _ = one.named(places=NAMINGS[:3])
    company = one.other_company if one.is_ambiguous else one.company
    return Request(
        method,
        path.format(company=company, project=one.project),
        [*one.bearer, *headers],
        {} if in_query is None else {"company_id": in_query},
        json={} if method == "PATCH" else None,
    )


def _route(cell: Cell) -> tuple[str, str] | None:
    is_of_project = cell["project"] is not None
    if is_of_project and not cell["of_company"]:
        return None
    return ROUTES.get((cell["asks"], cell["tool"], cell["level"], is_of_project, cell["scope"]))


def _read(answer: httpx.Response) -> Answer:
    if answer.status_code == 200:
        return Answer(None, 200)
    return Answer(answer.json()["error"]["code"], answer.status_code)
