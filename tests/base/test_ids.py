"""Identifiers that are drawn by chance."""

import uuid

from gatewright.base.ids import random_id, random_uuid


def test_request_ids_are_uuids_of_version_4() -> None:
    """http.md: X-Request-Id is a UUID; RFC 9562 §5.4 fixes version and variant."""
    drawn = [random_uuid() for _ in range(1000)]
    for text in drawn:
        read = uuid.UUID(text)
        assert (str(read), read.version, read.variant) == (text, 4, uuid.RFC_4122)
    assert len(set(drawn)) == len(drawn)


def test_every_other_bit_of_a_uuid_is_drawn() -> None:
    ones = zeros = 0
    for _ in range(200):
        number = uuid.UUID(random_uuid()).int
        ones, zeros = ones | number, zeros | ~number
    fixed = (0xF << 76) | (0x3 << 62)  # version and variant
    assert ones | fixed == zeros & (2**128 - 1) | fixed == 2**128 - 1


def test_ids_that_tokens_carry_have_128_bits() -> None:
    assert len(random_id()) == 32
    assert random_id() != random_id()
