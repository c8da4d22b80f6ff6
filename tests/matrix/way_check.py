"""`POST /authz/check`: a hundred questions in a request, about tokens and about contacts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from tests.matrix.built import TOO_BIG_ID, Built
from tests.matrix.cells import Cell
from tests.matrix.described import AMBIGUOUS, TOO_BIG
from tests.matrix.placed import Answer, Placed
from tests.matrix.way_forward import TELLS

CHECK = "/authz/check"
AT_MOST = 100
T = TypeVar("T")


def not_by_check(cell: Cell) -> str | None:
    """Return why neither a check nor the SDK can ask a cell; None when both can."""
    if cell["company"] == AMBIGUOUS:
        return "the company is one number: whoever asks has read the request already"
    if TOO_BIG in {cell["company"], cell["project"]}:
        return f"{TOO_BIG_ID} is no id, and malformed"
    if cell["asks"] != "tool":
        return "a question has tool and level"
    if cell["scope"] or cell["of_company"]:
        return "a question has neither a scope nor a tool of the company on a project"
    return None


@dataclass(frozen=True, slots=True)
class Checked:
    """Asks as a resource server."""

    built: Built
    name: str = "check"
    least: int = 2_500
    acts: bool = True
    tells: tuple[str, ...] = TELLS

    def why_not(self, cell: Cell) -> str | None:
        """Return why a cell cannot be asked."""
        if cell["token"] == "none at all":
            return "a question without token and contact is malformed"
        return not_by_check(cell)

    async def ask(self, placed: Sequence[Placed]) -> list[Answer]:
        """Return the answers."""
        return [answer for some in batches(placed) for answer in await self._asked(some)]

    async def _asked(self, placed: Sequence[Placed]) -> list[Answer]:
        world = self.built.world
        gate = world.apps["gate"]
        answer = await world.client.post(
            CHECK, json={"questions": [_question(one) for one in placed]}, auth=(gate.client_id, gate.secret or "")
        )
        assert answer.status_code == 200, answer.text
        return [_read(one) for one in answer.json()["answers"]]


def batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield the items, as many at a time as one request takes."""
    for start in range(0, len(items), AT_MOST):
        yield items[start : start + AT_MOST]


def _question(one: Placed) -> dict[str, Any]:
    subject = {"token": one.token} if one.is_of_token else {"contact_id": one.contact}
    project = {} if one.project is None else {"project_id": one.project}
    return {**subject, "company_id": one.company, **project, "tool": one.cell["tool"], "level": one.cell["level"]}


def _read(answer: dict[str, Any]) -> Answer:
    assert answer["allow"] is ("principal" in answer), answer
    assert answer["allow"] is (answer["code"] is None), answer
    if not answer["allow"]:
        return Answer(answer["code"], answer["status"])
    who = answer["principal"]
    return Answer(
        None,
        answer["status"],
        kind=who["kind"],
        principal=who["id"],
        company=who["company_id"],
        contact=who["contact_id"],
        level=who["level"],
        client_id=who["client_id"],
        scopes=tuple(who["scopes"]),
    )
