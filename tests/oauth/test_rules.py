"""Codes, PKCE, scopes, and what a token hangs from, without a database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gatewright.base.ids import (
    AppId,
    AuthorizationId,
    CompanyId,
    ContactId,
    FamilyId,
    SecretId,
    ServiceAccountId,
    UserId,
)
from gatewright.base.secrets import Digest
from gatewright.oauth.key_rules import current_key, key_still_verifies, published_keys
from gatewright.oauth.model import (
    AppClient,
    Authorization,
    Claims,
    Code,
    CredentialLink,
    Family,
    FamilyLink,
    LiveSecret,
    ServiceAccountClient,
    SigningKey,
    UserStanding,
)
from gatewright.oauth.rules import (
    DISABLED,
    INACTIVE,
    REVOKED,
    FamilyStanding,
    asked_scopes,
    authorization_fault,
    judge_code,
    judge_credential_token,
    judge_family_token,
    judge_verifier,
    verifier_matches,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636 appendix B
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
SECRET = LiveSecret(SecretId("s" * 32), Digest("00000000", b""))
CLIENT = AppClient(
    app_id=AppId(7),
    client_id="crane",
    name="Crane",
    homepage="",
    owner_id=UserId(1),
    is_confidential=True,
    is_resource_server=False,
    redirect_uris=("https://crane.example/cb",),
    scopes=("company.manage",),
    retry_window=None,
    epoch=3,
    is_blocked=False,
    is_deleted=False,
    secrets=(SECRET,),
)
USER = UserStanding(UserId(5), "Ada", "ada@example.com", is_active=True, is_operator=False, epoch=2)
AUTHORIZATION = Authorization(
    id=AuthorizationId("a" * 32),
    user_id=USER.id,
    app_id=CLIENT.app_id,
    scopes=(),
    user_epoch=2,
    app_epoch=3,
    created_at=NOON,
    renewed_at=NOON,
)
FAMILY = Family(
    id=FamilyId("f" * 32),
    authorization_id=AUTHORIZATION.id,
    secret_id=SECRET.id,
    generation=1,
    confirmed_generation=-1,
    repeats=0,
    repeated_generation=-1,
    key_id="00000000",
    salt=bytes(16),
    scopes=(),
    rotated_at=NOON,
)
LINK = FamilyLink(family_id=FAMILY.id, generation=1, secret_id=SECRET.id)
CLAIMS = Claims(
    kid="k",
    principal_id=USER.id,
    client_id=CLIENT.client_id,
    scopes=(),
    issued_at=NOON,
    expires_at=NOON + 2 * HOUR,
    jti="j",
    link=LINK,
)
ACCOUNT = ServiceAccountClient(
    service_account_id=ServiceAccountId(9),
    company_id=CompanyId(1),
    contact_id=ContactId(4),
    client_id="robot",
    name="Robot",
    address="r@service.example",
    disabled_reason=None,
    is_deleted=False,
    secret=SECRET,
)
CODE = Code(
    digest=b"",
    authorization_id=AUTHORIZATION.id,
    app_id=CLIENT.app_id,
    user_id=USER.id,
    redirect_uri="https://crane.example/cb",
    redirect_uri_was_sent=True,
    code_challenge=CHALLENGE,
    scopes=(),
    expires_at=NOON + timedelta(minutes=10),
)


def live(
    *,
    link: FamilyLink = LINK,
    claims: Claims = CLAIMS,
    family: Family | None = FAMILY,
    authorization: Authorization | None = AUTHORIZATION,
    client: AppClient | ServiceAccountClient | None = CLIENT,
    user: UserStanding | None = USER,
) -> object:
    return judge_family_token(claims, link, family=family, authorization=authorization, client=client, user=user)


def test_a_token_is_alive_while_all_it_hangs_from_stands() -> None:
    # T11
    assert live() == FamilyStanding(FAMILY, CLIENT, USER)


@pytest.mark.parametrize(
    ("what", "fallen"),
    [
        ("family", None),
        ("family", replace(FAMILY, ended_at=NOON)),
        ("family", replace(FAMILY, secret_id=SecretId("retired"))),
        ("authorization", None),
        ("authorization", replace(AUTHORIZATION, ended_at=NOON)),
        ("authorization", replace(AUTHORIZATION, app_id=AppId(8))),
        ("authorization", replace(AUTHORIZATION, user_epoch=1)),
        ("authorization", replace(AUTHORIZATION, app_epoch=2)),
        ("client", None),
        ("client", ACCOUNT),
        ("client", replace(CLIENT, is_blocked=True)),
        ("client", replace(CLIENT, is_deleted=True)),
        ("client", replace(CLIENT, secrets=())),
        ("link", replace(LINK, secret_id=SecretId("retired"))),
        ("link", replace(LINK, secret_id=None)),
        ("claims", replace(CLAIMS, principal_id=6)),
    ],
)
def test_a_token_is_revoked_when_one_thing_it_hangs_from_fell(what: str, fallen: object) -> None:
    # T11: and D4, a retired secret takes the families and the tokens on it along
    assert live(**{what: fallen}) == REVOKED  # type: ignore[arg-type]


def test_the_token_of_an_inactive_user_says_so_and_reactivation_revives_none() -> None:
    # T11, P4
    assert live(user=replace(USER, is_active=False, epoch=3)) == INACTIVE
    assert live(user=replace(USER, is_active=True, epoch=3)) == REVOKED


def test_unblocking_an_app_revives_nothing() -> None:
    # T11
    assert authorization_fault(AUTHORIZATION, client=replace(CLIENT, epoch=4), user=USER) == "authorization_ended"


def test_a_public_clients_token_hangs_from_no_secret() -> None:
    # T11
    public = replace(CLIENT, is_confidential=False, secrets=())
    family, link = replace(FAMILY, secret_id=None), replace(LINK, secret_id=None)
    assert live(client=public, family=family, link=link) == FamilyStanding(family, public, USER)
    assert live(client=public) == REVOKED


@pytest.mark.parametrize(
    ("account", "is_revoked", "expected"),
    [
        (ACCOUNT, False, ACCOUNT),
        (ACCOUNT, True, REVOKED),
        (None, False, REVOKED),
        (CLIENT, False, REVOKED),
        (replace(ACCOUNT, is_deleted=True), False, REVOKED),
        (replace(ACCOUNT, secret=LiveSecret(SecretId("new"), SECRET.digest)), False, REVOKED),
        (replace(ACCOUNT, service_account_id=ServiceAccountId(10)), False, REVOKED),
        (replace(ACCOUNT, disabled_reason="address_changed"), False, DISABLED),
    ],
)
def test_a_service_accounts_token_hangs_from_its_secret(
    account: ServiceAccountClient | AppClient | None, is_revoked: bool, expected: object
) -> None:
    # S7, S8, S9
    claims = replace(CLAIMS, principal_id=9, link=CredentialLink(SECRET.id))
    assert judge_credential_token(claims, CredentialLink(SECRET.id), client=account, is_revoked=is_revoked) == expected


def test_a_code_is_bound_to_client_redirect_uri_and_time() -> None:
    # T2: another client is told what it would be told of no code at all (T7)
    at, uri = CODE.expires_at, CODE.redirect_uri
    moment = timedelta(microseconds=1)
    assert judge_code(CODE, app_id=AppId(7), redirect_uri=uri, now=at - moment) is None
    assert judge_code(CODE, app_id=AppId(7), redirect_uri=uri, now=at) == "code_expired"
    assert judge_code(CODE, app_id=AppId(8), redirect_uri="x", now=at) == "code_unknown"
    for wrong in (None, f"{uri}/", uri.upper(), f"{uri}?a=1"):
        assert judge_code(CODE, app_id=AppId(7), redirect_uri=wrong, now=NOON) == "redirect_uri_mismatch"
    unsent = replace(CODE, redirect_uri_was_sent=False)
    assert judge_code(unsent, app_id=AppId(7), redirect_uri=None, now=NOON) is None
    assert judge_code(unsent, app_id=AppId(7), redirect_uri="https://else.example", now=NOON) == "redirect_uri_mismatch"


def test_the_verifier_proves_who_began_the_request() -> None:
    # T2
    unbound = replace(CODE, code_challenge=None)
    assert judge_verifier(CODE, verifier=VERIFIER, is_confidential=False) is None
    assert judge_verifier(CODE, verifier=None, is_confidential=True) == "code_verifier_missing"
    assert judge_verifier(CODE, verifier=VERIFIER[:-1] + "l", is_confidential=True) == "code_verifier_mismatch"
    assert judge_verifier(unbound, verifier=VERIFIER, is_confidential=True) == "code_verifier_unexpected"
    assert judge_verifier(unbound, verifier=None, is_confidential=True) is None
    assert judge_verifier(unbound, verifier=None, is_confidential=False) is not None  # D2: public must use PKCE


@pytest.mark.parametrize("length", [42, 43, 128, 129])
def test_a_verifier_has_43_to_128_letters(length: int) -> None:
    import base64
    import hashlib

    verifier = "a" * length
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    assert verifier_matches(challenge, verifier=verifier) == (43 <= length <= 128)


def test_only_what_was_declared_can_be_asked_for() -> None:
    # D7, T8
    assert asked_scopes(None, allowed=("a",)) == ()
    assert asked_scopes("a", allowed=("a", "b")) == ("a",)
    assert asked_scopes("b a b", allowed=("a", "b")) == ("b", "a")
    for wrong in ("c", "a c", "a  b", " a", "A"):
        assert asked_scopes(wrong, allowed=("a", "b")) is None


def _key(kid: str, *, current_from: datetime = NOON, retired_at: datetime | None = None) -> SigningKey:
    return SigningKey(kid=kid, private_key_sealed=b"", public_jwk={}, current_from=current_from, retired_at=retired_at)


def test_the_key_that_became_current_last_signs() -> None:
    keys = (_key("old"), _key("new", current_from=NOON + HOUR))
    assert current_key(keys, now=NOON - HOUR) is None
    assert current_key(keys, now=NOON) == keys[0]
    assert current_key(keys, now=NOON + HOUR) == keys[1]
    assert current_key((_key("old", retired_at=NOON),), now=NOON) is None


def test_a_retired_key_verifies_what_it_signed_before_while_that_may_live() -> None:
    # T11
    retired = _key("old", retired_at=NOON)
    lifetime = 2 * HOUR

    def verifies(*, now: datetime, claims: Claims = CLAIMS) -> bool:
        return key_still_verifies(retired, claims, lifetime=lifetime, now=now)

    moment = timedelta(microseconds=1)
    assert verifies(now=NOON + lifetime - moment)
    assert not verifies(now=NOON + lifetime)
    assert not verifies(now=NOON, claims=replace(CLAIMS, issued_at=NOON + timedelta(seconds=1)))
    assert not verifies(now=NOON, claims=replace(CLAIMS, expires_at=NOON + lifetime + timedelta(seconds=1)))
    assert published_keys((retired,), lifetime=lifetime, now=NOON + lifetime - moment) == [retired]
    assert published_keys((retired,), lifetime=lifetime, now=NOON + lifetime) == []
