"""A guard that answers from a table: tokens with the levels they are good for, in company 1 alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import uuid4

from gatewright_sdk import Allow, Deny, Principal, Question
from gatewright_sdk.denials import TOKEN_INVALID, TOKEN_MISSING
from gatewright_sdk.requests import COMPANY_HEADERS

LEVELS = ("read_only", "standard", "admin")
HELD: Mapping[str, Mapping[str, str]] = {
    "good": {"rfis": "standard", "directory": "admin"},
    "little": {"rfis": "read_only"},
}


@dataclass(slots=True)
class Table:
    """What stands in for `Gatewright` where its server is not what is tested. `asked`: every question."""

    company_headers: tuple[str, ...] = COMPANY_HEADERS
    asked: list[Question] = field(default_factory=list)
    fails_with: Exception | None = None

    def check(self, question: Question) -> Allow | Deny:
        """Return the table's answer."""
        self.asked.append(question)
        if self.fails_with is not None:
            raise self.fails_with
        if question.token is None:
            return TOKEN_MISSING
        if question.token not in HELD:
            return TOKEN_INVALID
        if isinstance(question.company_id, Deny):
            return question.company_id
        if question.company_id != 1:
            return refusal("company_unknown", 404)
        if question.project_id not in {None, 7}:
            return refusal("project_unknown", 404)
        held = HELD[question.token].get(question.tool)
        if held is None or LEVELS.index(held) < LEVELS.index(question.level):
            return refusal("permission_insufficient", 403)
        return Allow(principal=Principal("user", 42), company_id=1, contact_id=3, level=held, client_id="app")


@dataclass(slots=True)
class AwaitedTable:
    """The same, awaited: what stands in for `AsyncGatewright`."""

    table: Table

    @property
    def company_headers(self) -> tuple[str, ...]:
        """Return the headers that name the company."""
        return self.table.company_headers

    async def check(self, question: Question) -> Allow | Deny:
        """Return the table's answer."""
        return self.table.check(question)


def refusal(code: str, status: int) -> Deny:
    """Return a refusal as a server gives it, with an id of its own."""
    return Deny(code=code, status=status, message=f"It is {code}.", help="Ask.", request_id=str(uuid4()))
