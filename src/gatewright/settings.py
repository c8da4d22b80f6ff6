"""Settings: frozen, validated once, each with its meaning."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
LOOPBACK = {"127.0.0.1", "::1", "localhost"}


def _duration(value: Any) -> Any:
    """Return a timedelta for `90`, `90s`, `10m`, `2h` or `30d`; `none` for no limit."""
    if not isinstance(value, str):
        return value
    text = value.strip().lower()
    if text == "none":
        return None
    number, unit = (text, "s") if text.isascii() and text.isdigit() else (text[:-1], text[-1:])
    if not (number.isascii() and number.isdigit()) or unit not in _UNITS or len(number) > 9:
        raise ValueError("write seconds or a number with s, m, h or d, such as 10m")
    return timedelta(**{_UNITS[unit]: int(number)})


def _list(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _switch(value: Any) -> Any:
    return {"on": True, "off": False}.get(value.lower(), value) if isinstance(value, str) else value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Positive = Annotated[timedelta, BeforeValidator(_duration), Field(gt=timedelta(0))]
Texts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_list)]
Switch = Annotated[bool, BeforeValidator(_switch)]


class Settings(BaseSettings):
    """Everything an operator may set, as `GATEWRIGHT_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="GATEWRIGHT_", frozen=True, extra="forbid")

    issuer: str = Field("http://127.0.0.1:8400", description="Base of every link and token; never taken from Host.")
    data_dir: Path = Field(Path("var"), description="Embedded database and generated keys; mode 0700.")
    database_url: str = Field("", description="sqlite:///PATH or postgresql://…; empty: SQLite in DATA_DIR.")
    secret_keys: Texts = Field((), description="Server keys, base64url of 32 bytes or more, newest first.")
    audience: str = Field("", description="`aud` of access tokens; empty: the issuer.")
    access_token_lifetime: Positive = Field(timedelta(hours=2), description="How long an access token lives (T3).")
    authorization_code_lifetime: Positive = Field(timedelta(minutes=10), description="How long a code lives (T2).")
    refresh_token_lifetime: Positive | None = Field(None, description="None: until it is consumed (T4).")
    session_lifetime: Positive = Field(timedelta(hours=12), description="How long a sign-in lasts.")
    refresh_retry_window: Duration = Field(timedelta(minutes=10), description="T6, for confidential clients.")
    refresh_retry_window_public: Duration = Field(timedelta(seconds=60), description="T6, for public clients.")
    service_account_domain: str = Field("", description="Domain of service accounts' addresses (S2).")
    company_headers: Texts = Field(
        ("Gatewright-Company-Id", "Procore-Company-Id"), description="Headers that name the company (X3)."
    )
    sign_up: Switch = Field(False, description="Whether people may sign up by themselves (P7).")
    sign_in_limit: int = Field(10, ge=0, description="Failed sign-ins per account and address in 15 minutes; 0: off.")
    rate_limit_hour: int = Field(3600, ge=0, description="Calls per app and company in 60 minutes; 0: off.")
    rate_limit_spike: int = Field(100, ge=0, description="Calls per app and company in 10 seconds; 0: off.")
    smtp_url: str = Field("", description="Mail server; empty: no mail (P8).")
    mail_from: str = Field("", description="Sender of mail.")
    lease: Positive = Field(timedelta(seconds=2), description="How long a node may answer unheard of.")
    workers: int = Field(1, ge=1, le=64, description="Processes that serve.")
    trusted_proxies: Texts = Field((), description="Addresses or networks whose X-Forwarded-For counts.")
    log_format: Literal["auto", "json", "text"] = Field("auto", description="auto: text on a terminal, else JSON.")
    management_address: str = Field("127.0.0.1:8401", description="Where metrics are served.")

    @field_validator("issuer")
    @classmethod
    def _is_an_origin(cls, issuer: str) -> str:
        parts = urlsplit(issuer)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("write scheme and host, such as https://id.example.com")
        if parts.path not in {"", "/"} or parts.username is not None:
            raise ValueError("write scheme and host alone, without a path or a user")
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise ValueError("http is only for this computer; write https://")
        return issuer.rstrip("/")

    @property
    def database(self) -> str:
        """Return the database URL, the default filled in."""
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'gatewright.db'}"

    @property
    def token_audience(self) -> str:
        """Return `aud` of access tokens, the default filled in."""
        return self.audience or self.issuer

    @property
    def service_domain(self) -> str:
        """Return the domain of service accounts' addresses, the default filled in."""
        return self.service_account_domain or f"service.{urlsplit(self.issuer).hostname}"

    @property
    def is_https(self) -> bool:
        """Return whether the outside speaks https, so that cookies must be Secure."""
        return self.issuer.startswith("https:")
