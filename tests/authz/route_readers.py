"""How servers read a path and a query, each in its own careless way. Imports nothing of the product.

Whatever the route map finds must be the same route to every one of them.
"""

import posixpath
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import parse_qsl, unquote

Segments = list[str]
Reader = Callable[[str], Segments]


def _split(path: str) -> Segments:
    return path.split("/")[1:]


def decoded_once(path: str) -> Segments:
    """Return the segments split first and decoded then, as RFC 3986 has it."""
    return [unquote(segment) for segment in _split(path)]


def decoded_whole(path: str) -> Segments:
    """Return the segments of the path decoded first."""
    return _split(unquote(path))


def decoded_twice(path: str) -> Segments:
    """Return the segments of the path decoded by a proxy, and again by the server."""
    return _split(unquote(unquote(path)))


def collapsed(path: str) -> Segments:
    """Return the segments with slashes in a row taken as one."""
    return _split(re.sub(r"/+", "/", unquote(path)))


def resolved(path: str) -> Segments:
    """Return the segments with dot segments resolved after decoding; a last slash is kept."""
    whole = unquote(path)
    last = "/" if whole.endswith(("/", "/.", "/..")) and posixpath.normpath(whole) != "/" else ""
    return _split("/" + posixpath.normpath("/" + whole).lstrip("/") + last)


def cut_at_parameters(path: str) -> Segments:
    """Return the segments without what stands behind a semicolon, as servlets have it, before decoding."""
    return [unquote(segment.partition(";")[0]) for segment in _split(path)]


def cut_at_parameters_late(path: str) -> Segments:
    """Return the same, after decoding."""
    return [segment.partition(";")[0] for segment in _split(unquote(path))]


def ended_early(path: str) -> Segments:
    """Return the segments up to a NUL, a fragment or an encoded query."""
    return _split(re.split(r"[\x00#?]", unquote(path))[0])


def backslashes(path: str) -> Segments:
    """Return the segments with backslashes taken as slashes."""
    return _split(unquote(path).replace("\\", "/"))


def trailing_dots_dropped(path: str) -> Segments:
    """Return the segments as Windows names files: without dots and spaces at their ends."""
    return [segment.rstrip(". ") for segment in _split(unquote(path))]


def stripped(path: str) -> Segments:
    """Return the segments without white space around them."""
    return (
        [segment.strip() for segment in _split(unquote(path).replace("+", " "))]
        if "+" in path
        else [segment.strip() for segment in _split(unquote(path))]
    )


def compatible(path: str) -> Segments:
    """Return the segments with look-alike letters made plain."""
    return _split(unicodedata.normalize("NFKC", unquote(path)))


def in_capitals(path: str) -> Segments:
    """Return the segments as Java's equalsIgnoreCase compares them: letter by letter, capital first and small then."""
    return _split("".join(_java_small(_java_capital(letter)) for letter in unquote(path)))


def _java_capital(letter: str) -> str:
    return letter.upper() if len(letter.upper()) == 1 else letter


def _java_small(letter: str) -> str:
    return letter.lower()[0]  # that of U+0130 is i


def careless(path: str) -> Segments:
    """Return the segments with all of it at once."""
    whole = unicodedata.normalize("NFKC", unquote(unquote(path))).replace("\\", "/")
    whole = re.split(r"[\x00#?]", whole)[0]
    kept: Segments = []
    for segment in whole.split("/"):
        bare = segment.partition(";")[0].strip()
        if bare == "..":
            kept = kept[:-1]
        elif bare.rstrip(". "):
            kept.append(bare.rstrip(". "))
    return kept


EXACT: tuple[Reader, ...] = (
    decoded_once,
    decoded_whole,
    decoded_twice,
    collapsed,
    resolved,
    cut_at_parameters,
    cut_at_parameters_late,
    ended_early,
    backslashes,
    trailing_dots_dropped,
    stripped,
    compatible,
)
LOOSE: tuple[Reader, ...] = (*EXACT, in_capitals, careless)


def matches(pattern: str, segments: Sequence[str], *, is_loose: bool) -> bool:
    """Return whether a path has the shape of a pattern; `is_loose`: whatever its case and its last slash."""
    wanted = pattern[1:].split("/")
    if is_loose:
        wanted, segments = _loose(wanted), _loose(segments)
    for place, part in enumerate(wanted):
        if part == "**":
            return place < len(segments) and bool(segments[place])
        if place >= len(segments) or not (segments[place] if part.startswith("{") else part == segments[place]):
            return False
    return len(wanted) == len(segments)


def _loose(segments: Sequence[str]) -> Segments:
    folded = [one if one.startswith("{") else one.casefold() for one in segments]
    return folded[:-1] if folded and not folded[-1] else folded


def best(patterns: Sequence[str], segments: Sequence[str], *, is_loose: bool) -> str | None:
    """Return the pattern that says most of those that match: literal, parameter, anything below."""
    found = [pattern for pattern in patterns if matches(pattern, segments, is_loose=is_loose)]
    return min(found, key=_weight, default=None)


def _weight(pattern: str) -> list[int]:
    return [2 if part == "**" else 1 if part.startswith("{") else 0 for part in pattern[1:].split("/")]


def readings(patterns: Sequence[str], path: str) -> Iterator[tuple[str, str | None]]:
    """Yield for each reader its name and the pattern that it finds."""
    for reader in EXACT:
        yield reader.__name__, best(patterns, reader(path), is_loose=False)
    for reader in LOOSE:
        yield f"{reader.__name__}, loosely", best(patterns, reader(path), is_loose=True)
        *front, last = reader(path) or [""]
        for stem in {last.partition(".")[0], last.rpartition(".")[0]} - {""}:
            bare = best(patterns, [*front, stem], is_loose=True)
            if bare is not None and not bare.endswith(("}", "**")):
                whole = best(patterns, [*front, last], is_loose=True)
                yield (
                    f"{reader.__name__}, with a format",
                    bare if whole is None or whole.endswith(("}", "**")) else whole,
                )


def companies(query: str) -> set[str]:
    """Return whatever any server could take for the company's id in a query."""
    found = set()
    for text in (query, query.replace(";", "&"), unquote(query)):
        for name, value in parse_qsl(text, keep_blank_values=True):
            for spelled in (name, unquote(name)):
                bare = re.split(r"[\[\x00]", spelled.strip().casefold())[0]
                if re.sub(r"[_\-. ]", "", bare) == "companyid":
                    found |= {value, unquote(value)}
    return found
