"""What a token source raises. None of these holds a token, a code or a secret, in its text or beside it."""


class TokenError(Exception):
    """No access token can be had now; the sentence says why and what to do."""


class NotAuthorized(TokenError):
    """The store holds no tokens for this account: somebody has to authorize the app first."""

    def __init__(self) -> None:
        super().__init__("There are no tokens for this account. Ask the user to authorize the app, then call start().")


class AuthorizationEnded(TokenError):
    """The tokens are over for good. `reason` is the server's machine code: `revoked`, `authorization_ended`, …

    The store keeps what it had, marked with the reason, and the server is not asked again about it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"The authorization has ended ({reason}). Ask the user to authorize the app again.")
        self.reason = reason


class RequestRefused(TokenError):
    """The server refused the request for another cause than the tokens, such as a wrong secret. Nothing is lost."""

    def __init__(self, *, status: int, error: str, description: str, reason: str) -> None:
        told = " ".join(part for part in (error, f"({reason})" if reason else "", description) if part)
        super().__init__(f"The server refused with {status}: {told or 'without saying why'}")
        self.status = status
        self.error = error
        self.reason = reason


class ServerUnreachable(TokenError):
    """No clear answer came in time. The next call asks with the same tokens, which the server's retry window allows."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The server gave no clear answer ({why}). Try again soon: the stored tokens are kept.")


class StoreFailed(TokenError):
    """The store cannot be read, written or locked, or others can read it."""


class StoreBusy(StoreFailed):
    """Somebody else has held the store's lock all the time: they are renewing, or they hang."""
