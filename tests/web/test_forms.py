"""Bodies and queries, parsed strictly (http.md, Everywhere)."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from gatewright.base.errors import BadRequest, TooLarge
from gatewright.web.forms import PageForm, oauth_parameters, once, query_parameters

FORM = {"content-type": "application/x-www-form-urlencoded"}
JSON = {"content-type": "application/json"}
MULTIPART = {"content-type": "multipart/form-data; boundary=x"}


async def _echo(request: Request) -> JSONResponse:
    try:
        parameters = await oauth_parameters(request) if request.method == "POST" else query_parameters(request)
    except (BadRequest, TooLarge) as refusal:
        return JSONResponse({"refused": refusal.code, "why": refusal.message}, 400)
    return JSONResponse(parameters)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=[Route("/", _echo, methods=["GET", "POST"])])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client


async def _post(client: httpx.AsyncClient, body: bytes, headers: Any) -> Any:
    return (await client.post("/", content=body, headers=headers)).json()


def _part(name: str, value: str, *, extra: str = "") -> str:
    return f'--x\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n{value}\r\n'


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"grant_type=a&code=+b%20", FORM),
        (b'{"grant_type": "a", "code": " b "}', JSON),
        ((_part("grant_type", "a") + _part("code", " b ") + "--x--\r\n").encode(), MULTIPART),
        (b"grant_type=a&code=+b%20", {"content-type": "Application/X-WWW-Form-URLEncoded; charset=UTF-8"}),
        (b'{"grant_type": "a", "code": " b "}', {"content-type": 'application/json; charset="utf8"'}),
        (
            (_part("grant_type", "a") + _part("code", " b ") + "--x--\r\n").encode(),
            {"content-type": "multipart/form-data; charset=UTF_8; boundary=x"},
        ),
    ],
)
async def test_three_content_types_give_the_same_parameters_untrimmed(
    client: httpx.AsyncClient, body: bytes, headers: Any
) -> None:
    assert await _post(client, body, headers) == {"grant_type": "a", "code": " b "}


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"a=1&a=1", FORM),  # A116
        (b"a=&a=1", FORM),
        (b'{"a": "1", "a": "1"}', JSON),  # A122
        ((_part("a", "1") + _part("a", "1") + "--x--\r\n").encode(), MULTIPART),
        (b"a=%00", FORM),  # A119
        (b'{"a": "\\u0000"}', JSON),
        (b"a=%ff", FORM),  # A120
        (b"a=\xff", FORM),
        (b'{"a": "\xff"}', JSON),
        (b'{"a": "\\ud800"}', JSON),
        (b'{"a": NaN}', JSON),  # A124
        (b'{"a": 1e999}', JSON),
        (b'{"a": ' + b"9" * 5000 + b"}", JSON),
        (b'{"a": null}', JSON),
        (b'{"a": {"b": "c"}}', JSON),
        (b'["a"]', JSON),
        (b'[["a", "b"]]', JSON),
        (b"[" * 60000, JSON),
        (b"{", JSON),
        (b"", JSON),
        (b"a=1", {"content-type": "text/plain"}),
        (b"a=1", {}),
        (b"a=1", {**FORM, "content-encoding": "gzip"}),
        (b"nonsense", MULTIPART),
        (b"nonsense", {"content-type": "multipart/form-data"}),
        ((_part("a", "1", extra='; filename="f"') + "--x--\r\n").encode(), MULTIPART),
        ((_part("a", "1", extra="; filename*=utf-8''f") + "--x--\r\n").encode(), MULTIPART),
        ((_part("a", "1", extra=";FileName=f") + "--x--\r\n").encode(), MULTIPART),
        (_part("a", "\xff").encode("latin-1") + b"--x--\r\n", MULTIPART),  # A120
        (_part("\xff", "1").encode("latin-1") + b"--x--\r\n", MULTIPART),
        (_part("a", "1").encode() + b"--x--\r\n\xed\xa0\x80", MULTIPART),
        (b"a=1", {**FORM, "content-encoding": "identity"}),
        (_part("a", "1").encode()[:20], MULTIPART),
    ],
)
async def test_what_is_repeated_or_malformed_is_refused(client: httpx.AsyncClient, body: bytes, headers: Any) -> None:
    assert (await _post(client, body, headers))["refused"] == "invalid_request"


@pytest.mark.parametrize(
    "charset", ["punycode", "idna", "undefined", "unicode_escape", "utf-7", "utf-16", "latin-1", "nonsense", "é"]
)
@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", FORM["content-type"], JSON["content-type"]])
async def test_another_charset_than_utf_8_is_refused(client: httpx.AsyncClient, kind: str, charset: str) -> None:
    """A120: its codec could fail on plain letters, or make half characters of them."""
    bodies = {
        FORM["content-type"]: b"a=1",
        JSON["content-type"]: b'{"a": "1"}',
    }
    body = bodies.get(kind, (_part("a", r"\ud800 +2AA- xn--\xff") + "--x--\r\n").encode())
    headers = {"content-type": f"{kind}; charset={charset}".encode("latin-1")}
    assert "charset" in (await _post(client, body, headers))["why"]


@pytest.mark.parametrize("half", ["\ud800", "a\udfff"])
def test_half_a_character_is_in_no_parameter_and_in_no_field(half: str) -> None:
    """A120: no database and no log could hold it."""
    for read in (once, PageForm):
        for pairs in ([("a", half)], [(half, "a")]):
            with pytest.raises(BadRequest) as refused:
                read(pairs)
            assert "half a character" in refused.value.message


async def test_repeated_content_type_is_refused(client: httpx.AsyncClient) -> None:
    headers = [("content-type", FORM["content-type"]), ("content-type", JSON["content-type"])]
    assert (await _post(client, b"a=1", headers))["refused"] == "invalid_request"


@pytest.mark.parametrize(("size", "refused"), [(64 * 1024, None), (64 * 1024 + 1, "too_large")])
async def test_bodies_above_64_kib_are_refused_declared_or_not(
    client: httpx.AsyncClient, size: int, refused: str | None
) -> None:
    """A117: a body is not read past the limit."""
    body = b"a=" + b"x" * (size - 2)

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 1000):
            yield body[start : start + 1000]

    assert (await _post(client, body, FORM)).get("refused") == refused
    assert (await client.post("/", content=chunks(), headers=FORM)).json().get("refused") == refused


async def test_a_parameter_without_a_value_is_absent(client: httpx.AsyncClient) -> None:
    """RFC 6749 §3.1."""
    assert await _post(client, b"a=&b=1", FORM) == {"b": "1"}


async def test_queries_are_as_strict(client: httpx.AsyncClient) -> None:
    assert (await client.get("/?a=1&a=2")).json()["refused"] == "invalid_request"
    assert (await client.get("/?a=%ff")).json()["refused"] == "invalid_request"
    assert (await client.get("/?a=1&b=%C3%BC")).json() == {"a": "1", "b": "ü"}
