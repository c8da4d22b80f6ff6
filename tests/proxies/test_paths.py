"""Paths and methods through nginx: what the API receives is what was decided on, byte for byte, or nothing at all."""

import itertools

import pytest

from tests.proxies.guarded import RFIS, Answered, Guarded

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOLD = frozenset({400, 401, 403, 404, 405, 414, 431})
# Everything below is asked with a token that may read RFIs of the bridge, and nothing of drawings or other projects.
ALLOWED = (
    RFIS,
    RFIS + "?",
    RFIS + "?page=2&note=a%2fb/../c;d",
    RFIS + "?x=%00%5c//",
    "/rest/v1.0/projects/{bridge}/%72fis",
    "/rest/v1.0/%70rojects/{bridge}/rfi%73",
    "/%72%65%73%74/v1.0/projects/{bridge}/rfis",
    "/rest/v1%2e0/projects/{bridge}/rfis",
    "/rest/v1.0/ping",
    "/rest/v1.0/p%69ng?a=1",
    "http://other.example" + RFIS,
    "https://other.example:99" + RFIS + "?x=1",
)
# Each is one spelling away from a path that the token may not ask, or that nobody named.
REFUSED = (
    # encoded slashes and backslashes
    "/rest/v1.0/projects%2f{bridge}%2frfis",
    "/rest/v1.0/projects/{bridge}%2Frfis",
    "/rest/v1.0/ping%2f..%2fprojects/{bridge}/drawings",
    "/rest/v1.0/projects/{bridge}/rfis%2f..%2fdrawings",
    "/rest/v1.0/projects/{bridge}/rfis%5c..%5cdrawings",
    "/rest/v1.0/projects/{bridge}\\rfis",
    "/rest/v1.0/projects/{bridge}/rfis/..\\drawings",
    "\\rest\\v1.0\\projects\\{bridge}\\rfis",
    # dots
    "/rest/v1.0/projects/{bridge}/rfis/../drawings",
    "/rest/v1.0/projects/{bridge}/./rfis",
    "/rest/v1.0/projects/{bridge}/rfis/.",
    "/rest/v1.0/projects/{bridge}/rfis/..",
    "/rest/v1.0/ping/../projects/{tower}/rfis",
    "/rest/v1.0/ping/%2e%2e/projects/{tower}/rfis",
    "/rest/v1.0/ping/%2e./projects/{tower}/rfis",
    "/rest/v1.0/ping/.%2E/projects/{tower}/rfis",
    "/rest/v1.0/projects/{bridge}/%2e/rfis",
    "/rest/v1.0/ping/.../projects",
    "/../rest/v1.0/ping",
    "/../../../../etc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/files/plans/../../rest/v1.0/projects/{tower}/rfis",
    "/files/plans/%2e%2e/%2e%2e/etc/passwd",
    # parameters of segments
    "/rest/v1.0/ping;/../projects/{tower}/rfis",
    "/rest/v1.0/ping/..;/projects/{tower}/rfis",
    "/rest/v1.0/projects/{bridge}/rfis;x",
    "/rest/v1.0/projects/{bridge};x=1/rfis",
    "/rest/v1.0/projects;/{bridge}/rfis",
    "/rest/v1.0/projects/{bridge}/rfis%3bx",
    "/;/rest/v1.0/ping",
    "/rest/v1.0/..;/v1.0/ping",
    # slashes
    "//rest/v1.0/projects/{bridge}/rfis",
    "/rest//v1.0/projects/{bridge}/rfis",
    "/rest/v1.0/projects/{bridge}//rfis",
    "/rest/v1.0/projects/{bridge}/rfis//",
    "/rest/v1.0/projects/{bridge}/rfis/",
    "//evil.example/rest/v1.0/ping",
    "///rest/v1.0/ping",
    "/rest/v1.0/ping/",
    # NUL, control characters, white space
    "/rest/v1.0/ping%00",
    "/rest/v1.0/ping%00/../projects/{tower}/rfis",
    "/rest/v1.0/projects/{bridge}/rfis%00.json",
    "/rest/v1.0/projects/{bridge}/rfis%0a",
    "/rest/v1.0/projects/{bridge}/rfis%0d%0aX-Planted:%201",
    "/rest/v1.0/projects/{bridge}/rfis%09",
    "/rest/v1.0/projects/{bridge}/rfis%20",
    "/rest/v1.0/projects/{bridge}/rfis%7f",
    "/rest/v1.0/projects/{bridge}/rfis HTTP/1.1 x",
    "/rest/v1.0/projects/{bridge}/rf is",
    "/rest/v1.0/projects/{bridge}/rfis\t",
    "/rest/v1.0/projects/{bridge}/rfis\x01",
    # case, trailing dots, suffixes
    "/REST/v1.0/projects/{bridge}/rfis",
    "/rest/v1.0/projects/{bridge}/RFIs",
    "/rest/V1.0/ping",
    "/rest/v1.0/projects/{bridge}/rfis.",
    "/rest/v1.0/projects/{bridge}./rfis",
    "/rest/v1.0/projects/{bridge}/rfis.json",
    "/rest/v1.0/projects/{bridge}/rfis..",
    "/rest/v1.0/projects/{bridge}/rfi%73.",
    # encodings of encodings, and what is no encoding
    "/rest/v1.0/projects/{bridge}/rfis%252f..%252fdrawings",
    "/rest/v1.0/ping/%252e%252e/projects/{tower}/rfis",
    "/rest/v1.0/projects/{bridge}/%2572fis",
    "/rest/v1.0/projects/{bridge}/rfis%",
    "/rest/v1.0/projects/{bridge}/rfis%2",
    "/rest/v1.0/projects/{bridge}/rfis%zz",
    "/rest/v1.0/projects/{bridge}/rfis%u002f",
    "/rest/v1.0/ping/%c0%ae%c0%ae/projects/{tower}/rfis",
    "/rest/v1.0/ping%c0%af..%c0%afprojects/{tower}/rfis",
    "/rest/v1.0/projects/{bridge}/rfis%ff",
    "/rest/v1.0/projects/{bridge}/%ef%bd%92fis",
    "/rest/v1.0/projects/{bridge}/rfis%ef%bc%8f..",
    "/rest/v1.0/projects/{bridge}/r\xc3\xafs",
    # fragments and other forms
    "/rest/v1.0/ping#/../projects/{tower}/rfis",
    "/rest/v1.0/projects/{bridge}/rfis#x",
    "/rest/v1.0/projects/{bridge}/rfis?x#y",
    "/rest/v1.0/projects/{bridge}/rfis%23",
    "/rest/v1.0/projects/{bridge}/rfis%3fx=1",
    "http://other.example",
    "http://other.example?/rest/v1.0/ping",
    "http://other.example/rest/v1.0/ping/../projects/{tower}/rfis",
    "http://other.example//rest/v1.0/ping",
    "ftp://other.example/rest/v1.0/drawings",
    "*",
    "?",
    "rest/v1.0/ping",
    "",
    # ids that are none, or another's
    "/rest/v1.0/projects/0{bridge}/rfis",
    "/rest/v1.0/projects/+{bridge}/rfis",
    "/rest/v1.0/projects/{bridge}.0/rfis",
    "/rest/v1.0/projects/%30{bridge}/rfis",
    "/rest/v1.0/projects/{bridge},{tower}/rfis",
    "/rest/v1.0/projects/{tower}/rfis",
    "/rest/v1.0/projects/{mill}/rfis",
    "/rest/v1.0/projects/99999999999999999999/rfis",
    "/rest/v1.0/projects/-{bridge}/rfis",
    # a company in the query that is not the header's
    "/rest/v1.0/projects/{bridge}/rfis?company_id={birch}",
    "/rest/v1.0/projects/{bridge}/rfis?company_id={alder}&company_id={birch}",
    "/rest/v1.0/projects/{bridge}/rfis?company%5fid={birch}",
    "/rest/v1.0/projects/{bridge}/rfis?company_id[]={birch}",
)


def on_the_wire(target: str) -> str:
    """Return what nginx passes on of a target: all of it, but for a scheme and host, which are no part of a path."""
    scheme, mark, rest = target.partition("://")
    return f"/{rest.partition('/')[2]}" if mark and scheme in {"http", "https"} else target


def refused(answer: Answered) -> bool:
    """Return whether the client was told so, in words, and the API heard nothing."""
    return answer.status in TOLD and not answer.is_passed_on and bool(answer.told["error"]["message"])


@pytest.mark.parametrize("spelled", ALLOWED)
async def test_what_arrives_is_what_was_decided_on(guarded: Guarded, spelled: str) -> None:
    """X1: the bytes that Gatewright was told are the bytes that the API receives."""
    target = guarded.path(spelled)
    answer = guarded.call("GET", target, token=await guarded.token("wim"), headers=[guarded.company()])
    assert answer.status == 200, answer
    assert answer.only.target == on_the_wire(target)
    level = "standard" if "bridge" in spelled else None
    assert answer.only.identity().get("level") == level


@pytest.mark.parametrize("spelled", REFUSED)
@pytest.mark.parametrize("person", ["wim", None])
async def test_another_spelling_is_refused(guarded: Guarded, spelled: str, person: str | None) -> None:
    """X1: with a token that may ask its neighbour, and without any, for a public route is near."""
    token = None if person is None else await guarded.token(person)
    answer = guarded.call("GET", guarded.path(spelled), token=token, headers=[guarded.company()])
    assert refused(answer), answer


async def test_the_table_is_long_enough() -> None:
    """X1: sixty spellings at least, each another."""
    assert len(set(REFUSED)) >= 60
    assert len(set(REFUSED) | set(ALLOWED)) == len(REFUSED) + len(ALLOWED)


async def test_combined_tricks_arrive_only_as_decided(guarded: Guarded) -> None:
    """X1: joints and ends of all kinds put together. Whoever gets through went where the token may go."""
    token, company = await guarded.token("wim"), guarded.company()
    joints = ("/", "//", "/./", "%2f", "\\", "%5c", "/;/", "/x/../")
    ends = ("", ".", "/", ";a", "%20", "%00", "?", "#")
    through = set()
    for first, second, end in itertools.product(joints, joints, ends):
        target = guarded.path(f"/rest/v1.0{first}projects/{{bridge}}{second}rfis{end}")
        answer = guarded.call("GET", target, token=token, headers=[company])
        if answer.is_passed_on:
            through.add(target)
            assert answer.only.target == target
        else:
            assert refused(answer), (target, answer)
    assert through == {guarded.path(RFIS), guarded.path(RFIS + "?")}


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT", "PATCH", "OPTIONS", "PROPFIND", "GETS", "X-GET", "GET_"])
async def test_a_method_is_decided_on_as_it_is(guarded: Guarded, method: str) -> None:
    """X1: what a reader may not do, and what no route names."""
    await guarded.world.add_person("ria" + method, "Ria Reed")
    contact = await guarded.world.add_contact("alder", "ria" + method)
    await guarded.world.add_member("alder", "bridge", contact, rfis="read_only")
    token = await guarded.token("ria" + method)
    answer = guarded.call(method, guarded.path(RFIS), token=token, headers=[guarded.company()])
    assert answer.status in {403, 404}, answer
    assert not answer.is_passed_on
    assert answer.code == ("permission_insufficient" if method in {"POST", "DELETE"} else "route_unknown")


async def test_head_goes_where_get_goes(guarded: Guarded) -> None:
    """X1: and no further."""
    token, company = await guarded.token("wim"), guarded.company()
    answer = guarded.call("HEAD", guarded.path(RFIS), token=token, headers=[company])
    assert (answer.status, answer.only.method) == (200, "HEAD")
    answer = guarded.call("HEAD", guarded.path("/rest/v1.0/projects/{tower}/rfis"), token=token, headers=[company])
    assert (answer.status, answer.is_passed_on) == (404, False)


MALFORMED = {
    "no request": b"\0\0\0\0\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 32 + b"\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "small letters": b"get / HTTP/1.1\r\nHost: h\r\n\r\n",
    "TRACE": b"TRACE / HTTP/1.1\r\nHost: h\r\n\r\n",
    "CONNECT": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: h\r\n\r\n",
    "no host": b"GET /rest/v1.0/projects HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /rest/v1.0/ping HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "a host that is none": b"GET /rest/v1.0/ping HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "another version": b"GET /rest/v1.0/ping HTTP/3.7\r\nHost: h\r\n\r\n",
    "two lengths": b"POST /rest/v1.0/ping HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "length and chunks": (
        b"POST /rest/v1.0/ping HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "a length that is none": b"POST /rest/v1.0/ping HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
    "chunks in chunks": b"POST /rest/v1.0/ping HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: x, chunked\r\n\r\n0\r\n\r\n",
    "two authorizations": b"GET /rest/v1.0/me HTTP/1.1\r\nHost: h\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n",
    "NUL in a header": b"GET /rest/v1.0/ping HTTP/1.1\r\nHost: h\r\nA: b\0c\r\n\r\n",
    "no colon": b"GET /rest/v1.0/me HTTP/1.1\r\nHost: h\r\nAuthorization\r\n\r\n",
    "bytes in a token": b"GET /rest/v1.0/me HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer \xff\xfe\r\n\r\n",
    "an empty token": b"GET /rest/v1.0/me HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer \r\n\r\n",
    "another scheme": b"GET /rest/v1.0/me HTTP/1.1\r\nHost: h\r\nAuthorization: Basic eDp5\r\n\r\n",
    "a token in the query": b"GET /rest/v1.0/me?access_token=x HTTP/1.1\r\nHost: h\r\n\r\n",
    "a long path": b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: h\r\n\r\n",
    "a path just short of that": b"GET /" + b"a" * 8100 + b" HTTP/1.1\r\nHost: h\r\n\r\n",
    "many segments": b"GET " + b"/a" * 2000 + b" HTTP/1.1\r\nHost: h\r\n\r\n",
    "a long header": b"GET /rest/v1.0/me HTTP/1.1\r\nHost: h\r\nA: " + b"a" * 9000 + b"\r\n\r\n",
    "many headers": b"GET /rest/v1.0/me HTTP/1.1\r\nHost: h\r\n" + b"A: b\r\n" * 5000 + b"\r\n",
    "a long token": b"GET /rest/v1.0/me HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " + b"a" * 7000 + b"\r\n\r\n",
    "as much as nginx takes": (
        b"GET /rest/v1.0/me?" + b"a" * 7900 + b" HTTP/1.1\r\nHost: h\r\nA: " + b"a" * 7900 + b"\r\n\r\n"
    ),
    "expecting": b"POST /rest/v1.0/me HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na",
    "two companies": b"GET /rest/v1.0/projects HTTP/1.1\r\nHost: h\r\nGatewright-Company-Id: 1\r\n"
    b"Gatewright-Company-Id: 2\r\n\r\n",
}


@pytest.mark.parametrize("kind", MALFORMED)
async def test_what_is_malformed_is_refused_in_words(guarded: Guarded, kind: str) -> None:
    """X1: with 4xx and a body of ours, and never a 500."""
    answer = guarded.send(MALFORMED[kind].replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
    assert 400 <= answer.status < 500, answer
    assert answer.told["error"]["message"]
    assert not answer.is_passed_on


async def test_too_much_is_told_so(guarded: Guarded) -> None:
    """X1: a body beyond the limit is refused before anything is asked."""
    length = ("Content-Length", str(101 * 1024 * 1024))
    answer = guarded.call("POST", guarded.path(RFIS), token=await guarded.token("wim"), headers=[length])
    assert (answer.status, answer.code, answer.is_passed_on) == (413, "body_too_large", False)
    answer = guarded.call("GET", "/" + "a" * 9000)
    assert (answer.status, answer.code) == (431, "headers_too_large")
