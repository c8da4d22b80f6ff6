"""Which server is asked, as whom, and how patiently."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from gatewright_sdk.cache import MOST_ANSWERS
from gatewright_sdk.token_rules import is_loopback
from gatewright_sdk.wire import Credentials


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What both drivers are made with."""

    issuer: str
    address: str
    audience: str
    credentials: Credentials
    timeout: float
    most_answers: int = MOST_ANSWERS


# long: what both drivers are made with, checked in one place
def deployment_of(
    issuer: str,
    *,
    client_id: str,
    client_secret: str,
    timeout: float,
    address: str | None,
    audience: str | None,
    most_answers: int,
    insecure_http: bool,
) -> Deployment:
    """Return whom to ask, the defaults filled in; ValueError for what cannot work."""
    for named, url in (("issuer", issuer), ("address", address or issuer)):
        if not url.startswith(("https://", "http://")) or url.endswith("/"):
            raise ValueError(f"{named} is an address such as https://id.example, without / at its end")
    parts = urlsplit(address or issuer)
    if parts.scheme == "http" and not (insecure_http or is_loopback(parts.hostname or "")):
        raise ValueError(
            "the server's address is https, for secrets and tokens go there; http is for this computer (127.0.0.1),"
            " or insecure_http=True where the network itself keeps them"
        )
    if not client_id or not client_secret:
        raise ValueError("client_id and client_secret of a resource server are needed; the server's operator makes one")
    if not timeout > 0 or most_answers < 1:
        raise ValueError("timeout and most_answers have to be more than nothing")
    return Deployment(
        issuer=issuer,
        address=address or issuer,
        audience=audience or issuer,
        credentials=Credentials(client_id, client_secret),
        timeout=timeout,
        most_answers=most_answers,
    )
