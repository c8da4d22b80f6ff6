"""X5: whatever changes, a yes and a no alike, the SDK's memory says within its lease what the server says."""

import asyncio
import random
import time
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from gatewright.apps.installation_service import disconnect, reconnect
from gatewright.base import clock
from gatewright.base.ids import AppId, ProjectId
from gatewright.db.engine import Database
from gatewright.directory import service as directory
from gatewright.directory.model import Tool
from gatewright.events.catalogue import SYSTEM
from gatewright_sdk import Allow, AsyncGatewright, Deny, Question
from tests.support.databases import DIALECTS
from tests.support.road import road_to
from tests.support.served import ServedWorld, served_world
from tests.support.world import EVERY_LEVEL

LEASE = 2.0  # seconds, as the server's settings have it
UNANSWERED = ("temporarily_unavailable", None)
ANSWERED_WITHIN = 60.0
ACTS = {"sqlite": 60, "postgresql": 15}  # where nothing is kept, each check reads all its rows
LEAST_TURNS = 20
CHECKS = b"POST /authz/check"
LEVELS = ("none", "read_only", "standard", "admin")
SEED = 4


async def asked_about(world: ServedWorld) -> list[Question]:
    """Return questions about everybody, by token and by contact, everywhere."""
    tokens = {who: (await world.tokens(who, "plain")).access for who in ("ada", "wim", "bea", "max")}
    tokens["robot"] = await world.robot_token("robot")
    contacts = [world.people["wim"].contacts["alder"], world.robots["robot"].contact_id]
    companies = [world.companies[key] for key in ("alder", "birch")]
    places = [*product(["directory", "budget", "later"], [None]), *product(["rfis"], list(world.projects.values()))]
    by_token = [
        Question(token=token, company_id=company, tool=tool, project_id=project, level="standard")
        for token, company, (tool, project) in product(tokens.values(), companies, places)
    ]
    by_contact = [
        Question(contact_id=contact, company_id=company, tool=tool, project_id=project, level="standard")
        for contact, company, (tool, project) in product(contacts, companies, places)
    ]
    return by_token + by_contact


@dataclass(frozen=True, slots=True)
class Changes:
    """What may happen in a company, each part of it left to chance."""

    world: ServedWorld
    chance: random.Random

    async def one(self) -> None:
        """Let something happen."""
        acts = (self.levels, self.joins, self.leaves, self.app, self.user, self.contact, self.tool)
        await self.chance.choice(acts)()

    async def levels(self) -> None:
        """Set the company levels of a contact."""
        levels = {"directory": self._level(), "budget": self._level()}
        await directory.set_levels(self._database, **self._whose(), levels=levels, confirmed=True, **_told())

    async def joins(self) -> None:
        """Make a contact a member of a project, or change what it holds there."""
        where: dict[str, Any] = {"project_id": self._project(), "levels": {"rfis": self._level()}}
        await directory.set_membership(self._database, **self._whose(), **where, **_told())

    async def leaves(self) -> None:
        """End a membership, if there is one."""
        await directory.end_membership(self._database, **self._whose(), project_id=self._project(), **_told())

    async def app(self) -> None:
        """Disconnect the app, or reconnect it."""
        turn, app_id = self.chance.choice([disconnect, reconnect]), AppId(self.world.apps["plain"].id)
        await turn(self._database, company_id=self.world.companies["alder"], app_id=app_id, **_told())

    async def user(self) -> None:
        """Deactivate a user, or reactivate her."""
        turn = self.chance.choice([directory.deactivate_user, directory.reactivate_user])
        await turn(self._database, user_id=self.world.people["bea"].id, **_told())

    async def contact(self) -> None:
        """Remove a contact, or add it."""
        held, alder = self.world.people["bea"].contacts, self.world.companies["alder"]
        if "alder" not in held:
            await self.world.add_contact("alder", "bea", budget=self._level())
            return
        gone = held.pop("alder")
        await directory.remove_contact(self._database, company_id=alder, contact_id=gone, granted_by=None, **_told())

    async def tool(self) -> None:
        """Declare a tool, or name it otherwise."""
        tool = Tool("company", "later", f"Later {self._level()}", EVERY_LEVEL)
        await directory.declare_tool(self._database, tool=tool, **_told())

    @property
    def _database(self) -> Database:
        return self.world.house.database

    def _whose(self) -> dict[str, Any]:
        contact_ids = [self.world.people["wim"].contacts["alder"], self.world.robots["robot"].contact_id]
        company_id = self.world.companies["alder"]
        return {"company_id": company_id, "contact_id": self.chance.choice(contact_ids), "granted_by": None}

    def _project(self) -> ProjectId:
        return self.world.projects[self.chance.choice(["bridge", "tower"])]

    def _level(self) -> str:
        return self.chance.choice(LEVELS)


def _told() -> dict[str, Any]:
    return {"origin": SYSTEM, "now": clock.now()}


def said(answer: Allow | Deny) -> tuple[str | None, str | None]:
    """Return code and level of an answer."""
    return (answer.code, None) if isinstance(answer, Deny) else (None, answer.level)


async def checked(world: ServedWorld, questions: list[Question]) -> list[tuple[str | None, str | None]]:
    """Return what the server itself says now."""
    gate = world.apps["gate"]
    names = ("token", "contact_id", "company_id", "project_id", "tool", "level")
    asked = [{name: value for name in names if (value := getattr(one, name)) is not None} for one in questions]
    answer = await world.workers[1].post(
        "/authz/check", json={"questions": asked}, auth=(gate.client_id, gate.secret or "")
    )
    assert answer.status_code == 200, answer.text
    return [(one["code"], one["principal"]["level"] if one["allow"] else None) for one in answer.json()["answers"]]


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_after_any_change_the_memory_says_what_the_server_says(
    request: pytest.FixtureRequest, tmp_path: Path, dialect: str
) -> None:
    """X5, I4: an SDK at one worker, many questions after each of some changes that another process makes."""
    url = request.getfixturevalue("postgresql_url") if dialect == "postgresql" else None
    chance = random.Random(SEED)
    async with served_world(tmp_path, workers=2, database_url=url) as world:
        gate, issuer = world.apps["gate"], world.house.settings.issuer
        questions, changes = await asked_about(world), Changes(world, chance)
        seen: set[tuple[int, str | None]] = set()
        async with (
            road_to(str(world.workers[0].base_url)) as road,
            AsyncGatewright(
                issuer, client_id=gate.client_id, client_secret=gate.secret or "", address=road.base_url
            ) as guard,
        ):
            for _ in range(ACTS[dialect]):
                await changes.one()
                now = await checked(world, questions)
                await _agree(guard, questions, now, since=time.monotonic())
                seen |= {(place, code) for place, (code, _) in enumerate(now)}
            before = road.times(CHECKS)
            assert [said(answer) for answer in await guard.check_all(questions)] == now
    assert road.times(CHECKS) - before <= 1  # only of what changed last: the rest was remembered
    assert len(seen) >= len(questions) + LEAST_TURNS, "the changes have to matter"


async def _agree(
    guard: AsyncGatewright, questions: list[Question], now: list[tuple[str | None, str | None]], *, since: float
) -> None:
    """Ask until the memory says the same; once a lease is over it has to, or not to answer (a busy machine is slow)."""
    while True:
        asked_at = time.monotonic()
        remembered = [said(answer) for answer in await guard.check_all(questions)]
        if remembered == now:
            return
        others = [(one, got, due) for one, got, due in zip(questions, remembered, now, strict=True) if got != due]
        wrong = [other for other in others if other[1] != UNANSWERED]
        assert not wrong or asked_at < since + LEASE, wrong[:5]
        assert asked_at < since + ANSWERED_WITHIN, others[:5]
        await asyncio.sleep(0.01)
