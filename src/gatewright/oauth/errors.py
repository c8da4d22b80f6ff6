"""Refusals of the OAuth endpoints. The RFCs fix their codes and statuses, so they stand here.

Three audiences (style 13): `error` and `reason` for programs, `description` for the
client's developer, `detail` for the log.
"""

from collections.abc import Mapping

_STATUS = {"invalid_client": 401, "temporarily_unavailable": 503}


class OAuthRefusal(Exception):
    """A request to an OAuth endpoint is refused (RFC 6749 §5.2)."""

    def __init__(self, error: str, description: str, *, reason: str = "", status: int = 0, detail: str = "") -> None:
        super().__init__(error)
        self.error = error
        self.description = description
        self.reason = reason
        self.status = status or _STATUS.get(error, 400)
        self.detail = detail


_GRANT: Mapping[str, str] = {
    "app_blocked": "The app was blocked. The operator of this platform can unblock it.",
    "authorization_ended": "The authorization was ended. Ask for authorization again.",
    "code_expired": "The authorization code has expired.",
    "code_reused": "The authorization code was used twice, so its tokens were ended.",
    "code_unknown": "The authorization code is invalid: unknown, used already, or issued to another client.",
    "code_used": "The authorization code was used already. The tokens of its first use were ended.",
    "code_verifier_mismatch": "The code_verifier does not match the code_challenge.",
    "code_verifier_missing": "The code_verifier is missing.",
    "code_verifier_unexpected": "A code_verifier was sent, but no code_challenge when authorization was asked for.",
    "ended": "The refresh token was ended. Ask for authorization again.",
    "expired": "The refresh token has expired. Ask for authorization again.",
    "redirect_uri_mismatch": "The redirect_uri is not the one that authorization was asked with.",
    "refresh_token_unknown": "The refresh token is invalid: malformed, unknown, or issued to another client.",
    "repeated": "The refresh token was repeated too often, so its tokens were ended. Ask for authorization again.",
    "replayed": "The refresh token was used before, so its tokens were ended. Ask for authorization again.",
    "revoked": "The refresh token was revoked. Ask for authorization again.",
    "secret_retired": "The client secret behind the refresh token was retired. Ask for authorization again.",
    "superseded": "The refresh token was just used by another request. Use the refresh token that one received.",
    "user_inactive": "The account of the user is not active. The operator of this platform can reactivate it.",
}


def invalid_grant(reason: str) -> OAuthRefusal:
    """Return the refusal of a code or refresh token; `reason` is one of the stable machine codes."""
    return OAuthRefusal("invalid_grant", _GRANT[reason], reason=reason)


def invalid_request(description: str, *, reason: str = "") -> OAuthRefusal:
    """Return the refusal of a request that cannot be understood."""
    return OAuthRefusal("invalid_request", description, reason=reason)


def invalid_scope() -> OAuthRefusal:
    """Return the refusal of a scope that is unknown, not allowed, or wider than what was granted."""
    told = "A requested scope is unknown, or was not granted to this client."
    return OAuthRefusal("invalid_scope", told, reason="scope_not_granted")


def invalid_client(description: str = "", *, reason: str = "") -> OAuthRefusal:
    """Return the refusal of a client. Which of client, secret and method was wrong is not told."""
    told = description or (
        "Client authentication failed: unknown client, wrong secret, or wrong method. "
        "The app's developer, or whoever holds Admin: Admin in the service account's company, can make a new secret."
    )
    return OAuthRefusal("invalid_client", told, reason=reason)


_CLIENT: Mapping[str, str] = {
    "grant_for_apps": "A service account gets tokens by the client_credentials grant alone.",
    "grant_for_service_accounts": "The client_credentials grant is for service accounts, not for apps.",
    "token_of_another_client": "The token was issued to another client, which alone can revoke it.",
}


def unauthorized_client(reason: str, *, status: int = 0) -> OAuthRefusal:
    """Return the refusal of something that this client may not do; `reason` is a stable machine code."""
    return OAuthRefusal("unauthorized_client", _CLIENT[reason], reason=reason, status=status)


def temporarily_unavailable() -> OAuthRefusal:
    """Return the refusal that asks to send the same request again."""
    return OAuthRefusal("temporarily_unavailable", "This cannot be answered right now. Send the same request again.")


_TOKEN_HELP: Mapping[str, str] = {
    "token_invalid": "The program that calls sends an access token that this server issued for this API.",
    "token_expired": "The program that calls uses its refresh token, or asks for a new access token.",
    "token_revoked": "The user authorizes the app again, or the service account asks for a new token.",
    "principal_inactive": "The operator of this platform can reactivate the user.",
    "service_account_disabled": "Someone who holds Admin: Admin in its company can regenerate its secret.",
}


def token_help(code: str) -> str:
    """Return who can mend a token that is not alive, and how (X2: the 401 codes)."""
    return _TOKEN_HELP.get(code, _TOKEN_HELP["token_invalid"])
