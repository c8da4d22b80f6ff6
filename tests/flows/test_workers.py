"""T12 with several worker processes: what one of them ended, none of them allows afterwards.

Each ending is made through one worker, by name, while the others hold the facts in
memory and are being asked all the time. As soon as its answer is there, every worker
is asked by name. Then the ending is made again through another worker, and in the
next round by two workers at once: an answer that says "already ended" promises as much.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from gatewright.apps.service import add_secret, block_app, retire_secret, unblock_app
from gatewright.base import clock
from gatewright.base.ids import AppId
from gatewright.directory import service as directory
from gatewright.events.catalogue import SYSTEM
from tests.support.served import ServedWorld, served_world
from tests.support.world import App, Tokens

WORKERS = 4
LEAST_ASKED = 1000
ROUNDS = 13
ME = "/rest/v1.0/me"
PROJECTS = "/rest/v1.0/projects"

Send = Callable[[httpx.AsyncClient], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Ending:
    """What is asked of every worker, and the request that must end it. `again`: whether it can be repeated."""

    name: str
    ask: Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]
    end: Send
    again: bool = True


@dataclass(slots=True)
class Asking:
    """How often workers were asked after an ending was answered, and what should not have been."""

    asked: int = 0
    allowed: int = 0

    async def everyone(self, workers: list[httpx.AsyncClient], ending: Ending) -> None:
        """Ask each worker by name, at once: none may allow."""
        answers = await asyncio.gather(*(ending.ask(worker) for worker in workers))
        for number, answer in enumerate(answers):
            self.asked += 1
            assert answer.status_code in {401, 403, 404}, (ending.name, f"worker {number}", answer.text)


async def test_what_one_worker_ended_no_worker_allows_afterwards(tmp_path: Path) -> None:
    """T12: and the tokens, grants and levels were good on every worker until then."""
    asking = Asking()
    async with served_world(tmp_path, workers=WORKERS) as world:
        endings = await all_endings(world)
        for round_ in range(ROUNDS):
            for number, make in enumerate(endings):
                at = (round_ + number) % WORKERS
                await end_and_ask(world, await make(world), asking, at=at, races=round_ % 2 == 1)
    assert asking.asked >= LEAST_ASKED
    assert asking.allowed >= LEAST_ASKED, "each ending must have ended something that every worker allowed"


async def end_and_ask(world: ServedWorld, ending: Ending, asking: Asking, *, at: int, races: bool) -> None:
    """Warm every worker, end it through one (or two at once), and ask all of them after each answer."""
    for worker in world.workers * 2:
        answer = await ending.ask(worker)
        assert answer.status_code == 200, (ending.name, answer.text)
        asking.allowed += 1
    ender, other = world.workers[at], world.workers[(at + 1) % WORKERS]

    async def end_through(worker: httpx.AsyncClient) -> None:
        await ending.end(worker)
        await asking.everyone(world.workers, ending)

    async with asked_all_the_time(world, ending):
        if races and ending.again:
            await asyncio.gather(end_through(ender), end_through(other))
        else:
            await end_through(ender)
    if ending.again:
        await end_through(other)


@asynccontextmanager
async def asked_all_the_time(world: ServedWorld, ending: Ending) -> AsyncIterator[None]:
    """Keep loads in flight on every worker while the block runs; what they answer is not judged."""

    async def keep_asking(worker: httpx.AsyncClient) -> None:
        while True:
            await ending.ask(worker)

    tasks = [asyncio.ensure_future(keep_asking(worker)) for worker in world.workers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


# --- what can be ended -----------------------------------------------------------------------------


async def all_endings(world: ServedWorld) -> list[Callable[[ServedWorld], Awaitable[Ending]]]:
    """Return how each ending is prepared; preparing puts right what the round before ended."""
    await world.add_app("overseer", "Overseer", owner="oda", scopes=("company.manage",))
    manager = await world.tokens("ada", "overseer", scope="company.manage")
    bearer = {"authorization": f"Bearer {manager.access}"}
    return [
        revoked_refresh_token,
        revoked_access_token,
        replayed_refresh_token,
        second_use_of_a_code,
        ended_authorization,
        disconnected(bearer),
        removed_contact(bearer),
        lowered_level(bearer),
        ended_membership(bearer),
        regenerated_secret(bearer),
        revoked_token_of_a_service_account,
        retired_secret,
        deactivated_user,
        blocked_app,
    ]


def asks(token: str, path: str = ME, *, company: int | None = None) -> Callable[..., Awaitable[httpx.Response]]:
    """Return the question that a bearer asks."""
    headers = {"authorization": f"Bearer {token}"} | ({} if company is None else {"procore-company-id": str(company)})

    async def ask(worker: httpx.AsyncClient) -> httpx.Response:
        return await worker.get(path, headers=headers)

    return ask


def posts(path: str, *statuses: int, data: Mapping[str, str]) -> Send:
    """Return the request that must be answered with one of these statuses."""

    async def post(worker: httpx.AsyncClient) -> None:
        answer = await worker.post(path, data=dict(data))
        assert answer.status_code in statuses, answer.text

    return post


def sends(method: str, path: str, bearer: Mapping[str, str], *statuses: int, json: object = None) -> Send:
    """Return the API request that must be answered with one of these statuses."""

    async def send(worker: httpx.AsyncClient) -> None:
        answer = await worker.request(method, path, headers=dict(bearer), json=json)
        assert answer.status_code in statuses, answer.text

    return send


async def revoked_refresh_token(world: ServedWorld) -> Ending:
    """T9."""
    tokens = await world.tokens("wim", "crane")
    data = {**world.apps["crane"].credentials, "token": tokens.refresh}
    return Ending("revoked refresh token", asks(tokens.access), posts("/oauth/revoke", 200, data=data))


async def revoked_access_token(world: ServedWorld) -> Ending:
    """T9."""
    tokens = await world.tokens("wim", "crane")
    data = {**world.apps["crane"].credentials, "token": tokens.access}
    return Ending("revoked access token", asks(tokens.access), posts("/oauth/revoke", 200, data=data))


async def replayed_refresh_token(world: ServedWorld) -> Ending:
    """T6: the consumed token comes back after its successor was refreshed on another worker."""
    first = await world.tokens("wim", "crane")
    second = await refreshed(world, first, at=1)
    third = await refreshed(world, second, at=2)
    data = {**world.apps["crane"].credentials, "grant_type": "refresh_token", "refresh_token": first.refresh}
    return Ending("replayed refresh token", asks(third.access), posts("/oauth/token", 400, data=data))


async def refreshed(world: ServedWorld, tokens: Tokens, *, at: int) -> Tokens:
    """Return the successor, asked of one worker."""
    data = {**world.apps["crane"].credentials, "grant_type": "refresh_token", "refresh_token": tokens.refresh}
    answer = await world.workers[at].post("/oauth/token", data=data)
    assert answer.status_code == 200, answer.text
    return Tokens(answer.json()["access_token"], answer.json()["refresh_token"], answer.json())


async def second_use_of_a_code(world: ServedWorld) -> Ending:
    """T2."""
    code = await world.code("wim", "crane")
    answer = await world.exchange("crane", code)
    given = {"grant_type": "authorization_code", "code": code, "redirect_uri": world.apps["crane"].redirect_uri}
    data = {**world.apps["crane"].credentials, **given}
    return Ending("second use of a code", asks(answer.json()["access_token"]), posts("/oauth/token", 400, data=data))


async def ended_authorization(world: ServedWorld) -> Ending:
    """T10: on the page, in a browser that signed in at the first worker."""
    tokens, browser = await world.tokens("wim", "crane"), await world.signed_in("wim")
    path = f"/account/apps/{world.apps['crane'].id}/end"

    async def end(worker: httpx.AsyncClient) -> None:
        answer = await world.submit(browser, str(worker.base_url.join(path)), at=str(worker.base_url.join("/")))
        assert answer.status_code in {303, 404}, answer.text

    return Ending("ended authorization", asks(tokens.access), end)


def disconnected(bearer: Mapping[str, str]) -> Callable[[ServedWorld], Awaitable[Ending]]:
    """I3."""

    async def prepare(world: ServedWorld) -> Ending:
        alder, app_id = world.companies["alder"], world.apps["crane"].id
        path = f"/rest/v1.0/companies/{alder}/installations/{app_id}"
        tokens = await world.tokens("wim", "crane")
        await world.call(tokens.access, PROJECTS, company=alder)
        await sends("POST", f"{path}/reconnect", bearer, 200)(world.workers[0])
        ask = asks(tokens.access, PROJECTS, company=alder)
        return Ending("disconnected app", ask, sends("POST", f"{path}/disconnect", bearer, 200))

    return prepare


def removed_contact(bearer: Mapping[str, str]) -> Callable[[ServedWorld], Awaitable[Ending]]:
    """P5."""

    async def prepare(world: ServedWorld) -> Ending:
        alder, tokens = world.companies["alder"], await world.tokens("bea", "plain")
        contact_id = await world.add_contact("alder", "bea", directory="standard")
        path = f"/rest/v1.0/companies/{alder}/contacts/{contact_id}"
        ask = asks(tokens.access, PROJECTS, company=alder)
        return Ending("removed contact", ask, sends("DELETE", path, bearer, 204, 404))

    return prepare


def lowered_level(bearer: Mapping[str, str]) -> Callable[[ServedWorld], Awaitable[Ending]]:
    """M2."""

    async def prepare(world: ServedWorld) -> Ending:
        alder, contact_id = world.companies["alder"], world.people["wim"].contacts["alder"]
        tokens = await world.tokens("wim", "plain")
        await world.set_levels("alder", contact_id, directory="standard")
        path = f"/rest/v1.0/companies/{alder}/contacts"
        end = sends("PUT", f"{path}/{contact_id}/levels", bearer, 200, json={"budget": "read_only"})
        return Ending("lowered level", asks(tokens.access, path), end)

    return prepare


def ended_membership(bearer: Mapping[str, str]) -> Callable[[ServedWorld], Awaitable[Ending]]:
    """P3: of a contact that holds nothing else."""

    async def prepare(world: ServedWorld) -> Ending:
        alder = world.companies["alder"]
        if "zoe" not in world.people:
            await world.add_person("zoe", "Zoe Zeder")
            await world.add_contact("alder", "zoe")
        contact_id, project_id = world.people["zoe"].contacts["alder"], world.projects["tower"]
        await world.add_member("alder", "tower", contact_id, rfis="standard")
        tokens = await world.tokens("zoe", "plain")
        path = f"/rest/v1.0/companies/{alder}/contacts/{contact_id}/projects/{project_id}"
        ask = asks(tokens.access, PROJECTS, company=alder)
        return Ending("ended membership", ask, sends("DELETE", path, bearer, 204, 404))

    return prepare


def regenerated_secret(bearer: Mapping[str, str]) -> Callable[[ServedWorld], Awaitable[Ending]]:
    """S7: the tokens of every secret before stop."""

    async def prepare(world: ServedWorld) -> Ending:
        robot = await world.add_robot("passing", "alder", "Passing export")
        path = f"/rest/v1.0/companies/{world.companies['alder']}/service_accounts/{robot.id}/regenerate_secret"
        return Ending(
            "regenerated secret", asks(await world.robot_token("passing")), sends("POST", path, bearer, 200, 409)
        )

    return prepare


async def revoked_token_of_a_service_account(world: ServedWorld) -> Ending:
    """T9."""
    token, robot = await world.robot_token("robot"), world.robots["robot"]
    data = {"client_id": robot.client_id, "client_secret": robot.secret, "token": token}
    return Ending("revoked service account's token", asks(token), posts("/oauth/revoke", 200, data=data))


async def retired_secret(world: ServedWorld) -> Ending:
    """D4: from another process, as the command line does."""
    app, database = world.apps["plain"], world.house.database
    app_id = AppId(app.id)
    added = await add_secret(database, app_id=app_id, keys=world.house.keys, origin=SYSTEM, now=clock.now())
    world.apps["second"] = App(app.id, app.client_id, added.secret, app.redirect_uri)
    tokens = await world.tokens("ada", "second")

    async def end(_worker: httpx.AsyncClient) -> None:
        await retire_secret(database, app_id=app_id, secret_id=added.id, origin=SYSTEM, now=clock.now())

    return Ending("retired secret", asks(tokens.access), end)


async def deactivated_user(world: ServedWorld) -> Ending:
    """P4: from another process; what ended stays ended after the reactivation (T11)."""
    user_id, database = world.people["max"].id, world.house.database
    if "max" in world._signed_in:
        await directory.reactivate_user(database, user_id=user_id, origin=SYSTEM, now=clock.now())
        del world._signed_in["max"]
    tokens = await world.tokens("max", "crane")

    async def end(_worker: httpx.AsyncClient) -> None:
        await directory.deactivate_user(database, user_id=user_id, origin=SYSTEM, now=clock.now())

    return Ending("deactivated user", asks(tokens.access), end)


async def blocked_app(world: ServedWorld) -> Ending:
    """D6, T11: unblocking revives nothing."""
    app_id, database = AppId(world.apps["pocket"].id), world.house.database
    await unblock_app(database, app_id=app_id, origin=SYSTEM, now=clock.now())
    tokens = await world.tokens("ada", "pocket")

    async def end(_worker: httpx.AsyncClient) -> None:
        await block_app(database, app_id=app_id, origin=SYSTEM, now=clock.now())

    return Ending("blocked app", asks(tokens.access), end)
