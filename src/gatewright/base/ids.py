"""Identifiers, each with a type of its own so that two kinds never mix."""

import secrets
from typing import NewType

PrincipalId = NewType("PrincipalId", int)  # P1: users and service accounts share one sequence
UserId = NewType("UserId", int)
ServiceAccountId = NewType("ServiceAccountId", int)
CompanyId = NewType("CompanyId", int)
ProjectId = NewType("ProjectId", int)
ContactId = NewType("ContactId", int)
TemplateId = NewType("TemplateId", int)
AppId = NewType("AppId", int)
EventId = NewType("EventId", int)

# Ids that tokens carry are random, never sequences: a restore reuses sequences.
AuthorizationId = NewType("AuthorizationId", str)
FamilyId = NewType("FamilyId", str)
SecretId = NewType("SecretId", str)

NO_COMPANY = CompanyId(0)
LARGEST_ID = 2**53 - 1


def random_id() -> str:
    """Return 128 random bits as 32 lower-case hex digits."""
    return secrets.token_hex(16)
