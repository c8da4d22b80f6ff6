"""Access tokens: what is said in them, which forgeries are told apart, and what reading one costs."""

import base64
import json
from datetime import timedelta
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, OctKey
from sqlalchemy import update
from starlette.datastructures import Headers

from gatewright.base.ids import UserId
from gatewright.base.secrets import Purpose
from gatewright.db.engine import Database
from gatewright.db.schema import token_families
from gatewright.directory.service import create_company
from gatewright.events.catalogue import SYSTEM
from gatewright.oauth import key_store
from gatewright.oauth.client_auth import presented_credentials
from gatewright.oauth.model import DeadToken, LiveToken
from gatewright.oauth.refresh_tokens import parse_refresh_token
from gatewright.oauth.signing import ensure_signing_key
from gatewright.oauth.tokens import TokenReader
from gatewright.service_accounts.service import create_service_account
from tests.oauth.stage import ISSUER, MINUTE, NOON, SECOND, Remembering, Stage, StagedApp

HOUR = timedelta(hours=1)


def segment(value: object) -> str:
    text = json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    header, payload = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2])
    return header, payload


async def private_key(stage: Stage) -> ECKey:
    async with stage.database.read() as reader:
        (key,) = await key_store.load_signing_keys(reader)
    place = f"signing_keys.private_key_sealed:{key.kid}"
    return ECKey.import_key(json.loads(stage.keys.unseal(Purpose.SIGNING_KEY, place, key.private_key_sealed)))


async def test_a_token_says_what_rfc_9068_asks_and_what_it_hangs_from(
    stage: Stage, user_id: UserId, crane: StagedApp
) -> None:
    # T3, T14: two hours; it names its family, generation and secret, and makes no row
    issued = await stage.tokens(user_id, crane, "company.manage")
    header, payload = parts(issued.access_token)
    assert header == {"alg": "ES256", "typ": "at+jwt", "kid": header["kid"]}
    assert payload.keys() == {
        "iss", "sub", "aud", "client_id", "iat", "exp", "jti", "scope", "fam", "gen", "sec"
    }  # fmt: skip
    assert (payload["iss"], payload["aud"], payload["sub"]) == (ISSUER, ISSUER, str(user_id))
    assert (payload["client_id"], payload["scope"], payload["gen"]) == (crane.client_id, "company.manage", 0)
    assert payload["exp"] - payload["iat"] == 7200
    assert all(len(payload[name]) == 32 for name in ("jti", "fam", "sec"))


async def test_a_token_lives_two_hours_to_the_second_and_what_expired_stays_so(
    stage: Stage, user_id: UserId, crane: StagedApp
) -> None:
    # T3: case A99, a clock set back revives nothing
    issued = await stage.tokens(user_id, crane)
    assert await stage.fate(issued, now=NOON + 2 * HOUR - SECOND) == "alive"
    assert await stage.fate(issued, now=NOON + 2 * HOUR) == "token_expired"
    assert await stage.fate(issued, now=NOON + HOUR) == "token_expired"


async def test_a_forged_token_is_invalid(stage: Stage, user_id: UserId, crane: StagedApp) -> None:
    # T11: cases A129, A131, A138, A139, A140
    issued = await stage.tokens(user_id, crane)
    header, payload = parts(issued.access_token)
    ours, theirs = await private_key(stage), ECKey.generate_key("P-256")
    body, signature = issued.access_token.split(".")[1:]
    symmetric = OctKey.import_key(json.dumps(ours.as_dict(private=False)))

    def signed(key: Any = ours, *, head: dict[str, Any] = header, **changes: Any) -> str:
        text = json.dumps({k: v for k, v in {**payload, **changes}.items() if v is not None})
        return jws.serialize_compact(head, text, key, algorithms=["ES256", "HS256"])

    assert await stage.fate(signed()) == "alive", "the forgeries below differ from a good token in one thing"
    forgeries = {
        **{f"alg {alg}": f"{segment({**header, 'alg': alg})}.{body}." for alg in ("none", "None", "NONE", "nOnE")},
        "alg none, signed": f"{segment({**header, 'alg': 'none'})}.{body}.{signature}",
        "their key": signed(theirs),
        "their key in the header": signed(theirs, head={**header, "jwk": theirs.as_dict(private=False)}),
        "their key set": signed(theirs, head={**header, "jku": "https://evil.example/jwks"}),
        "our public key as a secret": signed(symmetric, head={**header, "alg": "HS256"}),
        "another kid": signed(head={**header, "kid": "0" * 32}),
        "no kid": signed(head={"alg": "ES256", "typ": "at+jwt"}),
        "typ JWT": signed(head={**header, "typ": "JWT"}),
        "no typ": signed(head={"alg": "ES256", "kid": header["kid"]}),
        "another audience": signed(aud="https://else.example"),
        "two audiences": signed(aud=[ISSUER]),
        "another issuer": signed(iss="http://127.0.0.1:8401"),
        "no exp": signed(exp=None),
        "exp as text": signed(exp="9999999999"),
        "exp true": signed(exp=True),
        "exp beyond time": signed(exp=10**30),
        "no jti": signed(jti=None),
        "sub no id": signed(sub="-1"),
        "no family": signed(fam=None),
        "changed body": f"{segment(header)}.{segment({**payload, 'sub': '1'})}.{signature}",
        "no signature": f"{segment(header)}.{body}.",
        "two parts": f"{segment(header)}.{body}",
        "four parts": f"{issued.access_token}.x",
        "no text": "",
        "not ASCII": "é" + issued.access_token,
        "nested without end": segment(header) + "." + "[" * 3000 + "." + signature,
        "refresh token": issued.refresh_token or "",
    }
    fates = {what: await stage.fate(token) for what, token in forgeries.items()}
    assert {what: fate for what, fate in fates.items() if fate != "token_invalid"} == {}


async def test_a_good_token_made_longer_than_4_kib_is_not_even_parsed(
    stage: Stage, user_id: UserId, crane: StagedApp
) -> None:
    # T11: case A136
    await stage.tokens(user_id, crane)
    header = {"alg": "ES256", "typ": "at+jwt", "kid": "x"}
    long = jws.serialize_compact(header, json.dumps({"x": "y" * 5000}), await private_key(stage))
    assert await stage.fate(long) == "token_invalid"
    assert await stage.fate("a" * 500_000) == "token_invalid"


async def test_a_token_of_a_family_that_is_gone_is_revoked(stage: Stage, user_id: UserId, crane: StagedApp) -> None:
    # T11: fail closed
    issued = await stage.tokens(user_id, crane)
    header, payload = parts(issued.access_token)
    text = json.dumps({**payload, "fam": "0" * 32})
    gone = jws.serialize_compact(header, text, await private_key(stage))
    assert await stage.fate(gone) == "token_revoked"


async def test_a_live_token_says_who_acts_through_which_app(stage: Stage, user_id: UserId, crane: StagedApp) -> None:
    # T11
    issued = await stage.tokens(user_id, crane, "company.manage")
    found = await stage.reader.read(issued.access_token, now=NOON)
    assert isinstance(found, LiveToken)
    assert (found.principal_kind, found.principal_id, found.name, found.login) == (
        "user",
        user_id,
        "Wim",
        "Wim@example.com",
    )
    assert (found.client_id, found.app_id, found.company_id) == (crane.client_id, crane.id, None)
    assert (found.scopes, found.issued_at, found.expires_at) == (("company.manage",), NOON, NOON + 2 * HOUR)


async def test_presenting_a_token_confirms_its_generation_once(database: Database) -> None:
    # T6: before the first answer; afterwards it is a fact, and reading costs no statement
    stage = Stage(database, coherence=Remembering())
    owner = await stage.set_up()
    app = await stage.app(owner, "Crane")
    issued = await stage.refresh(app, await stage.tokens(owner, app))
    assert await stage.rows() == [(1, -1)]
    assert await stage.fate(issued) == "alive"
    assert await stage.rows() == [(1, 1)]
    assert await stage.fate(issued) == "alive"
    async with stage.statements() as said:
        assert await stage.fate(issued, now=NOON + MINUTE) == "alive"
    assert said == []


async def test_a_dead_token_confirms_nothing(stage: Stage, user_id: UserId, crane: StagedApp) -> None:
    # T6, T9
    issued = await stage.tokens(user_id, crane)
    await stage.revoke(crane, issued.access_token)
    assert await stage.fate(issued) == "token_revoked"
    assert await stage.rows() == [(0, -1)]


async def test_a_generation_that_is_yet_to_come_is_not_confirmed(
    stage: Stage, user_id: UserId, crane: StagedApp
) -> None:
    """T6: a token of before a restore confirms nothing that the restored family did not reach."""
    first = await stage.tokens(user_id, crane)
    ahead = await stage.refresh(crane, first)
    async with stage.database.writer.begin() as restored:
        await restored.execute(update(token_families).values(generation=0))
    assert await stage.fate(ahead) == "alive"
    assert await stage.rows() == [(0, -1)]


async def test_a_reader_without_a_memory_reads_all_the_same(stage: Stage, user_id: UserId, crane: StagedApp) -> None:
    """T14: a bound of nothing costs speed and nothing else."""
    stage.reader = TokenReader(stage.settings, stage.database, stage.keys, stage.facts, most_verified=0)
    issued = await stage.tokens(user_id, crane)
    assert [await stage.fate(issued), await stage.fate(issued)] == ["alive", "alive"]
    assert len(stage.reader._verified) == 0


async def test_the_memory_of_verified_tokens_is_bounded(stage: Stage, user_id: UserId, crane: StagedApp) -> None:
    # T14: the oldest make room, and are verified anew when they come back
    stage.reader = TokenReader(stage.settings, stage.database, stage.keys, stage.facts, most_verified=3)
    family = await stage.tokens(user_id, crane)
    issued = [family] + [await stage.refresh(crane, family) for _ in range(5)]
    for token in issued:
        assert await stage.fate(token) == "alive"
    assert len(stage.reader._verified) == 3
    assert await stage.fate(issued[0]) == "alive"


async def test_a_service_accounts_tokens_cost_no_statement_and_are_revoked_one_by_one(database: Database) -> None:
    # T9, S4, S5: and no refresh token
    stage = Stage(database, coherence=Remembering())
    await stage.set_up()
    company_id = await create_company(database, name="Alder", app_access="open", origin=SYSTEM, now=NOON)
    made = await create_service_account(
        database, company_id=company_id, name="Robot", domain="s.example", keys=stage.keys, origin=SYSTEM, now=NOON
    )
    robot = StagedApp(made.id, made.client_id, made.secret)  # type: ignore[arg-type]
    one = await stage.ask(robot.credentials, "client_credentials", now=NOON)
    assert one.refresh_token is None
    assert await stage.fate(one) == "alive"
    async with stage.statements() as said:
        other = await stage.ask(robot.credentials, "client_credentials", now=NOON)
        assert await stage.fate(one) == "alive"
    assert said == []
    found = await stage.reader.read(other.access_token, now=NOON)
    assert not isinstance(found, DeadToken)
    assert (found.principal_kind, found.principal_id, found.company_id) == ("service_account", made.id, company_id)
    await stage.revoke(robot, one.access_token)
    assert (await stage.fate(one), await stage.fate(other)) == ("token_revoked", "alive")
    assert await stage.recorded("service_account.token_revoked") == ["service_account.token_revoked"]


async def test_one_signing_key_is_made_and_a_second_call_makes_none(stage: Stage) -> None:
    # R1
    made = await ensure_signing_key(stage.database, keys=stage.keys, origin=SYSTEM, now=NOON)
    assert made is False
    assert await stage.recorded("signing_key.made") == ["signing_key.made"]
    async with stage.database.read() as reader:
        (key,) = await key_store.load_signing_keys(reader)
    assert "d" not in key.public_jwk
    assert b'"d"' not in key.private_key_sealed  # T13: the private half is sealed


async def test_what_holds_a_secret_does_not_show_it(stage: Stage, user_id: UserId, crane: StagedApp) -> None:
    # T13: a value that ends up in a crash report or a log gives nothing away
    issued = await stage.tokens(user_id, crane)
    presented = presented_credentials(Headers({}), crane.credentials)
    token = parse_refresh_token(issued.refresh_token or "")
    assert token is not None
    shown = repr((issued, presented, token))
    for secret in (issued.access_token, issued.refresh_token, crane.secret, token.mac):
        assert str(secret) not in shown
    assert crane.client_id in shown
