"""Endings of users and their sessions, and of service accounts."""

import itertools
from dataclasses import replace

import httpx
from sqlalchemy import select

from gatewright.base import clock
from gatewright.db.schema import sessions
from gatewright.directory import service as directory
from gatewright.directory.service.accounts import claim_account
from gatewright.events.catalogue import SYSTEM
from tests.endings.model import Ask, Decided, Ending, Send, acts, asks, read_by, sends
from tests.support.served import ServedWorld
from tests.support.world import PASSWORD, Person, password_hash

TO_SIGN_IN = frozenset({303})
ACCOUNT = "/account/apps"
_numbers = itertools.count(1)


async def deactivated_user(world: ServedWorld) -> Ending:
    """P4: from another process; what ended stays ended after the reactivation (T11)."""
    person = await _somebody(world)
    tokens = await world.tokens(_key(person), "crane")
    decided = await read_by(world, _key(person), tokens.access)
    decided = replace(decided, contact=person.contacts["quiet"])
    return Ending("deactivated user", asks(tokens.access), _deactivates(world, person), decided=decided)


async def session_of_a_deactivated_user(world: ServedWorld) -> Ending:
    """P4: signed in no more."""
    person = await _somebody(world)
    browser = await world.signed_in(_key(person))
    return Ending("session of a deactivated user", _looks(browser), _deactivates(world, person), refused=TO_SIGN_IN)


async def claimed_account(world: ServedWorld) -> Ending:
    """P7: whoever proved the address has the account; what its beginner held ends."""
    number = next(_numbers)
    name, email = f"Una {number}", f"una{number}@example.com"
    user_id = await directory.create_user(
        world.house.database,
        email=email,
        name=name,
        password_hash=password_hash(),
        is_proven=False,
        origin=SYSTEM,
        now=clock.now(),
    )
    world.people[f"una{number}"] = Person(user_id, email, name)
    tokens = await world.tokens(f"una{number}", "crane")
    decided = await read_by(world, f"una{number}", tokens.access)

    async def claim() -> None:
        await claim_account(
            world.house.database, user_id=user_id, name=name, password_hash="", origin=SYSTEM, now=clock.now()
        )

    return Ending("claimed account", asks(tokens.access), acts(claim), decided=decided)


async def signed_out(world: ServedWorld) -> Ending:
    """A172: the cookie of before is dead."""
    browser = await world.signed_in(_key(await _somebody(world)))
    ask = _looks(browser)
    return Ending("signed out", ask, _submits(world, browser, "/logout"), again=False, refused=TO_SIGN_IN)


async def session_ended_in_the_list(world: ServedWorld) -> Ending:
    """P8: one of the account's sessions, by its owner in another browser."""
    lost, kept = await _two_browsers(world)
    async with world.house.database.read() as reader:
        newest_two = select(sessions.c.id).order_by(sessions.c.created_at.desc()).limit(2)
        session_id = (await reader.execute(newest_two)).scalars().all()[-1]
    end = _submits(world, kept, f"/account/sessions/{session_id}/end")
    return Ending("session ended in the list", _looks(lost), end, refused=TO_SIGN_IN)


async def all_other_sessions_ended(world: ServedWorld) -> Ending:
    """P8: all but one's own."""
    lost, kept = await _two_browsers(world)
    end = _submits(world, kept, "/account/sessions/end-others")
    return Ending("all other sessions ended", _looks(lost), end, refused=TO_SIGN_IN)


async def changed_password(world: ServedWorld) -> Ending:
    """P8: every session of before ends."""
    lost, kept = await _two_browsers(world)
    given = {"current_password": PASSWORD, "password": "an elephant beside the teapot 7"}
    end = _submits(world, kept, "/account/security/password", **given)
    return Ending("changed password", _looks(lost), end, again=False, refused=TO_SIGN_IN)


async def regenerated_secret(world: ServedWorld) -> Ending:
    """S7: the tokens of every secret before stop."""
    decided, path = await _robot(world)
    end = sends(world, "POST", f"{path}/regenerate_secret", 200, 409)
    return Ending("regenerated secret", asks(decided.token), end, decided=decided)


async def deleted_service_account(world: ServedWorld) -> Ending:
    """S9."""
    decided, path = await _robot(world)
    end = sends(world, "DELETE", path, 204, 404)
    return Ending("deleted service account", asks(decided.token), end, decided=decided)


async def changed_service_address(world: ServedWorld) -> Ending:
    """S8: its contact's address was edited."""
    decided, _ = await _robot(world)
    path = f"/rest/v1.0/companies/{world.companies['alder']}/contacts/{world.robots['passing'].contact_id}"
    end = sends(world, "PATCH", path, 200, json={"email": f"kim{next(_numbers)}@example.com"})
    return Ending("changed service address", asks(decided.token), end, decided=decided)


async def service_address_elsewhere(world: ServedWorld) -> Ending:
    """S8: another company's directory took it in."""
    decided, _ = await _robot(world)
    number, email = next(_numbers), world.robots["passing"].address
    taker = await world.add_company(f"taker-{number}", f"Taker {number}")

    async def take_in() -> None:
        await directory.add_contact(
            world.house.database,
            company_id=taker,
            email=email,
            name="Somebody",
            levels={},
            user_id=None,
            granted_by=None,
            origin=SYSTEM,
            now=clock.now(),
        )

    return Ending("service address elsewhere", asks(decided.token), acts(take_in), again=False, decided=decided)


async def _robot(world: ServedWorld) -> tuple[Decided, str]:
    robot = await world.add_robot("passing", "alder", f"Passing export {next(_numbers)}")
    await world.set_levels("alder", robot.contact_id, budget="standard")
    path = f"/rest/v1.0/companies/{world.companies['alder']}/service_accounts/{robot.id}"
    token = await world.robot_token("passing")
    return Decided(token, world.companies["alder"], tool="budget", contact=robot.contact_id), path


async def _somebody(world: ServedWorld) -> Person:
    number = next(_numbers)
    return await world.add_person(f"pia{number}", f"Pia {number}")


def _key(person: Person) -> str:
    return person.email.partition("@")[0]


async def _two_browsers(world: ServedWorld) -> tuple[httpx.AsyncClient, httpx.AsyncClient]:
    person = await _somebody(world)
    lost, kept = await world.browser(), await world.browser()
    for browser in (lost, kept):
        answer = await world.sign_in(browser, person.email)
        assert answer.status_code == 303, answer.text
    return lost, kept


def _looks(browser: httpx.AsyncClient) -> Ask:
    """Return the question of a page, with the browser's cookies as they are now."""
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())

    async def ask(worker: httpx.AsyncClient) -> httpx.Response:
        return await worker.get(ACCOUNT, headers={"cookie": cookies})

    return ask


def _submits(world: ServedWorld, browser: httpx.AsyncClient, path: str, **values: str) -> Send:
    """Return the form that a browser sends to a worker."""

    async def end(worker: httpx.AsyncClient) -> None:
        there = str(worker.base_url.join(path))
        answer = await world.submit(browser, there, values, at=str(worker.base_url.join("/")))
        assert answer.status_code in {303, 404}, answer.text

    return end


def _deactivates(world: ServedWorld, person: Person) -> Send:
    async def deactivate() -> None:
        await directory.deactivate_user(world.house.database, user_id=person.id, origin=SYSTEM, now=clock.now())

    return acts(deactivate)
