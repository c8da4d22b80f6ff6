"""The cache, rule by rule, told the time (T12, X5). test_cache_schedules.py mixes them."""

import time

from gatewright_sdk.cache import MOST_FORGOTTEN, Cache, Ticket

LEASE = 2.0


def leased(*, at: float = 0.0, position: int = 5, most: int = 100) -> Cache[str]:
    """Return a cache that stands at a position, with a lease from then on."""
    cache: Cache[str] = Cache(most=most)
    cache.open_stream(at)
    cache.at_position(position, at)
    renew(cache, sent_at=at, position=position)
    return cache


def renew(cache: Cache[str], *, sent_at: float, position: int, received_at: float | None = None) -> None:
    nonce = cache.send_nonce(sent_at)
    assert nonce is not None
    cache.renew(nonce, position=position, lease=LEASE, now=sent_at if received_at is None else received_at)


def keep(cache: Cache[str], key: str = "q", *, tags: tuple[str, ...] = ("t",), at: float = 0.0) -> None:
    assert cache.land(cache.leave(key, at), "yes", tags=tags, expires_at=100.0, now=at)


def land(cache: Cache[str], ticket: Ticket, *, tags: tuple[str, ...] = ("t",)) -> bool:
    return cache.land(ticket, "yes", tags=tags, expires_at=100.0, now=0.0)


def test_an_answer_is_kept_until_the_lease_is_over() -> None:
    """T12, X5: the boundary pair."""
    cache = leased()
    keep(cache)
    assert cache.find("q", 1.999) == "yes"
    assert cache.find("q", 2.0) is None


def test_a_lease_counts_from_when_its_nonce_was_sent() -> None:
    """T12."""
    cache = leased(at=0.0)
    keep(cache)
    renew(cache, sent_at=1.0, position=5, received_at=1.9)
    assert cache.find("q", 2.999) == "yes"
    assert cache.find("q", 3.0) is None


def test_a_lease_waits_for_its_position_to_be_applied() -> None:
    """T12."""
    cache: Cache[str] = Cache()
    cache.at_position(5, 0.0)
    renew(cache, sent_at=0.0, position=7)
    assert not cache.has_lease(0.1)
    cache.forget(6, ["other"])
    assert not cache.has_lease(0.1)
    cache.forget(7, ["other"])
    assert cache.has_lease(0.1)
    assert not cache.has_lease(2.0)


def test_the_stream_makes_no_lease_longer() -> None:
    """T12."""
    cache = leased()
    cache.forget(6, ["other"])
    assert not cache.has_lease(2.0)


def test_what_is_read_without_a_lease_is_not_kept() -> None:
    """T12."""
    cache: Cache[str] = Cache()
    cache.at_position(5, 0.0)
    ticket = cache.leave("q", 0.0)
    renew(cache, sent_at=0.0, position=5)
    assert not cache.may_join(ticket, 0.0)
    land(cache, ticket)
    assert len(cache) == 0


def test_a_forget_drops_what_hangs_from_its_tags_and_nothing_else() -> None:
    """X5."""
    cache = leased()
    keep(cache, "q", tags=("t", "u"))
    keep(cache, "r", tags=("u",))
    cache.forget(6, ["t"])
    assert cache.find("q", 0.1) is None
    assert cache.find("r", 0.1) == "yes"


def test_a_forget_of_what_all_hangs_from_leaves_nothing() -> None:
    """X5: and what is asked afterwards is kept again."""
    cache = leased()
    keep(cache, "q", tags=("t", "all"))
    keep(cache, "r", tags=("u", "all"))
    cache.forget(6, ["all"])
    assert [cache.find(key, 0.1) for key in "qr"] == [None, None]
    keep(cache, "q", tags=("t", "all"))
    keep(cache, "r", tags=("u",))
    cache.forget(7, ["t"])
    assert [cache.find(key, 0.1) for key in "qr"] == [None, "yes"]


def test_an_answer_that_a_forget_overtook_is_neither_kept_nor_shared() -> None:
    """T12: which tags it hangs from is known only when it arrives."""
    cache = leased()
    ticket, other = cache.leave("q", 0.0), cache.leave("r", 0.0)
    cache.forget(6, ["t"])
    late = cache.leave("q", 0.0)
    assert not land(cache, ticket)
    assert len(cache) == 0
    assert land(cache, other, tags=("u",))
    assert land(cache, late)
    assert cache.find("q", 0.1) == "yes"


def test_more_forgotten_tags_than_are_remembered_overtake_everything_in_flight() -> None:
    """T12: what cannot be known is taken for overtaken."""
    cache = leased()
    ticket = cache.leave("q", 0.0)
    cache.forget(6, [f"tag-{number}" for number in range(MOST_FORGOTTEN + 1)])
    assert not land(cache, ticket, tags=("t",))
    assert land(cache, cache.leave("q", 0.0))


def test_what_was_not_looked_at_since_a_forget_that_is_no_longer_known_is_not_used() -> None:
    """T12: which tags were forgotten is remembered for so many of them."""
    cache = leased()
    keep(cache, "q", tags=("t",))
    keep(cache, "r", tags=("u",))
    cache.forget(6, ["t"])
    cache.forget(7, [f"tag-{number}" for number in range(MOST_FORGOTTEN - 1)])
    assert cache.find("r", 0.1) == "yes"
    cache.forget(8, ["one more"])
    cache.forget(9, ["and one"])
    assert [cache.find(key, 0.1) for key in "qr"] == [None, "yes"]


def test_a_forget_takes_no_longer_for_all_that_hangs_from_it() -> None:
    """X5: it is applied between the questions of others, who wait."""
    cache = leased(most=100_000)
    for number in range(10_000):
        keep(cache, f"q{number}", tags=("half", str(number)))
        keep(cache, f"r{number}", tags=(str(-number),))
    begun = time.perf_counter()
    cache.forget(6, ["half"])
    assert time.perf_counter() - begun < 0.01
    assert [cache.find(key, 0.1) for key in ("q7", "r7")] == [None, "yes"]


def test_an_answer_without_tags_is_not_kept_and_shared_only_while_nothing_changes() -> None:
    """X5."""
    cache = leased()
    assert land(cache, cache.leave("q", 0.0), tags=())
    assert len(cache) == 0
    ticket = cache.leave("q", 0.0)
    cache.forget(6, ["other"])
    assert not land(cache, ticket, tags=())


def test_a_reset_leaves_nothing_of_before() -> None:
    """T12."""
    cache = leased()
    keep(cache)
    ticket, nonce = cache.leave("q", 0.0), cache.send_nonce(0.0)
    cache.reset(9)
    assert len(cache) == 0
    assert not cache.has_lease(0.1)
    assert not cache.may_join(ticket, 0.1)
    assert not land(cache, ticket)
    assert nonce is not None
    cache.renew(nonce, position=9, lease=LEASE, now=0.1)
    assert not cache.has_lease(0.1)
    renew(cache, sent_at=0.1, position=9)
    assert cache.has_lease(0.2)


def test_a_position_before_ours_means_that_the_database_went_back() -> None:
    """T12: told by the stream, or by the answer to a nonce."""
    by_stream, by_nonce = leased(), leased()
    keep(by_stream)
    keep(by_nonce)
    by_stream.forget(4, ["other"])
    renew(by_nonce, sent_at=0.1, position=4)
    for cache in (by_stream, by_nonce):
        assert len(cache) == 0
        assert not cache.has_lease(0.1)


def test_an_answer_to_a_nonce_that_the_stream_outran_is_good() -> None:
    """T12: the position is compared with what was applied when the nonce was sent."""
    cache = leased()
    keep(cache)
    nonce = cache.send_nonce(1.0)
    cache.forget(6, ["other"])
    assert nonce is not None
    cache.renew(nonce, position=5, lease=LEASE, now=1.1)
    assert cache.find("q", 2.9) == "yes"


def test_a_stream_is_resumed_within_the_lease_and_begun_anew_after_it() -> None:
    """T12."""
    cache = leased()
    keep(cache)
    cache.lose_stream()
    assert cache.open_stream(1.9) == 5
    cache.at_position(5, 1.95)
    assert cache.find("q", 1.96) == "yes"
    assert cache.open_stream(2.0) is None
    assert len(cache) == 0


def test_a_resumed_stream_whose_lease_ran_out_meanwhile_begins_anew() -> None:
    """T12."""
    cache = leased()
    keep(cache)
    assert cache.open_stream(1.9) == 5
    cache.at_position(5, 2.1)
    renew(cache, sent_at=2.1, position=5)
    assert cache.find("q", 2.2) is None


def test_where_nothing_was_known_there_is_nothing_to_begin_anew() -> None:
    """X5: a stream that cannot be opened, again and again, makes nobody ask anew."""
    cache: Cache[str] = Cache()
    ticket = cache.leave("q", 0.0)
    assert cache.open_stream(1.0) is None
    assert cache.is_current(ticket, ("t",))
    cache.at_position(5, 1.0)
    assert not cache.is_current(ticket, ("t",))


def test_without_stream_a_lease_that_is_over_is_not_renewed() -> None:
    """T12."""
    cache = leased()
    cache.lose_stream()
    assert cache.send_nonce(1.9) is not None
    assert cache.send_nonce(2.0) is None


def test_an_answer_ends_with_its_token() -> None:
    """T11: the boundary pair."""
    cache = leased()
    cache.land(cache.leave("q", 0.0), "yes", tags=("t",), expires_at=1.0, now=0.0)
    assert cache.find("q", 0.999) == "yes"
    assert cache.find("q", 1.0) is None


def test_what_was_used_longest_ago_makes_room() -> None:
    """X5: the memory is bounded."""
    cache = leased(most=2)
    keep(cache, "q")
    keep(cache, "r")
    assert cache.find("q", 0.1) == "yes"
    keep(cache, "s")
    assert [cache.find(key, 0.1) for key in "qrs"] == ["yes", None, "yes"]
    assert len(cache) == 2
    cache.forget(6, ["t"])
    assert [cache.find(key, 0.1) for key in "qs"] == [None, None]
    assert len(cache) == 0
