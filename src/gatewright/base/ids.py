"""Identifiers, each with a type of its own so that two kinds never mix."""

import os
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


def random_uuid() -> str:
    """Return a UUID of version 4 (RFC 9562 §5.4), written without the object that the library makes for it.

    Every request gets one, and the object takes longer than the decision that some of them ask for.
    """
    digits = os.urandom(16).hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
