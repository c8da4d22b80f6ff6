"""What is remembered of a proxy's question stays small, whatever was sent (X5)."""

import pytest

from gatewright.authz.questions import LONGEST_NAMED, LONGEST_QUERY, named_by, question_in
from gatewright.base.errors import BadRequest

ASKED = b"tool=rfis&level=read_only&project_id="


def test_a_query_has_a_bound() -> None:
    # X5
    assert question_in(ASKED + b"1" * (LONGEST_QUERY - len(ASKED)), (), "GET").tool == "rfis"
    with pytest.raises(BadRequest, match="invalid_request"):
        question_in(ASKED + b"1" * (LONGEST_QUERY - len(ASKED) + 1), (), "GET")


def test_a_company_is_read_as_far_as_it_can_matter() -> None:
    # X3: a third value and a twenty-first digit change nothing, for two values and seventeen digits are refused.
    sent = {b"gatewright-company-id": ["1" * 30_000, "2", "3"]}
    assert named_by(sent, b"gatewright-company-id") == ("1" * LONGEST_NAMED, "2")
    assert named_by({}, b"gatewright-company-id") == ()
