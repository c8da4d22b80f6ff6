"""What answers whatever is asked for: unknown paths, wrong methods, other content types, odd requests."""

import httpx


async def test_an_unknown_path_is_told_in_the_shape_that_was_asked_for(client: httpx.AsyncClient) -> None:
    page = await client.get("/nowhere", headers={"accept": "text/html"})
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    api = await client.get("/rest/v9/nowhere", headers={"accept": "text/html"})
    assert (api.status_code, api.json()["error"]["code"]) == (404, "not_found")
    asked = await client.get("/nowhere", headers={"accept": "application/json"})
    assert asked.json()["error"]["code"] == "not_found"
