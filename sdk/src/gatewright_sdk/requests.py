"""What a request names: its token and its company. Pure; headers and queries are pairs, as they arrived."""

import re
from collections.abc import Iterable, Sequence

from gatewright_sdk.denials import company_ambiguous, invalid_request
from gatewright_sdk.model import MOST_ID, Deny

COMPANY_HEADERS = ("Gatewright-Company-Id", "Procore-Company-Id")
NOBODYS = MOST_ID  # an id that nothing has, for numbers that no id can be
_PLAIN = re.compile(r"[1-9][0-9]*", re.ASCII)

Pairs = Iterable[tuple[str, str]]


def bearer(headers: Pairs, query: Pairs = ()) -> str | Deny | None:
    """Return the token of `Authorization: Bearer …`; None when there is none.

    The header is the only place (RFC 6750 §2.1). Deny: it is repeated, or a token is in the query too.
    """
    values = _values(headers, "authorization")
    if len(values) > 1:
        return invalid_request("Authorization is repeated.", help_="Send it once.")
    scheme, _, token = (values[0] if values else "").partition(" ")
    if token and any(name == "access_token" for name, _ in query):
        where = "Send it in Authorization alone; an address is kept in logs and histories."
        return invalid_request("An access token was sent in the query too.", help_=where)
    return token.strip() or None if scheme.lower() == "bearer" else None


def named_company(
    headers: Pairs, query: Pairs = (), path: str | None = None, *, company_headers: Sequence[str] = COMPANY_HEADERS
) -> int | Deny | None:
    """Return the company that headers, `company_id` of the query and of the path name; None when none does.

    Each names it at most once, as ASCII digits without sign or leading zero, and all of
    them the same; else Deny. A number that no id can be is `NOBODYS`.
    """
    headers = list(headers)
    places = [_values(headers, header) for header in company_headers]
    places.append([value for name, value in query if name == "company_id"])
    if any(len(values) > 1 for values in places):
        return company_ambiguous("The company is named twice in one place.")
    named = [value for values in places for value in values]
    if path is not None:
        named.append(path)
    if len(set(named)) > 1:
        return company_ambiguous("The headers, the path and the query name different companies.")
    if not named:
        return None
    if not _PLAIN.fullmatch(named[0]):
        return company_ambiguous("The company is not named by plain digits.")
    return plain_id(named[0]) or NOBODYS


def plain_id(text: str) -> int | None:
    """Return the id written as ASCII digits without sign or leading zero, below 2^53; else None."""
    if not _PLAIN.fullmatch(text) or len(text) > 16:
        return None
    number = int(text)
    return number if number <= MOST_ID else None


def _values(headers: Pairs, name: str) -> list[str]:
    """Return all values of a header; `_` counts as `-`, since some servers make no difference."""
    wanted = name.lower().replace("_", "-")
    return [value for given, value in headers if given.lower().replace("_", "-") == wanted]
