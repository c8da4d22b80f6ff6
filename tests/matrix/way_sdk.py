"""The SDK, as an API uses it: asked once with nothing in memory, and once more with all of it there."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from gatewright_sdk import Allow, AsyncGatewright, Deny, Gatewright, Question
from tests.matrix.built import Built
from tests.matrix.cells import Cell
from tests.matrix.placed import Answer, Placed
from tests.matrix.way_check import batches, not_by_check
from tests.matrix.way_forward import TELLS


@dataclass(frozen=True, slots=True)
class Guarded:
    """The driver with threads."""

    built: Built
    guard: Gatewright
    name: str = "the SDK"
    least: int = 2_500
    acts: bool = True
    tells: tuple[str, ...] = TELLS

    def why_not(self, cell: Cell) -> str | None:
        """Return why a cell cannot be asked."""
        return not_by_check(cell)

    async def ask(self, placed: Sequence[Placed]) -> list[Answer]:
        """Return the answers."""
        return await asyncio.to_thread(self._ask, placed)

    def _ask(self, placed: Sequence[Placed]) -> list[Answer]:
        asked = [_question(one) for one in placed]
        return [_read(answer) for some in batches(asked) for answer in self.guard.check_all(some)]


@dataclass(frozen=True, slots=True)
class GuardedAsync:
    """The driver on an event loop."""

    built: Built
    guard: AsyncGatewright
    name: str = "the SDK, asynchronous"
    least: int = 2_500
    acts: bool = True
    tells: tuple[str, ...] = TELLS

    def why_not(self, cell: Cell) -> str | None:
        """Return why a cell cannot be asked."""
        return not_by_check(cell)

    async def ask(self, placed: Sequence[Placed]) -> list[Answer]:
        """Return the answers."""
        asked = [_question(one) for one in placed]
        return [_read(answer) for some in batches(asked) for answer in await self.guard.check_all(some)]


def _question(one: Placed) -> Question:
    return Question(
        tool=one.cell["tool"],
        level=one.cell["level"],
        company_id=one.company,
        project_id=one.project,
        token=one.token,
        contact_id=None if one.is_of_token else one.contact,
    )


def _read(answer: Allow | Deny) -> Answer:
    if isinstance(answer, Deny):
        return Answer(answer.code, answer.status)
    return Answer(
        None,
        200,
        kind=answer.principal.kind,
        principal=answer.principal.id,
        company=answer.company_id,
        contact=answer.contact_id,
        level=answer.level,
        client_id=answer.client_id,
        scopes=answer.scopes,
    )
