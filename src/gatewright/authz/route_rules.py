"""The route map compiled: which route decides about a request, or why none does. Pure.

One tree by segment for each method. A literal segment goes before a parameter, a parameter
before `**`, from left to right; what does not lead to a route is given up and the next is
tried. A node is visited once at most. A request costs the nodes that its segments can lead to: one a
segment as a rule, two to the power of them where literal and parameter stand side by side on each
level, and never more than the map has.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gatewright.authz.route_model import (
    BELOW,
    Answer,
    Found,
    PathUnclear,
    Route,
    RouteUnknown,
    UnknownAllowed,
    is_parameter,
)
from gatewright.authz.route_paths import LONGEST, ReadPath, ReadQuery, folded, read_path, read_query

_METHOD = re.compile(r"[A-Z][A-Z0-9_\-]{0,31}", re.ASCII)
_TOO_LONG = PathUnclear(f"It is longer than {LONGEST} characters.")
_NO_METHOD = PathUnclear("The method is no word of capital letters, as every method is.")
_NEAR = "Its case, its last slash or its ending differs from a route's, which some servers put aside."
_NO_QUERY = ReadQuery()
_NO_PATH = RouteUnknown("No route of the map has this path.")


@dataclass(slots=True)
class Node:
    """Where the segments so far lead. Built once, then only read."""

    literals: dict[str, "Node"] = field(default_factory=dict)
    parameter: "Node | None" = None
    below: Route | None = None
    route: Route | None = None

    def add(self, route: Route, segments: Sequence[str]) -> None:
        """Make `segments` lead to the route; of two the same the first stays."""
        node = self
        for segment in segments:
            if segment == BELOW:
                node.below = node.below or route
                return
            if is_parameter(segment):
                node.parameter = node = node.parameter or Node()
            else:
                node = node.literals.setdefault(segment, Node())
        node.route = node.route or route

    def find(self, segments: Sequence[str], place: int = 0) -> Route | None:
        """Return the route that the segments from `place` on lead to."""
        if place == len(segments):
            return self.route
        segment = segments[place]
        literal = self.literals.get(segment)
        if literal is not None and (route := literal.find(segments, place + 1)) is not None:
            return route
        if not segment:  # behind a last slash is nothing that a parameter could be
            return None
        if self.parameter is not None and (route := self.parameter.find(segments, place + 1)) is not None:
            return route
        return self.below


@dataclass(slots=True)
class Tree:
    """The routes of one method: as they are written, and with case and last slash put aside."""

    exact: Node = field(default_factory=Node)
    folded: Node = field(default_factory=Node)
    is_plain: bool = True  # both are the same

    def add(self, route: Route) -> None:
        """Add a route to both."""
        segments = folded_pattern(route)
        self.exact.add(route, route.segments)
        self.folded.add(route, segments)
        self.is_plain = self.is_plain and segments == route.segments


@dataclass(frozen=True, slots=True)
class RouteMap:
    """What each path of a platform's API needs."""

    routes: tuple[Route, ...]
    allows_unknown: bool = False
    _trees: Mapping[str, Tree] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, routes: Iterable[Route], *, allows_unknown: bool = False) -> "RouteMap":
        """Return the map of these routes, compiled."""
        routes, trees = tuple(routes), dict[str, Tree]()
        for route in routes:
            trees.setdefault(route.method, Tree()).add(route)
        return cls(routes, allows_unknown, trees)

    @property
    def tools(self) -> frozenset[tuple[str, str]]:
        """Return scope and key of each tool that a route asks about."""
        return frozenset((route.scope, route.needs.tool) for route in self.routes if route.needs.tool is not None)

    def find(self, method: str, uri: str) -> Answer:
        """Return the route that decides about a request, or why none does. `uri`: raw path and query.

        HEAD asks what GET asks.
        """
        if len(uri) > LONGEST:
            return _TOO_LONG
        path, mark, query = uri.partition("?")
        read = read_path(path)
        if isinstance(read, PathUnclear):
            return read
        asked = read_query(query) if mark else _NO_QUERY
        if isinstance(asked, PathUnclear):
            return asked
        tree = self._trees.get("GET" if method == "HEAD" else method)
        route = tree.exact.find(read.segments) if tree is not None else None
        if tree is None or route is None:
            return self._unknown(method, read)
        if not (read.is_plain and tree.is_plain):
            near = _read_otherwise(tree, read)
            if near is not route:
                return PathUnclear(_NEAR, near)
        parameters = {name: read.segments[place] for name, place in route.named}
        return Found(route, parameters, asked.company_ids, asked.ambiguous)

    def _unknown(self, method: str, read: ReadPath) -> Answer:
        """Return why no route decides; UnknownAllowed when the map lets it through."""
        if not _METHOD.fullmatch(method):
            return _NO_METHOD
        same = tuple(sorted(name for name, tree in self._trees.items() if tree.exact.find(read.segments)))
        if same:
            return RouteUnknown(f"The map has this path with {', '.join(same)}, and not with {method}.", same)
        for tree in self._trees.values():
            if (near := _read_otherwise(tree, read)) is not None:
                return PathUnclear(_NEAR, near)
        return UnknownAllowed() if self.allows_unknown else _NO_PATH


def _read_otherwise(tree: Tree, read: ReadPath) -> Route | None:
    """Return the route that a server finds who puts aside case, a last slash, or a format's suffix."""
    segments = _without_last_slash(tuple(folded(segment) for segment in read.segments))
    written = tree.folded.find(segments)
    if segments and "." in segments[-1] and not _ends_literally(written):
        *front, last = segments
        for stem in (last.partition(".")[0], last.rpartition(".")[0]):
            bare = tree.folded.find([*front, stem]) if stem else None
            if _ends_literally(bare):
                return bare
    return written


def _ends_literally(route: Route | None) -> bool:
    return route is not None and route.segments[-1] != BELOW and not is_parameter(route.segments[-1])


def folded_pattern(route: Route) -> tuple[str, ...]:
    """Return the segments of a route with case and a last slash put aside."""
    segments = (segment if is_parameter(segment) else folded(segment) for segment in route.segments)
    return _without_last_slash(tuple(segments))


def _without_last_slash(segments: tuple[str, ...]) -> tuple[str, ...]:
    return segments if not segments or segments[-1] else segments[:-1]
