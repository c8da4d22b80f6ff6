"""Access tokens for an app that calls a platform: kept safely, renewed once for all threads and processes.

`TokenSource` acts for a user who authorized the app, `ClientCredentials` for a service account.
"""

from gatewright_sdk.token_async import AsyncClientCredentials, AsyncTokenSource
from gatewright_sdk.token_errors import (
    AuthorizationEnded,
    NotAuthorized,
    RequestRefused,
    ServerUnreachable,
    StoreBusy,
    StoreFailed,
    TokenError,
)
from gatewright_sdk.token_rules import Begun, Tokens
from gatewright_sdk.token_source import ClientCredentials, TokenSource
from gatewright_sdk.token_store import FileStore, MemoryStore, Store

__all__ = [
    "AsyncClientCredentials",
    "AsyncTokenSource",
    "AuthorizationEnded",
    "Begun",
    "ClientCredentials",
    "FileStore",
    "MemoryStore",
    "NotAuthorized",
    "RequestRefused",
    "ServerUnreachable",
    "Store",
    "StoreBusy",
    "StoreFailed",
    "TokenError",
    "TokenSource",
    "Tokens",
]
