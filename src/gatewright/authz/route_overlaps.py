"""Routes of one method that meet in a path without one of them saying more than the other. Pure.

`/projects/recent/{kind}` and `/projects/{project_id}/rfis` both have `/projects/recent/rfis`. The map would
decide it by its own precedence, and the platform perhaps by another; so such a path needs a line.

And routes that guard what is below a path which is itself open: no fault, but seldom meant.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gatewright.authz.route_model import BELOW, Route, is_parameter
from gatewright.authz.route_rules import Node, folded_pattern

Shape = tuple[str, ...]
_ANY = "{}"


@dataclass(frozen=True, slots=True)
class Crossing:
    """Two routes that meet in `shared`, neither of them saying more than the other."""

    earlier: Route
    later: Route
    shared: str


@dataclass(frozen=True, slots=True)
class Uncovered:
    """A route guards what is below `path`, and the path itself is open: by another, or (None) as an unknown one."""

    guard: Route
    path: str
    open_by: Route | None


def shape(route: Route) -> Shape:
    """Return the pattern without names of parameters, case and last slash: what must differ in a method."""
    return tuple(_ANY if is_parameter(segment) else segment for segment in folded_pattern(route))


def crossings(routes: Sequence[Route]) -> Iterator[Crossing]:
    """Yield what meets among the routes of one method, but where it does not matter or a line decides it."""
    root, shapes = Node(), {shape(route) for route in routes}
    for route in routes:
        root.add(route, folded_pattern(route))
    for one, other in _crossed(root):
        if not _ask_alike(one, other) and (shared := _shared(shape(one), shape(other))) not in shapes:
            earlier, later = sorted((one, other), key=lambda route: route.line)
            yield Crossing(earlier, later, "/" + "/".join(shared).replace(_ANY, "{name}"))


def uncovered(routes: Sequence[Route], *, allows_unknown: bool = False) -> Iterator[Uncovered]:
    """Yield the routes with `/**` that leave their own beginning open, though no line speaks of just that path."""
    trees: dict[str, Node] = {}
    for route in routes:
        trees.setdefault(route.method, Node()).add(route, folded_pattern(route))
    for route in routes:
        *above, last = shape(route)
        if last != BELOW or not above or route.needs.asks == "public":
            continue
        found = trees[route.method].find(above)
        if found is None:
            is_open = allows_unknown and not any(tree.find(above) for tree in trees.values())
        else:
            is_open = found.needs.asks == "public" and shape(found) != tuple(above)
        if is_open:
            yield Uncovered(route, "/" + "/".join(route.segments[:-1]), found)


def _ask_alike(one: Route, other: Route) -> bool:
    return one.needs == other.needs and one.named == other.named


def _shared(one: Shape, other: Shape) -> Shape:
    """Return the pattern of what two that meet have in common."""
    longest = max(len(one), len(other))
    return tuple(_narrower(_at(one, place), _at(other, place)) for place in range(longest))


def _at(pattern: Shape, place: int) -> str:
    return pattern[place] if place < len(pattern) else BELOW


def _narrower(one: str, other: str) -> str:
    return max(one, other, key=lambda segment: {BELOW: 0, _ANY: 1}.get(segment, 2))


def _crossed(node: Node) -> Iterator[tuple[Route, Route]]:
    """Yield the pairs of which one says more at this node, or below it, and the other further on."""
    for child in node.literals.values():
        yield from _crossed(child)
        if node.parameter is not None:
            yield from _meeting(child, node.parameter, crossed=False)
    if node.parameter is not None:
        yield from _crossed(node.parameter)


def _meeting(more: Node, less: Node, *, crossed: bool) -> Iterator[tuple[Route, Route]]:
    """Yield what meets below two nodes. `more` said more so far; `crossed`: `less` did so since, too."""
    if crossed and more.route is not None and less.route is not None:
        yield more.route, less.route
    if more.below is not None:
        yield from ((more.below, route) for route in _further(less))
        if crossed and less.below is not None:
            yield more.below, less.below
    if crossed and less.below is not None:
        yield from ((route, less.below) for route in _further(more))
    yield from _meeting_further(more, less, crossed=crossed)


def _meeting_further(more: Node, less: Node, *, crossed: bool) -> Iterator[tuple[Route, Route]]:
    for segment, child in more.literals.items():
        for other in (less.literals.get(segment), less.parameter):
            if other is not None:
                yield from _meeting(child, other, crossed=crossed)
    if more.parameter is None:
        return
    for other in less.literals.values():
        yield from _meeting(more.parameter, other, crossed=True)
    if less.parameter is not None:
        yield from _meeting(more.parameter, less.parameter, crossed=crossed)


def _further(node: Node) -> Iterator[Route]:
    """Yield the routes that go on behind a node."""
    for child in (*node.literals.values(), *((node.parameter,) if node.parameter else ())):
        if child.route is not None:
            yield child.route
        if child.below is not None:
            yield child.below
        yield from _further(child)
