"""A line's key, such as `GET /projects/{project_id}/rfis`, read into method and segments. Pure."""

import re
from collections.abc import Iterator, Sequence

from gatewright.authz.route_model import BELOW, COMPANY, PROJECT, is_parameter

METHODS = (
    *("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"),
    *("COPY", "LOCK", "MKCOL", "MOVE", "PROPFIND", "PROPPATCH", "REPORT", "SEARCH", "UNLOCK"),
)
LONGEST = 1000
MOST_SEGMENTS = 40
_PARAMETER = re.compile(r"\{[a-z][a-z0-9_]*\}", re.ASCII)
_BESIDE_LITERAL = re.compile(r"[^A-Za-z0-9\-._~!$&'()+,=:@]", re.ASCII)
_KNOWN = {name.replace("_", ""): name for name in (COMPANY, PROJECT)}


def read_pattern(key: str) -> tuple[str, tuple[str, ...], list[str]]:
    """Return method and segments of a key, and what is wrong with it, each with how to mend it."""
    method, _, path = key.partition(" ")
    segments = tuple(path[1:].split("/"))
    if not path or " " in path:
        return method, segments, ["must be a method, one space and a path, such as GET /rest/v1.0/projects"]
    return method, segments, [*_wrong_method(method), *_wrong_path(path, segments)]


def _wrong_method(method: str) -> Iterator[str]:
    if method == "HEAD":
        yield "is decided by the line of GET; leave HEAD out"
    elif method.upper() in METHODS and method not in METHODS:
        yield f"has its method in small letters; write {method.upper()}"
    elif method not in METHODS:
        yield f"begins with no method that a map knows; those are {', '.join(METHODS)}"


def _wrong_path(path: str, segments: Sequence[str]) -> Iterator[str]:
    if not path.startswith("/"):
        yield "has a path that does not begin with a slash; write the slash"
        return
    if len(path) > LONGEST or len(segments) > MOST_SEGMENTS:
        yield f"is longer than {LONGEST} characters or {MOST_SEGMENTS} segments; end it with /** earlier"
        return
    for place, segment in enumerate(segments):
        is_last = place == len(segments) - 1
        if segment == BELOW and is_last:
            continue
        if segment or not is_last:  # a last slash is a part of the path
            yield from _wrong_segment(segment)
    names = [segment for segment in segments if is_parameter(segment)]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"names {name} twice; give each parameter a name of its own"


def _wrong_segment(segment: str) -> Iterator[str]:
    if not segment:
        yield "holds two slashes in a row; write one"
    elif "{" in segment or "}" in segment:
        yield from _wrong_parameter(segment)
    elif "*" in segment:
        yield "holds a star; write {name} for one segment, or /** at the end for all that is below"
    elif "%" in segment:
        yield "holds a percent sign; write the character itself, since paths are compared decoded"
    elif segment.startswith(":"):
        yield f"has a segment {segment!r}; a parameter is written {{{segment[1:] or 'name'}}}"
    elif "?" in segment or "#" in segment:
        yield "holds a query or a fragment; a map is about paths alone"
    elif found := _BESIDE_LITERAL.search(segment):
        yield f"holds {found[0]!r}, which no request's path can hold as it is; write a {{name}} for that segment"
    elif segment.endswith(".") or not segment.strip(".+"):
        yield f"has a segment {segment!r}; a segment cannot be dots alone, nor end with one"


def _wrong_parameter(segment: str) -> Iterator[str]:
    if not _PARAMETER.fullmatch(segment):
        yield (
            f"has a segment {segment!r}; a parameter is a whole segment in small letters, digits and underscores, "
            "such as {project_id}"
        )
        return
    meant = _KNOWN.get(segment[1:-1].replace("_", ""))
    if meant is not None and meant != segment[1:-1]:
        yield f"names {segment}; write {{{meant}}}, else nobody looks at what it names"
