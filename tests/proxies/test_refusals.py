"""What the client is told through nginx when the answer is no, or when there is nobody to answer."""

from pathlib import Path

import pytest

from tests.proxies.guarded import RFIS, Answered, Guarded, guarded_api

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_each_refusal_has_its_own_status_and_gatewrights_words(guarded: Guarded) -> None:
    """X2: not the 401 and 403 that proxies understand, but what the API of Gatewright would say."""
    wim, alder = await guarded.token("wim"), guarded.company()
    rfis, tower = guarded.path(RFIS), guarded.path("/rest/v1.0/projects/{tower}/rfis")
    budget, both = guarded.path("/rest/v1.0/companies/{alder}/budget"), [alder, guarded.company("birch")]
    expected: list[tuple[int, str, Answered]] = [
        (401, "token_missing", guarded.call("GET", rfis, headers=[alder])),
        (401, "token_invalid", guarded.call("GET", rfis, token="nonsense", headers=[alder])),
        (401, "token_missing", guarded.call("GET", "/nobody/knows")),
        (404, "route_unknown", guarded.call("GET", "/nobody/knows", token=wim)),
        (404, "route_unknown", guarded.call("PATCH", rfis, token=wim, headers=[alder])),
        (400, "path_unclear", guarded.call("GET", rfis.replace("projects/", "projects//"), token=wim, headers=[alder])),
        (400, "company_required", guarded.call("GET", "/rest/v1.0/projects", token=wim)),
        (400, "company_ambiguous", guarded.call("GET", rfis, token=wim, headers=both)),
        (404, "company_unknown", guarded.call("GET", rfis, token=wim, headers=[guarded.company("birch")])),
        (404, "project_unknown", guarded.call("GET", tower, token=wim, headers=[alder])),
        (403, "permission_insufficient", guarded.call("DELETE", rfis, token=wim, headers=[alder])),
        (403, "scope_insufficient", guarded.call("GET", budget, token=await guarded.token("ada"))),
    ]
    for status, code, answer in expected:
        assert (answer.status, answer.code) == (status, code), answer
        assert not answer.is_passed_on
        assert answer.header("gatewright-code") == code
        assert answer.told["error"]["message"]
        challenge = answer.header("www-authenticate")
        assert (challenge is not None) == (status == 401), (code, challenge)


async def test_a_refusal_of_a_large_body_reaches_whoever_sends_it(guarded: Guarded) -> None:
    """X1: nothing of it is passed on."""
    answer = guarded.call("POST", guarded.path(RFIS), token="nonsense", body=b"x" * (8 * 1024 * 1024))
    assert (answer.status, answer.code, answer.is_passed_on) == (401, "token_invalid", False)


async def test_a_refusal_is_kept_for_its_explanation(guarded: Guarded) -> None:
    """X4: under the request id that the client was told, through nginx."""
    token, company = await guarded.token("wim"), guarded.company()
    answer = guarded.call("DELETE", guarded.path(RFIS), token=token, headers=[company])
    assert answer.code == "permission_insufficient"
    assert answer.told["error"]["request_id"] == answer.header("x-request-id")


async def test_limits_are_told_to_the_client(tmp_path: Path) -> None:
    """R3: 429 with Retry-After, not nginx's 403; and the headers that count down beside each answer."""
    async with guarded_api(tmp_path, chosen={"RATE_LIMIT_SPIKE": "2", "RATE_LIMIT_HOUR": "100"}) as limited:
        token, company = await limited.token("wim"), limited.company()
        answers = [limited.call("GET", limited.path(RFIS), token=token, headers=[company]) for _ in range(8)]
        refused = [answer for answer in answers if not answer.is_passed_on]
        assert [answer.header("x-rate-limit-limit") for answer in answers] == ["2"] * len(answers)
        assert answers[0].header("x-rate-limit-remaining") == "1"
        assert refused
        for answer in refused:
            assert (answer.status, answer.code) == (429, "rate_limited")
            assert int(answer.header("retry-after") or "0") > 0


async def test_what_gatewright_finds_malformed_is_not_to_be_tried_again(guarded: Guarded) -> None:
    """X1: 400, and no Retry-After: the same request stays malformed."""
    twice = f"{guarded.path(RFIS)}?access_token=x"
    answer = guarded.call("GET", twice, token=await guarded.token("wim"), headers=[guarded.company()])
    assert (answer.status, answer.code, answer.is_passed_on) == (400, "invalid_request", False), answer
    assert answer.header("retry-after") is None


async def test_gatewright_away_nothing_is_passed_on(tmp_path: Path) -> None:
    """T12: who cannot know refuses: 503 with a body, not 500 and never open; public routes too."""
    async with guarded_api(tmp_path) as alone:
        token, company = await alone.token("wim"), alone.company()
        asked = [("GET", alone.path(RFIS)), ("POST", alone.path(RFIS)), ("GET", "/rest/v1.0/ping"), ("GET", "/unknown")]
        assert alone.call("GET", alone.path(RFIS), token=token, headers=[company]).status == 200
        alone.world.servers[0].kill()
        for method, target in asked:
            answer = alone.call(method, target, token=token, headers=[company])
            assert (answer.status, answer.code, answer.is_passed_on) == (503, "temporarily_unavailable", False), answer
            assert answer.header("retry-after") == "1"


async def test_the_api_away_is_told_apart(tmp_path: Path) -> None:
    """X1: 502, with a body; the decision was made."""
    async with guarded_api(tmp_path) as alone:
        alone.upstream.leave()
        answer = alone.call("GET", alone.path(RFIS), token=await alone.token("wim"), headers=[alone.company()])
        assert (answer.status, answer.code) == (502, "api_unavailable")
