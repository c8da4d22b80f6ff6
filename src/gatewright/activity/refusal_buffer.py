"""Refused calls that are not written yet: bounded, and nobody's flood crowds out the others (R3)."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from gatewright.activity.model import Refusal

MOST_WAITING = 10_000
MOST_OF_ONE = 200  # of one app or service account in one company, until the next flush

Caller = tuple[int, int, int]


@dataclass(slots=True)
class RefusalBuffer:
    """What one process keeps until the next flush; what does not fit is counted all the same."""

    most: int = MOST_WAITING
    most_of_one: int = MOST_OF_ONE
    _waiting: list[Refusal] = field(default_factory=list)
    _of: Counter[Caller] = field(default_factory=Counter)

    def keep(self, refusal: Refusal) -> None:
        """Keep one refused call, if there is room for it."""
        caller = (refusal.company_id, refusal.app_id, refusal.service_account_id)
        if len(self._waiting) < self.most and self._of[caller] < self.most_of_one:
            self._waiting.append(refusal)
            self._of[caller] += 1

    def take(self) -> list[Refusal]:
        """Return all that waits; nothing waits then."""
        taken, self._waiting, self._of = self._waiting, [], Counter()
        return taken

    def put_back(self, refusals: Iterable[Refusal]) -> None:
        """Keep again what could not be written."""
        for refusal in refusals:
            self.keep(refusal)
