"""Where one may go after signing in, and whose consent waits there."""

import pytest

from gatewright.login.rules import local_path, sign_in_address, waiting_client
from gatewright.mail.rules import is_service_address


@pytest.mark.parametrize(
    "path", ["/", "/account/apps", "/oauth/authorize?client_id=a&redirect_uri=https%3A%2F%2Fb%2Fc&state=%0D%0A", "/é"]
)
def test_a_path_of_this_host_is_where_one_goes(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "elsewhere",
    [
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/a\\b",
        "https://evil.example/",
        "https:evil.example",
        "javascript:alert(1)",
        "evil.example",
        "",
        " /account",
        "/\t/evil.example",
        "/\n/evil.example",
        "/\r\nSet-Cookie: a=b",
        "/\u2028/evil.example",
        "/\u202ea",
        "/a\x00b",
        "@evil.example",
        ".//evil.example",
    ],
)
def test_an_address_elsewhere_is_ignored(elsewhere: str) -> None:
    """A179 and its neighbours: what a browser could read as another host."""
    assert local_path(elsewhere) == "/"


def test_the_sign_in_address_leads_back() -> None:
    to = "/oauth/authorize?client_id=a&state=x%26y"
    assert sign_in_address(to) == "/login?next=%2Foauth%2Fauthorize%3Fclient_id%3Da%26state%3Dx%2526y"
    assert sign_in_address("/", as_somebody_else=True) == "/login?switch=1&next=%2F"


def test_the_waiting_app_is_named_by_its_consent_page_alone() -> None:
    assert waiting_client("/oauth/authorize?state=x&client_id=abc") == "abc"
    for path in (
        "/account/apps?client_id=abc",
        "/oauth/authorize",
        "/oauth/authorize?client_id=a&client_id=b",
        "/oauth/authorize?client_id=a%00b",
        "/oauth/authorize?client_id=%ff",
    ):
        assert waiting_client(path) is None, path


def test_a_service_domain_is_compared_as_addresses_are() -> None:
    """S2: however the domain is spelled."""
    for email in ("x@service.example", "X@SERVICE.example", "x@ｓervice.example"):
        assert is_service_address(email, service_domain="service.example"), email
    for email in ("x@example", "x@other.service.example", "service.example", "x@service.example.org", ""):
        assert not is_service_address(email, service_domain="service.example"), email
