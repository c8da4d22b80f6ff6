"""A request's path, read in the one way that every server reads it, or refused with the reason.

Between a client and the code that runs stand a proxy, a server, a framework. Each decodes, cuts
and joins a little differently. A path on which any two could differ is not read at all.
"""

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import unquote, unquote_to_bytes

from gatewright.authz.route_model import COMPANY, PathUnclear

LONGEST = 8 * 1024
MOST_SEGMENTS = 100
# What needs no second look: unreserved characters and those that stand for themselves, and no dot at an end.
_PLAIN = re.compile(r"/[A-Za-z0-9\-._~!$&'()*,=:@/]*+", re.ASCII)
_BESIDE_PLAIN = re.compile(r"[^A-Za-z0-9\-._~!$&'()*,=:@/+%]", re.ASCII)
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f]")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_CUTS = {
    "/": "slash",
    "\\": "backslash",
    ";": "semicolon",
    "?": "question mark",
    "#": "number sign",
    "%": "percent sign",
}
_FOLDED_COMPANY = COMPANY.replace("_", "")
_OVERRIDES = {"_method", "xhttpmethod", "xhttpmethodoverride", "xmethodoverride"}
_MOST_DECODINGS = 4
_SHORTEST_NAME, _LONGEST_NAME = len("_method"), 200
# Unicode's Default_Ignorable_Code_Point, which NFKC_Casefold drops: beyond the category Cf it holds variation
# selectors, fillers, and places where no letter is yet.
_IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_DOTTED_I = "i\u0307"  # what U+0130 becomes in small letters; to who goes letter by letter, as Java does, it is i
_WIDE = re.compile(r"%u([0-9A-Fa-f]{4})")  # what IIS decodes beside RFC 3986


@dataclass(frozen=True, slots=True)
class ReadPath:
    """The decoded segments; the last one is empty where the path ends with a slash."""

    segments: tuple[str, ...]
    is_plain: bool  # in small ASCII letters, without a last slash or a suffix: nobody reads anything else


def read_path(path: str) -> ReadPath | PathUnclear:
    """Return the segments of a raw path; PathUnclear for one that two servers could read differently."""
    if (
        _PLAIN.fullmatch(path)
        and "//" not in path
        and "./" not in path
        and path[-1] != "."
        and path.count("/") <= MOST_SEGMENTS
    ):
        segments = tuple(path[1:].split("/"))
        return ReadPath(segments, path == path.lower() and segments[-1] != "" and "." not in segments[-1])
    return _read_slowly(path)


def _read_slowly(path: str) -> ReadPath | PathUnclear:
    if why := _unclear_as_written(path):
        return PathUnclear(why)
    segments = []
    raw = path[1:].split("/")
    for place, text in enumerate(raw):
        try:
            decoded = unquote_to_bytes(text).decode() if "%" in text else text
        except UnicodeDecodeError:
            return PathUnclear("It holds encoded bytes that are no UTF-8.")
        is_last = place == len(raw) - 1
        if why := _unclear_segment(decoded, may_be_empty=is_last):
            return PathUnclear(why)
        segments.append(decoded)
    return ReadPath(tuple(segments), is_plain=False)


def _unclear_as_written(path: str) -> str:
    if path.count("/") > MOST_SEGMENTS:
        return f"It has more than {MOST_SEGMENTS} segments."
    if not path.startswith("/"):
        if _ABSOLUTE.match(path):
            return "It is a whole address; a path begins with a slash."
        return "It does not begin with a slash."
    if beside := _BESIDE_PLAIN.search(path):
        return _about_character(beside[0])
    if _BAD_PERCENT.search(path):
        return "A percent sign is not followed by two hexadecimal digits."
    return ""


def _about_character(character: str) -> str:
    if character in _CUTS:
        return f"It holds a {_CUTS[character]}, at which some servers cut or split a path."
    if _UNPRINTABLE.match(character):
        return "It holds a control character or a space."
    if not character.isascii():
        return "It holds a character beyond ASCII that is not percent-encoded."
    return f"It holds {character!r}, which has to be percent-encoded."


def _unclear_segment(text: str, *, may_be_empty: bool) -> str:
    """Return why servers could read this decoded segment differently; empty when they cannot."""
    if not text:
        return "" if may_be_empty else "It holds two slashes in a row."
    for spelling in (text,) if text.isascii() else (text, unicodedata.normalize("NFKC", text), _visible(text)):
        for character, name in _CUTS.items():
            if character in spelling:
                return f"It holds an encoded {name}, which some servers decode before they look and some after."
        if _CONTROL.search(spelling):
            return "It holds an encoded control character."
        if not spelling.strip(".+ "):
            return "A segment is made of dots or spaces alone: some servers step over it, or up."
        if spelling[-1] == "." or spelling != spelling.strip():
            return "A segment ends with a dot, or begins or ends with a space, which some servers drop."
    return ""


def folded(segment: str) -> str:
    """Return what is left of a segment when case, compatible letters and invisible ones are put aside.

    Case is put aside both ways: some servers compare capital letters, and that of the dotless i is I.
    """
    if not segment.isascii():
        small = unicodedata.normalize("NFKC", segment).casefold().upper().casefold()
        segment = unicodedata.normalize("NFKC", _visible(small)).replace(_DOTTED_I, "i")
    return segment.lower().lstrip("+").rstrip("+.")  # a plus is a space to some


def _visible(text: str) -> str:
    """Return the text in compatible letters, without those that nobody sees."""
    compatible = _IGNORABLE.sub("", unicodedata.normalize("NFKC", text))
    return "".join(letter for letter in compatible if unicodedata.category(letter) != "Cf")


@dataclass(frozen=True, slots=True)
class ReadQuery:
    """What a query says that a decision hangs from. `ambiguous`: why another pair could be read as a company (X3)."""

    company_ids: tuple[str, ...] = ()  # of the pairs named exactly so, decoded
    ambiguous: str = ""


_NOTHING = ReadQuery()


def read_query(query: str) -> ReadQuery | PathUnclear:
    """Return what a raw query says of the company; PathUnclear where a server could read another method or end.

    Servers differ in what they take for the same name: `Company_Id`, `company_id[]`, `company.id`
    and `company%5Fid` are all one to some. Such a pair makes the company ambiguous.
    """
    if _UNPRINTABLE.search(query):
        return PathUnclear("Its query holds a control character or a space.")
    if "#" in query:
        return PathUnclear("Its query holds a number sign, behind which some servers do not read.")
    lower = query.lower()
    if query.isascii() and "%" not in query and "company" not in lower and "method" not in lower:
        return _NOTHING
    return _read_pairs(query)


def _read_pairs(query: str) -> ReadQuery | PathUnclear:
    values: list[str] = []
    ambiguous = ""
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if name == COMPANY:
            values.append(unquote(value.replace("+", " ")))
        stems = {_stem(part.partition("=")[0]) for part in pair.split(";")}
        if stems & _OVERRIDES:
            return PathUnclear("Its query names a method, which some servers take in place of the request's.")
        if _FOLDED_COMPANY in stems and (name != COMPANY or ";" in pair):
            ambiguous = "The query has a name that some servers read as company_id and some do not."
    if len(values) > 1:
        ambiguous = "The query names the company twice."
    return ReadQuery(tuple(values), ambiguous)


def _stem(name: str) -> str:
    """Return what the most forgiving server makes of a name: decoded, in small letters, without what joins words."""
    if len(name) < _SHORTEST_NAME:
        return ""
    name = name[:_LONGEST_NAME]  # what stands behind a NUL or a bracket may be of any length
    for _ in range(_MOST_DECODINGS):
        if "%" not in name:
            break
        name = unquote(_WIDE.sub(lambda wide: chr(int(wide[1], 16)), name))
    bare = folded(name).partition("[")[0].partition("\0")[0].strip()
    return "_method" if bare == "_method" else "".join(filter(str.isalnum, bare))
