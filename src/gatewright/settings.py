"""Settings: frozen, validated once, each with its meaning. `cli/loading.py` finds them."""

import ipaddress
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LONGEST = timedelta(days=36_500)
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_DOMAIN = re.compile(r"(?=.{1,200}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")


def _duration(value: Any) -> Any:
    """Return a timedelta for `90`, `90s`, `10m`, `2h` or `30d`; `none` for no limit."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return value
    text = value.strip().lower()
    if text == "none":
        return None
    number, unit = (text, "s") if text.isascii() and text.isdigit() else (text[:-1], text[-1:])
    if not (number.isascii() and number.isdigit()) or unit not in _UNITS or len(number) > 9:
        raise ValueError("write seconds or a number with s, m, h or d, such as 10m")
    length = timedelta(seconds=int(number)) if unit == "s" else timedelta(**{_UNITS[unit]: int(number)})
    if length > _LONGEST:
        raise ValueError("write at most 36500d")
    return length


def _list(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _switch(value: Any) -> Any:
    return {"on": True, "off": False}.get(value.lower(), value) if isinstance(value, str) else value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Positive = Annotated[timedelta, BeforeValidator(_duration), Field(gt=timedelta(0))]
PositiveOrNone = Annotated[Annotated[timedelta, Field(gt=timedelta(0))] | None, BeforeValidator(_duration)]
File = Annotated[Path | None, BeforeValidator(lambda value: value or None)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_list)]
Switch = Annotated[bool, BeforeValidator(_switch)]


class Settings(BaseModel):
    """Everything an operator may set as `GATEWRIGHT_<NAME>`; what may hold a secret is not in its repr (T13)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: str = Field("http://127.0.0.1:8400", description="Base of every link and token; never taken from Host.")
    data_dir: Path = Field(Path("var"), description="Embedded database and generated keys; mode 0700.")
    database_url: str = Field(
        "", repr=False, description="sqlite:///PATH or postgresql://…; empty: SQLite in DATA_DIR."
    )
    secret_keys: Texts = Field(
        (),
        repr=False,
        description="Server keys, base64url of 32 bytes or more, newest first; empty: made in DATA_DIR for SQLite.",
    )
    audience: str = Field("", description="`aud` of access tokens; empty: the issuer.")
    access_token_lifetime: Positive = Field(timedelta(hours=2), description="How long an access token lives.")
    authorization_code_lifetime: Positive = Field(timedelta(minutes=10), description="How long a code lives.")
    refresh_token_lifetime: PositiveOrNone = Field(None, description="none: until it is consumed.")
    session_lifetime: Positive = Field(timedelta(hours=12), description="How long a sign-in lasts.")
    refresh_retry_window: Duration = Field(
        timedelta(minutes=10), description="How long a confidential client may repeat a refresh; 0: not at all."
    )
    refresh_retry_window_public: Duration = Field(
        timedelta(seconds=60), description="How long a public client may repeat a refresh; 0: not at all."
    )
    service_account_domain: str = Field("", description="Domain of service accounts' addresses; empty: service.HOST.")
    company_headers: Texts = Field(
        ("Gatewright-Company-Id", "Procore-Company-Id"), description="Headers that may name the company."
    )
    sign_up: Switch = Field(False, description="Whether people may sign up by themselves, where mail is configured.")
    sign_in_limit: int = Field(
        10, ge=0, le=2**31 - 1, description="Failed sign-ins per account and per address in 15 minutes; 0: off."
    )
    rate_limit_hour: int = Field(3600, ge=0, le=2**53, description="Calls per app and company in 60 minutes; 0: off.")
    rate_limit_spike: int = Field(100, ge=0, le=2**53, description="Calls per app and company in 10 seconds; 0: off.")
    rate_limit_storage: str = Field(
        "memory://",
        repr=False,
        description="Where calls are counted: memory:// (each process for itself) or valkey://HOST:PORT.",
    )
    smtp_url: str = Field(
        "", repr=False, description="Mail server, smtp://… or smtps://USER:PASSWORD@HOST:PORT; empty: no mail."
    )
    mail_from: str = Field("", description="Sender of mail; empty: no-reply at the issuer's host.")
    lease: Positive = Field(
        timedelta(seconds=2), description="How long a cache of decisions may answer without being heard of."
    )
    workers: int = Field(1, ge=1, le=64, description="Processes that serve.")
    trusted_proxies: Texts = Field((), description="Addresses or networks whose X-Forwarded-For counts.")
    log_format: Literal["auto", "json", "text"] = Field("auto", description="auto: text on a terminal, else JSON.")
    management_address: str = Field("127.0.0.1:8401", description="Where metrics are served (later).")
    routes: File = Field(
        None, description="Route map, which tells `/authz/forward` what each path of your API needs; empty: none."
    )

    @field_validator("issuer")
    @classmethod
    def _is_an_origin(cls, issuer: str) -> str:
        parts = urlsplit(issuer)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("write scheme and host, such as https://id.example.com")
        if parts.path not in {"", "/"} or parts.username is not None:
            raise ValueError("write scheme and host alone, without a path or a user")
        if not _has_a_port(parts.netloc):
            raise ValueError("write a port between 1 and 65535, or none")
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise ValueError("http is only for this computer; write https://")
        return issuer.rstrip("/")

    @field_validator("database_url")
    @classmethod
    def _is_a_database(cls, url: str) -> str:
        if not url or (url.startswith("sqlite:///") and urlsplit(url).path.strip("/")):
            return url
        parts = urlsplit(url)
        if parts.scheme != "postgresql" or not _has_a_port(parts.netloc) or not parts.path.strip("/"):
            raise ValueError("write sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE")
        return url

    @field_validator("service_account_domain")
    @classmethod
    def _is_a_domain(cls, domain: str) -> str:
        if domain and not _DOMAIN.fullmatch(domain):
            raise ValueError("write a domain in small letters, such as service.example.com")
        return domain

    @field_validator("company_headers")
    @classmethod
    def _are_header_names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if not names or not all(_HEADER_NAME.fullmatch(name) for name in names):
            raise ValueError("write at least one header name; commas between several")
        return names

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for network in networks:
            try:
                ipaddress.ip_network(network, strict=False)
            except ValueError:
                raise ValueError("write addresses or networks, such as 10.0.0.0/8; commas between several") from None
        return networks

    @field_validator("smtp_url")
    @classmethod
    def _is_a_mail_server(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (parts.scheme not in {"smtp", "smtps"} or not parts.hostname or parts.path.strip("/")):
            raise ValueError("write smtp://HOST or smtps://HOST, with USER:PASSWORD@ and :PORT where needed")
        if parts.query and parts.query not in {"starttls=off", "starttls=offered", "starttls=required"}:
            raise ValueError("write starttls=off, offered or required, or nothing, after the question mark")
        is_near = parts.scheme != "smtp" or parts.hostname in LOOPBACK
        if not _has_a_port(parts.netloc) or (
            parts.username and not is_near and parts.query[9:] not in {"", "required"}
        ):
            raise ValueError("write a port between 1 and 65535; a password is sent to another computer encrypted alone")
        return url

    @field_validator("mail_from")
    @classmethod
    def _is_a_sender(cls, sender: str) -> str:
        if sender and not re.fullmatch(r"([^<>\r\n\"@]* )?<?[^\s<>@\"]+@[A-Za-z0-9.-]+>?", sender):
            raise ValueError("write an address, such as no-reply@id.example.com, or Name <ADDRESS>")
        return sender

    @field_validator("rate_limit_storage")
    @classmethod
    def _is_a_storage(cls, url: str) -> str:
        if url != "memory://" and (urlsplit(url).scheme not in {"valkey", "valkeys"} or not urlsplit(url).hostname):
            raise ValueError("write memory:// or valkey://HOST:PORT")
        return url

    @field_validator("management_address")
    @classmethod
    def _is_an_address(cls, address: str) -> str:
        if not urlsplit(f"//{address}").hostname or not _has_a_port(address, needed=True):
            raise ValueError("write HOST:PORT, such as 127.0.0.1:8401")
        return address

    @property
    def database(self) -> str:
        """Return the database URL, the default filled in."""
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'gatewright.db'}"

    @property
    def is_embedded(self) -> bool:
        """Return whether the database is a file of this computer."""
        return self.database.startswith("sqlite:")

    @property
    def token_audience(self) -> str:
        """Return `aud` of access tokens, the default filled in."""
        return self.audience or self.issuer

    @property
    def has_mail(self) -> bool:
        """Return whether mail can be sent; without it links are handed over by people (P7, P8)."""
        return bool(self.smtp_url)

    @property
    def service_domain(self) -> str:
        """Return the domain of service accounts' addresses, the default filled in."""
        return self.service_account_domain or f"service.{urlsplit(self.issuer).hostname}"

    @property
    def is_https(self) -> bool:
        """Return whether the outside speaks https, so that cookies must be Secure."""
        return self.issuer.startswith("https:")


def _has_a_port(netloc: str, *, needed: bool = False) -> bool:
    try:
        port = urlsplit(f"//{netloc}").port
    except ValueError:
        return False
    return port != 0 and (port is not None or not needed)
