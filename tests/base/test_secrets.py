"""Server keys and what is made with them."""

import re

import pytest

from gatewright.base.secrets import (
    MissingKey,
    Purpose,
    ServerKeys,
    is_client_secret_shaped,
    mint_client_secret,
    mint_server_key,
)

OLD, NEW = mint_server_key(), mint_server_key()


def test_client_secret_has_prefix_checksum_and_only_url_letters() -> None:
    """D3: 256 bits, recognisable, and nothing a form or shell would change."""
    secrets = {mint_client_secret() for _ in range(200)}
    assert len(secrets) == 200
    for secret in secrets:
        assert re.fullmatch(r"gws_[A-Za-z0-9_-]{43}_[A-Za-z0-9]{6}", secret)
        assert is_client_secret_shaped(secret)


def test_secret_scanner_refuses_a_changed_letter_and_a_missing_checksum() -> None:
    """D3: the checksum tells ours from look-alikes."""
    secret = mint_client_secret()
    changed = secret[:10] + ("A" if secret[10] != "A" else "B") + secret[11:]
    assert not is_client_secret_shaped(changed)
    assert not is_client_secret_shaped(secret[:-7])
    assert not is_client_secret_shaped("gws_")


def test_digest_is_keyed_by_purpose_and_by_server_key() -> None:
    """D3, T13: what is stored is worthless without the key, and for another use."""
    keys = ServerKeys.from_texts([NEW])
    digest = keys.digest(Purpose.CLIENT_SECRET, "value")
    assert keys.matches(Purpose.CLIENT_SECRET, "value", digest)
    assert not keys.matches(Purpose.CLIENT_SECRET, "other", digest)
    assert not keys.matches(Purpose.SESSION, "value", digest)
    assert ServerKeys.from_texts([OLD]).digest(Purpose.CLIENT_SECRET, "value").value != digest.value


def test_older_server_keys_still_verify_and_the_newest_makes() -> None:
    before = ServerKeys.from_texts([OLD])
    digest = before.digest(Purpose.SESSION, "cookie")
    after = ServerKeys.from_texts([NEW, OLD])
    assert after.matches(Purpose.SESSION, "cookie", digest)
    assert digest.value in after.candidates(Purpose.SESSION, "cookie")
    assert after.digest(Purpose.SESSION, "cookie").key_id == after.keys[0].id != digest.key_id


def test_a_digest_of_a_key_that_is_gone_says_so() -> None:
    digest = ServerKeys.from_texts([OLD]).digest(Purpose.SESSION, "cookie")
    with pytest.raises(MissingKey):
        ServerKeys.from_texts([NEW]).matches(Purpose.SESSION, "cookie", digest)


@pytest.mark.parametrize("texts", [[], ["short"], ["no base64!" * 10], [mint_server_key(), ""]])
def test_malformed_server_keys_are_refused(texts: list[str]) -> None:
    with pytest.raises(ValueError):
        ServerKeys.from_texts(texts)


def test_sealed_value_opens_only_in_its_place_with_its_key_unaltered() -> None:
    """T13: what must be had again is encrypted, and a row's value is no good in another row."""
    keys = ServerKeys.from_texts([OLD])
    sealed = keys.seal(Purpose.SIGNING_KEY, "signing_keys/1", b"private")
    assert b"private" not in sealed
    assert ServerKeys.from_texts([NEW, OLD]).unseal(Purpose.SIGNING_KEY, "signing_keys/1", sealed) == b"private"
    with pytest.raises(ValueError):
        keys.unseal(Purpose.SIGNING_KEY, "signing_keys/2", sealed)
    with pytest.raises(ValueError):
        keys.unseal(Purpose.SIGNING_KEY, "signing_keys/1", sealed[:-1] + bytes([sealed[-1] ^ 1]))


def test_repr_of_keys_and_digests_shows_no_key() -> None:
    """T13: a crash report that prints them gives nothing away."""
    keys = ServerKeys.from_texts([OLD])
    assert OLD not in repr(keys)
    assert keys.current.subkey(Purpose.CSRF).hex() not in repr(keys)
    assert repr(keys.current.subkey(Purpose.CSRF)) not in repr(keys)
