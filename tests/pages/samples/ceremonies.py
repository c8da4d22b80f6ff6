"""Consent, codes and one-time secrets."""

from tests.pages.samples.parts import TERMS, Names, Pages, frame, signed_out


def ceremonies(names: Names) -> Pages:
    """Yield consent, codes and one-time secrets."""
    app = {
        "app_id": 3,
        "name": names.app,
        "developer": names.developer,
        "homepage": "https://sync.acme.example/",
        "terms": TERMS[0],
        "client_id": "gwc_3n9v2kq7d1txm4s8",
    }
    inside = frame(names)
    consent = {
        **inside,
        "request": "r" * 32,
        "app": app,
        "scopes": ["company.manage"],
        "managed": [names.company, "Harbor Civil"],
        "companies": [
            {"name": names.company, "state": "connects"},
            {"name": "Harbor Civil", "state": "approval"},
            {"name": "Pier Group", "state": "connected"},
            {"name": "Mill Street Trust", "state": "refused"},
        ],
        "return_to": {"kind": "web", "host": "sync.acme.example"},
        "switch_href": "/login?next=/oauth/authorize",
    }
    yield "consent", "oauth/consent.html", consent
    yield (
        "consent_bare",
        "oauth/consent.html",
        {
            **consent,
            "scopes": [],
            "managed": [],
            "companies": [],
            "return_to": {"kind": "loopback", "host": "127.0.0.1"},
            "app": {**app, "homepage": "", "terms": ""},
        },
    )
    yield "consent_code", "oauth/consent.html", {**consent, "managed": [], "return_to": {"kind": "code", "host": ""}}
    yield (
        "code",
        "oauth/code.html",
        {
            **inside,
            "code": "gwa_" + "Yt7Qm2Vx0aJr9LkE4uWb1NsDp6HcZf3TgOi8RvKqMe5_x4Kd",
            "app": app,
            "lifetime_minutes": 10,
        },
    )
    yield (
        "authorize_refused",
        "oauth/refused.html",
        {
            **signed_out(names),
            "heading": "This redirect URI is not registered",
            "explanation": f"{names.app} asked for an address that is not registered, so you were sent nowhere.",
            "who": "The app’s developer registers it under Apps, Redirect URIs. It is compared character by character.",
            "code": "invalid_request",
            "status": 400,
            "facts": [{"label": "Sent", "value": f"https://{'x' * 90}.example/callback"}],
            "way_on": {"label": "To the start", "href": "/"},
        },
    )
    secret = "gws_Yt7Qm2Vx0aJr9LkE4uWb1NsDp6HcZf3TgOi8RvKqMe5_x4Kd"
    account = {
        **inside,
        "account": {"name": names.account, "client_id": "svc_5r8m2c41xk"},
        "company": {"id": 1, "name": names.company},
        "made_by": names.user,
        "regenerated": False,
        "continue_href": "/companies/1/directory/9",
        "opens_levels": True,
        "account_href": "/companies/1/service-accounts/4",
    }
    yield "account_secret", "company/secret.html", {**account, "client_secret": secret}
    yield "account_secret_again", "company/secret.html", {**account, "client_secret": None}
    yield "app_secret", "developer/secret.html", {**inside, "app": app, "client_secret": secret, "beside": "another"}
    yield (
        "app_secret_again",
        "developer/secret.html",
        {**inside, "app": app, "client_secret": None, "beside": "nothing"},
    )
