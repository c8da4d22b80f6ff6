"""Pure rules of new passwords, after NIST SP 800-63B §5.1.1: long, not guessable, nothing about kinds of letters.

What is guessable, zxcvbn estimates from its lists of 30,000 common passwords, of words and of
names, with keyboard walks, dates and repeats, and from words that a guesser would try here.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from zxcvbn.matching import RANKED_DICTIONARIES, build_ranked_dict, omnimatch
from zxcvbn.scoring import most_guessable_match_sequence

from gatewright.base.folding import LONGEST_EMAIL, fold_email

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 4096
RULE = f"At least {SHORTEST_PASSWORD} characters. Several words that do not belong together are best."

# Ten guesses in a quarter of an hour are 350,000 a year for an account that nobody watches; a stolen
# hash costs about 25 ms a guess, so that 10^8 of them take a computer a month.
FEWEST_GUESSES = 10**8
FEWEST_LEFT_OVER = 5
# zxcvbn's work grows with the square of the length and with the readings of signs as letters.
JUDGED_LETTERS = 64
MOST_SIGNS = 5
MOST_WORDS, LONGEST_WORD, SHORTEST_WORD = 30, 40, 3
PRODUCT_WORDS = ("gatewright",)

# Signs that zxcvbn reads as a letter, and the one of each letter's signs that stands for all.
_SIGNS = frozenset("4@8({[<369!1|07$5+%2")
_ONE_SIGN_EACH = str.maketrans("@{[<9!|$+", "4(((61157")
_SPLIT = re.compile(r"[\W_]+")

_COMMON = "This is close to a password that many people use. Take several words that do not belong together."
_ABOUT_YOU = "This is made of your name, your address or a word from here, which is what is tried first."
_PATTERN = "This is a pattern, such as a repeat, a row of keys or a date, and easily guessed."
_GUESSABLE = "This is easily guessed. Add words that do not belong together."


def normal(password: str) -> str:
    """Return the form that is judged, hashed and compared: NFKC, since keyboards compose letters differently."""
    return unicodedata.normalize("NFKC", password)


def weakness(password: str, *, email: str, name: str = "", words: Sequence[str] = ()) -> str | None:
    """Return why a new password will not do, as one sentence; None when it will (A189, A190).

    It takes milliseconds, at worst some tens of them, so it is asked on the password threads.
    """
    if len(password) > LONGEST_PASSWORD:
        return f"Use at most {LONGEST_PASSWORD:,} characters."
    password = normal(password)
    if len(password) < SHORTEST_PASSWORD:
        return f"Use at least {SHORTEST_PASSWORD} characters."
    address = fold_email(email)
    if len(password) <= LONGEST_EMAIL and fold_email(password) in {address, address.partition("@")[0]}:
        return "Use something other than the address itself."
    context = _context((email, name, *words))
    if _is_made_of(password, context):
        return _ABOUT_YOU
    guesses, matches = _estimate(password, context)
    return None if guesses >= FEWEST_GUESSES else _told(matches)


def judged_part(password: str) -> str:
    """Return the part that is estimated: its beginning, and with many signs one sign for each letter."""
    judged = password[:JUDGED_LETTERS]
    return judged.translate(_ONE_SIGN_EACH) if len(_SIGNS & set(judged)) > MOST_SIGNS else judged


def _estimate(password: str, context: Sequence[str]) -> tuple[float, list[dict[str, Any]]]:
    """Return how many guesses a guesser needs who knows these words, and what they would try.

    zxcvbn's own entry keeps the words in a module's variable, where threads mix them up.
    """
    judged = judged_part(password)
    dictionaries = {**RANKED_DICTIONARIES, "user_inputs": build_ranked_dict(context)}
    found = most_guessable_match_sequence(judged, omnimatch(judged, dictionaries))
    return float(found["guesses"]), list(found["sequence"])


def _context(texts: Iterable[str]) -> list[str]:
    """Return the words of these texts, folded, without repeats and not too many."""
    words = [word for text in (*PRODUCT_WORDS, *texts) for word in _SPLIT.split(normal(text[:LONGEST_EMAIL]).lower())]
    return list(dict.fromkeys(word for word in words if SHORTEST_WORD <= len(word) <= LONGEST_WORD))[:MOST_WORDS]


def _is_made_of(password: str, context: Sequence[str]) -> bool:
    """Return whether little but signs stays of a password without these words."""
    left = password.lower()
    for word in sorted(context, key=len, reverse=True):
        left = left.replace(word, "")
    return left != password.lower() and len(_SPLIT.sub("", left)) < FEWEST_LEFT_OVER


def _told(matches: Sequence[dict[str, Any]]) -> str:
    """Return the sentence for the part that makes it weak: the longest that was found in a list."""
    longest = max(matches, key=lambda match: len(match["token"]), default={})
    base = next(iter(longest.get("base_matches") or ()), longest)
    if base.get("pattern") == "dictionary":
        listed = {"user_inputs": _ABOUT_YOU, "passwords": _COMMON}.get(base["dictionary_name"])
        return listed or (_PATTERN if longest["pattern"] == "repeat" else _GUESSABLE)
    return _GUESSABLE if base is longest and base.get("pattern") == "bruteforce" else _PATTERN
