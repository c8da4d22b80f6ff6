"""The route map's file, read into a compiled map. Everything that is wrong is told at once, with its line."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import chain, islice
from pathlib import Path

from yaml.nodes import MappingNode, ScalarNode

from gatewright.authz.route_model import COMPANY, PROJECT, Asks, Needs, Route
from gatewright.authz.route_overlaps import crossings, shape
from gatewright.authz.route_patterns import read_pattern
from gatewright.authz.route_rules import RouteMap
from gatewright.base.levels import Level
from gatewright.base.scopes import MANAGE
from gatewright.base.yaml_nodes import BadFile, Fault, Faults, Value, compose
from gatewright.directory.rules import is_tool_key

MOST_ROUTES = 5000
MOST_CROSSINGS_TOLD, MOST_CROSSINGS_COUNTED = 50, 1000
_PLAINLY: dict[str, Asks] = {"public": "public", "token": "token", "member": "member"}
_OR_A_TOOL = "public, token, member, or {tool: TOOL, level: LEVEL}"
_LEVELS = tuple(level.key for level in Level if level is not Level.NONE)


def load_route_map(path: Path) -> RouteMap:
    """Return the map in the file; OSError when it cannot be read, BadFile when it is no map."""
    return read_route_map(load_text(path))


def load_text(path: Path) -> str:
    """Return the text of the file; OSError when it cannot be read, BadFile when it is no text."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadFile([Fault(1, "the file", "is no UTF-8 text; save it as UTF-8")]) from None


def read_route_map(text: str) -> RouteMap:
    """Return the map that the text says; BadFile with every fault, so that one look mends all."""
    faults = Faults()
    root = Value(compose(text, example="docs/guard-your-api.md"), "", faults)
    fields = root.fields(known=("unknown_routes", "routes"), needed=("routes",)) or {}
    allows_unknown = "unknown_routes" in fields and _one_of(fields["unknown_routes"], "refuse", "allow") == "allow"
    routes = _routes(fields["routes"]) if "routes" in fields else ()
    _refuse_repeats(routes, faults)
    _refuse_crossings(routes, faults)
    faults.settle()
    return RouteMap.of(routes, allows_unknown=allows_unknown)


def _routes(value: Value) -> tuple[Route, ...]:
    pairs = list(value.pairs())
    if not pairs and isinstance(value.node, MappingNode) and not value.node.value:
        value.wrong("names no route; write one, such as GET /rest/v1.0/projects: member")
    if len(pairs) > MOST_ROUTES:
        value.wrong(f"names more than {MOST_ROUTES} routes; say some of them together, with /** at the end")
        return ()
    found = (_route(key, one) for key, one in pairs)
    return tuple(route for route in found if route is not None)


def _route(key: str, value: Value) -> Route | None:
    method, segments, wrong = read_pattern(key)
    for message in wrong:
        value.faults.add(value.named_at, value.where, message)
    needs = _needs(value)
    if wrong or needs is None:
        return None
    route = Route(line=value.named_at, method=method, segments=segments, needs=needs)
    return route if _fits(route, value) else None


def _needs(value: Value) -> Needs | None:
    if isinstance(value.node, MappingNode):
        return _needs_of_tool(value)
    asks = _PLAINLY.get(value.node.value) if isinstance(value.node, ScalarNode) else None
    if asks is None:
        value.wrong(f"must be {_OR_A_TOOL}")
        return None
    return Needs(asks=asks)


def _needs_of_tool(value: Value) -> Needs | None:
    fields = value.fields(known=("tool", "level", "of", "scope"), needed=("tool", "level"))
    if fields is None:
        return None
    tool, level = _tool(fields["tool"]), _level(fields["level"])
    of = _one_of(fields["of"], "company", "project") if "of" in fields else "told by the path"
    scope = _one_of(fields["scope"], MANAGE) if "scope" in fields else ""
    if tool is None or level is None or of is None or scope is None:
        return None
    if of == "project" and f"{{{PROJECT}}}" not in value.where:
        fields["of"].wrong(
            f"asks about a project that the path does not name; write {{{PROJECT}}} into it, or of: company"
        )
        return None
    return Needs(asks="tool", tool=tool, level=level, of_company=of == "company", manage=scope == MANAGE)


def _tool(value: Value) -> str | None:
    text = value.text()
    if text is not None and not is_tool_key(text):
        value.wrong("must be the key of a tool: small letters, digits and underscores")
        return None
    return text


def _level(value: Value) -> Level | None:
    text = value.text()
    if text == Level.NONE.key:
        value.wrong("cannot be none, which nobody lacks; write member, token or public instead")
        return None
    if text is not None and text not in _LEVELS:
        value.wrong(f"must be {' or '.join(_LEVELS)}, not {text!r}")
        return None
    return None if text is None else Level.from_key(text)


def _fits(route: Route, value: Value) -> bool:
    """Return whether the path names nothing that nobody would look at; else the fault is kept."""
    if route.needs.asks not in {"public", "token"}:
        return True
    unseen = [f"{{{name}}}" for name in (COMPANY, PROJECT) if name in route.names]
    if unseen:
        value.wrong(
            f"asks nothing about the {' and '.join(unseen)} of its path; write member or a tool, or name "
            f"the parameter otherwise, such as {{id}}"
        )
    return not unseen


def _one_of(value: Value, *allowed: str) -> str | None:
    text = value.text()
    if text is not None and text not in allowed:
        value.wrong(f"must be {' or '.join(allowed)}, not {text!r}")
        return None
    return text


def _refuse_repeats(routes: Sequence[Route], faults: Faults) -> None:
    seen: dict[tuple[str, tuple[str, ...]], Route] = {}
    for route in routes:
        same = seen.setdefault((route.method, shape(route)), route)
        if same is not route:
            differs = "names of parameters" if _without_names(same) == _without_names(route) else "case or a last slash"
            faults.add(
                route.line, f"routes.{route.text}", f"is line {same.line} again but for {differs}; keep one of the two"
            )


def _without_names(route: Route) -> tuple[str, ...]:
    return tuple("{" if segment.startswith("{") else segment for segment in route.segments)


def _refuse_crossings(routes: Sequence[Route], faults: Faults) -> None:
    by_method = defaultdict(list)
    for route in routes:
        by_method[route.method].append(route)
    # n lines can meet n² / 4 times: no more are looked for than counted, nor told than anybody reads.
    met = islice(chain.from_iterable(map(crossings, by_method.values())), MOST_CROSSINGS_COUNTED)
    for crossing in islice(met, MOST_CROSSINGS_TOLD):
        faults.add(
            crossing.later.line,
            f"routes.{crossing.later.text}",
            f"meets line {crossing.earlier.line} in {crossing.shared}, and neither says more than the other; "
            f"add a line for {crossing.later.method} {crossing.shared}",
        )
    if others := sum(1 for _ in met):
        count = f"{others} more" if others < MOST_CROSSINGS_COUNTED - MOST_CROSSINGS_TOLD else f"at least {others} more"
        faults.add(routes[-1].line, "routes", f"has {count} pairs of lines that meet so; mend these first")
