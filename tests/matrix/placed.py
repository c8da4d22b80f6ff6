"""A cell with the ids of a world in its places, and an answer as every way gives it."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.matrix.cells import Cell, name
from tests.matrix.described import AMBIGUOUS

NAMINGS = ("gatewright-company-id", "procore-company-id", "query", "path")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a way said: code and status, and on allow who acts."""

    code: str | None
    status: int
    kind: str | None = None  # of the principal
    principal: int | None = None
    company: int | None = None
    contact: int | None = None
    level: str | None = None
    client_id: str | None = None
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Placed:
    """One cell in a built world, and the answer that the table expects."""

    cell: Cell
    token: str | None = field(repr=False)
    company: int | None  # None: not named, or named in two ways that disagree
    other_company: int  # what else is named where the company is ambiguous
    project: int | None
    contact: int | None
    expected: Answer

    @property
    def name(self) -> str:
        """Return the cell in words."""
        return name(self.cell)

    @property
    def is_ambiguous(self) -> bool:
        """Return whether the company is named twice."""
        return bool(self.cell["company"] == AMBIGUOUS)

    @property
    def is_of_token(self) -> bool:
        """Return whether a token is asked about, present or missing."""
        return self.cell["token"] is not None

    @property
    def naming(self) -> str:
        """Return where the company is named: each place in its turn, the same in every run."""
        return NAMINGS[zlib.crc32(self.name.encode()) % len(NAMINGS)]

    @property
    def bearer(self) -> list[tuple[str, str]]:
        """Return the header that carries the token."""
        return [] if self.token is None else [("authorization", f"Bearer {self.token}")]

    def named(self, *, places: Sequence[str]) -> tuple[list[tuple[str, str]], int | None, int | None]:
        """Return headers, and the ids for query and path, that name the company in one of these places.

        Where it is ambiguous a header names another one.
        """
        if self.is_ambiguous:
            return [(NAMINGS[0], str(self.other_company)), (NAMINGS[1], str(self.other_company + 1))], None, None
        if self.company is None:
            return [], None, None
        place = self.naming if self.naming in places else places[0]
        if place == "query":
            return [], self.company, None
        return ([], None, self.company) if place == "path" else ([(place, str(self.company))], None, None)


class Way(Protocol):
    """A way of asking for decisions."""

    @property
    def name(self) -> str:
        """Return what it is called."""
        ...

    @property
    def least(self) -> int:
        """Return how many cells it has to be asked at least."""
        ...

    @property
    def tells(self) -> tuple[str, ...]:
        """Return what it tells of an answer, beside code and status."""
        ...

    @property
    def acts(self) -> bool:
        """Return whether asking is a call, which may connect an app (I2)."""
        ...

    def why_not(self, cell: Cell) -> str | None:
        """Return why a cell cannot be asked this way; None when it can."""
        ...

    async def ask(self, placed: Sequence[Placed]) -> list[Answer]:
        """Return the answers, in order."""
        ...


def told(answer: Answer, tells: Sequence[str]) -> dict[str, Any]:
    """Return what is compared of an answer."""
    said = {"code": answer.code, "status": answer.status}
    return said if answer.code else said | {part: getattr(answer, part) for part in tells}
