"""Which route of a map decides about a request."""

from gatewright.authz.route_file import read_route_map
from gatewright.authz.route_model import Found, PathUnclear, RouteUnknown, UnknownAllowed
from gatewright.authz.route_rules import RouteMap

MAP = """
routes:
  GET /rest/v1.0/projects/{project_id}/rfis: {tool: rfis, level: read_only}
  GET /rest/v1.0/companies/{company_id}/contacts/{id}: {tool: directory, level: read_only}
  GET /rest/v1.0/projects: member
  POST /rest/v1.0/projects: {tool: admin, level: admin, scope: company.manage}
  OPTIONS /rest/v1.0/ping: public
  GET /files/{name}: {tool: documents, level: read_only}
  GET /files/{name}/**: {tool: documents, level: standard}
  GET /files/index: public
  GET /files/index/about: token
  GET /django/: public
"""
REFUSING, ALLOWING = read_route_map(MAP), read_route_map(f"unknown_routes: allow{MAP}")


def _route(method: str, uri: str, route_map: RouteMap = REFUSING) -> str:
    answer = route_map.find(method, uri)
    return answer.route.text if isinstance(answer, Found) else type(answer).__name__


def test_a_route_is_found_with_what_its_path_names() -> None:
    found = REFUSING.find("GET", "/rest/v1.0/companies/12/contacts/%37")
    assert isinstance(found, Found)
    assert found.parameters == {"company_id": "12"}
    found = REFUSING.find("GET", "/rest/v1.0/projects/%37/rfis?page=2")
    assert isinstance(found, Found)
    assert found.parameters == {"project_id": "7"}
    assert (found.company_ids, found.ambiguous) == ((), "")


def test_a_literal_goes_before_a_parameter_and_a_parameter_before_all_that_is_below() -> None:
    assert _route("GET", "/files/index") == "GET /files/index"
    assert _route("GET", "/files/other") == "GET /files/{name}"
    assert _route("GET", "/files/index/about") == "GET /files/index/about"
    assert _route("GET", "/files/index/other") == "GET /files/{name}/**"
    assert _route("GET", "/files/a/b/c/d") == "GET /files/{name}/**"
    assert _route("GET", "/files/") == "RouteUnknown"


def test_head_asks_what_get_asks_and_options_stands_for_itself() -> None:
    assert _route("HEAD", "/rest/v1.0/projects") == "GET /rest/v1.0/projects"
    assert _route("OPTIONS", "/rest/v1.0/ping") == "OPTIONS /rest/v1.0/ping"
    assert _route("HEAD", "/rest/v1.0/ping") == "RouteUnknown"
    assert _route("OPTIONS", "/rest/v1.0/projects") == "RouteUnknown"


def test_an_unknown_path_and_an_unknown_method_are_told_apart() -> None:
    assert REFUSING.find("GET", "/rest/v1.0/nothing") == RouteUnknown("No route of the map has this path.")
    told = REFUSING.find("DELETE", "/rest/v1.0/projects")
    assert told == RouteUnknown("The map has this path with GET, POST, and not with DELETE.", ("GET", "POST"))


def test_unknown_routes_pass_where_the_map_says_so_and_nothing_is_like_them() -> None:
    assert ALLOWING.find("GET", "/static/site.css") == UnknownAllowed()
    assert _route("DELETE", "/rest/v1.0/projects", ALLOWING) == "RouteUnknown"
    for uri in ("/rest/v1.0/Projects", "/rest/v1.0/projects/", "/rest/v1.0/projects.json", "/django", "/FILES/x/y"):
        assert isinstance(ALLOWING.find("GET", uri), PathUnclear), uri
        assert isinstance(ALLOWING.find("PUT", uri), PathUnclear), uri
    for unseen in ("%ef%b8%8f", "%cd%8f", "%e3%85%a4", "%f3%a0%84%80"):  # a variation selector, a joiner, a filler
        assert isinstance(ALLOWING.find("GET", f"/rest/v1.0/proj{unseen}ects"), PathUnclear), unseen


def test_a_method_is_a_word_of_capital_letters() -> None:
    for method in ("get", "Get", "", " GET", "GET ", "G ET", "GÉT", "GET\r\n", "1GET"):
        assert not isinstance(ALLOWING.find(method, "/static/site.css"), UnknownAllowed), method
        assert not isinstance(ALLOWING.find(method, "/rest/v1.0/projects"), Found), method
