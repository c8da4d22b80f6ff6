"""Redirect URIs: what may be registered, and what a presented one must equal (D5)."""

import pytest

from gatewright.apps.rules import (
    LONGEST_URI,
    MOST_REDIRECT_URIS,
    OUT_OF_BAND,
    fault_in_redirect_uri,
    is_registered,
    matches,
    problems_of_homepage,
    problems_of_redirect_uris,
    stays_on_this_computer,
)

GOOD = [
    "https://app.example.com/callback",
    "https://app.example.com",
    "https://app.example.com/",
    "https://app.example.com:8443/cb?tenant=7&x=",
    "https://xn--bcher-kva.example/cb",
    "https://10.1.2.3/cb",
    "https://[2001:db8::1]:444/cb",
    "https://app.example.com/a%20b;c=d/~e,f",
    "http://127.0.0.1/cb",
    "http://127.0.0.1:3000/cb",
    "http://[::1]/cb",
    "http://[::1]:9/cb",
    "http://localhost:3000/callback",
    "http://localhost/callback",
    OUT_OF_BAND,
]


@pytest.mark.parametrize("uri", GOOD)
def test_what_a_developer_needs_can_be_registered(uri: str) -> None:
    """D5: https, http on this computer, out of band."""
    assert fault_in_redirect_uri(uri) is None


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("", "1 to"),
        ("javascript:alert(1)", "must begin"),  # A17
        ("data:text/html,x", "must begin"),
        ("JavaScript://app.example/%0aalert(1)", "must begin"),
        ("com.example.app:/cb", "must begin"),
        ("//app.example/cb", "must begin"),
        ("/cb", "must begin"),
        ("https:/app.example/cb", "must begin"),
        ("HTTPS://app.example/cb", "must begin"),
        ("ftp://app.example/cb", "must begin"),
        ("urn:ietf:wg:oauth:2.0:oob:auto", "must begin"),
        ("http://app.example/cb", "must use https"),  # A18
        ("http://127.0.0.2/cb", "must use https"),
        ("http://127.1/cb", "must use https"),
        ("http://2130706433/cb", "must use https"),
        ("http://0x7f.0.0.1/cb", "must use https"),
        ("http://[0:0:0:0:0:0:0:1]/cb", "must use https"),
        ("http://[::ffff:127.0.0.1]/cb", "must use https"),
        ("http://localhost.example/cb", "must use https"),
        ("http://LOCALHOST/cb", "must use https"),
        ("http://127.0.0.1.evil.example/cb", "must use https"),
        ("https://user@app.example/cb", "user"),  # A6
        ("https://user:secret@app.example/cb", "user"),
        ("https://app.example:@evil.example/cb", "user"),
        ("http://127.0.0.1@evil.example/cb", "user"),
        ("https://app.example/cb#", "fragment"),  # A8
        ("https://app.example/cb#frag", "fragment"),
        ("https://*.app.example/cb", "wildcard"),
        ("https://app.example/*", "wildcard"),
        ("https://app.example\\@evil.example/cb", "backslash"),
        ("https://bücher.example/cb", "ASCII"),  # A16
        ("https://аpp.example/cb", "ASCII"),
        ("https://app.example/\u202e", "ASCII"),
        ("https://app.example/a b", "spaces"),
        (" https://app.example/cb", "spaces"),
        ("https://app.example/cb\r\nX: 1", "spaces"),  # A27
        ("https://app.example/cb\n", "spaces"),
        ("https://app.example/\tcb", "spaces"),
        ("https://app.example/cb\x00", "spaces"),
        ("https://app.example/<x>", "spaces"),
        ('https://app.example/"', "spaces"),
        ("https://app.example/{x}", "spaces"),
        ("https:///cb", "host"),
        ("https://?x=1", "host"),
        ("https://app..example/cb", "host"),
        ("https://.example/cb", "host"),
        ("https://app.example./cb", "host"),
        ("https://-app.example/cb", "host"),
        ("https://app_x.example/cb", "host"),
        ("https://app%2eexample/cb", "host"),
        ("https://1.2.3/cb", "host"),
        ("https://256.1.1.1/cb", "host"),
        ("https://0x7f000001/cb", "host"),
        ("https://[::g]/cb", "host"),
        ("https://[::1%25eth0]/cb", "host"),
        ("https://app.example:/cb", "port"),
        ("https://app.example:0/cb", "port"),
        ("https://app.example:65536/cb", "port"),
        ("https://app.example:08443/cb", "port"),
        ("https://app.example:80x/cb", "port"),
        ("https://app.example/cb/../evil", ". or .."),  # A2
        ("https://app.example/cb/..", ". or .."),
        ("https://app.example/./cb", ". or .."),
        ("https://app.example/cb/%2e%2E/evil", ". or .."),
        ("https://app.example/cb%0d%0aX", "percent-encode"),
        ("https://app.example/cb%00", "percent-encode"),
        ("https://app.example/cb%7f", "percent-encode"),
        ("https://app.example/cb%zz", "percent-encode"),
        ("https://app.example/cb%2", "percent-encode"),
        ("https://app.example/[x]", "percent-encode"),
        ("https://app.example/cb/@evil.example", "percent-encode"),
        ("https://app.example/cb?code=1", "code"),
        ("https://app.example/cb?a=1&state", "state"),
        ("https://app.example/" + "a" * LONGEST_URI, "1 to"),
    ],
)
def test_what_endangers_a_user_cannot_be_registered(uri: str, said: str) -> None:
    """D5: each refusal names what is wrong, and none of them is a crash (A17, A18)."""
    fault = fault_in_redirect_uri(uri)
    assert fault is not None
    assert said in fault


def test_the_longest_uri_that_fits_is_registered() -> None:
    """D5: the limit is a boundary pair."""
    front = "https://app.example/"
    assert fault_in_redirect_uri(front + "a" * (LONGEST_URI - len(front))) is None
    assert fault_in_redirect_uri(front + "a" * (LONGEST_URI - len(front) + 1)) is not None


@pytest.mark.parametrize("uri", GOOD)
def test_a_registered_uri_matches_itself(uri: str) -> None:
    assert matches(uri, uri)  # D5


@pytest.mark.parametrize(
    "presented",
    [
        "https://evil.example/cb",  # A1
        "https://good.example/cb/../evil",  # A2
        "https://good.example/cb%2f..%2fevil",  # A4
        "https://good.example:444/cb",  # A5
        "https://good.example:443/cb",
        "https://good@evil.example/cb",  # A6
        "https://good.example/cb#x",  # A8
        "https://good.example/Cb",  # A10
        "https://good.example/cb/",  # A11
        "https://good.example/cb?x=1",  # A12
        "https://good.example/cb?",
        "https://good.example.evil.example/cb",  # A15
        "https://gооd.example/cb",  # A16
        "https://xn--god-fma.example/cb",
        "https://GOOD.example/cb",
        "HTTPS://good.example/cb",
        "http://good.example/cb",
        "https://good.example/cb\r\n",  # A27
        "https://good.example/c\tb",
        "https://good.example/c%62",
        "https://good.example/cb ",
        "",
    ],
)
def test_any_other_character_is_another_uri(presented: str) -> None:
    """D5: compared character by character (A1 to A16, A27)."""
    assert not matches("https://good.example/cb", presented)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_a_loopback_literal_takes_any_port_registered_or_not(host: str) -> None:
    """D5: RFC 8252 §7.3, both ways (A19, A20)."""
    for registered in (f"http://{host}/cb", f"http://{host}:3000/cb"):
        for presented in (f"http://{host}/cb", f"http://{host}:1/cb", f"http://{host}:65535/cb"):
            assert matches(registered, presented)


@pytest.mark.parametrize(
    "presented",
    [
        "http://127.0.0.1:65536/cb",
        "http://127.0.0.1:0/cb",
        "http://127.0.0.1:/cb",
        "http://127.0.0.1:080/cb",
        "http://127.0.0.1:80@evil.example/cb",
        "http://127.0.0.1:80.evil.example/cb",
        "http://127.0.0.1:3000/other",
        "http://127.0.0.1:3000/cb/",
        "http://127.0.0.1:3000/cb?x=1",
        "http://127.0.0.1:3000/cb#x",
        "http://127.0.0.1:3000/cb\n",
        "http://127.0.0.1:3000\n/cb",
        "http://127.0.0.1:٣/cb",
        "http://127.0.0.2:3000/cb",
        "http://[::1]:3000/cb",
        "http://localhost:3000/cb",
        "https://127.0.0.1:3000/cb",
        "HTTP://127.0.0.1:3000/cb",
    ],
)
def test_beyond_the_port_a_loopback_literal_is_compared_like_any_other(presented: str) -> None:
    """D5: only the port is free (A19)."""
    assert not matches("http://127.0.0.1/cb", presented)


def test_localhost_keeps_its_port() -> None:
    """D5: `localhost` is a name, and its port counts (A21)."""
    assert matches("http://localhost:3000/cb", "http://localhost:3000/cb")
    assert not matches("http://localhost:3000/cb", "http://localhost:3001/cb")
    assert not matches("http://localhost:3000/cb", "http://localhost/cb")
    assert not matches("https://127.0.0.1:3000/cb", "https://127.0.0.1:3001/cb")


def test_one_of_several_registered_uris_is_enough() -> None:
    registered = ("https://good.example/cb", "http://127.0.0.1/cb")
    assert is_registered(registered, "http://127.0.0.1:5123/cb")  # D5
    assert not is_registered(registered, "https://good.example/")
    assert not is_registered((), "https://good.example/cb")


@pytest.mark.parametrize("uri", GOOD)
def test_a_redirect_to_this_computer_proves_no_app(uri: str) -> None:
    """T1: loopback, localhost and out of band are always asked about."""
    here = any(word in uri for word in ("127.0.0.1", "[::1]", "localhost", "oob"))
    assert stays_on_this_computer(uri) is here


def test_each_bad_uri_of_a_list_is_named_with_its_line() -> None:
    """D5: the developer learns which line to mend."""
    problems = problems_of_redirect_uris(["https://a.example/", "http://b.example/", "https://a.example/", "x"])
    assert [problem.message.partition(":")[0] for problem in problems] == ["line 2", "line 3", "line 4"]
    assert {problem.field for problem in problems} == {"redirect_uris"}
    assert "twice" in problems[1].message


def test_a_list_of_redirect_uris_is_bounded() -> None:
    many = [f"https://a.example/{n}" for n in range(MOST_REDIRECT_URIS + 1)]
    assert problems_of_redirect_uris(many[:-1]) == []  # D5
    assert len(problems_of_redirect_uris(many)) == 1


def test_a_list_of_too_many_is_not_looked_into() -> None:
    """D5: a form holds tens of thousands of lines; what is refused anyway costs no work and one sentence."""
    [problem] = problems_of_redirect_uris(["not a URI"] * 20_000)
    assert problem.message == f"must be at most {MOST_REDIRECT_URIS}"


def test_a_homepage_is_an_address_a_browser_may_open() -> None:
    """D2: shown as a link to users, so no `javascript:` either."""
    assert problems_of_homepage("") == []
    assert problems_of_homepage("https://acme.example") == []
    for bad in ("javascript:alert(1)", "http://acme.example", OUT_OF_BAND, "acme.example", "https://a b"):
        assert len(problems_of_homepage(bad)) == 1, bad
