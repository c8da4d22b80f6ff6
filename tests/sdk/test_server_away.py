"""What the SDK answers while its server is stopped, gone or back: a yes within the lease, then 503 (T12, X1)."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sdk.tests.asking import DRIVERS, guarding, until

from gatewright_sdk import Allow, Deny, Identity, Question
from gatewright_sdk.clock import passed
from gatewright_sdk.denials import ASSERTION_INVALID, TOKEN_INVALID, UNAVAILABLE
from tests.sdk.watching import Watched, counted_requests
from tests.support.served import ServedWorld, served_world
from tests.support.server import Server, start_server


@dataclass(slots=True)
class Guarded:
    """A world, a server with two processes on one port, and a guard of each driver that follows it."""

    world: ServedWorld
    server: Server
    settings: Mapping[str, str]
    guards: list[Watched]
    question: Question

    async def lose_level(self) -> float:
        """Take the level away, as the command line does; return when that was over."""
        contact_id = self.world.people["wim"].contacts["alder"]
        await self.world.set_levels("alder", contact_id, directory="none")
        return passed()

    async def feel(self, *, ended_at: float) -> list[Deny]:
        """Return the first no of each guard; AssertionError for a yes that is older than its lease."""
        return await asyncio.gather(*(one.feel(self.question, ended_at=ended_at) for one in self.guards))

    async def have_in_memory(self) -> None:
        """Return once each guard answers yes from memory."""
        for one in self.guards:
            await one.have_in_memory(self.question)

    async def answer(self, kind: type[Allow | Deny]) -> None:
        """Return once each guard gives such an answer."""

        async def do_they() -> bool:
            answers = [await one.guard.check(self.question) for one in self.guards]
            return all(isinstance(answer, kind) for answer in answers)

        await until(do_they)

    def start_again(self) -> None:
        """Start the server on the same port and data."""
        port = int(self.server.base_url.rpartition(":")[2])
        self.server = start_server(data_dir=self.server.data_dir, settings=self.settings, workers=2, port=port)


@asynccontextmanager
async def guarded_world(folder: Path, *, chosen: Mapping[str, str] | None = None) -> AsyncIterator[Guarded]:
    """Lend a world whose server is a test's own to stop and start."""
    async with served_world(folder, workers=1) as world, AsyncExitStack() as stack:
        house, gate = world.house.settings, world.apps["gate"]
        settings = {"ISSUER": house.issuer, "SECRET_KEYS": house.secret_keys[0], **(chosen or {})}
        server = start_server(data_dir=folder / "data", settings=settings, workers=2)
        requests, guards = stack.enter_context(counted_requests()), []
        for driver in DRIVERS:
            guard = guarding(
                driver, house.issuer, client_id=gate.client_id, client_secret=gate.secret or "", address=server.base_url
            )
            guards.append(Watched(await stack.enter_async_context(guard), requests))
        tokens = await world.tokens("wim", "plain")
        question = Question(
            token=tokens.access, company_id=world.companies["alder"], tool="directory", level="read_only"
        )
        guarded = Guarded(world, server, settings, guards, question)
        try:
            yield guarded
        finally:
            guarded.server.kill()


async def test_a_server_that_is_gone_is_a_503_after_the_lease_and_its_return_is_noticed(tmp_path: Path) -> None:
    """T12, X1: the same object works again; what ended meanwhile has ended."""
    async with guarded_world(tmp_path) as guarded:
        await guarded.have_in_memory()
        guarded.server.kill()
        killed_at = passed()
        assert await guarded.feel(ended_at=killed_at) == [UNAVAILABLE, UNAVAILABLE]
        guarded.start_again()
        await guarded.answer(Allow)
        await guarded.have_in_memory()
        guarded.server.kill()
        ended_at = await guarded.lose_level()
        assert await guarded.feel(ended_at=ended_at) == [UNAVAILABLE, UNAVAILABLE]
        guarded.start_again()

        async def are_refused() -> bool:
            answers = [await one.guard.check(guarded.question) for one in guarded.guards]
            assert not any(isinstance(answer, Allow) for answer in answers)
            return all(isinstance(answer, Deny) and answer.code == "permission_insufficient" for answer in answers)

        await until(are_refused)


async def test_a_server_that_stands_still_is_a_503_after_the_lease(tmp_path: Path) -> None:
    """T12, X1: its connections are open and say nothing."""
    async with guarded_world(tmp_path) as guarded:
        await guarded.have_in_memory()
        os.killpg(guarded.server.pid, signal.SIGSTOP)
        try:
            ended_at = await guarded.lose_level()
            assert await guarded.feel(ended_at=ended_at) == [UNAVAILABLE, UNAVAILABLE]
        finally:
            os.killpg(guarded.server.pid, signal.SIGCONT)
        await guarded.answer(Deny)
        contact_id = guarded.world.people["wim"].contacts["alder"]
        await guarded.world.set_levels("alder", contact_id, directory="read_only")
        await guarded.answer(Allow)
        await guarded.have_in_memory()


async def test_an_ending_is_felt_long_before_a_long_lease_is_over(tmp_path: Path) -> None:
    """T12: the stream tells of it, whichever process answers it."""
    async with guarded_world(tmp_path, chosen={"LEASE": "600"}) as guarded:
        await guarded.have_in_memory()
        await guarded.lose_level()
        await guarded.answer(Deny)


async def test_a_proxys_assertion_is_verified_with_the_published_keys(tmp_path: Path) -> None:
    """X1: and is no access token, nor the other way round."""
    async with guarded_world(tmp_path) as guarded:
        company_id = guarded.world.companies["alder"]
        asked: dict[str, str | int] = {"company_id": company_id, "tool": "directory", "level": "read_only"}
        token = guarded.question.token or ""
        headers = {"authorization": f"Bearer {token}"}
        let_in = await guarded.world.workers[0].get("/authz/forward", params=asked, headers=headers)
        assert let_in.status_code == 200, let_in.text
        assertion = let_in.headers["gatewright-auth-assertion"]
        wim = guarded.world.people["wim"]
        for one in guarded.guards:
            assert await one.guard.verify_assertion(assertion) == Identity(
                user_id=wim.id,
                service_account_id=None,
                client_id=guarded.world.apps["plain"].client_id,
                company_id=company_id,
                contact_id=wim.contacts["alder"],
                level="read_only",
                tool="directory",
                of_company=False,
            )
            assert await one.guard.verify_assertion(token) == ASSERTION_INVALID
            assert await one.guard.verify_assertion(assertion[:-4] + "AAAA") == ASSERTION_INVALID
            shown = Question(token=assertion, company_id=company_id, tool="directory", level="read_only")
            assert await one.guard.check(shown) == TOKEN_INVALID
