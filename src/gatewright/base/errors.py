"""Refusals that services raise. They know no status code; `app.py` translates them once.

Three audiences (style 13): `code` is for programs, `message` and `help` for people,
`detail` for the log alone.
"""

from dataclasses import dataclass
from datetime import timedelta


class Refusal(Exception):
    """Something asked for is refused, and the refusal can be told to whoever asked."""

    def __init__(self, code: str, message: str, *, help: str = "", detail: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.help = help
        self.detail = detail


class NotFound(Refusal):
    """There is no such thing within the caller's reach (P6: a foreign id answers the same)."""

    def __init__(self, code: str = "not_found", message: str = "There is no such thing here.") -> None:
        super().__init__(code, message, help="Check the id. What lies outside your reach answers like this too.")


class Conflict(Refusal):
    """The state of things forbids it now: a lost race, a name taken, the last admin."""


class NotAllowed(Refusal):
    """The caller is known and may not."""


class Unauthenticated(Refusal):
    """Nobody is known to be asking, or what they showed is dead (the 401 codes of X2)."""


class BadRequest(Refusal):
    """The request cannot be understood: ambiguous, repeated, malformed."""


class TooLarge(Refusal):
    """The request is larger than this endpoint reads."""


class WrongMethod(Refusal):
    """The address is known, and answers to other methods."""

    def __init__(self, allowed: tuple[str, ...]) -> None:
        super().__init__(
            "method_not_allowed",
            "This address does not answer to that method.",
            help=f"Use {', '.join(allowed)}.",
        )
        self.allowed = allowed


class UnsupportedType(Refusal):
    """The body has a type that this address does not read."""

    def __init__(self, message: str) -> None:
        super().__init__("unsupported_media_type", message, help="The program that sent it has to be corrected.")


class RateLimited(Refusal):
    """Too much of it, too fast; later it is answered again."""

    def __init__(self, message: str, *, help: str, retry_after: timedelta) -> None:
        super().__init__("rate_limited", message, help=help)
        self.retry_after = retry_after


class Unavailable(Refusal):
    """It cannot be answered now; the same request may be sent again."""

    def __init__(self, message: str = "This cannot be answered right now.", *, detail: str = "") -> None:
        super().__init__(
            "temporarily_unavailable",
            message,
            help="Send the same request again in a few seconds. If it lasts, tell the operator.",
            detail=detail,
        )


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with one field, and how to mend it."""

    field: str
    message: str


class Invalid(Refusal):
    """Fields that do not hold what they must; nothing was changed."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(
            "invalid_fields",
            "; ".join(f"{p.field}: {p.message}" for p in problems),
            help="Correct the named fields and send the request again. Nothing was changed.",
        )
        self.problems = problems
