"""A route map as values: what a path of the platform's API needs, and what a request's path turned out to be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from gatewright.base.levels import Level

COMPANY, PROJECT = "company_id", "project_id"
BELOW = "**"  # one more segment at least, and anything below it

Asks = Literal["public", "token", "member", "tool"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a route asks of its caller.

    `public`: nothing, no token is looked at. `token`: a live one. `member`: any level or membership
    in the company. `tool`: a level on a tool.
    """

    asks: Asks
    tool: str | None = None
    level: Level | None = None
    of_company: bool = False  # a company-level tool, though the path names a project
    manage: bool = False  # M8: the token has to carry company.manage


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One line of the map. The last segment is empty where the path ends with a slash, `**` where it goes on."""

    line: int
    method: str
    segments: tuple[str, ...]
    needs: Needs
    named: tuple[tuple[str, int], ...] = field(init=False, repr=False, compare=False)
    """Name and place of `company_id` and `project_id`, where the path has them."""

    def __post_init__(self) -> None:
        """Look for them once."""
        names = self.names
        object.__setattr__(self, "named", tuple((name, names[name]) for name in (COMPANY, PROJECT) if name in names))

    @property
    def path(self) -> str:
        """Return the pattern of the path, as the file writes it."""
        return "/" + "/".join(self.segments)

    @property
    def text(self) -> str:
        """Return the route as the file writes it: `GET /rest/v1.0/projects/{project_id}/rfis`."""
        return f"{self.method} {self.path}"

    @property
    def names(self) -> Mapping[str, int]:
        """Return the position of each parameter, by its name."""
        return {segment[1:-1]: place for place, segment in enumerate(self.segments) if is_parameter(segment)}

    @property
    def scope(self) -> Literal["company", "project"]:
        """Return whose tool it asks about: the project's where the path names one, else the company's."""
        return "project" if PROJECT in self.names and not self.needs.of_company else "company"


@dataclass(frozen=True, slots=True)
class Found:
    """The route that decides. `parameters` has `company_id` and `project_id` where the path names them.

    `company_ids`: what the query's pairs of that name say, decoded; `ambiguous`: why the
    query could be read to name another company, empty where it cannot (X3).
    """

    route: Route
    parameters: Mapping[str, str] = field(default_factory=dict)
    company_ids: tuple[str, ...] = ()
    ambiguous: str = ""


@dataclass(frozen=True, slots=True)
class RouteUnknown:
    """No route of the map has this path, or not this method; `why` says which. `methods`: those it has."""

    why: str
    methods: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PathUnclear:
    """The path can be read in more than one way; `why` says how. `near`: the route that another reading meets."""

    why: str
    near: Route | None = None


@dataclass(frozen=True, slots=True)
class UnknownAllowed:
    """No route is anything like this path, and the map lets such through."""


Answer = Found | RouteUnknown | PathUnclear | UnknownAllowed


def is_parameter(segment: str) -> bool:
    """Return whether a segment of a pattern stands for any one segment."""
    return segment[:1] == "{"
