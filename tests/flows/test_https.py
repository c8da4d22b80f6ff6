"""What changes where the outside speaks https."""

from pathlib import Path

import httpx
import pytest

from gatewright.base.secrets import mint_server_key
from gatewright.settings import Settings


@pytest.fixture
def settings(sqlite_url: str, tmp_path: Path) -> Settings:
    """Return the settings of a deployment behind https."""
    return Settings(
        issuer="https://id.example.com", data_dir=tmp_path, database_url=sqlite_url, secret_keys=(mint_server_key(),)
    )


async def test_the_cookie_is_bound_to_the_host(client: httpx.AsyncClient) -> None:
    """A173: the name begins with `__Host-`, and the cookie is Secure and names no domain."""
    cookie = (await client.get("/login")).headers["set-cookie"]
    assert cookie.startswith("__Host-gw_session=gwb_")
    parts = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert parts == {"path=/", "httponly", "secure", "samesite=lax"}
