"""Trying an app: what will be sent, what came back, what was asked and answered."""

from gatewright.oauth.trial_rules import Credentials, Received, api_request, form_request, shown_answer, shown_request
from tests.pages.samples.parts import Context, Names, Pages, frame

ISSUER, HOST = "https://id.northwind.example", "id.northwind.example"
STATE = "q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4mrze8" * 3
TOKEN, REFRESH = "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9" * 4, "gwr_" + "Yt7Qx4Kd" * 9


def trials(names: Names) -> Pages:
    """Yield the pages of a trial."""
    inside = frame(names, "developer", "Apps")
    app = {"app_id": 3, "name": names.app, "type": "confidential", "status": "active"}
    start = {
        **inside,
        "app": app,
        "redirect_uri": f"{ISSUER}/developer/try",
        "is_registered": True,
        "parameters": [
            ("response_type", "code"),
            ("client_id", "app_3n9v2kq7d1txm4s83n9v2kq7d1txm4s8"),
            ("redirect_uri", f"{ISSUER}/developer/try"),
            ("state", STATE),
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            ("code_challenge_method", "S256"),
            ("prompt", "consent"),
        ],
        "href": "/oauth/authorize?response_type=code",
        "host": HOST,
        "minutes": 30,
        "terms": None,
        "errors": {},
    }
    yield "try", "developer/try.html", start
    yield "try_missing", "developer/try.html", {**start, "is_registered": False}
    waits = {"is_registered": False, "terms": "2026-11", "app": {**app, "type": "public"}}
    yield "try_terms", "developer/try.html", {**start, **waits}
    yield "try_failed", "developer/try.html", {**start, "is_registered": False, "errors": {"": "Must be at most 20."}}
    yield "try_blocked", "developer/try.html", {**start, "app": {**app, "status": "blocked"}}
    yield from answers({**inside, "app": app})


def answers(inside: Context) -> Pages:
    """Yield the pages of what came back."""
    arrived = {
        **inside,
        "arrival": f"GET /developer/try?code=gwc_3n…x4Kd9a&state=q83vAS…rze8&iss={ISSUER} HTTP/1.1\nHost: {HOST}",
        "error": "",
        "code": "gwc_3n9v2kq7d1txm4s8",
        "state": STATE,
        "steps": [],
        "outcome": "",
        "ticked": {"refresh": True, "revoke": True},
        "errors": {},
    }
    yield "try_answer", "developer/try_answer.html", arrived
    wrong = {"client_secret": "Paste the client secret, 1 to 200 characters."}
    yield "try_answer_failed", "developer/try_answer.html", {**arrived, "errors": wrong}
    denied = f"GET /developer/try?error=access_denied&state=q83vAS…rze8&iss={ISSUER} HTTP/1.1\nHost: {HOST}"
    yield (
        "try_answer_denied",
        "developer/try_answer.html",
        {**arrived, "arrival": denied, "error": "access_denied", "code": ""},
    )
    refused = _step("Trade the code for tokens", Received(401, _HEADERS, '{"error":"invalid_client"}'))
    yield "try_answer_refused", "developer/try_answer.html", {**arrived, "steps": [refused]}
    body = f'{{"access_token":"{TOKEN}","token_type":"Bearer","expires_in":7200,"refresh_token":"{REFRESH}"}}'
    steps = [
        _step("Trade the code for tokens", Received(200, _HEADERS, body)),
        _call(Received(200, _HEADERS, '{"id":7,"login":"ada@northwind.example","name":"Ada Park"}')),
        _step("Refresh", Received(200, _HEADERS, body)),
    ]
    done = {**arrived, "code": "", "steps": steps}
    yield "try_answer_live", "developer/try_answer.html", {**done, "outcome": "live"}
    revoked = [*steps, _step("Revoke", Received(200, _HEADERS, "{}"))]
    unclear = [
        *steps[:2],
        _step("Refresh", Received(400, _HEADERS, '{"error":"invalid_grant","reason":"code_reused"}')),
    ]
    yield "try_answer_unclear", "developer/try_answer.html", {**done, "steps": unclear, "outcome": "unclear"}
    yield "try_answer_ended", "developer/try_answer.html", {**done, "steps": revoked, "outcome": "ended"}


_HEADERS = (("content-type", "application/json; charset=utf-8"), ("cache-control", "no-store"))


def _step(heading: str, received: Received) -> Context:
    sent = form_request(
        "/oauth/token",
        [("grant_type", "authorization_code"), ("code", "gwc_3n9v2kq7d1txm4s83n9v2kq7d1txm4s8")],
        credentials=Credentials("app_3n9v2kq7d1txm4s8", "gws_secret"),
        host=HOST,
    )
    return _shown(heading, shown_request(sent, secrets=[]), received)


def _call(received: Received) -> Context:
    sent = shown_request(api_request("/rest/v1.0/me", TOKEN, host=HOST), secrets=[TOKEN])
    return _shown("Call the platform", sent, received)


def _shown(heading: str, sent: str, received: Received) -> Context:
    return {
        "heading": heading,
        "sent": sent,
        "received": shown_answer(received, secrets=[]),
        "status": received.status,
    }
