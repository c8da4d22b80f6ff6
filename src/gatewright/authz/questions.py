"""What a proxy asks of `/authz/forward`, read from headers and query: no database, no clock.

Whatever reads in two ways is refused (BadRequest): the API behind the proxy may read it
the other way.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from urllib.parse import parse_qsl, unquote_plus

from gatewright.authz.route_model import Found, PathUnclear, RouteUnknown
from gatewright.base.errors import BadRequest
from gatewright.base.ids import CompanyId, ProjectId
from gatewright.base.levels import Level
from gatewright.directory.rules import is_tool_key
from gatewright.web.access import NOBODYS, Ambiguous, Deny, Question, agreed_company, plain_id

PATH = "/authz/forward"
AUTHORIZATION = b"authorization"
FORWARDED = (b"x-forwarded-method", b"x-forwarded-uri")
OVERRIDES = (b"x-http-method-override", b"x-http-method", b"x-method-override")
QUERY = ("company_id", "project_id", "tool", "level")
MOST_READ = 4096  # queries that are remembered: a proxy asks the same ones over and over
LONGEST_QUERY = 1000
LONGEST_NAMED = 20  # of a company's name that is read: a longer one is no id, and cut it is none either
_CORRECT = "Correct the proxy's configuration, or the program that sent the request."

_JOINTS = bytes.maketrans(b"_.", b"--")

Sent = Mapping[bytes, Sequence[str]]
Pairs = Iterable[tuple[bytes, bytes]]
Companies = tuple[tuple[str, ...], ...]  # what each place names


@dataclass(frozen=True, slots=True)
class Named:
    """What the query names: a tool and a level, and where."""

    tool: str
    level: Level
    companies: tuple[str, ...]
    project: str | None


@dataclass(frozen=True, slots=True)
class Forwarded:
    """The request that the proxy holds back, as its client sent it."""

    method: str
    uri: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a query is no question."""

    why: str


def sent_headers(headers: Pairs, watched: frozenset[bytes]) -> Sent:
    """Return the watched headers, each with every value that it came with.

    Many an API cannot tell `Company_Id` or `Company.Id` from `Company-Id`, so all are the same header here.
    """
    found: dict[bytes, list[str]] = {}
    for name, value in headers:
        plain = name.translate(_JOINTS)
        if plain in watched:
            found.setdefault(plain, []).append(value.decode("latin-1"))
    return found


def watched_headers(company_headers: Iterable[str]) -> frozenset[bytes]:
    """Return the names of the headers that a question is made of."""
    return frozenset((AUTHORIZATION, *FORWARDED, *OVERRIDES, *map(header_name, company_headers)))


def header_name(text: str) -> bytes:
    """Return a header's name as `sent_headers` writes it."""
    return text.lower().replace("_", "-").encode()


def named_by(sent: Sent, header: bytes) -> tuple[str, ...]:
    """Return what a header names, as far as it can matter: two values are one too many already."""
    return tuple([value[:LONGEST_NAMED] for value in sent.get(header, ())[:2]])


def bearer_token(sent: Sent) -> str | None:
    """Return the token of `Authorization: Bearer …`; None when there is none, BadRequest for a repeated header."""
    values = sent.get(AUTHORIZATION)
    if values is None:
        return None
    if len(values) > 1:
        raise bad("Authorization is repeated.")
    scheme, _, token = values[0].partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def refuse_overrides(sent: Sent) -> None:
    """Raise BadRequest for a method that says it is another: the API would do what was not asked about."""
    if any(name in sent for name in OVERRIDES):
        raise bad("A header asks for another method than the request has.")


def question_in(query: bytes, companies: Companies, method: str) -> Question:
    """Return what the query asks; BadRequest for anything but the four names, each at most once.

    `companies` are those that each header of the client's names (X3).
    """
    if len(query) > LONGEST_QUERY:  # what is remembered stays small, whatever is sent
        raise bad(f"The query is longer than {LONGEST_QUERY} characters.")
    read = _read(query, companies, method)
    if isinstance(read, Unreadable):
        raise bad(read.why)
    return read


@lru_cache(MOST_READ)
def _read(query: bytes, companies: Companies, method: str) -> Question | Unreadable:
    named = _named(query)
    return named if isinstance(named, Unreadable) else _about(named, companies, method)


def _about(named: Named, companies: Companies, method: str) -> Question:
    asked = Question(needs_company=True, tool=named.tool, level=named.level, method=method, path=PATH)
    if named.project is not None:
        asked = replace(asked, project_id=ProjectId(plain_id(named.project) or NOBODYS))
    return about_company(asked, agreed_company([*companies, named.companies]))


def about_company(asked: Question, company: CompanyId | Ambiguous | None) -> Question:
    """Return the question with the company that it is about, or with why that cannot be told."""
    if isinstance(company, Ambiguous):
        return replace(asked, ambiguous=company.why)
    return replace(asked, company_id=company)


def forwarded_by(sent: Sent, *, is_trusted: bool) -> Forwarded:
    """Return the request that a proxy of ours names in headers; BadRequest from anybody else, or for half of it."""
    if not is_trusted:
        raise bad(
            "There is no question: neither tool and level in the query, nor X-Forwarded-Method and X-Forwarded-Uri "
            "from an address in GATEWRIGHT_TRUSTED_PROXIES."
        )
    values = [sent.get(name, ()) for name in FORWARDED]
    if any(len(value) != 1 or not value[0] for value in values):
        raise bad("X-Forwarded-Method and X-Forwarded-Uri are needed, once each, or tool and level in the query.")
    return Forwarded(values[0][0], values[1][0])


def appended(path: bytes, query: bytes, method: str, sent: Sent, *, is_trusted: bool) -> Forwarded:
    """Return the request whose path a proxy of ours appended to `PATH`; BadRequest from anybody else."""
    if not is_trusted:
        raise bad(f"A path after {PATH} counts only from an address in GATEWRIGHT_TRUSTED_PROXIES.")
    prefix = PATH.encode() + b"/"
    if not path.startswith(prefix):
        raise bad(f"{PATH} itself is not percent-encoded.")
    if any(name in sent for name in FORWARDED):
        raise bad("The request is named twice: by the path, and by X-Forwarded-Method or X-Forwarded-Uri.")
    uri = path[len(prefix) - 1 :] + (b"?" + query if query else b"")
    return Forwarded(method, uri.decode("latin-1"))


def refuse_second_form(sent: Sent, *, is_trusted: bool) -> None:
    """Raise BadRequest for a forwarded request beside a question in the query: they may differ."""
    if is_trusted and any(name in sent for name in FORWARDED):
        raise bad("The question stands in the query, and X-Forwarded-Method or X-Forwarded-Uri beside it.")


def refuse_second_token(uri: str, token: str | None) -> None:
    """Raise BadRequest for a token in the forwarded query too (RFC 6750 §2): the API may act for its bearer."""
    _, _, query = uri.partition("?")
    if token is None or not query:
        return
    # Some APIs part pairs at a semicolon too.
    names = [unquote_plus(pair.partition("=")[0]) for pair in query.replace(";", "&").split("&")]
    if "access_token" in names:
        raise bad("An access token was sent in the query too.")


def question_of(found: Found, companies: Companies) -> Question:
    """Return what a route of the map asks of its caller; `companies` as above."""
    needs, project = found.route.needs, found.parameters.get("project_id")
    asked = Question(
        needs_company=needs.asks in {"member", "tool"},
        tool=needs.tool,
        level=needs.level,
        of_company=needs.of_company,
        manage=needs.manage,
        any_level=needs.asks == "member",
        method=found.route.method,
        path=found.route.path,
    )
    if found.ambiguous:
        return replace(asked, ambiguous=found.ambiguous)
    from_path = tuple([found.parameters["company_id"]] if "company_id" in found.parameters else [])
    asked = about_company(asked, agreed_company([*companies, found.company_ids, from_path]))
    if not asked.needs_company:
        return replace(asked, company_id=None)
    return asked if project is None else replace(asked, project_id=ProjectId(plain_id(project) or NOBODYS))


def question_without_route(why: RouteUnknown | PathUnclear) -> Question:
    """Return the question of a request that the map does not decide: refused, once its bearer is known (X2)."""
    if isinstance(why, RouteUnknown):
        help_ = "The operator adds the route to the map, if the platform's API has it."
        return Question(fault=Deny("route_unknown", why.why, help_), method="GET", path=PATH)
    help_ = "The program that calls writes the address in its plainest form."
    return Question(fault=Deny("path_unclear", why.why, help_), method="GET", path=PATH)


def bad(message: str) -> BadRequest:
    """Return the refusal of what is no question."""
    return BadRequest("invalid_request", message, help=_CORRECT)


def _named(query: bytes) -> Named | Unreadable:
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=20)
    except ValueError:
        return Unreadable("The query is not percent-encoded UTF-8, or too long.")
    named = dict(pairs)
    if len(named) < len(pairs):
        return Unreadable("A parameter of the query is repeated.")
    if not named.keys() <= set(QUERY):
        return Unreadable(f"The query names something else than {', '.join(QUERY)}.")
    if not is_tool_key(named.get("tool", "")):
        return Unreadable("tool is needed: the key of a tool.")
    level = _LEVELS.get(named.get("level", ""))
    if level is None:
        return Unreadable(f"level is needed: {', '.join(_LEVELS)}.")
    companies = (named["company_id"],) if "company_id" in named else ()
    return Named(named["tool"], level, companies, named.get("project_id"))


_LEVELS = {level.key: level for level in Level if level is not Level.NONE}
