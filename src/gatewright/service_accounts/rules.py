"""What a service account may be called, and when a word about an address concerns one (S2, S8)."""

import secrets

from gatewright.base.errors import Problem
from gatewright.base.folding import is_name_shaped

MOST_FOREIGN_ENTRIES = 3  # S8: a day, by one company


def problems_of_name(name: str) -> list[Problem]:
    """Return the problem with an account's name, if there is one."""
    if is_name_shaped(name):
        return []
    return [Problem("name", "must have 1 to 120 visible characters, and none before or after that is blank")]


def new_address(domain: str) -> str:
    """Return a fresh address under the service domain: 128 random bits, so that nobody guesses one (S2)."""
    return f"{secrets.token_hex(16)}@{domain}"
