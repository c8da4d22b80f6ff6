"""Who was allowed, as it is told to the platform's own API."""

from dataclasses import dataclass
from typing import Any

from gatewright.web.access import Allow, Question


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who acts, where, and what they may; None and () where it is not applicable."""

    user_id: int | None = None
    service_account_id: int | None = None
    client_id: str | None = None
    company_id: int | None = None
    contact_id: int | None = None
    level: str | None = None
    scopes: tuple[str, ...] = ()
    tool: str | None = None  # what was decided: else the yes to one question would pass for one to another
    project_id: int | None = None
    of_company: bool = False

    @property
    def claims(self) -> dict[str, Any]:
        """Return what an assertion says of it."""
        return {
            "user_id": self.user_id,
            "service_account_id": self.service_account_id,
            "client_id": self.client_id,
            "company_id": self.company_id,
            "contact_id": self.contact_id,
            "level": self.level,
            "scope": " ".join(self.scopes),
            "tool": self.tool,
            "project_id": self.project_id,
            "of_company": self.of_company,
        }

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """Return the headers that tell it, each present."""
        return tuple((header, _text(self.claims[claim])) for claim, header in HEADERS.items())


HEADERS = {
    "user_id": b"gatewright-auth-user-id",
    "service_account_id": b"gatewright-auth-service-account-id",
    "client_id": b"gatewright-auth-client-id",
    "company_id": b"gatewright-auth-company-id",
    "contact_id": b"gatewright-auth-contact-id",
    "level": b"gatewright-auth-level",
    "scope": b"gatewright-auth-scope",
}
NOBODY = Identity()


def identity_of(allow: Allow, question: Question) -> Identity:
    """Return who was allowed, and what."""
    is_user = allow.principal.kind == "user"
    return Identity(
        user_id=allow.principal.id if is_user else None,
        service_account_id=None if is_user else allow.principal.id,
        client_id=allow.client_id,
        company_id=allow.company_id,
        contact_id=allow.contact_id,
        level=None if allow.level is None else allow.level.key,
        scopes=allow.scopes,
        tool=question.tool,
        project_id=question.project_id,
        of_company=question.of_company,
    )


def _text(value: object) -> bytes:
    return b"" if value is None else str(value).encode("ascii")
