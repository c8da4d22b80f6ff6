"""The refusals that are given here, without asking the server: the same codes and sentences as its own."""

from gatewright_sdk.model import Deny

TOKEN_MISSING = Deny(
    code="token_missing",
    status=401,
    message="No access token was sent.",
    help="The program that calls sends it as `Authorization: Bearer TOKEN`.",
)
TOKEN_INVALID = Deny(
    code="token_invalid",
    status=401,
    message="The access token is invalid.",
    help="The program that calls sends an access token that this server issued for this API.",
)
TOKEN_EXPIRED = Deny(
    code="token_expired",
    status=401,
    message="The access token has expired.",
    help="The program that calls uses its refresh token, or asks for a new access token.",
)
ASSERTION_MISSING = Deny(
    code="token_missing",
    status=401,
    message="The request did not come through the gateway.",
    help="Whoever runs this API lets callers reach it only through the proxy that asks Gatewright.",
)
ASSERTION_INVALID = Deny(
    code="token_invalid",
    status=401,
    message="The gateway's assertion about the caller is invalid or too old.",
    help="Whoever runs this API lets its proxy pass on Gatewright-Auth-Assertion, and keeps the clocks of both right.",
)
UNAVAILABLE = Deny(
    code="temporarily_unavailable",
    status=503,
    message="This cannot be answered right now.",
    help="Send the same request again in a few seconds. If it lasts, tell the operator.",
)


def invalid_request(message: str, *, help_: str) -> Deny:
    """Return the refusal of a request that cannot be read."""
    return Deny(code="invalid_request", status=400, message=message, help=help_)


def company_ambiguous(why: str) -> Deny:
    """Return the refusal of a request whose company cannot be told."""
    help_ = "The program that calls names the company once, as digits, or everywhere the same."
    return Deny(code="company_ambiguous", status=400, message=why, help=help_)
