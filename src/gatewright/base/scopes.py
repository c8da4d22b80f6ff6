"""The scopes that a token can carry (D7)."""

from typing import Final

MANAGE: Final = "company.manage"  # M8: what security objects need
SCOPES: Final = (MANAGE,)  # the only one there is
