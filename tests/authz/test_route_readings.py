"""A route that is found is the same route to every server; nothing like a guarded path is let through."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.authz.route_file import read_route_map
from gatewright.authz.route_model import Found, PathUnclear, UnknownAllowed
from tests.authz.route_readers import companies, readings

PATTERNS = {
    "GET": (
        "/rest/v1.0/projects",
        "/rest/v1.0/projects/{project_id}",
        "/rest/v1.0/projects/{project_id}/rfis",
        "/rest/v1.0/projects/{project_id}/rfis/{id}",
        "/files/{name}",
        "/files/keys",
        "/files/keys/{name}",
        "/files/{name}/**",
        "/django/",
        "/",
    ),
    "POST": ("/rest/v1.0/projects", "/files/{name}", "/admin/**"),
    "DELETE": ("/rest/v1.0/projects/{project_id}",),
}
_LINES = [f"  {method} {path}: member" for method, paths in PATTERNS.items() for path in paths]
# Each needs something else, so that none stands for another.
_NEEDS = [f"{{tool: t{number}, level: admin}}" for number in range(len(_LINES))]
_TEXT = "\n".join(["routes:", *(line.replace("member", needs) for line, needs in zip(_LINES, _NEEDS, strict=True))])
REFUSING, ALLOWING = read_route_map(_TEXT), read_route_map(f"unknown_routes: allow\n{_TEXT}")
EVERY = sorted({path for paths in PATTERNS.values() for path in paths})

GOOD = (
    "/rest/v1.0/projects",
    "/rest/v1.0/projects/7",
    "/rest/v1.0/projects/7/rfis",
    "/rest/v1.0/projects/7/rfis/12",
    "/files/a.pdf",
    "/files/keys",
    "/files/keys/a",
    "/files/a/b/c",
    "/django/",
    "/",
    "/admin/a/b",
    "/static/site.css",
)
TRICKS = (
    *("/", "//", "/.", "/..", "/./", "/../", ".", "..", "./", "../", "\\", "%5c", "%5C", "%2f", "%2F", "%252f"),
    *(";", ";a=b", "..;", "..;/", "%3b", "%3B", "%00", "\x00", "%0a", "%0d", "\t", " ", "%20", "%a0", "%c2%a0", "+"),
    *("%2e", "%2E", "%2e%2e", "%252e", "%c0%ae", "%e0%80%ae", "%25", "%", "%zz", "%2", "%u002f", "#", "%23", "%3f"),
    *(
        "K",
        "k",
        "%4b",
        "%e2%84%aa",
        "\u212a",
        "%c5%bf",
        "%c4%b1",
        "%c4%b0",
        "%ef%bc%8f",
        "%ef%bc%8e",
        "%e2%80%8d",
        "%e2%80%a4",
        "\u00e9",
    ),
    *(".json", ".JSON", "keys", "KEYS", "projects", "Projects", "rfis", "files", "admin", "..%2f", "http://a", "*"),
    *("|", "^", "{", "}", "<", ">", '"', "`", "[", "]", "~", ":", "@", "!", "$", "&", "'", "(", ")", ",", "="),
)
METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "get", "Post", "TRACE"])


@st.composite
def tricky(draw: st.DrawFn) -> str:
    """Return a path that is like one of the map's, with something done to it."""
    path = draw(st.sampled_from(GOOD))
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(path)))
        match draw(st.integers(0, 3)):
            case 0:
                path = path[:place] + draw(st.sampled_from(TRICKS)) + path[place:]
            case 1:
                path = (
                    path[:place]
                    + "".join(f"%{byte:02x}" for byte in path[place : place + 1].encode())
                    + path[place + 1 :]
                )
            case 2:
                path = path[:place] + path[place : place + 4].swapcase() + path[place + 4 :]
            case _:
                path = path[:place] + path[place + 1 :]
    return path


PATHS = tricky() | st.lists(st.sampled_from((*TRICKS, "/rest", "/v1.0", "/7", "/a", "/django")), max_size=8).map(
    "".join
)


@settings(max_examples=1500, deadline=None)
@given(METHODS, PATHS)
def test_every_server_reads_what_is_found_as_the_same_route(method: str, path: str) -> None:
    # X2: the route that decides is the route that runs
    found = REFUSING.find(method, path)
    if isinstance(found, Found):
        patterns = PATTERNS["GET" if method == "HEAD" else method]
        told = {reader: pattern for reader, pattern in readings(patterns, path) if pattern != found.route.path}
        assert told == {}, found.route.text


@settings(max_examples=1500, deadline=None)
@given(METHODS, PATHS)
def test_nothing_that_a_server_could_read_as_a_route_is_let_through(method: str, path: str) -> None:
    # X2: whatever the method, whatever the spelling
    answer = ALLOWING.find(method, path)
    if isinstance(answer, UnknownAllowed):
        told = {reader: pattern for reader, pattern in readings(EVERY, path) if pattern is not None}
        assert told == {}
    if not isinstance(REFUSING.find(method, path), Found):
        assert not isinstance(answer, Found)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(GOOD[:9]), st.sets(st.integers(0, 30)))
def test_encoded_letters_are_the_letters(path: str, places: set[int]) -> None:
    """X2: what every server decodes alike is decoded here."""
    spelled = "".join(
        f"%{ord(letter):02X}" if place in places and letter.isalnum() else letter for place, letter in enumerate(path)
    )
    plainly, answer = REFUSING.find("GET", path), REFUSING.find("GET", spelled)
    assert isinstance(plainly, Found)
    assert answer == plainly


_NAMES = st.sampled_from(
    [
        *(
            "company_id",
            "Company_Id",
            "COMPANY_ID",
            "company-id",
            "company.id",
            "companyId",
            "company_id[]",
            "company%5Fid",
        ),
        *(
            "company%5fid",
            "%63ompany_id",
            "company%255Fid",
            "company_id%00",
            "company_id[0]",
            "+company_id",
            "company+id",
        ),
        *(
            "company_id%20",
            "company%5bid%5d",
            "page",
            "company",
            "project_id",
            "x%u005fy",
            "company_ids",
            "filters[company_id]",
        ),
    ]
)
_VALUES = st.sampled_from(
    ["", "7", "8", "%37", "07", "7;company_id=8", "7&company_id=8", "7,8", "a", "7%00", "+7", "%2537"]
)


@settings(max_examples=800, deadline=None)
@given(st.lists(st.tuples(_NAMES, _VALUES), max_size=4), st.sampled_from(["&", ";", "&&", "&amp;"]))
def test_a_query_names_one_company_to_every_server_or_none(pairs: list[tuple[str, str]], between: str) -> None:
    """X3: what some servers would read as another company makes the company ambiguous."""
    query = between.join(f"{name}={value}" for name, value in pairs)
    found = REFUSING.find("GET", f"/rest/v1.0/projects?{query}")
    assert isinstance(found, Found)
    named = companies(query)
    if not found.ambiguous and all(value.isdigit() for value in found.company_ids):
        assert named == set(found.company_ids), query
    assert len(found.company_ids) < 2 or found.ambiguous


@pytest.mark.parametrize(
    "query",
    [
        *(
            "company_id=1&company_id=1",
            "company%5Fid=1",
            "Company_Id=1",
            "company_id[]=1",
            "company-id=1",
            "companyId=1",
        ),
        *("a=1;company_id=2", "company_id=1&COMPANY_ID=1", "company_id%00=1", "company%255Fid=1", "company%u005Fid=1"),
        *(
            "?company_id=1",
            "company.id=1",
            "+company_id=1",
            "company_id%5B%5D=1",
            "company_id%5B0%5D=1",
            "company_id%20=1",
        ),
    ],
)
def test_a_name_that_is_like_the_companys_makes_it_ambiguous(query: str) -> None:
    # X3
    found = REFUSING.find("GET", f"/rest/v1.0/projects?{query}")
    assert isinstance(found, Found)
    assert found.ambiguous


@pytest.mark.parametrize(
    "query",
    [
        *("_method=DELETE", "a=b&_METHOD=x", "%5fmethod=PUT", "a;_method=PUT", "X-HTTP-Method-Override=PUT"),
        *("x_http_method=PUT", "x-method-override=PUT", "%255fmethod=PUT"),
    ],
)
def test_a_query_that_names_another_method_is_refused(query: str) -> None:
    # X2: some servers take it in place of the request's
    assert isinstance(ALLOWING.find("POST", f"/rest/v1.0/projects?{query}"), PathUnclear)
    assert isinstance(ALLOWING.find("GET", f"/static/a?{query}"), PathUnclear)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "page=2",
        "q=100%",
        "company=x",
        "company_ids=1,2",
        "filters[company_id]=3",
        "a=b;c",
        "method=a",
        "payment_method=b",
    ],
)
def test_other_names_are_none_of_the_maps_business(query: str) -> None:
    # X3
    found = REFUSING.find("GET", f"/rest/v1.0/projects?{query}")
    assert isinstance(found, Found)
    assert (found.company_ids, found.ambiguous) == ((), "")


def test_a_company_in_the_query_is_handed_out_decoded() -> None:
    # X3
    found = REFUSING.find("GET", "/rest/v1.0/projects?a=b&company_id=%31%32")
    assert isinstance(found, Found)
    assert (found.company_ids, found.ambiguous) == (("12",), "")


def test_the_readers_read_what_they_are_for() -> None:
    """The reference itself: each trick fools somebody."""
    for trick, pattern in (
        ("/files/x/..%2fkeys", "/files/keys"),
        ("/files//keys", "/files/keys"),
        ("/files/keys;a=b", "/files/keys"),
        ("/files/KEYS", "/files/keys"),
        ("/files/keys/", "/files/keys"),
        ("/files/keys.", "/files/keys"),
        ("/files/keys%00a", "/files/keys"),
        ("/files\\keys", "/files/keys"),
        ("/files/%256beys", "/files/keys"),
        ("/files/%e2%84%aaeys", "/files/keys"),
        ("/files/keys.json", "/files/keys"),
    ):
        assert pattern in {found for _, found in readings(PATTERNS["GET"], trick)}, trick
        assert not isinstance(REFUSING.find("GET", trick), Found), trick
