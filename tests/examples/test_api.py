"""The Jobsite API by itself: what it keeps, and what it says to what it cannot use."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.examples.open_site import open_site

PIER = "/rest/v1.0/projects/7"
JSON = {"content-type": "application/json"}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Lend a program that may do everything."""
    async with open_site(tmp_path) as client:
        yield client


async def _made(site: httpx.AsyncClient, **told: Any) -> dict[str, Any]:
    answer = await site.post(f"{PIER}/rfis", json={"subject": "Bearing", **told})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_an_rfi_is_asked_answered_and_closed(site: httpx.AsyncClient) -> None:
    made = await _made(site, question="25 or 40 mm?")
    path = f"{PIER}/rfis/{made['id']}"
    assert (made["number"], made["status"], made["answer"], made["created_by"]) == (1, "open", None, "user 1")
    assert (await site.patch(path, json={"answer": "25 mm"})).json()["answer"] == "25 mm"
    closed = await site.post(f"{path}/close")
    assert (closed.status_code, closed.json()["status"], closed.json()["answer"]) == (200, "closed", "25 mm")
    refused = await site.patch(path, json={"answer": "40 mm"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "rfi_closed")
    assert (await site.get(path)).json()["answer"] == "25 mm"
    assert (await site.delete(path)).status_code == 204
    assert (await site.get(path)).status_code == 404


async def test_rows_are_of_the_place_that_was_decided(site: httpx.AsyncClient) -> None:
    # P6: neither another project nor another company reaches a row, whatever id it names.
    made = await _made(site)
    here, there = f"{PIER}/rfis/{made['id']}", f"/rest/v1.0/projects/8/rfis/{made['id']}"
    elsewhere = {"decided": "2"}
    for path, headers in ((there, {}), (here, elsewhere)):
        assert (await site.get(path, headers=headers)).status_code == 404
        assert (await site.patch(path, json={"answer": "mine"}, headers=headers)).status_code == 404
        assert (await site.post(f"{path}/close", headers=headers)).status_code == 404
        assert (await site.delete(path, headers=headers)).status_code == 404
    assert (await site.get(f"{PIER}/rfis", headers=elsewhere)).json() == []
    assert (await site.get(here)).json() == made
    assert (await site.post(f"{PIER}/rfis", json={"subject": "First"}, headers=elsewhere)).json()["number"] == 1


async def test_drawings_and_logs_are_kept(site: httpx.AsyncClient) -> None:
    sheet = {"number": "S-201", "title": "Pile caps", "revision": "A"}
    assert (await site.post(f"{PIER}/drawings", json=sheet)).status_code == 201
    again = await site.post(f"{PIER}/drawings", json=sheet)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "drawing_exists")
    assert (await site.post(f"{PIER}/drawings", json=sheet, headers={"decided": "2"})).status_code == 201
    assert [one["number"] for one in (await site.get(f"{PIER}/drawings")).json()] == ["S-201"]
    log = {"date": "2026-11-24", "notes": "Dry.", "workers": 12}
    assert (await site.post(f"{PIER}/daily_log", json=log)).status_code == 201
    kept = (await site.get(f"{PIER}/daily_log")).json()[0]
    assert {name: kept[name] for name in log} == log


async def test_lists_come_in_pages(site: httpx.AsyncClient) -> None:
    for number in range(5):
        await _made(site, subject=f"RFI {number}")
    page = await site.get(f"{PIER}/rfis?page=2&per_page=2")
    assert [one["number"] for one in page.json()] == [3, 4]
    assert (page.headers["total"], page.headers["per-page"]) == ("5", "2")


@pytest.mark.parametrize(
    "query", ["page=0", "page=-1", "page=x", "per_page=301", "page=1&page=2", "page=", "page=٣", f"page={10**14}"]
)
async def test_a_page_that_is_none_is_422(site: httpx.AsyncClient, query: str) -> None:
    assert (await site.get(f"{PIER}/rfis?{query}")).status_code == 422


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"subject": "\\ud800"}', b"[" * 60_000])
async def test_what_is_no_json_is_400(site: httpx.AsyncClient, body: bytes) -> None:
    answer = await site.post(f"{PIER}/rfis", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request")
    assert (await site.get(f"{PIER}/rfis")).json() == []


@pytest.mark.parametrize(
    "content",
    [
        [],
        "text",
        {},
        {"subject": ""},
        {"subject": "a" * 201},
        {"subject": 5},
        {"subject": "a", "status": "closed"},
        {"subject": "a", "company_id": 2},
        {"subject": "a", "question": None},
    ],
)
async def test_a_body_of_another_shape_is_422_with_a_sentence_for_each_field(
    site: httpx.AsyncClient, content: object
) -> None:
    answer = await site.post(f"{PIER}/rfis", json=content)
    told = answer.json()
    assert (answer.status_code, told["error"]["code"]) == (422, "invalid")
    assert told["errors"][0] == told["error"]["message"]
    assert told["error"]["request_id"]
    assert (await site.get(f"{PIER}/rfis")).json() == []


async def test_a_log_of_no_day_is_422(site: httpx.AsyncClient) -> None:
    for log in ({"date": 20781, "notes": "x"}, {"date": "24.11.2026", "notes": "x"}, {"date": "2026-02-30"}):
        answer = await site.post(f"{PIER}/daily_log", json=log)
        assert answer.status_code == 422
        assert answer.json()["errors"][0].startswith("date: ")


async def test_another_content_type_is_400_and_a_large_body_413(site: httpx.AsyncClient) -> None:
    assert (await site.post(f"{PIER}/rfis", content=b"subject=a")).status_code == 400
    within = b'{"subject": "a"' + b" " * (64 * 1024 - 16) + b"}"
    assert (await site.post(f"{PIER}/rfis", content=within, headers=JSON)).status_code == 201
    assert (await site.post(f"{PIER}/rfis", content=within + b" ", headers=JSON)).status_code == 413


@pytest.mark.parametrize("rfi_id", ["0", "-1", "01", "x", "1.0", "%D9%A1", "9" * 30, "1%00"])
async def test_an_id_that_is_none_is_404(site: httpx.AsyncClient, rfi_id: str) -> None:
    await _made(site)
    path = f"{PIER}/rfis/{rfi_id}"
    for answer in (await site.get(path), await site.patch(path, json={}), await site.delete(path)):
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "rfi_unknown")


async def test_other_addresses_and_methods_answer_in_the_same_shape(site: httpx.AsyncClient) -> None:
    for method, path, status in (("GET", "/", 404), ("GET", f"{PIER}/rfis/", 404), ("PUT", f"{PIER}/rfis", 405)):
        answer = await site.request(method, path)
        assert answer.status_code == status
        assert set(answer.json()["error"]) == {"code", "message", "help", "request_id"}
    assert (await site.get("/rest/v1.0/ping")).json() == {"ping": "pong"}
