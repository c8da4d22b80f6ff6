"""The operator's keys."""

from tests.pages.samples.parts import Names, Pages, ago, frame


def operated_keys(names: Names) -> Pages:
    """Yield the keys in the middle of a rotation of both kinds, at rest, and refused."""
    none = {"retired_at": None, "compromised_at": None, "ends_at": None}
    current = {
        "kid": "95b78299b5c5c879d91257bfd7c7a11f",
        "state": "current",
        "made_at": ago(days=90),
        "current_from": ago(days=90),
        **none,
    }
    calm = {
        **frame(names, "operator", "Keys"),
        "signing": [current],
        "server": [
            {
                "key_id": "9f068236",
                "state": "current",
                "first_seen_at": ago(days=200),
                "hanging": [
                    ("client secrets", 1204, "each until it is used next, or retired"),
                    ("signing keys", 1, ""),
                ],
            }
        ],
        "waiting": False,
        "publication": 10,
        "kept": 5,
        "errors": {},
    }
    yield "operator_keys", "operator/keys.html", calm
    soon = ago(minutes=-6)
    states = (
        {"kid": "ca639b2bd6a026e1674b8c17bcaad262", "state": "next", "current_from": soon},
        {"state": "current", "retired_at": soon},
        {"kid": "0b1e" * 8, "state": "retiring", "retired_at": ago(hours=1), "ends_at": ago(minutes=-60)},
        {"kid": "77aa" * 8, "state": "compromised", "compromised_at": ago(days=3)},
        {"kid": "51f0" * 8, "state": "retired", "retired_at": ago(days=100), "ends_at": ago(days=100)},
    )
    left = [
        ("client secrets", 31, "each until it is used next, or retired"),
        ("token families", 88_204, "each until it is refreshed next, or ends"),
        ("sessions", 12, "each until it expires or ends"),
    ]
    older = {"key_id": "0a1b2c3d", "state": "older", "first_seen_at": ago(days=700), "hanging": left}
    free = {"key_id": "44d1e0aa", "state": "older", "first_seen_at": ago(days=900), "hanging": []}
    gone = {**free, "key_id": "e8e8e8e8", "state": "missing"}
    busy = {
        **calm,
        "signing": [{**current, **state} for state in states],
        "server": [*calm["server"], older, free, gone],
        "waiting": True,
    }
    yield "operator_keys_rotating", "operator/keys.html", busy
    refused = {"": "The next key is published already and becomes current at 2026-11-23 21:54:24 UTC."}
    yield "operator_keys_refused", "operator/keys.html", {**busy, "errors": refused}
