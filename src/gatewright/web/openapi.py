"""The description of the API at `/openapi.json`: what every operation shares is added here, once."""

from collections.abc import Callable
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from gatewright.settings import Settings

SUMMARY: Final = "Who is asking, may they, and who may change that."
DESCRIPTION: Final = (
    "Every call sends `Authorization: Bearer TOKEN` and names its company once: in the header "
    "`Gatewright-Company-Id` (or `Procore-Company-Id`), in the path, or as `company_id`. What is refused answers "
    "with one code, one sentence and who can fix it. Security objects need the scope `company.manage` beside the "
    "user's own level."
)
TAGS: Final = [
    {"name": "who and where", "description": "Who acts with this token, and what is in their reach."},
    {"name": "directory", "description": "Contacts, levels, memberships, templates and projects of a company."},
    {"name": "installations", "description": "Which apps reach a company's data: disconnect, reconnect."},
    {"name": "service accounts", "description": "Programs of a company's own, each with its own contact."},
    {"name": "events", "description": "The record of a company: who did what and when, to read and to export."},
]
REFUSALS: Final = {
    "400": "The request cannot be understood, or names no company or two: `company_ambiguous`, `company_required`.",
    "401": "Nobody is known to be asking: `token_missing`, `token_invalid`, `token_expired`, `token_revoked`, "
    "`principal_inactive`, `service_account_disabled`.",
    "403": "Not allowed: `app_not_connected`, `app_approval_required`, `scope_insufficient`, "
    "`permission_insufficient`.",
    "404": "Outside the caller's reach, or nowhere: `company_unknown`, `project_unknown` and others.",
    "409": "The state of things forbids it now, such as `last_admin`.",
    "422": "Fields that do not hold what they must, one sentence each.",
    "503": "It cannot be answered now; send the same request again: `temporarily_unavailable`.",
}
TEXT: Final = {"type": "string"}
REFUSAL: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["error", "errors"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "help", "request_id"],
            "properties": {
                "code": {**TEXT, "description": "stable, for programs"},
                "message": {**TEXT, "description": "one sentence"},
                "help": {**TEXT, "description": "who can fix it, and how"},
                "request_id": {**TEXT, "format": "uuid"},
            },
        },
        "errors": {"type": "array", "items": TEXT, "description": "the same sentences in a list"},
    },
}


def describe(app: FastAPI, settings: Settings) -> Callable[[], dict[str, Any]]:
    """Return the function that describes `app`; the first description is kept."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _described(app, settings)
        return app.openapi_schema

    return openapi


def _described(app: FastAPI, settings: Settings) -> dict[str, Any]:
    schema = get_openapi(
        title="Gatewright",
        version=app.version,
        summary=SUMMARY,
        description=DESCRIPTION,
        routes=app.routes,
        tags=TAGS,
        servers=[{"url": settings.issuer}],
    )
    parts = schema.setdefault("components", {})
    shapes = parts.setdefault("schemas", {})
    shapes["Refusal"] = REFUSAL
    for name in ("HTTPValidationError", "ValidationError"):
        shapes.pop(name, None)
    parts["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        "oauth": _oauth(settings),
    }
    for operations in schema.get("paths", {}).values():
        for operation in operations.values():
            operation["security"] = [{"token": []}, {"oauth": []}]
            operation["responses"] = {**operation.get("responses", {}), **_refusals()}
            operation.setdefault("parameters", []).append(_COMPANY)
    return schema


_COMPANY: Final = {
    "name": "Gatewright-Company-Id",
    "in": "header",
    "required": False,
    "schema": {"type": "integer", "minimum": 1, "maximum": 2**53 - 1},
    "description": "The company, where neither path nor query names it.",
}


def _refusals() -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}}
    return {status: {"description": told, "content": content} for status, told in REFUSALS.items()}


def _oauth(settings: Settings) -> dict[str, Any]:
    scopes = {"company.manage": "Manage company security, within the user's own levels."}
    token = f"{settings.issuer}/oauth/token"
    by_code = {"authorizationUrl": f"{settings.issuer}/oauth/authorize", "tokenUrl": token, "refreshUrl": token}
    flows = {
        "authorizationCode": {**by_code, "scopes": scopes},
        "clientCredentials": {"tokenUrl": token, "scopes": {}},
    }
    return {"type": "oauth2", "flows": flows}
