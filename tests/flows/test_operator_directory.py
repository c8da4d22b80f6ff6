"""The operator's companies, users and tools; and how an invitation is passed on."""

import pytest

from tests.support.databases import DIALECTS
from tests.support.forms import Page
from tests.support.world import World


async def test_a_company_begins_with_an_admin_who_is_invited(world: World) -> None:
    """P7, M4: the link is in the answer alone; who accepts it manages the company."""
    oda = await world.signed_in("oda")
    form = Page(await oda.get("/operator/companies")).form(field="company_name")
    given = {**form.fields, "company_name": "Cedar Works", "name": "Cleo Cedar", "email": "cleo@example.com"}
    made = await oda.post(form.action, data=given)
    assert (made.status_code, made.headers["cache-control"]) == (200, "no-store")
    [link] = [code for code in Page(made).codes if "/invitation/" in code]
    again = await oda.post(form.action, data=given)
    assert again.status_code == 422
    assert "It is the name of another company already." in again.text
    company = next(href for href in Page(await oda.get("/operator/companies?q=cedar")).links if href[-1].isdigit())
    shown = await oda.get(company)
    assert "Invited" in shown.text
    assert link not in shown.text
    cleo = await world.browser()
    form = Page(await cleo.get(link)).form(field="password")
    accepted = await cleo.post(link, data={**form.fields, "name": "Cleo Cedar", "password": "a long sentence to keep"})
    assert accepted.status_code == 303, accepted.text
    home = f"/companies/{company.rpartition('/')[2]}"
    for path in (home, f"{home}/directory", f"{home}/templates", f"{home}/service-accounts"):
        assert (await cleo.get(path)).status_code == 200, path
    assert "Active" in (await oda.get(company)).text


async def test_another_admin_is_invited_and_invited_again_once_a_form(world: World) -> None:
    """P7: a form that is sent again shows nothing and invites nobody; the last link is the one that counts."""
    oda, company = await world.signed_in("oda"), f"/operator/companies/{world.companies['alder']}"
    form = Page(await oda.get(company)).form(action="/admins")
    first = await oda.post(form.action, data={**form.fields, "name": "Zoe", "email": "zoe@example.com"})
    [old] = [code for code in Page(first).codes if "/invitation/" in code]
    taken = await oda.post(form.action, data={**form.fields, "name": "Zoe", "email": "zoe@example.com"})
    assert (taken.status_code, "directory already" in taken.text) == (422, True)
    form = Page(await oda.get(company)).form(action="/invite")
    second = await oda.post(form.action, data=form.fields)
    [new] = [code for code in Page(second).codes if "/invitation/" in code]
    repeated = await oda.post(form.action, data=form.fields)
    assert (repeated.status_code, "/invitation/" in repeated.text) == (409, False)
    visitor = await world.browser()
    assert (await visitor.get(new)).status_code == 200
    assert (await visitor.get(old)).status_code != 200
    contact = world.people["wim"].contacts["alder"]
    assert (await world.submit(oda, f"{company}/admins/{contact}/invite")).status_code == 404


async def test_a_company_admin_invites_a_contact_from_its_page(world: World) -> None:
    """P2, P7: added and invited in one, or later, once a form; who can sign in is not invited."""
    ada, directory = await world.signed_in("ada"), f"/companies/{world.companies['alder']}/directory"
    form = Page(await ada.get(directory)).form(field="email")
    assert form.fields["invite"] == "yes"
    added = await ada.post(form.action, data={**form.fields, "name": "Uma", "email": "uma@example.com"})
    assert (added.status_code, "/invitation/" in added.text) == (200, True)
    contact = Page(added).form().action
    invite = Page(await ada.get(contact)).form(action="/invite")
    again = await ada.post(invite.action, data=invite.fields)
    assert "/invitation/" in again.text
    repeated = await ada.post(invite.action, data=invite.fields)
    assert (repeated.status_code, "/invitation/" in repeated.text) == (409, False)
    assert (await world.submit(await world.signed_in("wim"), f"{contact}/invite")).status_code == 403
    wims = f"{directory}/{world.people['wim'].contacts['alder']}"
    assert "Invite to sign in" not in (await ada.get(wims)).text
    refused = await world.submit(ada, f"{wims}/invite")
    assert (refused.status_code, refused.headers["location"]) == (303, wims)


async def test_the_operator_gives_a_company_its_name(world: World) -> None:
    """P6: a name that is taken is told to the operator alone."""
    oda, company = await world.signed_in("oda"), f"/operator/companies/{world.companies['alder']}"
    assert (await world.submit(oda, f"{company}/name", {"company_name": "Elm Works"})).status_code == 303
    assert "<bdi>Elm Works</bdi>" in (await oda.get(company)).text
    for name in ("Birch Works", "", "x" * 121):
        assert (await world.submit(oda, f"{company}/name", {"company_name": name})).status_code == 422


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_a_deactivated_user_is_out_everywhere_and_comes_back_without_what_ended(
    world: World, flow_dialect: str
) -> None:
    """P4, T11: sessions, tokens and authorizations end with the answer; reactivation revives none of them."""
    oda, wim = await world.signed_in("oda"), await world.signed_in("wim")
    tokens, path = await world.tokens("wim", "plain"), f"/operator/users/{world.people['wim'].id}"
    shown = await oda.get(path)
    assert "Deactivate, end 1 session and 1 authorization" in shown.text
    assert (await world.submit(oda, f"{path}/deactivate", at=path)).status_code == 303
    assert (await world.call(tokens.access, "/rest/v1.0/me")).status_code == 401
    assert (await wim.get("/account/apps")).status_code == 303
    assert (await world.refresh("plain", tokens.refresh)).status_code == 400
    assert (await world.sign_in(await world.browser(), "wim@example.com")).status_code == 422
    assert (await world.submit(oda, f"{path}/reactivate", at=path)).status_code == 303
    assert (await world.call(tokens.access, "/rest/v1.0/me")).status_code == 401
    assert (await world.sign_in(await world.browser(), "wim@example.com")).status_code == 303
    again = await world.submit(oda, f"{path}/reactivate", at=path)
    assert again.status_code == 303


async def test_a_user_without_whom_a_company_has_no_admin_stays(world: World) -> None:
    """M5: 409 and the page says which companies, and what to do."""
    oda, path = await world.signed_in("oda"), f"/operator/users/{world.people['ada'].id}"
    shown = await oda.get(path)
    assert "Alder Works" in shown.text
    assert "Invite another admin there first" in shown.text
    refused = await world.submit(oda, f"{path}/deactivate", at=path)
    assert (refused.status_code, "last active company admin" in refused.text) == (409, True)
    await world.add_contact("alder", "bea", directory="admin")
    await world.set_levels("birch", world.people["bea"].contacts["birch"], directory="admin")
    assert (await world.submit(oda, f"{path}/deactivate", at=path)).status_code == 303


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_the_last_operator_stays_one(world: World, flow_dialect: str) -> None:
    """P4: neither deactivated nor unmade, by themselves or by anybody; with another they may go."""
    oda, own = await world.signed_in("oda"), f"/operator/users/{world.people['oda'].id}"
    for act in ("unmake-operator", "deactivate"):
        refused = await world.submit(oda, f"{own}/{act}", at=own)
        assert (refused.status_code, "last active operator" in refused.text) == (409, True)
    wims = f"/operator/users/{world.people['wim'].id}"
    assert (await world.submit(oda, f"{wims}/make-operator", at=wims)).status_code == 303
    assert (await world.submit(oda, f"{own}/unmake-operator", at=own)).status_code == 303
    assert (await oda.get("/operator/users")).status_code == 403
    wim = await world.signed_in("wim")
    assert (await wim.get("/operator/users")).status_code == 200
    assert (await world.submit(wim, f"{wims}/deactivate", at=wims)).status_code == 409


async def test_users_and_companies_are_found(world: World) -> None:
    """P1: by name, by address without regard to case, by id."""
    oda, wim = await world.signed_in("oda"), world.people["wim"]
    for q in ("weide", "WIM@EXAMPLE.COM", str(wim.id)):
        found = (await oda.get("/operator/users", params={"q": q})).text
        assert f'href="/operator/users/{wim.id}"' in found
        assert f'href="/operator/users/{world.people["max"].id}"' not in found
    for q in ("%", "x" * 400, "9" * 30):
        assert "No user" in (await oda.get("/operator/users", params={"q": q})).text
        assert "No company" in (await oda.get("/operator/companies", params={"q": q})).text
    assert "Birch" not in (await oda.get("/operator/companies?q=alder")).text
    assert (await oda.get("/operator/users/987654321")).status_code == 404
    assert (await oda.get("/operator/companies/987654321")).status_code == 404


async def test_a_tool_is_declared_and_none_for_everybody(world: World) -> None:
    """M1, M7: contacts, service accounts and templates; a key stays, a name may change."""
    oda = await world.signed_in("oda")
    await world.add_template("site", "alder", levels={"budget": "admin"}, on_projects={})
    form = Page(await oda.get("/operator/tools")).form(field="levels")
    declared = {
        **form.fields,
        "name": "Payroll",
        "key": "payroll",
        "scope": "company",
        "levels": ["read_only", "admin"],
    }
    assert (await oda.post(form.action, data=declared)).status_code == 303
    token = (await world.tokens("ada", "crane", scope="company.manage")).access
    company = f"/rest/v1.0/companies/{world.companies['alder']}"
    contacts = (await world.call(token, f"{company}/contacts")).json()
    assert {contact["levels"]["payroll"] for contact in contacts} == {"none"}
    [template] = (await world.call(token, f"{company}/permission_templates")).json()
    assert template["company"]["payroll"] == "none"
    renamed = {"scope": "company", "key": "payroll", "name": "Wages"}
    assert (await world.submit(oda, "/operator/tools/name", renamed)).status_code == 303
    assert "Wages" in (await oda.get("/operator/tools")).text
    for bad in (
        {"key": "payroll"},
        {"key": "Pay Roll"},
        {"key": "confirm"},
        {"key": "x", "name": ""},
        {"key": "x", "levels": []},
    ):
        assert (await oda.post(form.action, data={**declared, **bad})).status_code == 422
    assert (await world.submit(oda, "/operator/tools/name", {**renamed, "name": ""})).status_code == 422
    assert (await world.submit(oda, "/operator/tools/name", {**renamed, "key": "nothing"})).status_code == 409
    built_in = {"scope": "company", "key": "admin", "name": "Administration"}
    assert (await world.submit(oda, "/operator/tools/name", built_in)).status_code == 422


async def test_the_operators_pages_are_for_operators(world: World) -> None:
    """M6: 403 for everybody else, whatever is asked for."""
    ada = await world.signed_in("ada")
    for path in ("companies", "companies/1", "users", "users/1", "tools"):
        assert (await ada.get(f"/operator/{path}")).status_code == 403
    for path in ("companies", "companies/1/admins", "companies/1/name", "users/1/make-operator", "tools", "tools/name"):
        assert (await world.submit(ada, f"/operator/{path}")).status_code == 403


async def test_a_service_accounts_contact_is_neither_removed_nor_renamed_by_itself(world: World) -> None:
    """S9: its removal would stop the account while its page says active; 409, with where to delete it."""
    token, robot = (await world.tokens("ada", "crane", scope="company.manage")).access, world.robots["robot"]
    path = f"/rest/v1.0/companies/{world.companies['alder']}/contacts/{robot.contact_id}"
    removed = await world.call(token, path, method="DELETE")
    assert (removed.status_code, removed.json()["error"]["code"]) == (409, "service_account_contact")
    assert "Service accounts" in removed.json()["error"]["help"]
    assert (await world.call(token, path, method="PATCH", json={"name": "Other"})).status_code == 409
    assert (await world.call(token, path, method="PATCH", json={"name": "Nightly export"})).status_code == 200
    ada, page = await world.signed_in("ada"), f"/companies/{world.companies['alder']}/directory/{robot.contact_id}"
    assert (await world.submit(ada, f"{page}/remove", at=page)).status_code == 422
    assert await world.robot_token("robot")
