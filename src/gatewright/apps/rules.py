"""What an app may be called, where it may send its users back to, and what it may ask for (D2, D5, D7)."""

import ipaddress
import re
import unicodedata
from collections.abc import Sequence

from gatewright.apps.model import TermsStanding
from gatewright.base.errors import Problem
from gatewright.base.folding import is_name_shaped
from gatewright.base.scopes import SCOPES

OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"

MOST_REDIRECT_URIS = 20
LONGEST_URI = 2000
LONGEST_VERSION = 40
LONGEST_TERMS = 200_000

# What redirects add to the URI; a registered query that has one already would reach the app twice (A29).
_ANSWERED = {"code", "state", "iss", "error", "error_description", "error_uri"}

_PORT = r"(?:[1-9][0-9]{0,4})"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_BYTE = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_NAME = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}")
_IPV4 = re.compile(rf"{_BYTE}(?:\.{_BYTE}){{3}}")
_URI = re.compile(r"(?P<scheme>[a-z]+)://(?P<host>\[[^\]/?]*\]|[^:/?]*)(?P<port>:[^/?]*)?(?P<rest>(?:[/?].*)?)")
_LOOPBACK = re.compile(rf"http://(?P<host>127\.0\.0\.1|\[::1\])(?::(?P<port>{_PORT}))?(?P<rest>(?:[/?][!-~]*)?)")
_OTHER_CHARACTER = re.compile(r"[^A-Za-z0-9\-._~:/?\[\]@!$&'()+,;=%]")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})|%(?:[01][0-9A-Fa-f]|7[Ff])")
_DOT_SEGMENT = re.compile(r"/(?:\.|%2[Ee]){1,2}(?=/|$)")


def matches(registered: str, presented: str) -> bool:
    """Return whether `presented` is the registered redirect URI, character by character (D5).

    RFC 8252 §7.3: on a loopback IP literal the port is chosen by the system, so any
    port will do, whether or not one was registered. `localhost` is a name: its port counts.
    """
    if presented == registered:
        return True
    ours, theirs = _LOOPBACK.fullmatch(registered), _LOOPBACK.fullmatch(presented)
    if ours is None or theirs is None or int(theirs["port"] or 0) > 65535:
        return False
    return (ours["host"], ours["rest"]) == (theirs["host"], theirs["rest"])


def is_registered(registered: Sequence[str], presented: str) -> bool:
    """Return whether `presented` is one of the registered redirect URIs (D5)."""
    return any(matches(uri, presented) for uri in registered)


def stays_on_this_computer(uri: str) -> bool:
    """Return whether a redirect there proves no app: loopback, `localhost` or out of band (T1)."""
    parts = _URI.fullmatch(uri)
    return uri == OUT_OF_BAND or (parts is not None and parts["host"].lower() in {"localhost", "127.0.0.1", "[::1]"})


def fault_in_redirect_uri(uri: str) -> str | None:
    """Return what is wrong with a redirect URI that is to be registered, and its cure; None: nothing (D5)."""
    if uri == OUT_OF_BAND:
        return None
    if fault := _fault_in_letters(uri):
        return fault
    parts = _URI.fullmatch(uri)
    if parts is None or parts["scheme"] not in {"https", "http"}:
        return f"must begin with https://, with http:// on this computer, or be {OUT_OF_BAND}"
    if "@" in parts["host"] + (parts["port"] or ""):
        return "must not name a user before the host; take away everything up to the @"
    return (
        _fault_in_host(parts["scheme"], parts["host"])
        or _fault_in_port(parts["port"])
        or _fault_in_rest(*parts["rest"].partition("?")[::2])
    )


def _fault_in_letters(uri: str) -> str | None:
    if not uri or len(uri) > LONGEST_URI:
        return f"must have 1 to {LONGEST_URI} characters"
    if "#" in uri:
        return "must not have a fragment; take away the # and what follows"
    if "*" in uri:
        return "must not have a wildcard; register each redirect URI by itself"
    if "\\" in uri:
        return "must not have a backslash; write / instead"
    if not uri.isascii():
        return "must be ASCII; write the host in its xn-- form and percent-encode the rest"
    if _OTHER_CHARACTER.search(uri):
        return (
            "must not have spaces, control characters or other characters that a URI cannot hold; percent-encode them"
        )
    return None


def _fault_in_host(scheme: str, host: str) -> str | None:
    if scheme == "http" and host not in {"127.0.0.1", "[::1]", "localhost"}:
        return "must use https; http is only for 127.0.0.1, [::1] and localhost"
    last = host.rpartition(".")[2]
    looks_numeric = last.isdigit() or last.lower().startswith("0x")  # browsers read such a name as an address
    is_name = len(host) <= 253 and _NAME.fullmatch(host) and not looks_numeric
    if not (is_name or _IPV4.fullmatch(host) or _is_ipv6(host)):
        return "must name a host, such as app.example.com, without percent-encoding"
    return None


def _is_ipv6(host: str) -> bool:
    try:
        return host[:1] == "[" and host[-1:] == "]" and "%" not in host and bool(ipaddress.IPv6Address(host[1:-1]))
    except ValueError:
        return False


def _fault_in_port(port: str | None) -> str | None:
    if port is None or (re.fullmatch(_PORT, port[1:]) and int(port[1:]) <= 65535):
        return None
    return "must have a port from 1 to 65535 after the colon, or no colon"


def _fault_in_rest(path: str, query: str) -> str | None:
    if _BAD_ESCAPE.search(path + query):
        return "must not percent-encode control characters, and each % needs two hex digits after it"
    if _DOT_SEGMENT.search(path):
        return "must not have . or .. as a part of its path; write the path it leads to"
    if "[" in path + query or "]" in path + query or "@" in path:
        return "must not have [, ] or @ in its path; percent-encode them"
    if taken := _ANSWERED & {pair.partition("=")[0] for pair in query.split("&")}:
        return f"must not have {min(taken)} in its query; it is added to every redirect"
    return None


def problems_of_redirect_uris(uris: Sequence[str]) -> list[Problem]:
    """Return one problem for each URI that cannot be registered, with its place in the list (D5).

    A list that is too long is not looked into: its length is the one problem.
    """
    if len(uris) > MOST_REDIRECT_URIS:
        return [Problem("redirect_uris", f"must be at most {MOST_REDIRECT_URIS}")]
    problems, before = [], set[str]()
    for line, uri in enumerate(uris, start=1):
        fault = fault_in_redirect_uri(uri) or ("is there twice; take one away" if uri in before else None)
        if fault:
            problems.append(Problem("redirect_uris", f"line {line}: {uri[:80]!r} {fault}"))
        before.add(uri)
    return problems


def problems_of_scopes(scopes: Sequence[str]) -> list[Problem]:
    """Return the problem with the scopes an app declares, if there is one (D7)."""
    if set(scopes) <= set(SCOPES) and len(set(scopes)) == len(scopes):
        return []
    return [Problem("scopes", f"must be a list without repeats out of: {', '.join(SCOPES)}")]


def problems_of_name(name: str) -> list[Problem]:
    """Return the problem with an app's name, if there is one (D2)."""
    if not is_name_shaped(name):
        return [Problem("name", "must have 1 to 120 visible characters, and none before or after that is blank")]
    if not fold_name(name):
        return [Problem("name", "must have a letter or a digit")]
    return []


def problems_of_homepage(homepage: str) -> list[Problem]:
    """Return the problem with an app's homepage, if there is one; it may be left empty."""
    if not homepage:
        return []
    if (fault := fault_in_redirect_uri(homepage)) or homepage == OUT_OF_BAND:
        return [Problem("homepage", fault or "must begin with https://")]
    return []


def problems_of_terms(version: str, text: str) -> list[Problem]:
    """Return what is wrong with a version of the terms of use that is to be published (D1)."""
    problems = []
    if not is_name_shaped(version, longest=LONGEST_VERSION):
        problems.append(Problem("version", f"must have 1 to {LONGEST_VERSION} visible characters, such as 2026-11"))
    if not text.strip() or "\0" in text or len(text) > LONGEST_TERMS:
        problems.append(Problem("text", f"must have 1 to {LONGEST_TERMS:,} characters, none of them NUL"))
    return problems


def said_of_terms(standing: TermsStanding) -> str:
    """Return what people read of a developer's acceptance (D8): a predicate; empty where there are no terms."""
    if standing.current is None and standing.accepted is None:
        return ""
    if standing.accepted is None:
        return f"has not accepted the current terms of use, {standing.current}"
    said = f"accepted the terms of use {standing.accepted}"
    return said if standing.waits_for is None else f"{said}, and has not accepted the current ones, {standing.current}"


def fold_name(name: str) -> str:
    """Return the form in which names that look alike are equal (D2).

    NFKC joins widths and ligatures, accents and case go, letters of the same shape
    become one Latin letter, and everything between letters goes. Names that fold alike
    need not be the same; none is worth the confusion.
    """
    joined = unicodedata.normalize("NFKC", name)
    bare = "".join(c for c in unicodedata.normalize("NFKD", joined) if not "\u0300" <= c <= "\u036f")
    cased = unicodedata.normalize("NFKC", bare).translate(_SAME_SHAPE).casefold()
    kept = "".join(c for c in cased.translate(_SAME_STROKE) if unicodedata.category(c)[0] in "LNM")
    for pair, one in _PAIRS:
        kept = kept.replace(pair, one)
    return kept


# After the confusables of Unicode TR 39, for the scripts that share most of their shapes. Before
# case is folded: a capital nu looks like N, a small one like v.
_SAME_SHAPE = str.maketrans(
    {
        **dict(zip("АВЕЅІЈКМНОРСТУХԚԜҮҺЗ", "ABESIJKMHOPCTYXQWYH3", strict=True)),
        **dict(zip("авезіјкмнорстухѕԛԝүһӏԁгь", "abe3ijkmhopctyxsqwyhldrb", strict=True)),
        **dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹ", "ABEZHIKMNOPTYXC", strict=True)),
        **dict(zip("αβγεηικνορτυχωϲϳ", "abyenikvoptuxwcj", strict=True)),
        **dict(zip("ıɑɡɩʟꜱᴄᴏᴜᴠᴡᴢɴʀᴋᴍᴛđħłøŧĐĦŁØŦ", "iagilscouvwznrkmtdhlotdhlot", strict=True)),
    }
)
_SAME_STROKE = str.maketrans({"0": "o", "1": "l", "|": "l", "i": "l"})
_PAIRS = (("rn", "m"), ("vv", "w"))
