"""The record over HTTP: listed, shown, exported, and verified without the server."""

import io
import json
from typing import Any

import httpx
import pytest

from gatewright.events.record_lines import Fault
from gatewright.events.verification import Verified, verify
from tests.support.databases import DIALECTS
from tests.support.forms import Page
from tests.support.statements import counted
from tests.support.world import World

API = "/rest/v1.0/companies/{}/events"


async def manager(world: World, person: str = "max") -> str:
    """Return a token of a company admin (admin: admin) that may manage."""
    return (await world.tokens(person, "crane", scope="company.manage")).access


async def entries(world: World, token: str, **asked: Any) -> list[dict[str, Any]]:
    """Return the API's list for alder."""
    path = str(httpx.URL(API.format(world.companies["alder"]), params=asked))
    answer = await world.call(token, path)
    assert answer.status_code == 200, answer.text
    listed: list[dict[str, Any]] = answer.json()
    return listed


def checked(file: httpx.Response, **given: str) -> Verified | Fault:
    """Return what the exported file proves."""
    assert file.status_code == 200, file.text
    return verify(io.BytesIO(file.content), **given)


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_each_change_is_listed_with_who_from_where_what_before_and_after(world: World, flow_dialect: str) -> None:
    """R1: what an app did for a user names both; an operator's command has no address."""
    token = await manager(world, "ada")
    wim, here = world.people["wim"].contacts["alder"], world.companies["alder"]
    path = f"/rest/v1.0/companies/{here}/contacts/{wim}/levels"
    agent = {"user-agent": "crane/1.0"}
    answer = await world.call(token, path, method="PUT", json={"directory": "standard"}, headers=agent)
    assert answer.status_code == 200, answer.text
    made = (await entries(world, token, kind="contact.levels_changed"))[-1]
    assert made.keys() == {"id", "at", "kind", "about", "by", "from", "before", "after", "erased"}
    assert made["by"] == {
        "kind": "user",
        "id": world.people["ada"].id,
        "name": "Ada Alder",
        "app_id": world.apps["crane"].id,
        "app_name": "Crane Reports",
    }
    assert made["from"] == {
        "ip": "127.0.0.1",
        "user_agent": "crane/1.0",
        "request_id": answer.headers["x-request-id"],
    }
    assert made["about"]["contact_id"] == wim
    assert made["before"]["levels"] == {"directory": "read_only"}
    assert made["after"]["levels"] == {"directory": "standard"}
    first = (await entries(world, token))[0]
    assert (first["kind"], first["by"]["kind"], first["from"]["ip"]) == ("company.created", "system", None)


async def test_the_list_goes_on_by_a_cursor_and_answers_strictly(world: World) -> None:
    """R1: no entry twice, none left out."""
    token = await manager(world)
    whole = await entries(world, token)
    assert len(whole) > 8
    pages, path = [], f"{API.format(world.companies['alder'])}?per_page=3"
    while path:
        answer = await world.call(token, path)
        pages += answer.json()
        path = str(httpx.URL(answer.links["next"]["url"]).raw_path, "ascii") if "next" in answer.links else ""
    assert pages == whole
    assert await entries(world, token, after=whole[4]["id"]) == whole[5:]
    assert await entries(world, token, after=whole[-1]["id"]) == []
    assert await entries(world, token, after=0) == whole
    assert {one["kind"] for one in await entries(world, token, kind="project.created")} == {"project.created"}
    for query in ("after=x", "after=-1", "after=99999999", "kind=nothing", "kind=", "per_page=301", "per_page=0"):
        answer = await world.call(token, f"{API.format(world.companies['alder'])}?{query}")
        assert answer.status_code == 422, query
    twice = await world.call(token, f"{API.format(world.companies['alder'])}?after=0&after=1")
    assert twice.status_code == 400


async def test_an_entry_of_another_company_is_no_cursor(world: World) -> None:
    """P6: it answers as an id that nothing has."""
    token, ada = await manager(world), await manager(world, "ada")
    foreign = (await world.call(ada, API.format(world.companies["birch"]))).json()[0]["id"]
    told = [
        (answer.status_code, answer.json()["errors"])
        for unknown in (foreign, 987_654_321)
        for answer in [await world.call(token, f"{API.format(world.companies['alder'])}?after={unknown}")]
    ]
    assert told[0] == told[1]
    assert told[0][0] == 422


async def test_nobody_outside_the_directory_is_named(world: World) -> None:
    """P6: whoever left has no name in what they did; the account's own name is not the company's to know."""
    token = await manager(world, "ada")
    max_token = await manager(world)
    here = world.companies["alder"]
    made = await world.call(
        max_token, f"/rest/v1.0/companies/{here}/service_accounts", method="POST", json={"name": "Late"}
    )
    assert made.status_code == 201, made.text
    left = world.people["max"].contacts["alder"]
    gone = await world.call(token, f"/rest/v1.0/companies/{here}/contacts/{left}", method="DELETE")
    assert gone.status_code == 204
    entry = (await entries(world, token, kind="service_account.created"))[-1]
    assert (entry["by"]["id"], entry["by"]["name"]) == (world.people["max"].id, None)
    page = (await (await world.signed_in("ada")).get(f"/companies/{here}/events?kind=service_account.created")).text
    assert "Max Moss" not in page
    assert "Somebody outside the directory" in page


async def test_the_part_of_the_record_that_stays_names_nobody(world: World) -> None:
    """R4: names, addresses and browsers stand where they can be erased, whatever was done."""
    token, here = await manager(world, "ada"), world.companies["alder"]
    path = f"/rest/v1.0/companies/{here}/contacts"
    added = await world.call(token, path, method="POST", json={"name": "Eve Elm", "email": "eve@elm.example"})
    assert added.status_code == 201, added.text
    one = f"{path}/{added.json()['id']}"
    await world.call(token, one, method="PATCH", json={"name": "Eve Oak", "email": "eve@oak.example"})
    await world.call(token, one, method="DELETE")
    lines = (await world.call(token, f"{API.format(here)}/export")).content.splitlines()
    lines += (await (await world.signed_in("oda")).get("/operator/events/export")).content.splitlines()
    stays = [{name: value for name, value in json.loads(line).items() if name not in {"by", "whom"}} for line in lines]
    text = json.dumps(stays)
    assert "contact.removed" in text
    names = [word for person in world.people.values() for word in (person.name, person.email)]
    for personal in (*names, "Eve", "@", "python-httpx", '127.0.0.1"'):
        assert personal not in text.replace("http://127.0.0.1:8400", ""), personal
    assert "eve@oak.example" in b"".join(lines).decode()


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_the_exported_record_is_verified_without_the_server(world: World, flow_dialect: str) -> None:
    """R2: by the API, by the page, and for the deployment; the page's fingerprint proves the origin."""
    token, here = await manager(world), world.companies["alder"]
    browser, operator = await world.signed_in("max"), await world.signed_in("oda")
    codes = Page(await browser.get(f"/companies/{here}/events")).codes
    fingerprint = codes[-1]
    assert f"--fingerprint {fingerprint}" in codes[0]
    assert Page(await operator.get("/operator/events")).codes[-1] == fingerprint
    api = await world.call(token, f"{API.format(here)}/export")
    page = await browser.get(f"/companies/{here}/events/export")
    for file in (api, page):
        told = checked(file, fingerprint=fingerprint)
        assert isinstance(told, Verified), told
        assert (told.company_id, told.entries, told.is_origin_proven) == (here, len(await entries(world, token)), True)
        assert file.headers["content-type"].startswith("application/x-ndjson")
        assert file.headers["cache-control"] == "no-store"
        assert file.headers["content-disposition"].startswith(f'attachment; filename="gatewright-record-company-{here}')
    deployment = checked(await operator.get("/operator/events/export"), fingerprint=fingerprint)
    assert isinstance(deployment, Verified)
    assert deployment.company_id == 0
    # A200: a company's file holds no entry of another.
    assert {json.loads(line)["company_id"] for line in api.content.splitlines()} == {here}


async def test_one_changed_byte_is_named_with_its_line(world: World) -> None:
    """R2: of a file as a company's admin has it."""
    file = (await (await world.signed_in("max")).get(f"/companies/{world.companies['alder']}/events/export")).content
    lines = file.splitlines(keepends=True)
    lines[5] = lines[5].replace(b'"kind":"', b'"kind":"x', 1)
    assert verify(io.BytesIO(b"".join(lines))) == Fault(
        6, "This line was changed: its digest does not fit what it says and the entry before it."
    )


async def test_the_record_is_for_company_admins_with_the_scope_and_for_operators(world: World) -> None:
    """M8, P6: pages and API alike."""
    here = world.companies["alder"]
    for path in (API.format(here), f"{API.format(here)}/export"):
        unscoped = await world.call((await world.tokens("max", "crane")).access, path)
        assert (unscoped.status_code, unscoped.json()["error"]["code"]) == (403, "scope_insufficient")
        wim = await world.call(await manager(world, "wim"), path)
        assert (wim.status_code, wim.json()["error"]["code"]) == (403, "permission_insufficient")
        assert (await world.call(await manager(world, "bea"), path)).status_code == 404
    for path in (f"/companies/{here}/events", f"/companies/{here}/events/export"):
        assert (await (await world.signed_in("wim")).get(path)).status_code == 403
        assert (await (await world.signed_in("bea")).get(path)).status_code == 404
        assert (await (await world.browser()).get(path)).status_code == 303
    for path in ("/operator/events", "/operator/events/export"):
        assert (await (await world.signed_in("ada")).get(path)).status_code == 403
        assert (await (await world.browser()).get(path)).status_code == 303


async def test_the_page_tells_what_changed_and_narrows_it(world: World) -> None:
    """R1: sentences, before and after, filters in the address."""
    browser, here = await world.signed_in("ada"), world.companies["alder"]
    wim = world.people["wim"].contacts["alder"]
    path = f"/companies/{here}/events"
    whole = (await browser.get(path)).text
    assert "changed what <" not in whole
    assert "added Wim Weide to the directory" in whole
    assert "made the project Bridge" in whole
    narrowed = await browser.get(f"{path}?contact={wim}")
    assert "added Wim Weide to the directory" in narrowed.text
    assert "changed what Wim Weide may do on Bridge" in narrowed.text
    assert "made the project Bridge" not in narrowed.text
    assert "Contact: Wim Weide" in narrowed.text
    assert "Max Moss" not in (await browser.get(f"{path}?contact={wim}&kind=contact.added")).text
    assert "No event is like that" in (await browser.get(f"{path}?until=2020-01-01")).text
    assert "made the project Bridge" in (await browser.get(f"{path}?since=2020-01-01&kind=project.created")).text
    for query in ("since=yesterday", "until=9999-12-31", "kind=x", "contact=x", "app=-1", "since=2026-02-30"):
        assert (await browser.get(f"{path}?{query}")).status_code == 422, query
    foreign = world.people["bea"].contacts["birch"]
    assert (await browser.get(f"{path}?contact={foreign}")).text.count("Bea Birch") == 0
    assert "Pocket Plans" not in (await browser.get(f"{path}?app={world.apps['pocket'].id}")).text


async def test_the_page_goes_back_to_older_events(world: World) -> None:
    """R1: fifty at a time."""
    for at in range(60):
        await world.add_project(f"p{at}", "alder", f"Site {at:02}")
    browser = await world.signed_in("max")
    path = f"/companies/{world.companies['alder']}/events"
    first = await browser.get(f"{path}?kind=project.created")
    assert "Site 59" in first.text
    assert "Site 09" not in first.text
    [older] = [link for link in Page(first).links if "below=" in link]
    second = (await browser.get(older)).text
    assert "Site 09" in second
    assert "Site 59" not in second
    assert "Newest" in second


async def test_what_a_request_claims_to_be_is_one_escaped_value(world: World) -> None:
    """A192, A209: a user agent is text in the record, on its page and in its file."""
    browser, here = await world.signed_in("max"), world.companies["alder"]
    agent = "<script>alert(1)</script> \u202e{{7*7}}"
    token = await manager(world)
    made = await world.call(
        token,
        f"/rest/v1.0/companies/{here}/service_accounts",
        method="POST",
        json={"name": "<b>{{7*7}}"},
        headers={"user-agent": agent.encode("latin-1", "replace").decode("latin-1")},
    )
    assert made.status_code == 201, made.text
    page = (await browser.get(f"/companies/{here}/events")).text
    assert "<script>alert" not in page
    assert "<b>{{7*7}}" not in page
    assert "{{7*7}}" in page
    assert isinstance(checked(await browser.get(f"/companies/{here}/events/export")), Verified)


async def test_lists_and_pages_take_a_constant_number_of_statements(world: World) -> None:
    """X5: a hundred entries more cost not one statement more."""
    token, browser = await manager(world), await world.signed_in("max")
    here = world.companies["alder"]
    paths = [f"/companies/{here}/events", f"/companies/{here}/events?kind=project.created"]

    async def cost() -> list[int]:
        made = []
        for path in paths:
            with counted(world.house.database) as seen:
                assert (await browser.get(path)).status_code == 200
            made.append(len(seen.statements))
        with counted(world.house.database) as seen:
            await entries(world, token)
        return [*made, len(seen.statements)]

    await cost()
    before = await cost()
    for at in range(100):
        await world.add_project(f"p{at}", "alder", f"Site {at}")
    assert all(now <= then for now, then in zip(await cost(), before, strict=True))
