"""What is asked and what is answered: values without behaviour of their own."""

import re
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["user", "service_account"]

LEVELS = ("read_only", "standard", "admin")
MOST_ID = 2**53 - 1
LONGEST_ROUTE = 200
_TOOL = re.compile(r"[a-z][a-z0-9_]{0,59}", re.ASCII)
RETRY_SECONDS = {503: 2, 429: 10}


@dataclass(frozen=True, slots=True)
class Principal:
    """Who acts: a user or a service account. `id` is of their shared sequence."""

    kind: Kind
    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Allow:
    """Yes, who it is, and the level they hold on the tool asked about. `client_id`: the app they use, if any."""

    principal: Principal
    company_id: int
    contact_id: int
    level: str | None
    client_id: str | None = None
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Deny:
    """No: a code for programs, a sentence and who can fix it for people, the status to answer with.

    `request_id` is what a company admin can look up, where the server kept this refusal.
    """

    code: str
    status: int
    message: str
    help: str
    request_id: str | None = None

    def body(self) -> dict[str, object]:
        """Return the JSON body that the platform API answers with."""
        error = {"code": self.code, "message": self.message, "help": self.help, "request_id": self.request_id}
        return {"error": error, "errors": [self.message]}

    def headers(self) -> dict[str, str]:
        """Return the headers that belong to the body: never kept, and what a 401, 429 or 503 asks for."""
        headers = {"Cache-Control": "no-store"}
        if self.status == 401:
            quoted = _header_text(self.message)
            challenge = f'Bearer realm="gatewright", error="invalid_token", error_description="{quoted}"'
            headers["WWW-Authenticate"] = challenge
        if self.status in RETRY_SECONDS:
            headers["Retry-After"] = str(RETRY_SECONDS[self.status])
        return headers


class Refused(Exception):
    """Raised by middlewares where an answer cannot be returned; `deny` says what to tell the caller."""

    def __init__(self, deny: Deny) -> None:
        super().__init__(f"{deny.code}: {deny.message}")
        self.deny = deny


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """May the bearer of this token, or this contact, do this here?

    `tool` is project-level where a project is named, else company-level. `company_id` may
    be the Deny that `named_company` returned: it is answered once the token was found
    good. `route` is shown to admins beside a refusal. ValueError: what nobody can ask.
    """

    tool: str
    level: str
    company_id: int | Deny | None = None
    project_id: int | None = None
    token: str | None = field(default=None, repr=False)
    contact_id: int | None = None
    route: str = ""

    def __post_init__(self) -> None:
        """Refuse what the server would refuse for its shape; it is the program's own fault."""
        if not is_tool(self.tool) or self.level not in LEVELS:
            raise ValueError(f"a question needs the key of a tool, and a level out of {', '.join(LEVELS)}")
        if self.token is not None and self.contact_id is not None:
            raise ValueError("a question is about a token or about a contact, not both")
        if len(self.route) > LONGEST_ROUTE or not self.route.isprintable():
            raise ValueError(f"a route is at most {LONGEST_ROUTE} printable characters")
        for name in ("company_id", "project_id", "contact_id"):
            if not _is_id(getattr(self, name)):
                raise ValueError(f"{name} has to be a whole number from 1 to 2^53 - 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a proxy let in, and for what, as the signed `Gatewright-Auth-Assertion` says. What does not apply is None.

    `level` is held on `tool`, which is a project's where `project_id` names one, unless
    `of_company`. `of_company` is None where the server does not say what was decided.
    """

    user_id: int | None
    service_account_id: int | None
    client_id: str | None
    company_id: int | None
    contact_id: int | None
    level: str | None
    scopes: tuple[str, ...] = ()
    tool: str | None = None
    project_id: int | None = None
    of_company: bool | None = None

    def holds(
        self, tool: str, level: str, *, project_id: int | None = None, of: Literal["company"] | None = None
    ) -> bool:
        """Return whether this level, or a higher one, on this tool was decided, and for this project.

        `project_id` and `of` are those that the route map has for the route: `of="company"` is
        a company's tool, though a project is named.
        """
        if level not in LEVELS:
            raise ValueError(f"a level is one out of {', '.join(LEVELS)}")
        if self.of_company is None or self.company_id is None or self.level not in LEVELS:
            return False
        is_there = self.project_id == project_id and (project_id is None or self.of_company == (of == "company"))
        return is_there and self.tool == tool and LEVELS.index(self.level) >= LEVELS.index(level)


def is_tool(text: str) -> bool:
    """Return whether a tool may have this key."""
    return _TOOL.fullmatch(text) is not None


def _is_id(value: int | Deny | None) -> bool:
    if value is None or isinstance(value, Deny):
        return True
    return type(value) is int and 1 <= value <= MOST_ID


def _header_text(text: str) -> str:
    """Return text that is safe between the quotes of a header: printable ASCII without `"` and `\\`."""
    return "".join(letter if " " <= letter <= "~" and letter not in '"\\' else "?" for letter in text)
