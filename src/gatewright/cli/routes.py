"""`gatewright routes`: what a route map says, as a table, and about one request, in sentences."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from gatewright.authz.route_file import load_route_map
from gatewright.authz.route_model import (
    COMPANY,
    PROJECT,
    Answer,
    Found,
    PathUnclear,
    Route,
    RouteUnknown,
    UnknownAllowed,
)
from gatewright.authz.route_overlaps import uncovered
from gatewright.authz.route_rules import RouteMap
from gatewright.base.yaml_nodes import BadFile
from gatewright.cli.failures import CannotRead, WronglyAsked
from gatewright.house import read_routes
from gatewright.settings import Settings
from gatewright.web.access import plain_id

_COLUMNS = ("METHOD", "PATH", "NEEDS", "COMPANY FROM", "PROJECT FROM")


def read_map(file: Path) -> RouteMap:
    """Return the map in the file; CannotRead with a sentence for each fault."""
    try:
        return load_route_map(file)
    except OSError as error:
        raise CannotRead(f"{file} cannot be read: {error.strerror}.") from None
    except BadFile as bad:
        raise CannotRead("\n".join(bad.sentences(file))) from None


def map_of(settings: Settings, file: Path | None) -> RouteMap:
    """Return the map in `file`, or the one that the settings name; WronglyAsked when there is neither."""
    if file is not None:
        return read_map(file)
    route_map = read_routes(settings)
    if route_map is None:
        raise WronglyAsked("There is no route map: name one with --file, or set GATEWRIGHT_ROUTES.")
    return route_map


def table(route_map: RouteMap) -> Iterator[str]:
    """Yield the routes in the order of the file, one a line, and what becomes of every other."""
    rows = [_COLUMNS, *(_row(route) for route in route_map.routes)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    for row in rows:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
    count = len(route_map.routes)
    others = "let through where nothing here is like it" if route_map.allows_unknown else "refused"
    yield f"{count} {'route' if count == 1 else 'routes'}; whatever else is asked for is {others}."


def warnings(route_map: RouteMap, file: Path) -> Iterator[str]:
    """Yield a sentence for each route whose guard begins one segment later than its writer may think."""
    for one in uncovered(route_map.routes, allows_unknown=route_map.allows_unknown):
        by = "unknown_routes: allow" if one.open_by is None else f"line {one.open_by.line}, {one.open_by.text}"
        yield (
            f"{file}:{one.guard.line}: warning: {one.guard.text} guards what is below {one.path}; {one.path} itself is "
            f"open by {by}. Add a line for {one.guard.method} {one.path} that says what it needs."
        )


def _row(route: Route) -> tuple[str, ...]:
    named = ("path" if COMPANY in route.names else "header or query", "path" if PROJECT in route.names else "")
    return (route.method, route.path, _shortly(route), *(named if _asks_about_company(route) else ("", "")))


def _shortly(route: Route) -> str:
    needs = route.needs
    if needs.tool is None or needs.level is None:
        return {"public": "nothing", "token": "a live token"}.get(needs.asks, "any level or membership")
    return f"{needs.tool}: {needs.level.key} of the {route.scope}{', company.manage' if needs.manage else ''}"


def explain(answer: Answer, *, headers: Sequence[str]) -> Iterator[str]:
    """Yield sentences: which route decides, what it needs, who names company and project; or why it is refused."""
    match answer:
        case Found():
            yield f"Line {answer.route.line} of the map decides: {answer.route.text}"
            yield from _what_it_needs(answer, headers)
            if why := refusal_of(answer):
                yield why
        case RouteUnknown():
            yield f"Refused, route_unknown: {answer.why}"
        case PathUnclear():
            near = "" if answer.near is None else f" The route is {answer.near.text}, on line {answer.near.line}."
            yield f"Refused, path_unclear: the path can be read in more than one way. {answer.why}{near}"
        case UnknownAllowed():
            yield "No route of the map is like it, and the map lets such a request through (unknown_routes: allow)."
            yield "It needs nothing; a token that is sent all the same has to be a live one."


def is_refused(answer: Answer) -> bool:
    """Return whether no caller at all could pass."""
    return not isinstance(answer, Found | UnknownAllowed) or (isinstance(answer, Found) and bool(refusal_of(answer)))


def refusal_of(found: Found) -> str:
    """Return why every caller is refused though a route decides; empty when some could pass."""
    if found.route.needs.asks == "public":
        return ""
    named = {*found.company_ids, *([found.parameters[COMPANY]] if COMPANY in found.parameters else [])}
    if found.ambiguous:
        return f"Refused, company_ambiguous: {found.ambiguous}"
    if len(named) > 1:
        return "Refused, company_ambiguous: the path and the query name different companies."
    for company in named:
        if plain_id(company) is None:
            return f"Refused: {company!a} names no company; write its id in plain digits."
    project = found.parameters.get(PROJECT)
    if project is not None and plain_id(project) is None:
        return f"Refused, project_unknown: {project!a} is no project's id."
    return ""


def _what_it_needs(found: Found, headers: Sequence[str]) -> Iterator[str]:
    route, project = found.route, ascii(found.parameters.get(PROJECT, "")).strip("'")
    if route.needs.asks == "public":
        yield "It needs nothing: anybody may, and no token is looked at."
        return
    if not _asks_about_company(route):
        yield "It needs a live access token, of anybody; no company is asked about."
        return
    if route.needs.asks == "member":
        yield "It needs a live access token of somebody who holds any level, or is on any project, in the company."
    else:
        yield f"It needs a live access token of somebody who holds {_level_and_tool(route, project)}."
    if route.needs.manage:
        yield "The token has to carry the scope company.manage."
    yield _who_names_the_company(found, headers)
    if PROJECT in route.names:
        yield f"The project is named by the path: {project}. The caller has to know it, and it has to be the company's."


def _level_and_tool(route: Route, project: str) -> str:
    tool, level = route.needs.tool, route.needs.level
    word = "" if level is None else level.key
    above = "" if word == "admin" else " or more"
    return f"{word}{above} on the tool {tool} of {f'project {project}' if route.scope == 'project' else 'the company'}"


def _who_names_the_company(found: Found, headers: Sequence[str]) -> str:
    among = f"the {'header' if len(headers) == 1 else 'headers'} {', '.join(headers)}"
    if COMPANY in found.parameters:
        company = ascii(found.parameters[COMPANY]).strip("'")
        return f"The company is named by the path: {company}; where {among} or the query name one, they have to agree."
    if found.company_ids:
        told = ", ".join(ascii(company).strip("'") for company in found.company_ids)
        return f"The company is named by the query: {told}; where {among} name one, they have to agree."
    return f"The company has to be named by {among}, or by company_id in the query."


def _asks_about_company(route: Route) -> bool:
    return route.needs.asks in {"member", "tool"}


def as_sent(uri: str) -> str:
    """Return what was typed as the header of a proxy would hold it: each byte one character."""
    return os.fsencode(uri).decode("latin-1")
