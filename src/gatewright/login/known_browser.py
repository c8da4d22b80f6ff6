"""Browsers that signed in to an account before: a cookie that gives them a count of their own (A184).

The cookie names nobody. It holds a random id and, per account, a MAC over it, the account
and what ends with a new password; who only knows an address cannot make one.
"""

import re
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from gatewright.base.ids import random_id
from gatewright.base.secrets import Purpose, ServerKey, ServerKeys, same
from gatewright.login.model import Account
from gatewright.settings import Settings

LIFETIME = timedelta(days=400)  # the most that browsers keep a cookie
MOST_ACCOUNTS = 4
_ENTRY = re.compile(r"([0-9a-f]{32})\.([0-9a-f]{64})", re.ASCII)


def cookie_name(settings: Settings) -> str:
    """Return the cookie's name; `__Host-` binds it to this host where https allows it (A173)."""
    return "__Host-gw_known" if settings.is_https else "gw_known"


def known_id(request: Request, account: Account, *, settings: Settings, keys: ServerKeys) -> str | None:
    """Return the id under which this browser is known to the account; None when it is not."""
    for browser_id, mac in _entries(request, settings):
        if any(same(mac, _mac(key, browser_id, account)) for key in keys.keys):
            return browser_id
    return None


def remember(response: Response, request: Request, account: Account, *, settings: Settings, keys: ServerKeys) -> None:
    """Make the browser known to the account, beside the last few others that it knows."""
    known = known_id(request, account, settings=settings, keys=keys)
    browser_id = known or random_id()
    others = [entry for entry in _entries(request, settings) if entry[0] != browser_id]
    entries = [(browser_id, _mac(keys.current, browser_id, account)), *others][:MOST_ACCOUNTS]
    response.set_cookie(
        cookie_name(settings),
        "~".join(f"{entry_id}.{mac}" for entry_id, mac in entries),
        path="/",
        max_age=int(LIFETIME.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=settings.is_https,
    )


def _entries(request: Request, settings: Settings) -> list[tuple[str, str]]:
    parts = request.cookies.get(cookie_name(settings), "").split("~")[:MOST_ACCOUNTS]
    return [(found[1], found[2]) for part in parts if (found := _ENTRY.fullmatch(part))]


def _mac(key: ServerKey, browser_id: str, account: Account) -> str:
    # A new password, or a deactivation, makes strangers of all browsers: whoever knew the
    # old one would otherwise guess the new one on counts of their own.
    changed = account.password_changed_at.isoformat() if account.password_changed_at else ""
    told = f"{browser_id}\0{account.user_id}\0{account.epoch}\0{changed}"
    return key.mac(Purpose.KNOWN_BROWSER, told.encode()).hex()
