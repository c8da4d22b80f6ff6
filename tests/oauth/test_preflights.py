"""Which apps a page's origin is looked for in, on both databases."""

import pytest

from gatewright.base.ids import UserId
from gatewright.oauth import store
from tests.oauth.stage import Stage


@pytest.mark.parametrize(
    ("origin", "found"),
    [
        ("https://page.example:8443", 1),
        ("https://bare.example", 1),
        ("https://query.example", 1),
        ("https://page.example", 0),
        ("https://page.example:844", 0),
        ("https://bare.exampl", 0),
        ("https://b", 0),
        ("http://bare.example", 0),
        ("https://_are.example", 0),
        ("https://secret.example", 0),
    ],
)
async def test_only_apps_that_are_at_home_there_are_read(
    stage: Stage, user_id: UserId, origin: str, found: int
) -> None:
    """D5, A165: part of an origin reads no app, and a confidential app is never read."""
    for name, uri, is_confidential in (
        ("Page", "https://page.example:8443/cb", False),
        ("Bare", "https://bare.example", False),
        ("Query", "https://query.example?to=1", False),
        ("Secret", "https://secret.example/cb", True),
    ):
        await stage.app(user_id, name, is_confidential=is_confidential, redirect_uris=(uri,))
    async with stage.database.read() as reader:
        assert len(await store.public_redirect_uris(reader, origin=origin)) == found
