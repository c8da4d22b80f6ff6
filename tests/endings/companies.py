"""Endings inside one company: contacts, levels, memberships, templates, settings, invitations."""

import asyncio
import itertools

import httpx

from gatewright.base import clock
from gatewright.base.ids import TemplateId
from gatewright.base.levels import Level
from gatewright.directory import service as directory
from gatewright.directory.service.templates import assign_template, change_template, create_template
from gatewright.events.catalogue import SYSTEM
from gatewright.login.inviting import InvitationDesk
from gatewright.web.access import Deny, Question
from tests.endings.model import PROJECTS, Decided, Ending, acts, asks, sends
from tests.support.served import ServedWorld

_numbers = itertools.count(1)


async def removed_contact(world: ServedWorld) -> Ending:
    """P5."""
    alder, tokens = world.companies["alder"], await world.tokens("bea", "plain")
    contact_id = await world.add_contact("alder", "bea", directory="standard")
    path = f"/rest/v1.0/companies/{alder}/contacts/{contact_id}"
    ask = asks(tokens.access, PROJECTS, company=alder)
    decided = Decided(tokens.access, alder, contact=contact_id)
    return Ending("removed contact", ask, sends(world, "DELETE", path, 204, 404), decided=decided)


async def lowered_level(world: ServedWorld) -> Ending:
    """M2."""
    alder, contact_id = world.companies["alder"], world.people["wim"].contacts["alder"]
    tokens = await world.tokens("wim", "plain")
    await world.set_levels("alder", contact_id, directory="standard")
    path = f"/rest/v1.0/companies/{alder}/contacts"
    end = sends(world, "PUT", f"{path}/{contact_id}/levels", 200, json={"budget": "read_only"})
    decided = Decided(tokens.access, alder, contact=contact_id)
    return Ending("lowered level", asks(tokens.access, path), end, decided=decided)


async def ended_membership(world: ServedWorld) -> Ending:
    """P3: of a contact that holds nothing else."""
    path, decided = await _member(world, rfis="standard")
    ask = asks(decided.token, PROJECTS, company=decided.company)
    return Ending("ended membership", ask, sends(world, "DELETE", path, 204, 404), decided=decided)


async def lowered_membership(world: ServedWorld) -> Ending:
    """M2: a level on a project; each worker is a process's share, asked as the pages ask."""
    path, decided = await _member(world, rfis="standard")
    zoe = world.people["zoe"]
    question = Question(
        company_id=world.companies["alder"],
        needs_company=True,
        project_id=world.projects["tower"],
        tool="rfis",
        level=Level.STANDARD,
    )

    async def ask(worker: httpx.AsyncClient) -> httpx.Response:
        engine = world.engines[world.workers.index(worker)]
        await asyncio.sleep(0)  # in memory nothing waits, and who asks all the time must let others in
        answer = await engine.by_user(zoe.id, question, now=clock.now())
        return httpx.Response(403 if isinstance(answer, Deny) else 200)

    end = sends(world, "PUT", path, 200, json={"rfis": "read_only"})
    return Ending("lowered membership", ask, end, decided=decided)


async def _member(world: ServedWorld, **levels: str) -> tuple[str, Decided]:
    """Return the path of a membership of a contact that holds nothing else, and what that user may there."""
    alder = world.companies["alder"]
    if "zoe" not in world.people:
        await world.add_person("zoe", "Zoe Zeder")
        await world.add_contact("alder", "zoe")
    contact_id, project_id = world.people["zoe"].contacts["alder"], world.projects["tower"]
    await world.add_member("alder", "tower", contact_id, **levels)
    tokens = await world.tokens("zoe", "plain")
    path = f"/rest/v1.0/companies/{alder}/contacts/{contact_id}/projects/{project_id}"
    return path, Decided(tokens.access, alder, "rfis", "standard", project_id, contact_id)


async def lowered_template(world: ServedWorld) -> Ending:
    """M3: changing it changes every contact that holds it."""
    token, template_id, name = await _templated(world)
    alder = world.companies["alder"]

    async def lower() -> None:
        await change_template(
            world.house.database,
            company_id=alder,
            template_id=template_id,
            name=name,
            company={},
            granted_by=None,
            origin=SYSTEM,
            now=clock.now(),
        )

    ask = asks(token, f"/rest/v1.0/companies/{alder}/contacts")
    decided = Decided(token, alder, contact=world.people["tia"].contacts["alder"])
    return Ending("lowered template", ask, acts(lower), decided=decided)


async def lower_template_assigned(world: ServedWorld) -> Ending:
    """M3: assigning another sets the contact's levels to it."""
    token, _, _ = await _templated(world)
    alder, contact_id = world.companies["alder"], world.people["tia"].contacts["alder"]
    lower = await create_template(
        world.house.database,
        company_id=alder,
        name=f"Lower {next(_numbers)}",
        company={},
        project={},
        origin=SYSTEM,
        now=clock.now(),
    )
    path = f"/rest/v1.0/companies/{alder}/contacts"
    end = sends(world, "PATCH", f"{path}/{contact_id}", 200, json={"template_id": lower})
    decided = Decided(token, alder, contact=contact_id)
    return Ending("lower template assigned", asks(token, path), end, decided=decided)


async def removed_template(world: ServedWorld) -> Ending:
    """M3: its holders keep their levels; what ends is the template."""
    _, template_id, _ = await _templated(world)
    path = f"/rest/v1.0/companies/{world.companies['alder']}/permission_templates/{template_id}"
    token = world.manager["authorization"].removeprefix("Bearer ")
    ask = asks(token, path, method="PATCH", json={})
    return Ending("removed template", ask, sends(world, "DELETE", path, 204, 404))


async def _templated(world: ServedWorld) -> tuple[str, TemplateId, str]:
    """Return a token of a contact that may read the directory by its template alone, and that template."""
    alder, name = world.companies["alder"], f"Reader {next(_numbers)}"
    if "tia" not in world.people:
        await world.add_person("tia", "Tia Thorn")
        await world.add_contact("alder", "tia")
    template_id = await create_template(
        world.house.database,
        company_id=alder,
        name=name,
        company={"directory": "read_only"},
        project={},
        origin=SYSTEM,
        now=clock.now(),
    )
    await assign_template(
        world.house.database,
        company_id=alder,
        contact_id=world.people["tia"].contacts["alder"],
        template_id=template_id,
        granted_by=None,
        origin=SYSTEM,
        now=clock.now(),
    )
    return (await world.tokens("tia", "plain")).access, template_id, name


async def company_that_approves(world: ServedWorld) -> Ending:
    """I2: an app that was never seen there may come no more. Asking would connect it, so it is not asked before."""
    number = next(_numbers)
    name = f"approving-{number}"
    company_id = await world.add_company(name, f"Approving {number}")
    await world.add_contact(name, "ada", directory="admin")
    await world.add_contact(name, "wim", directory="read_only")
    fresh, known = await world.tokens("wim", "plain"), await world.tokens("wim", "crane")
    end = sends(world, "PATCH", f"/rest/v1.0/companies/{company_id}", 200, json={"app_access": "approval"})
    ask = asks(fresh.access, PROJECTS, company=company_id)
    return Ending(
        "company that approves",
        ask,
        end,
        warm=asks(known.access, PROJECTS, company=company_id),
        decided=Decided(fresh.access, company_id),
        warm_decided=Decided(known.access, company_id),
    )


async def withdrawn_invitation(world: ServedWorld) -> Ending:
    """P7: its contact was removed."""
    alder, number = world.companies["alder"], next(_numbers)
    contact_id = await directory.add_contact(
        world.house.database,
        company_id=alder,
        email=f"guest{number}@example.net",
        name=f"Guest {number}",
        levels={},
        user_id=None,
        granted_by=None,
        origin=SYSTEM,
        now=clock.now(),
    )
    desk = InvitationDesk(world.house.settings, world.house.database, world.house.keys)
    invited = await desk.invite(alder, contact_id, origin=SYSTEM, now=clock.now())
    path = httpx.URL(invited.link or "").path

    async def ask(worker: httpx.AsyncClient) -> httpx.Response:
        return await worker.get(path)

    end = sends(world, "DELETE", f"/rest/v1.0/companies/{alder}/contacts/{contact_id}", 204, 404)
    return Ending("withdrawn invitation", ask, end, refused=frozenset({404, 410, 422}))
