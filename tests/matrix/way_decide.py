"""The first way: `decisions.rules.decide`, a function of rows. The rows are taken from the description, not loaded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gatewright.base import clock
from gatewright.base.ids import CompanyId, ContactId, ProjectId
from gatewright.base.levels import Level
from gatewright.decisions.model import (
    Allowed,
    Asked,
    Caller,
    CompanyRow,
    ContactRow,
    FirstCall,
    MembershipRow,
    Refused,
    Situation,
    ToolRow,
    Verdict,
)
from gatewright.decisions.rules import TOKEN_MISSING, dead_token, decide
from gatewright.oauth.model import DeadToken, LiveToken
from gatewright.oauth.tokens import TokenReader
from tests.matrix import described
from tests.matrix.built import Built
from tests.matrix.cells import Cell
from tests.matrix.expected import STATUSES, levels_of
from tests.matrix.placed import Answer, Placed

TOOLS = tuple(ToolRow(scope, key, key.title()) for key, scope in described.TOOLS.items())
STOPPED = ("dee", "rob_edited", "rob_taken", "nobody")


@dataclass(frozen=True, slots=True)
class PureDecision:
    """Hands `decide` the rows that the description speaks of, and a caller as the token reader names them."""

    built: Built
    name: str = "rules.decide"
    least: int = 4_500
    acts: bool = False
    tells: tuple[str, ...] = ("contact", "level")

    def why_not(self, cell: Cell) -> str | None:
        """Return why a cell cannot be asked."""
        if cell["contact"] is not None and cell["contact"][0] in STOPPED:
            return "whether the principal of a contact stands is judged before the rules are asked"
        return None

    async def ask(self, placed: Sequence[Placed]) -> list[Answer]:
        """Return the verdicts; a first call is decided once more with the row that it made (I2)."""
        house = self.built.house
        reader = TokenReader(house.settings, house.database, house.keys, house.facts)
        callers = {one.cell["token"]: await self._caller(reader, one) for one in placed if one.is_of_token}
        return [self._answer(one, callers.get(one.cell["token"]) or self._of_contact(one)) for one in placed]

    async def _caller(self, reader: TokenReader, one: Placed) -> Caller | Refused:
        if one.token is None:
            return TOKEN_MISSING
        read = await reader.read(one.token, now=clock.now())
        return dead_token(read.code, read.description) if isinstance(read, DeadToken) else _caller(read)

    def _of_contact(self, one: Placed) -> Caller:
        who = one.cell["contact"][0]
        is_there = who in self.built.world.people or who in self.built.world.robots
        kind = "service_account" if who in described.SERVICE_ACCOUNTS else "user"
        principal = self.built.principal(who) if is_there else 0
        return Caller(kind=kind, id=principal, on_pages=True)  # type: ignore[arg-type]

    def _answer(self, one: Placed, who: Caller | Refused) -> Answer:
        asked, facts = _asked(one), _situation(one)
        verdict: Verdict = decide(who, asked, facts)
        if isinstance(verdict, FirstCall):
            stands = {"open": "connected", "approval": "requested"}[described.FRESH[one.cell["company"]]]
            verdict = decide(who, asked, replace(facts, installation=stands))
        match verdict:
            case Refused():
                return Answer(verdict.code, STATUSES[verdict.code])
            case Allowed():
                level = None if verdict.level is None else verdict.level.key
                return Answer(None, 200, contact=verdict.contact_id, level=level)
            case FirstCall():
                raise AssertionError(f"a first call twice: {one.name}")


def _caller(live: LiveToken) -> Caller:
    return Caller(
        kind=live.principal_kind,
        id=live.principal_id,
        app_id=live.app_id,
        home_company_id=live.company_id,
        scopes=live.scopes,
    )


def _asked(one: Placed) -> Asked:
    cell = one.cell
    needs_company = cell["asks"] != "token"
    return Asked(
        company_id=CompanyId(one.company) if one.company is not None and needs_company else None,
        needs_company=needs_company,
        ambiguous="It is named twice." if one.is_ambiguous else "",
        project_id=None if one.project is None else ProjectId(one.project),
        tool=cell["tool"],
        of_company=cell["of_company"],
        level=None if cell["level"] is None else Level.from_key(cell["level"]),
        manage=cell["scope"],
        any_level=cell["asks"] == "member",
    )


def _situation(one: Placed) -> Situation:
    """Return the rows that the description has of the company, the contact, the app and the project."""
    company, project, contact = one.cell["company"], one.cell["project"], _contact_of(one.cell)
    access = (described.COMPANIES | described.FRESH).get(company)
    if one.company is None or access is None or contact is None or one.cell["asks"] == "token":
        return Situation()
    app = None if not one.is_of_token else described.TOKENS[one.cell["token"]]["app"]
    levels = contact["projects"].get(project)
    return Situation(
        company=CompanyRow(CompanyId(one.company), company.title(), access),
        contact=ContactRow(ContactId(one.expected.contact or 1), _levels(contact["levels"])),
        installation=described.INSTALLATIONS.get((app, company)) if app else None,
        project_exists=described.PROJECTS.get(project) == company,
        membership=None if levels is None else MembershipRow(_levels(levels)),
        has_membership=bool(contact["projects"]),
        tools=TOOLS,
    )


def _contact_of(cell: Cell) -> dict[str, Any] | None:
    who, company = described.TOKENS[cell["token"]]["who"] if cell["token"] else cell["contact"][0], cell["company"]
    if company in described.FRESH:
        return described.FRESH_HOLDERS.get(who)
    if cell["contact"] is not None and cell["contact"][1] != company:
        return None
    return levels_of(described.CONTACTS[who, company]) if (who, company) in described.CONTACTS else None


def _levels(stated: Mapping[str, str]) -> dict[str, Level]:
    return {tool: Level.from_key(level) for tool, level in stated.items()}
