"""One small API, guarded in each framework. An allowed call is answered with who called."""

from gatewright_sdk import Allow


def said(allow: Allow) -> dict[str, object]:
    """Return what each view answers."""
    return {"id": allow.principal.id, "kind": allow.principal.kind, "level": allow.level, "company": allow.company_id}
