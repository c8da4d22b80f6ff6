"""Section Transport and injection of the attacks: what is typed stays text, wherever it turns up."""

import re
from pathlib import Path

import httpx
import pytest

from tests.flows.test_attacks_tenants import OPEN, ids_of_company
from tests.support.databases import DIALECTS
from tests.support.routes import asker, ways
from tests.support.server import running_server
from tests.support.world import World

TEMPLATE, MARKUP, FORMULA = "{{7*7}}{%if 1%}", "<script>alert(1)</script>", "=HYPERLINK(1)"
OUR_COLOURS = re.compile(r"\x1b\[[0-9;]*m")  # of the text format
REVERSING = "\u202e"
HOSTILE = f"{TEMPLATE}{MARKUP}"


async def hostile_names(world: World) -> dict[str, str]:
    """Return ids of a company in which each name is hostile, in as far as a name may be."""
    ada = await asker(world, "ada")
    base = f"/rest/v1.0/companies/{world.companies['alder']}"
    for path, body in (
        ("/projects", {"name": f"P {HOSTILE}", "project_number": FORMULA}),
        ("/contacts", {"name": f"C {HOSTILE}", "email": "hostile@example.com"}),
        ("/service_accounts", {"name": f"S {HOSTILE}"}),
        ("/permission_templates", {"name": f"T {HOSTILE}", "company": {}, "project": {}}),
    ):
        answer = await world.call(ada.token, base + path, method="POST", json=body)
        assert answer.status_code == 201, (path, answer.text)
        if path == "/service_accounts":
            account = answer.json()
    ids = await ids_of_company(world, "alder")
    return {**ids, "service_account_id": str(account["id"]), "contact_id": str(account["contact_id"])}


async def test_names_stay_text_on_every_page(world: World) -> None:
    """A207, A192: from the API into the database and out of it onto each page that shows them."""
    ids, ada = await hostile_names(world), await asker(world, "ada")
    shown = 0
    for way in ways(world.app, but=OPEN):
        if way.method == "GET" and not way.is_api and "{company_id}" in way.pattern and way.parameters <= set(ids):
            answer = await ada.ask(way, ids)
            if not answer.headers["content-type"].startswith("text/html"):
                continue  # a file: nothing renders it
            text = answer.text
            assert "<script>alert" not in text, way
            assert "49{%" not in text, way
            shown += TEMPLATE in text or "{{7*7}}" in text
    assert shown >= 6


async def test_names_come_back_from_the_api_as_they_went_in(world: World) -> None:
    """A207: nothing is evaluated, nothing is escaped twice, and JSON says that it is JSON."""
    ids, ada = await hostile_names(world), await asker(world, "ada")
    base = f"/rest/v1.0/companies/{ids['company_id']}"
    for path in ("/projects", "/contacts", "/service_accounts", "/permission_templates"):
        answer = await world.call(ada.token, base + path)
        assert HOSTILE in str([entry["name"] for entry in answer.json()]), path
        assert answer.headers["content-type"].startswith("application/json")
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/projects", "/contacts", "/service_accounts", "/permission_templates"])
async def test_a_reversing_letter_reaches_no_page(world: World, path: str) -> None:
    """A192: refused where it is typed, or shown without it."""
    ada, ids = await asker(world, "ada"), await ids_of_company(world, "alder")
    body = {"name": f"abc{REVERSING}def", "email": "rtl@example.com", "company": {}, "project": {}}
    wanted = {"/projects": ("name",), "/contacts": ("name", "email"), "/service_accounts": ("name",)}
    given = {key: body[key] for key in wanted.get(path, ("name", "company", "project"))}
    answer = await world.call(ada.token, f"/rest/v1.0/companies/{ids['company_id']}{path}", method="POST", json=given)
    assert answer.status_code in {201, 422}
    for way in ways(world.app, but=OPEN):
        if way.method == "GET" and not way.is_api and way.parameters == {"company_id"}:
            assert REVERSING not in (await ada.ask(way, ids)).text, way


@pytest.mark.parametrize("flow_dialect", DIALECTS)
async def test_letters_that_sql_searches_by_stand_for_themselves(world: World, flow_dialect: str) -> None:
    """P6: a percent sign finds percent signs."""
    ada, ids = await asker(world, "ada"), await ids_of_company(world, "alder")
    path = f"/rest/v1.0/companies/{ids['company_id']}/contacts"
    given = {"name": "Fifty 50%_\\ off", "email": "fifty@example.com"}
    assert (await world.call(ada.token, path, method="POST", json=given)).status_code == 201
    for sought in ("%", "_", "50%_", "\\"):
        page = await ada.browser.get(f"/companies/{ids['company_id']}/directory", params={"q": sought})
        assert page.status_code == 200
        assert "Fifty" in page.text, sought
        assert "Wim Weide" not in page.text, sought
    for sought in ("%%", "f%y", "fift__50", "'", '"; DROP TABLE contacts; --'):
        page = await ada.browser.get(f"/companies/{ids['company_id']}/directory", params={"q": sought})
        assert page.status_code == 200
        assert "fifty@example.com" not in page.text, sought


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_what_is_sent_makes_one_escaped_line_in_the_log(tmp_path: Path, log_format: str) -> None:
    """A209: CR LF and ANSI in a user agent, an address or a header begin no line and colour nothing."""
    with (
        running_server(data_dir=tmp_path / "data", settings={"LOG_FORMAT": log_format}) as server,
        httpx.Client(base_url=server.base_url, trust_env=False) as client,
    ):
        for path in ("/x%0d%0aFORGED", "/y%1b%5b31mFORGED", "/z%e2%80%a8FORGED%00"):
            client.get(path, headers=[(b"user-agent", b"evil\x9b2J"), (b"x-request-id", b"\x9b2JFORGED")])
        client.get("/", headers=[(b"user-agent", b"evil\x1b[31mred")])  # no header may hold it
    lines = server.said().split("\n")[:-1]
    told = [line for line in lines if "FORGED" in line or "Invalid HTTP request" in line]
    assert len(told) == 4, told
    for line in lines:
        assert "\x1b[31mFORGED" not in line
        plain = OUR_COLOURS.sub("", line)
        assert not any(ord(letter) < 32 or letter in "\x7f\x9b\u2028" for letter in plain), plain
        assert not line.startswith("FORGED")


async def test_a_line_break_in_state_splits_no_header(world: World) -> None:
    """A210: it comes back percent-encoded, in one Location."""
    answer = await world.authorize("wim", "crane", state="a\r\nSet-Cookie: x=1")
    assert answer.status_code in {303, 400}
    assert "set-cookie: x=1" not in str(answer.headers).lower().replace("%20", " ").split("location")[0]
    assert not set("\r\n") & set(answer.headers.get("location", ""))
