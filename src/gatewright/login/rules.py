"""Pure rules of signing in: where one may go afterwards, and who can."""

import unicodedata
from urllib.parse import parse_qs, quote, urlsplit

START = "/"
LONGEST_DEVICE = 80
# The first that fits: later ones call themselves by the names of earlier ones too.
_BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def local_path(text: str) -> str:
    """Return `text` when it is a path of this host, else the start page (A179).

    Browsers read `\\` as `/` and drop tabs and line ends inside an address, so
    `/\\evil` and `/<tab>/evil` would leave the host like `//evil`.
    """
    plain = all(unicodedata.category(letter) not in {"Cc", "Cf", "Cs", "Zl", "Zp"} for letter in text)
    if not text.startswith("/") or text.startswith("//") or "\\" in text or not plain:
        return START
    try:
        parts = urlsplit(text)
    except ValueError:
        return START
    return START if parts.scheme or parts.netloc else text


def sign_in_address(path: str, *, as_somebody_else: bool = False) -> str:
    """Return the address of the sign-in page that leads back to a path of ours."""
    return f"/login?{'switch=1&' if as_somebody_else else ''}next={quote(path, safe='')}"


def waiting_client(path: str) -> str | None:
    """Return the client whose consent page waits at `path`, if one does."""
    parts = urlsplit(path)
    named = parse_qs(parts.query).get("client_id", []) if parts.path == "/oauth/authorize" else []
    return named[0] if len(named) == 1 and named[0].isascii() and named[0].isprintable() else None


def device(user_agent: str | None) -> str:
    """Return the browser and the system that a user agent names, in words; what says neither as it is.

    What programs say of themselves is only a hint: it proves nothing and decides nothing.
    """
    agent = (user_agent or "").strip()
    browser = next((name for mark, name in _BROWSERS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    return " on ".join(part for part in (browser, system) if part) or agent[:LONGEST_DEVICE] or "an unnamed program"
