"""The table of path tricks: what each spelling is read as, and why it is refused where it is not read."""

from urllib.parse import quote

import pytest

from gatewright.authz.route_file import read_route_map
from gatewright.authz.route_model import Found, PathUnclear
from gatewright.authz.route_paths import LONGEST, MOST_SEGMENTS

MAP = read_route_map(
    """
    routes:
      GET /: public
      GET /v1/projects: member
      GET /v1/projects/{project_id}/rfis: {tool: rfis, level: read_only}
      GET /v1/projects/{project_id}/files/{name}: {tool: documents, level: read_only}
      GET /v1/projects/{project_id}/files/secret: {tool: documents, level: admin}
      GET /open/{name}: public
      GET /open/report.pdf: token
      GET /open/v2/**: token
      GET /well-known/~a!b$c&d'e(f)g+h,i=j:k@l: public
      GET /django/: member
      GET /well-known/{name}: token
    """
)
RFIS, FILE, SECRET, OPEN, BELOW = (
    "/v1/projects/{project_id}/rfis",
    "/v1/projects/{project_id}/files/{name}",
    "/v1/projects/{project_id}/files/secret",
    "/open/{name}",
    "/open/v2/**",
)
UNKNOWN = "route_unknown"
# Words of the sentence that says why.
CUT, BARE = "some servers cut or split", "has to be percent-encoded"
SLASHES, DOTS, END, LIKE = (
    "two slashes",
    "dots or spaces alone",
    "dot, or begins or ends with a space",
    "differs from a route's",
)
CONTROL, RAW, PERCENT, BYTES = "encoded control", "control character or a space", "two hexadecimal digits", "no UTF-8"
BEYOND, WHOLE, RELATIVE, ENCODED = "beyond ASCII", "whole address", "does not begin with a slash", "holds an encoded"

# The first and the last of each range of Unicode's Default_Ignorable_Code_Point.
INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b\u180f\u200b\u200f\u202a\u202e\u2060\u2065\u206f\u3164\ufe00\ufe0f"
    "\ufeff\uffa0\ufff0\ufff8\U0001bca0\U0001bca3\U0001d173\U0001d17a\U000e0000\U000e0001\U000e0100\U000e01ef\U000e0fff"
)

READ = [
    ("/", "/"),
    ("/?", "/"),
    ("/?a=b", "/"),
    ("/v1/projects", "/v1/projects"),
    ("/%76%31/projects", "/v1/projects"),
    ("/v1/%70%72%6f%6a%65%63%74%73", "/v1/projects"),
    ("/v1/%70%72%6F%6A%65%63%74%73", "/v1/projects"),
    ("/v1/projects/7/rfis", RFIS),
    ("/v1/projects/%37/rfis", RFIS),
    ("/v1/projects/abc/rfis", RFIS),
    ("/v1/projects/-7/rfis", RFIS),
    ("/v1/projects/7/rf%69s?page=2", RFIS),
    ("/v1/projects/7/files/a%20b", FILE),
    ("/v1/projects/7/files/a+b", FILE),
    ("/v1/projects/7/files/C++", FILE),
    ("/v1/projects/7/files/caf%c3%a9", FILE),
    ("/v1/projects/7/files/%E5%9B%B3%E9%9D%A2", FILE),
    ("/v1/projects/7/files/.hidden", FILE),
    ("/v1/projects/7/files/..a", FILE),
    ("/v1/projects/7/files/a..b", FILE),
    ("/v1/projects/7/files/a%7Eb", FILE),
    ("/v1/projects/7/files/a%40b%3Ac", FILE),
    ("/v1/projects/7/files/%22a%22", FILE),
    ("/v1/projects/7/files/a%7Cb", FILE),
    ("/v1/projects/7/files/secret", SECRET),
    ("/v1/projects/7/files/%73ecret", SECRET),
    ("/v1/projects/7/files/secrets", FILE),
    ("/v1/projects/7/files/Plan.pdf", FILE),
    ("/open/report.pdf", "/open/report.pdf"),
    ("/open/report%2epdf", "/open/report.pdf"),
    ("/open/report", OPEN),
    ("/open/v2", OPEN),
    ("/open/v2/a", BELOW),
    ("/open/v2/a/b/c", BELOW),
    ("/open/v2/a/", BELOW),
    ("/open/%e2%98%83", OPEN),
    ("/well-known/~a!b$c&d'e(f)g+h,i=j:k@l", "/well-known/~a!b$c&d'e(f)g+h,i=j:k@l"),
    ("/well-known/%7Ea%21b%24c%26d%27e%28f%29g%2Bh%2Ci%3Dj%3Ak%40l", "/well-known/~a!b$c&d'e(f)g+h,i=j:k@l"),
    ("/django/", "/django/"),
    ("/v1/projects/7/", UNKNOWN),
    ("/v1", UNKNOWN),
    ("/v1/", UNKNOWN),
    ("/v1/projects/7", UNKNOWN),
    ("/v1/projects/7/rfis/8", UNKNOWN),
    ("/v1/projects/7/rfis2", UNKNOWN),
    ("/v2/projects", UNKNOWN),
    ("/open", UNKNOWN),
    ("/open/", UNKNOWN),
]
REFUSED = [
    *(
        (uri, LIKE)
        for uri in ("/v1/projects/", "/V1/projects", "/v1/Projects", "/v1/PROJECTS/7/rfis", "/v1/%50rojects")
    ),
    *(
        (uri, LIKE)
        for uri in ("/v1/projects/7/rfis/", "/v1/projects/7/rfis.json", "/v1/projects/7/RFIS.JSON", "/django")
    ),
    *(
        (uri, LIKE)
        for uri in ("/v1/projects/7/files/SECRET", "/v1/projects/7/files/secret.json", "/Django/", "/django.xml")
    ),
    *((uri, LIKE) for uri in ("/v1/projects/7/files/secret/", "/v1/projects/7/files/Secret.a.b", "/v1/projects.json")),
    *((uri, LIKE) for uri in ("/open/REPORT.pdf", "/open/report.pdf.json", "/open/V2/a")),
    *((uri, LIKE) for uri in ("/v1/projects/7/files/%c5%bfecret", "/v1/projects/7/files/%ef%bd%93ecret")),
    # The dotless i, the long s and the Kelvin sign: in capital letters they are those of ASCII. And I with its dot.
    *(
        (uri, LIKE)
        for uri in (
            "/v1/projects/7/rf%c4%b1s",
            "/v1/projects/7/rf%c4%b0s",
            "/v1/project%c5%bf",
            "/well-%e2%84%aanown/a",
        )
    ),
    *((uri, LIKE) for uri in ("/v1/projects/7/files/s%e2%80%8decret", "/v1/projects/7/files/%ef%bb%bfsecret")),
    *((uri, LIKE) for uri in ("/v1/projects/7/files/s%dc%8fecret", "/v1/projects/7/files/secret%ef%bf%b9")),  # Cf alone
    *((f"/v1/projects/7/files/s{quote(letter)}ecret", LIKE) for letter in INVISIBLE),
    *((f"/v1/projec{quote(letter)}ts", LIKE) for letter in INVISIBLE),
    *((f"/open/{quote(text)}/x", DOTS) for letter in INVISIBLE for text in (letter, f"..{letter}")),
    *(
        (uri, SLASHES)
        for uri in ("//", "//v1/projects", "/v1//projects", "/v1/projects//", "///", "//evil.example/v1/projects")
    ),
    *((uri, LIKE) for uri in ("/v1/projects+", "/v1/+projects", "/v1/projects/7/files/secret+", "/v1/+projects+")),
    *((uri, SLASHES) for uri in ("/v1/projects/7//rfis", "/v1//%70rojects", "/open/v2//a", "/open/v2/a//")),
    *(
        (uri, DOTS)
        for uri in ("/.", "/..", "/./", "/../", "/v1/./projects", "/v1/../v1/projects", "/open/../v1/projects")
    ),
    *(
        (uri, DOTS)
        for uri in ("/v1/projects/.", "/v1/projects/..", "/open/...", "/open/..../x", "/%2e", "/%2e%2e/", "/%2E./")
    ),
    *(
        (uri, DOTS)
        for uri in ("/open/%2e%2e/v1/projects", "/open/.%2e/v1/projects", "/open/+", "/open/%20", "/open/.+")
    ),
    *((uri, DOTS) for uri in ("/open/%ef%bc%8e%ef%bc%8e", "/open/%e2%80%a5")),
    *(
        (uri, END)
        for uri in ("/v1/projects.", "/v1/projects%2e", "/v1./projects", "/v1/projects%20", "/v1/%20projects")
    ),
    *(
        (uri, END)
        for uri in (
            "/v1/projects..",
            "/open/a%20.",
            "/open/a%c2%a0",
            "/open/a%e3%80%80",
            "/open/%e3%80%80",
            "/open/a%e2%80%a8",
        )
    ),
    *(
        (uri, CUT)
        for uri in ("/v1/projects;a=b", "/v1;/projects", "/open/..;/v1/projects", "/;/v1/projects", "/v1/projects;")
    ),
    *((uri, CUT) for uri in ("/v1\\projects", "/open\\..\\v1\\projects", "/\\v1\\projects", "/v1/projects#a", "/#")),
    *(
        (uri, ENCODED)
        for uri in ("/v1%2fprojects", "/v1%2Fprojects", "/open/..%2fv1/projects", "/open/a%2f..%2f..%2fv1")
    ),
    *(
        (uri, ENCODED)
        for uri in ("/open/..%5cv1", "/open/%5C", "/v1/projects%3ba=b", "/v1/projects%3B", "/open/..%3b/v1")
    ),
    *(
        (uri, ENCODED)
        for uri in ("/v1/projects%3fa=b", "/v1/projects%23a", "/v1/projects%3F", "/open/%ef%bc%8f", "/open/%ef%bc%bc")
    ),
    *(
        (uri, ENCODED)
        for uri in ("/v1/%2570rojects", "/open/%252e%252e/v1", "/open/%252f", "/open/100%25", "/%25", "/open/%25%32%66")
    ),
    *((uri, ENCODED) for uri in ("/open/%ef%bc%85%32%66", "/open/%ef%bc%9b", "/open/%ef%bc%9f", "/open/%e2%84%80")),
    *(
        (uri, CONTROL)
        for uri in ("/v1/projects%00", "/v1/projects%00.json", "/open/%0d%0aHost:%20a", "/open/%09", "/open/a%7fb")
    ),
    *((uri, CONTROL) for uri in ("/open/a%1bb", "/open/a%c2%85b", "/open/%c2%80")),
    *(
        (uri, RAW)
        for uri in (
            "/v1/projects\x00",
            "/v1/pro\tjects",
            "/v1/projects\r\n",
            "/v1/a b",
            "/v1/projects ",
            "/v1/projects\x7f",
        )
    ),
    *(
        (uri, PERCENT)
        for uri in ("/v1/projects%", "/v1/projects%2", "/v1/%zz", "/v1/%u002fprojects", "/open/%-1", "/open/%+1")
    ),
    *(
        (uri, BYTES)
        for uri in ("/open/%c0%ae", "/open/%c0%af", "/open/%e0%80%af", "/open/%ff", "/open/%ed%a0%80", "/open/%e9")
    ),
    *(
        (uri, BEYOND)
        for uri in ("/open/\u00e9", "/open/\u212a", "/v1/project\u017f", "/open/\u2024", "/open/\u00c3\u00a9")
    ),
    *(
        (uri, WHOLE)
        for uri in (
            "http://a.example/v1/projects",
            "https://a/v1/projects",
            "HTTP://a/v1",
            "file:/v1/projects",
            "a.b+c-d:1",
        )
    ),
    *((uri, RELATIVE) for uri in ("", "*", "v1/projects", "?a=b", "%2fv1/projects", "..", "[::1]/v1")),
    *(
        (uri, BARE)
        for uri in ('/open/"', "/open/<", "/open/>", "/open/^", "/open/`", "/open/{a}", "/open/|", "/open/[1]")
    ),
    *((uri, "number sign") for uri in ("/v1/projects?a#b", "/v1/projects?#")),
    *(
        (uri, "control character or a space")
        for uri in ("/v1/projects?a b", "/v1/projects?a\x00", "/v1/projects?\r\nb")
    ),
]


@pytest.mark.parametrize(("uri", "expected"), READ)
def test_a_spelling_that_every_server_reads_alike_is_read(uri: str, expected: str) -> None:
    """X2: decided as the server behind sees it."""
    answer = MAP.find("GET", uri)
    told = answer.route.path if isinstance(answer, Found) else UNKNOWN
    assert not isinstance(answer, PathUnclear), answer
    assert told == expected


@pytest.mark.parametrize(("uri", "why"), REFUSED)
def test_a_spelling_that_servers_read_differently_is_refused_and_told_why(uri: str, why: str) -> None:
    """X2: or refused."""
    answer = MAP.find("GET", uri)
    assert isinstance(answer, PathUnclear), answer
    assert why in answer.why
    assert MAP.find("HEAD", uri) == answer


def test_the_table_is_long_enough_to_mean_something() -> None:
    assert len({uri for uri, _ in (*READ, *REFUSED)}) > 180


def test_what_is_named_is_handed_out_decoded() -> None:
    answer = MAP.find("GET", "/v1/projects/%31%32/rfis")
    assert isinstance(answer, Found)
    assert answer.parameters == {"project_id": "12"}


def test_an_address_is_bounded_in_length_and_in_segments() -> None:
    fits = "/open/" + "a" * (LONGEST - len("/open/"))
    assert isinstance(MAP.find("GET", fits), Found)
    assert isinstance(MAP.find("GET", f"{fits}a"), PathUnclear)
    assert isinstance(MAP.find("GET", f"/open/a?{'b' * LONGEST}"), PathUnclear)
    deep = "/open/v2" + "/a" * (MOST_SEGMENTS - 2)
    assert isinstance(MAP.find("GET", deep), Found)
    assert isinstance(MAP.find("GET", f"{deep}/a"), PathUnclear)
    assert isinstance(MAP.find("GET", f"{deep}/%61"), PathUnclear)


def test_where_a_spelling_is_like_a_route_that_route_is_named_for_the_operator() -> None:
    answer = MAP.find("GET", "/v1/projects/7/files/SECRET")
    assert isinstance(answer, PathUnclear)
    assert answer.near is not None
    assert answer.near.path == SECRET
    assert SECRET not in answer.why
