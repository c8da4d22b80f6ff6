"""Every setting with its value, where it came from and what it means; secrets are masked (T13)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit

from gatewright.settings import Settings

PREFIX = "GATEWRIGHT_"
_MASK = "***"
_SECRET_PARAMETERS = ("pass", "secret", "key", "token")


@dataclass(frozen=True, slots=True)
class Explained:
    """One setting as `gatewright settings` and the operator's page show it."""

    name: str
    value: str
    source: str
    meaning: str


def explained(settings: Settings, sources: Mapping[str, str]) -> Iterator[Explained]:
    """Yield every setting; what has no source holds its default."""
    for name, info in Settings.model_fields.items():
        value = _shown(settings, name)
        yield Explained(PREFIX + name.upper(), value, sources.get(name, "default"), info.description or "")


def _shown(settings: Settings, name: str) -> str:
    count = len(settings.secret_keys)
    filled = {
        "secret_keys": f"{_MASK} ({count})" if count else _generated_keys(settings),
        "database_url": masked_url(settings.database),
        "smtp_url": masked_url(settings.smtp_url),
        "rate_limit_storage": masked_url(settings.rate_limit_storage),
        "audience": settings.token_audience,
        "service_account_domain": settings.service_domain,
    }
    return filled[name] if name in filled else _text(getattr(settings, name))


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, timedelta):
        return _duration(value)
    if isinstance(value, tuple):
        return ",".join(value) or "none"
    return "none" if value in {None, ""} else str(value)


def _duration(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def masked_url(url: str) -> str:
    """Return the address without the passwords in it: of the user, and in the query."""
    if not url:
        return "none"
    if url.startswith("sqlite:"):
        return url
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    if ":" in user:
        user = f"{user.partition(':')[0]}:{_MASK}"
    query = [(name, _MASK if _is_secret(name) else value) for name, value in parse_qsl(parts.query)]
    asked = f"?{urlencode(query, safe='*')}" if query else ""
    return f"{parts.scheme}://{user}{at}{host}{parts.path}{asked}"


def _is_secret(name: str) -> bool:
    return any(word in name.lower() for word in _SECRET_PARAMETERS)


def _generated_keys(settings: Settings) -> str:
    return str(settings.data_dir / "secret_keys") if settings.is_embedded else "none"
