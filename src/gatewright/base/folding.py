"""Folding: when two spellings name the same thing."""

import unicodedata

LONGEST_EMAIL = 254


def fold_email(email: str) -> str:
    """Return the form in which two spellings of an address are equal (P1: NFKC, then case).

    ValueError above the longest address: a run of combining marks takes time that grows
    with its square (A117), so whoever folds what a stranger wrote looks at its shape first.
    """
    if len(email) > LONGEST_EMAIL:
        raise ValueError("too long for an address")
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", email).casefold())


def is_email_shaped(email: str) -> bool:
    """Return whether `email` can be an address: one `@`, both sides filled, no spaces or controls."""
    if len(email) > LONGEST_EMAIL:
        return False
    local, at, domain = email.rpartition("@")
    plain = all(not c.isspace() and unicodedata.category(c)[0] != "C" for c in email)
    return bool(at and local and domain and "@" not in local and plain)


def is_name_shaped(name: str, *, longest: int = 120) -> bool:
    """Return whether `name` can be shown: not blank, not too long, no control letters.

    Format characters (category Cf) are refused too: a right-to-left override would
    let one name be read as another (A192).
    """
    if len(name) > longest:
        return False
    plain = all(unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} for c in name)
    return bool(name.strip()) and name == name.strip() and plain
