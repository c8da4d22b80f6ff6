"""Every kind of the catalogue has its sentence, and no sentence fails for want of a name."""

from dataclasses import fields
from typing import Any

import pytest

from gatewright.events import catalogue
from gatewright.events.reading import Recorded
from gatewright.events.sentences import COMPANY_KINDS, OF_PROJECTS, SENTENCES, line, who
from tests.support.tenants import NOON

EVERY_KIND = {
    event.KIND: event
    for event in vars(catalogue).values()
    if isinstance(event, type) and issubclass(event, catalogue.Event) and event is not catalogue.Event
}


def recorded(kind: str, **values: Any) -> Recorded:
    """Return an entry of the record that says nothing but what is given."""
    nothing: dict[str, Any] = dict.fromkeys(Recorded.__dataclass_fields__)
    known = {"id": 1, "position": 1, "kind": kind, "at": NOON, "by_kind": "system", "about": {}, "names": {}}
    erased = {"is_origin_erased": False, "is_whom_erased": False}
    return Recorded(**{**nothing, **known, **erased, **values})


def test_every_kind_of_the_catalogue_has_a_sentence() -> None:
    # R1
    assert SENTENCES.keys() == EVERY_KIND.keys()
    assert set(COMPANY_KINDS) >= OF_PROJECTS


@pytest.mark.parametrize("kind", sorted(SENTENCES))
def test_a_sentence_stands_even_when_its_thing_is_gone_and_its_names_erased(kind: str) -> None:
    # R4
    states: tuple[dict[str, Any] | None, ...] = (None, {}, {"levels": {}})
    for state in states:
        told = line(recorded(kind, before=state, after=state))
        assert told["who"] == "Gatewright"
        assert told["text"]


def test_what_the_event_recorded_names_the_thing_before_what_it_is_called_now() -> None:
    event = recorded("contact.removed", before={"name": "Wim"}, names={"contact": "Wim Weide"})
    assert line(event)["text"] == "removed Wim from the directory"
    assert line(recorded("contact.removed"))["text"] == "removed something that is gone from the directory"


def test_who_acted_is_named_as_the_directory_has_them_or_by_what_they_are() -> None:
    # P6
    assert who(recorded("contact.added", by_kind="user", by_id=1, who="Ada")) == "Ada"
    assert who(recorded("contact.added", by_kind="user", by_id=1)) == "Somebody outside the directory"
    assert who(recorded("contact.added", by_kind="operator", by_id=1)) == "The operator"
    assert who(recorded("contact.added", by_kind="service_account", by_id=1)) == "A service account"


def test_what_an_event_is_about_is_ids_and_names_nobody() -> None:
    # R4: what stands outside before and after is never erased
    for event in EVERY_KIND.values():
        told = {one.name for one in fields(event) if not one.name.endswith("_id")} - {"before", "after"}
        assert told <= {"scope", "tool", "version", "kid", "jti", "reached"}, (event.KIND, told)
