"""What a route map's file may say; whatever is wrong is told at once, each with its line and how to mend it."""

import time
from pathlib import Path
from textwrap import dedent

import pytest

from gatewright.authz.route_file import MOST_CROSSINGS_TOLD, MOST_ROUTES, load_route_map, read_route_map
from gatewright.authz.route_model import Needs, Route, UnknownAllowed
from gatewright.authz.route_overlaps import uncovered
from gatewright.authz.route_patterns import METHODS
from gatewright.authz.route_rules import RouteMap
from gatewright.base.levels import Level
from gatewright.base.yaml_nodes import BadFile


def _read(text: str) -> RouteMap:
    return read_route_map(dedent(text).lstrip())


def _faults(text: str) -> list[str]:
    with pytest.raises(BadFile) as bad:
        _read(text)
    return [f"{fault.line}: {fault.where}: {fault.message}" for fault in bad.value.faults]


def _fault(line: str) -> str:
    (told,) = _faults(f"routes:\n  GET /fine: public\n  {line}\n")
    assert told.startswith("3: routes."), told
    return told.partition(": ")[2]


def test_every_key_of_a_map_is_read() -> None:
    # M8: the scope is asked for where the map says so
    read = _read(
        """
        unknown_routes: allow
        routes:
          GET /v1/projects/{project_id}/rfis: {tool: rfis, level: read_only}
          POST /v1/companies/{company_id}/reports: {tool: reports, level: standard}
          PATCH /v1/projects/{project_id}: {tool: admin, level: admin, of: company, scope: company.manage}
          DELETE /v1/projects/{project_id}/rfis/{id}:
            tool: rfis
            level: admin
            of: project
          GET /v1/ping: public
          GET /v1/whoami: token
          GET /v1/projects/: member
          GET /files/{name}/**: {tool: documents, level: read_only}
        """
    )
    assert [(route.line, route.text, route.scope) for route in read.routes] == [
        (3, "GET /v1/projects/{project_id}/rfis", "project"),
        (4, "POST /v1/companies/{company_id}/reports", "company"),
        (5, "PATCH /v1/projects/{project_id}", "company"),
        (6, "DELETE /v1/projects/{project_id}/rfis/{id}", "project"),
        (10, "GET /v1/ping", "company"),
        (11, "GET /v1/whoami", "company"),
        (12, "GET /v1/projects/", "company"),
        (13, "GET /files/{name}/**", "company"),
    ]
    needs = [route.needs for route in read.routes]
    assert needs[0] == Needs(asks="tool", tool="rfis", level=Level.READ_ONLY)
    assert needs[2] == Needs(asks="tool", tool="admin", level=Level.ADMIN, of_company=True, manage=True)
    assert [one.asks for one in needs[4:7]] == ["public", "token", "member"]
    assert read.tools == {
        ("company", "admin"),
        ("company", "documents"),
        ("company", "reports"),
        ("project", "rfis"),
    }
    assert read.find("GET", "/elsewhere") == UnknownAllowed()


def test_unknown_routes_are_refused_where_the_map_says_nothing_else() -> None:
    assert _read("routes: {GET /a: public}").allows_unknown is False
    assert _read("unknown_routes: refuse\nroutes: {GET /a: public}").allows_unknown is False


@pytest.mark.parametrize("method", METHODS)
def test_a_line_begins_with_a_method(method: str) -> None:
    assert _read(f"routes: {{{method} /a: public}}").routes[0].method == method


@pytest.mark.parametrize(
    ("line", "where", "said"),
    [
        ("get /a: public", "get /a", "small letters; write GET"),
        ("Post /a: public", "Post /a", "small letters; write POST"),
        ("HEAD /a: public", "HEAD /a", "decided by the line of GET"),
        ("TRACE /a: public", "TRACE /a", "no method that a map knows; those are GET, POST"),
        ("CONNECT /a: public", "CONNECT /a", "no method"),
        ("'* /a': public", "* /a", "no method"),
        ("PSOT /a: public", "PSOT /a", "no method"),
        ("/a: public", "/a", "must be a method, one space and a path"),
        ("GET: public", "GET", "must be a method, one space and a path"),
        ("'GET  /a': public", "GET  /a", "one space"),
        ("GET /a /b: public", "GET /a /b", "one space"),
        ("GET a: public", "GET a", "does not begin with a slash"),
        ("GET https://a/b: public", "GET https://a/b", "does not begin with a slash"),
        ("GET /a%20b: public", "GET /a%20b", "percent sign; write the character itself"),
        ("GET /a//b: public", "GET /a//b", "two slashes in a row"),
        ("GET /a//: public", "GET /a//", "two slashes in a row"),
        ("GET /./a: public", "GET /./a", "dots alone"),
        ("GET /a/..: public", "GET /a/..", "dots alone"),
        ("GET /a.: public", "GET /a.", "nor end with one"),
        ("GET /a/+: public", "GET /a/+", "dots alone"),
        ("GET /a;b: public", "GET /a;b", "holds ';'"),
        ("GET /a\\b: public", "GET /a\\b", "holds '\\\\'"),
        ("GET /caf\u00e9: public", "GET /caf\u00e9", "holds '\u00e9'"),
        ("'GET /a\tb': public", "GET /a\tb", "holds '\\t'"),
        ("GET /a|b: public", "GET /a|b", "holds '|'"),
        ("'GET /a?b=c': public", "GET /a?b=c", "a map is about paths alone"),
        ("'GET /a#b': public", "GET /a#b", "a map is about paths alone"),
        ("GET /a/*: public", "GET /a/*", "write {name} for one segment, or /** at the end"),
        ("GET /a/**/b: public", "GET /a/**/b", "at the end"),
        ("GET /a/x**: public", "GET /a/x**", "at the end"),
        ("'GET /a/:id': public", "GET /a/:id", "a parameter is written {id}"),
        ("'GET /{id}.json': public", "GET /{id}.json", "a whole segment"),
        ("'GET /{}': public", "GET /{}", "a whole segment"),
        ("'GET /{Id}': public", "GET /{Id}", "small letters"),
        ("'GET /{7a}': public", "GET /{7a}", "small letters"),
        ("'GET /{id': public", "GET /{id", "a whole segment"),
        ("'GET /{id:int}': public", "GET /{id:int}", "a whole segment"),
        ("'GET /{a}/{a}': public", "GET /{a}/{a}", "names {a} twice"),
        ("'GET /{companyid}': member", "GET /{companyid}", "write {company_id}"),
        ("'GET /{company__id}': member", "GET /{company__id}", "write {company_id}"),
        ("'GET /{projectid}': member", "GET /{projectid}", "write {project_id}"),
        (f"GET /{'a' * 1000}: public", f"GET /{'a' * 1000}", "1000 characters"),
        (f"GET {'/a' * 41}: public", f"GET {'/a' * 41}", "40 segments"),
    ],
)
def test_what_is_wrong_with_a_path_is_told_with_how_to_mend_it(line: str, where: str, said: str) -> None:
    told = _fault(line)
    assert told.startswith(f"routes.{where}: "), told
    assert said in told


@pytest.mark.parametrize(
    ("needs", "where", "said"),
    [
        ("anybody", "", "must be public, token, member, or {tool: TOOL, level: LEVEL}"),
        ("", "", "must be public, token, member"),
        ("~", "", "must be public"),
        ("true", "", "must be public"),
        ("[public]", "", "must be public"),
        ("{}", "", "needs tool, level"),
        ("{tool: rfis}", "", "needs level"),
        ("{level: admin}", "", "needs tool"),
        ("{tool: rfis, level: none}", ".level", "cannot be none"),
        ("{tool: rfis, level: owner}", ".level", "must be read_only or standard or admin, not 'owner'"),
        ("{tool: rfis, level: Admin}", ".level", "must be read_only or standard or admin, not 'Admin'"),
        ("{tool: rfis, level: 3}", ".level", "must be a text"),
        ("{tool: RFIs, level: admin}", ".tool", "the key of a tool"),
        ("{tool: '', level: admin}", ".tool", "the key of a tool"),
        ("{tool: 7, level: admin}", ".tool", "must be a text"),
        ("{tool: rfis, level: admin, of: app}", ".of", "must be company or project, not 'app'"),
        ("{tool: rfis, level: admin, of: project}", ".of", "write {project_id} into it, or of: company"),
        ("{tool: rfis, level: admin, scope: openid}", ".scope", "must be company.manage, not 'openid'"),
        ("{tool: rfis, level: admin, scope: }", ".scope", "has no value"),
    ],
)
def test_what_is_wrong_with_a_need_is_told_with_how_to_mend_it(needs: str, where: str, said: str) -> None:
    # M1: the levels that there are
    told = _fault(f"GET /a: {needs}")
    assert told.startswith(f"routes.GET /a{where}: "), told
    assert said in told


def test_an_unknown_key_is_a_fault() -> None:
    assert [told.partition(": ")[2] for told in _faults("routes:\n  GET /a: {tool: a, level: admin, levle: b}")] == [
        "routes.GET /a.levle: is not known here; known are tool, level, of, scope"
    ]
    (told,) = _faults("routes: {GET /a: public}\nroute: {}")
    assert told == "2: route: is not known here; known are unknown_routes, routes"


@pytest.mark.parametrize("asks", ["public", "token"])
@pytest.mark.parametrize("name", ["company_id", "project_id"])
def test_a_path_names_no_company_or_project_that_nobody_asks_about(asks: str, name: str) -> None:
    # X3
    assert f"asks nothing about the {{{name}}} of its path" in _fault(f"'GET /a/{{{name}}}': {asks}")


@pytest.mark.parametrize(
    ("one", "other", "differs"),
    [
        ("/a/{id}", "/a/{name}", "names of parameters"),
        ("/a/{id}/**", "/a/{name}/**", "names of parameters"),
        ("/a/{id}/b", "/a/{project_id}/b", "names of parameters"),
        ("/a/b", "/a/b/", "case or a last slash"),
        ("/a/b", "/a/B", "case or a last slash"),
        ("/a/{id}/", "/a/{name}", "case or a last slash"),
    ],
)
def test_two_routes_that_some_server_takes_for_one_are_a_fault_that_names_both_lines(
    one: str, other: str, differs: str
) -> None:
    assert _faults(f"routes:\n  'GET {one}': member\n  'GET {other}': member") == [
        f"3: routes.GET {other}: is line 2 again but for {differs}; keep one of the two"
    ]
    assert len(_read(f"routes:\n  'GET {one}': member\n  'POST {other}': member").routes) == 2


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("/a/recent/{kind}", "/a/{id}/rfis", "/a/recent/rfis"),
        ("/{x}/b", "/a/{y}", "/a/b"),
        ("/{x}/b/c", "/a/**", "/a/b/c"),
        ("/{x}/b/**", "/a/**", "/a/b/**"),
        ("/{x}/b/**", "/a/{y}/c", "/a/b/c"),
        ("/{x}/{y}/c", "/a/**", "/a/{name}/c"),
        ("/{x}/b/{z}/d", "/a/{y}/c/{w}", "/a/b/c/d"),
        ("/{x}/B", "/a/{y}/", "/a/b"),
    ],
)
def test_routes_that_meet_without_one_saying_more_are_a_fault_until_a_line_decides(
    one: str, other: str, shared: str
) -> None:
    two = f"routes:\n  'GET {one}': member\n  'GET {other}': token"
    says = f"meets line 2 in {shared}, and neither says more than the other; add a line for GET {shared}"
    assert _faults(two) == [f"3: routes.GET {other}: {says}"]
    decided = _read(f"{two}\n  'GET {shared}': public")
    assert len(decided.routes) == 3
    assert len(_read(two.replace("token", "member")).routes) == 2  # whichever it is, the need is the same
    assert len(_read(two.replace(f"GET {other}", f"POST {other}")).routes) == 2


def test_of_many_routes_that_meet_some_dozens_are_told_and_how_many_more_there_are() -> None:
    def meeting(count: int) -> list[str]:
        lines = [f"  'GET /a{number}/{{x}}': member" for number in range(count)]
        lines += [f"  'GET /{{x}}/b{number}': token" for number in range(count)]
        return _faults("\n".join(["routes:", *lines]))

    assert len(meeting(7)) == 49
    assert meeting(8)[MOST_CROSSINGS_TOLD:] == ["17: routes: has 14 more pairs of lines that meet so; mend these first"]
    began = time.monotonic()
    told = meeting(500)
    assert time.monotonic() - began < 10
    assert len(told) == MOST_CROSSINGS_TOLD + 1
    assert told[-1] == "1001: routes: has at least 950 more pairs of lines that meet so; mend these first"


def test_the_same_need_of_another_place_is_not_the_same() -> None:
    # X3: another segment would name the company
    assert "meets line 2 in /a/b" in _faults("routes:\n  'GET /{company_id}/b': member\n  'GET /a/{id}': member")[0]


@pytest.mark.parametrize(
    ("one", "other"),
    [("/a/{x}", "/a/b"), ("/a/**", "/a/b/{x}"), ("/{x}/{y}", "/a/b"), ("/a/{x}/c", "/a/{x}/**"), ("/{x}/**", "/a/**")],
)
def test_a_route_that_says_more_may_stand_beside_one_that_says_less(one: str, other: str) -> None:
    assert len(_read(f"routes:\n  'GET {one}': member\n  'GET {other}': token").routes) == 2
    assert len(_read(f"routes:\n  'GET {other}': token\n  'GET {one}': member").routes) == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "1: the file: is empty; see docs/guard-your-api.md"),
        ("# nothing", "1: the file: is empty; see docs/guard-your-api.md"),
        ("routes: [", "1: the file: is no YAML"),
        ("routes:\n\tGET /a: public", "2: the file: is no YAML"),
        ("[" * 5000, "1: the file: is nested too deeply"),
        ("a" * (4 * 1024 * 1024 + 1), "1: the file: is larger than 4 MiB"),
        ("\x01", "1: the file: holds characters"),
        ("routes", "1: : must be a mapping"),
        ("- routes", "1: : must be a mapping"),
        ("unknown_routes: allow", "1: : needs routes"),
        ("routes:", "1: routes: has no value"),
        ("routes: {}", "1: routes: names no route; write one"),
        ("routes: []", "1: routes: must be a mapping"),
        ("routes: GET /a", "1: routes: must be a mapping"),
        ("unknown_routes: maybe\nroutes: {GET /a: public}", "1: unknown_routes: must be refuse or allow, not 'maybe'"),
        ("routes: {GET /a: public}\nroutes: {GET /b: public}", "2: : repeats the key 'routes' of line 1"),
        ("routes:\n  GET /a: public\n  GET /a: token", "3: routes: repeats the key 'GET /a' of line 2"),
        ("routes:\n  <<: {GET /a: public}", "2: routes: each key must be a plain text"),
        ("routes:\n  [GET, /a]: public", "2: routes: each key must be a plain text"),
        ("routes: !!python/object/apply:os.system [a]", "1: routes: must be a mapping"),
    ],
)
def test_a_file_that_is_no_map_is_told_with_its_line(text: str, told: str) -> None:
    assert any(fault.startswith(told) for fault in _faults(text)), _faults(text)


def test_a_map_of_many_routes_is_read_and_one_of_too_many_is_not() -> None:
    many = "routes:\n" + "".join(f"  GET /a{number}/{{id}}: member\n" for number in range(MOST_ROUTES))
    assert len(_read(many).routes) == MOST_ROUTES
    assert f"names more than {MOST_ROUTES} routes" in _faults(f"{many}  GET /b: member\n")[0]


def test_all_faults_are_told_at_once() -> None:
    told = _faults(
        """
        unknown_routes: yes
        routes:
          get /a: public
          GET b/{x}/{x}: {tool: X, level: none}
          GET /c: public
          GET /c/: public
        """
    )
    assert [fault.partition(":")[0] for fault in told] == ["1", "3", "4", "4", "4", "6"]


def test_a_file_is_read_as_utf8_with_or_without_a_mark(tmp_path: Path) -> None:
    file = tmp_path / "routes.yaml"
    file.write_bytes(b"\xef\xbb\xbfroutes: {GET /a: public}\r\n")
    assert len(load_route_map(file).routes) == 1
    file.write_bytes(b"routes: \xff")
    with pytest.raises(BadFile) as bad:
        load_route_map(file)
    assert bad.value.sentences(file) == (f"{file}:1: the file: is no UTF-8 text; save it as UTF-8",)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("GET /open/**: public, GET /open/admin/**: token", [("/open/admin", "/open/**")]),
        ("GET /open/{name}: public, GET /open/v2/**: token", [("/open/v2", "/open/{name}")]),
        ("GET /**: public, GET /a/{id}/**: token", [("/a/{id}", "/**")]),
        ("GET /a/**: public, GET /A/b/**: token", [("/A/b", "/a/**")]),
        ("GET /open/**: public, GET /open/admin: public, GET /open/admin/**: token", []),  # it is said, so it is meant
        ("GET /open/**: public, GET /open/admin/: public, GET /open/admin/**: token", []),
        ("GET /open/**: public, POST /open/admin/**: token", []),
        ("GET /open/**: public, GET /open/admin/**: public", []),
        ("GET /open/**: token, GET /open/admin/**: member", []),
        ("GET /**: token", []),
        ("GET /admin/**: token", []),
    ],
)
def test_a_guard_below_an_open_path_is_noticed_unless_a_line_says_so(lines: str, told: list[tuple[str, str]]) -> None:
    """X2: no fault, since it may be meant."""
    routes = _written(lines)
    assert [(one.path, one.open_by and one.open_by.path) for one in uncovered(routes)] == told


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("GET /admin/**: token", ["/admin"]),
        ("GET /admin/**: public", []),
        ("GET /admin/**: token, GET /admin: token", []),
        ("GET /admin/**: token, POST /admin: token", []),  # its path is known, so GET is refused
    ],
)
def test_a_guard_below_a_path_that_passes_as_unknown_is_noticed(lines: str, told: list[str]) -> None:
    """X2: the path is unlike every route, and unknown ones are let through."""
    routes = _written(lines)
    assert [one.path for one in uncovered(routes, allows_unknown=True)] == told


def _written(lines: str) -> tuple[Route, ...]:
    return read_route_map("\n  ".join(("routes:", *lines.split(", ")))).routes
