"""Answers remembered beside the facts that they were computed from.

A decision is a function of its question and of rows. So an answer may be given again while memory holds
the very rows that it was computed from (`Facts.stand`): no event has to name it, and none can miss it. What
does not hang from rows is not remembered: that the token lives at this instant, what a call costs, its count.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from gatewright.base.secrets import fingerprint
from gatewright.decisions.calls import Call
from gatewright.decisions.model import Allowed, Asked, Refused, Situation
from gatewright.events.facts import Noted
from gatewright.oauth.model import LiveToken
from gatewright.oauth.tokens import Verified
from gatewright.web.access import Allow, Deny, Question

MOST_KNOWN = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What was decided about one token and one question, and the facts that it was computed from."""

    token: Verified
    live: LiveToken
    asked: Asked
    verdict: Allowed | Refused
    facts: Situation
    answer: Allow | Deny
    call: Call | None  # what is counted of a yes; refused calls are kept one by one
    given: Noted = field(default_factory=Noted)
    beside: dict[str, Any] = field(default_factory=dict)  # what others made of the answer


@dataclass(slots=True)
class Memory:
    """The decisions of one process that were asked for last."""

    most: int = MOST_KNOWN
    _known: OrderedDict[tuple[bytes, Question], Known] = field(init=False, default_factory=OrderedDict)

    def find(self, token: str, question: Question) -> Known | None:
        """Return what was decided; whether its facts stand is for the caller to ask."""
        place = (fingerprint(token), question)
        if (known := self._known.get(place)) is not None:
            self._known.move_to_end(place)
        return known

    def keep(self, token: str, question: Question, known: Known) -> None:
        """Keep a decision, in the place of the one that was not asked for longest where there is no room."""
        place = (fingerprint(token), question)
        self._known[place] = known
        self._known.move_to_end(place)
        while len(self._known) > self.most:
            self._known.popitem(last=False)
