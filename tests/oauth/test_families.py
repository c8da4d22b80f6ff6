"""Token families on both databases: opened by a code, refreshed, repeated, ended; and what each leaves behind."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from gatewright.apps.service import add_secret, block_app, retire_secret, unblock_app
from gatewright.apps.store import load_live_secrets
from gatewright.base.errors import Unavailable
from gatewright.base.ids import UserId
from gatewright.base.secrets import ServerKeys, mint_server_key
from gatewright.db.engine import Database, Transaction
from gatewright.db.schema import client_secrets, token_families
from gatewright.directory.service import deactivate_user, reactivate_user
from gatewright.events.catalogue import SYSTEM
from gatewright.oauth.authorize_service import end_authorization
from gatewright.oauth.errors import OAuthRefusal
from gatewright.oauth.model import Issued
from tests.oauth.stage import MINUTE, NOON, SECOND, Remembering, Stage, StagedApp
from tests.support.world import pkce


async def outcome(asked: Coroutine[Any, Any, Issued]) -> Issued | str:
    try:
        return await asked
    except OAuthRefusal as refusal:
        return refusal.reason or refusal.error


async def test_families_that_fell_with_their_user_are_not_counted_on_a_secret(
    stage: Stage, user_id: UserId, crane: StagedApp
) -> None:
    """D4, T11: a developer who asks whether a secret is in use is told of living families alone."""
    await stage.tokens(user_id, crane)
    counted = []
    for verb in (deactivate_user, reactivate_user):
        async with stage.database.read() as reader:
            counted += [secret.families for secret in await load_live_secrets(reader, crane.id)]
        await verb(stage.database, user_id=user_id, origin=SYSTEM, now=NOON)
    async with stage.database.read() as reader:
        counted += [secret.families for secret in await load_live_secrets(reader, crane.id)]
    assert counted == [1, 0, 0]


# --- refreshing ------------------------------------------------------------------------------------


async def test_a_refresh_token_has_one_successor_however_often_it_is_asked_for(
    stage: Stage, user_id: UserId, crane: StagedApp
) -> None:
    # T5: a lost answer, asked for again
    first = await stage.tokens(user_id, crane)
    second = await stage.refresh(crane, first)
    third = await stage.refresh(crane, first, now=NOON + 9 * MINUTE)
    assert second.refresh_token == third.refresh_token != first.refresh_token
    assert second.access_token != third.access_token
    assert await stage.fate(third) == await stage.fate(second) == "alive"
    assert await stage.recorded() == ["family.opened", "family.repeated"]


async def test_sixty_four_refreshes_at_once_have_one_successor(stage: Stage, user_id: UserId, crane: StagedApp) -> None:
    # T5: case A87
    first = await stage.tokens(user_id, crane)
    together = await asyncio.gather(*(outcome(stage.refresh(crane, first)) for _ in range(64)))
    answered = [issued for issued in together if isinstance(issued, Issued)]
    assert len(answered) == 64
    assert len({issued.refresh_token for issued in answered}) == 1
    assert await stage.rows() == [(1, -1)]
    assert Counter(await stage.recorded()) == {"family.opened": 1, "family.repeated": 63}
    assert (await stage.refresh(crane, answered[0])).refresh_token != answered[0].refresh_token


async def test_sixty_four_refreshes_of_a_public_client_count_as_one_repeated_generation(
    stage: Stage, user_id: UserId, pocket: StagedApp
) -> None:
    # T5, T6: case A87
    first = await stage.tokens(user_id, pocket)
    together = await asyncio.gather(*(outcome(stage.refresh(pocket, first)) for _ in range(64)))
    assert len({issued.refresh_token for issued in together if isinstance(issued, Issued)}) == 1
    assert not [issued for issued in together if isinstance(issued, str)]


async def test_the_retry_ends_when_the_successors_access_token_is_presented(
    stage: Stage, user_id: UserId, crane: StagedApp
) -> None:
    # T6: first a second worker is told, then it is a replay and the family ends
    first = await stage.tokens(user_id, crane)
    second = await stage.refresh(crane, first)
    assert await stage.fate(second) == "alive"
    assert await stage.rows() == [(1, 1)]
    assert await stage.refused(crane, first, now=NOON + 9 * SECOND) == "superseded"
    assert await stage.fate(second) == "alive"
    assert await stage.refused(crane, first, now=NOON + 10 * SECOND) == "replayed"
    assert await stage.fate(second) == "token_revoked"
    assert await stage.refused(crane, second) == "replayed"
    assert await stage.recorded() == ["family.opened", "family.ended"]


async def test_the_retry_ends_when_the_successor_is_presented(stage: Stage, user_id: UserId, crane: StagedApp) -> None:
    # T6: case A86
    first = await stage.tokens(user_id, crane)
    third = await stage.refresh(crane, await stage.refresh(crane, first))
    assert await stage.refused(crane, first) == "replayed"
    assert await stage.fate(third) == "token_revoked"


async def test_an_older_access_token_confirms_no_newer_generation(
    stage: Stage, user_id: UserId, crane: StagedApp
) -> None:
    # T6: calls made with the previous access token do not spoil the retry
    first = await stage.tokens(user_id, crane)
    second = await stage.refresh(crane, first)
    assert await stage.fate(first) == "alive"
    assert (await stage.refresh(crane, first)).refresh_token == second.refresh_token


async def test_the_window_is_the_apps_or_the_deployments(database: Database) -> None:
    # T6
    stage = Stage(database, refresh_retry_window=5 * MINUTE)
    owner = await stage.set_up()
    for name, window, minutes in (("Own", timedelta(minutes=2), 2), ("Default", None, 5)):
        app = await stage.app(owner, name, retry_window=window)
        first = await stage.tokens(owner, app)
        second = await stage.refresh(app, first)
        inside = await stage.refresh(app, first, now=NOON + minutes * MINUTE - SECOND)
        assert inside.refresh_token == second.refresh_token
        assert await stage.refused(app, first, now=NOON + minutes * MINUTE) == "replayed"


async def test_three_repeated_generations_running_end_a_public_clients_family(
    stage: Stage, user_id: UserId, pocket: StagedApp, crane: StagedApp
) -> None:
    # T6: a thief in step with the client is found
    for app, last in ((pocket, "repeated"), (crane, "")):
        newest = await stage.tokens(user_id, app)
        for _ in range(2):
            consumed, newest = newest, await stage.refresh(app, newest)
            assert (await stage.refresh(app, consumed)).refresh_token == newest.refresh_token
        consumed, newest = newest, await stage.refresh(app, newest)
        if last:
            assert await stage.refused(app, consumed) == last
            assert await stage.fate(newest) == "token_revoked"
        else:
            assert (await stage.refresh(app, consumed)).refresh_token == newest.refresh_token


async def test_another_clients_attempt_is_refused_and_changes_nothing(
    stage: Stage, user_id: UserId, crane: StagedApp, pocket: StagedApp
) -> None:
    # T7: case A89, with the current token, a consumed one, and a scope
    first = await stage.tokens(user_id, crane)
    second = await stage.refresh(crane, first)
    before, events = await stage.rows(), await stage.recorded()
    for token in (first, second):
        for thief in (pocket, await stage.app(user_id, f"Thief {token.refresh_token[-4:]}")):  # type: ignore[index]
            assert await stage.refused(thief, token, now=NOON + MINUTE) == "refresh_token_unknown"
            assert await stage.refused(thief, token, scope="company.manage") == "refresh_token_unknown"
    assert await stage.rows() == before
    assert await stage.recorded() == events
    assert (await stage.refresh(crane, second)).refresh_token


async def test_a_forged_token_changes_nothing(stage: Stage, user_id: UserId, crane: StagedApp) -> None:
    # T7: the MAC is judged first
    first = await stage.tokens(user_id, crane)
    text = first.refresh_token or ""
    last, middle = ("B" if text[at] == "A" else "A" for at in (-1, 44))
    for forged in (text[:-1] + last, text[:44] + middle + text[45:], text + "A", text[:-4], "gwr_", first.access_token):
        assert await stage.refused(crane, forged) == "refresh_token_unknown"
    assert await stage.rows() == [(0, -1)]


async def test_refreshing_narrows_the_access_token_and_never_widens(
    stage: Stage, user_id: UserId, crane: StagedApp
) -> None:
    # T8: case A90, A91; the refresh token keeps its scopes
    first = await stage.tokens(user_id, crane, "company.manage")
    plain = await stage.tokens(user_id, crane)
    assert await stage.refused(crane, plain, scope="company.manage") == "scope_not_granted"
    assert await stage.refused(crane, first, scope="company.manage other") == "scope_not_granted"
    second = await stage.refresh(crane, first, scope="company.manage")
    third = await stage.refresh(crane, second)
    found = await stage.reader.read(third.access_token, now=NOON)
    assert getattr(found, "scopes", None) == ("company.manage",)


async def test_a_lifetime_ends_a_refresh_token_for_good(database: Database) -> None:
    # T4: case A99, a clock set back revives nothing
    stage = Stage(database, refresh_token_lifetime=30 * MINUTE)
    owner = await stage.set_up()
    app = await stage.app(owner, "Crane")
    first = await stage.tokens(owner, app)
    second = await stage.refresh(app, first, now=NOON + 30 * MINUTE - SECOND)
    assert await stage.refused(app, second, now=NOON + 60 * MINUTE) == "expired"
    assert await stage.refused(app, second, now=NOON) == "expired"


async def test_a_restored_database_ends_nothing_and_calls_the_operator(
    stage: Stage, user_id: UserId, crane: StagedApp
) -> None:
    # T5: the row is older than the token
    first = await stage.tokens(user_id, crane)
    second = await stage.refresh(crane, await stage.refresh(crane, first))
    await stage.database.write(_go_back)
    with pytest.raises(Unavailable):
        await stage.refresh(crane, second)
    assert await stage.rows() == [(0, -1)]
    assert await stage.recorded() == ["family.opened"]


async def _go_back(tx: Transaction) -> None:
    await tx.execute(update(token_families).values(generation=0))


async def test_a_server_key_rotated_between_refresh_and_retry_changes_nothing(
    stage: Stage, user_id: UserId, crane: StagedApp
) -> None:
    # T5: successors are derived under the key that the row names
    first = await stage.tokens(user_id, crane)
    second = await stage.refresh(crane, first)
    newer = mint_server_key()
    fresh = ServerKeys.from_texts([newer])
    rotated = Stage(stage.database, keys=ServerKeys((*fresh.keys, *stage.keys.keys)))
    assert (await rotated.refresh(crane, first)).refresh_token == second.refresh_token
    third = await rotated.refresh(crane, second)
    assert (await rotated.refresh(crane, second)).refresh_token == third.refresh_token
    async with stage.database.read() as reader:
        assert (await reader.execute(select(token_families.c.key_id))).scalar_one() == fresh.current.id


async def test_a_refresh_is_one_write_transaction_of_two_statements(database: Database) -> None:
    # T14: it makes no row; who is asking, and what the token hangs from, is known from facts
    stage = Stage(database, coherence=Remembering())
    owner = await stage.set_up()
    app = await stage.app(owner, "Crane")
    newest = await stage.tokens(owner, app)
    for _ in range(2):  # the first call confirms the generation; after the second all facts are in memory
        assert await stage.fate(newest) == "alive"
    stage.committed.clear()
    async with stage.statements() as said:
        newest = await stage.refresh(app, newest)
    assert [statement.split()[0] for statement in said if not statement.startswith("BEGIN")] == ["SELECT", "UPDATE"]
    assert len(stage.committed) == 1
    assert await _count(database, token_families) == 1


async def _count(database: Database, table: object) -> int:
    async with database.read() as reader:
        return int((await reader.execute(select(func.count()).select_from(table))).scalar_one())  # type: ignore[arg-type]


# --- what ends -------------------------------------------------------------------------------------


async def test_revoking_either_token_ends_the_family(stage: Stage, user_id: UserId, crane: StagedApp) -> None:
    # T9: case A161, and with a consumed refresh token too
    for which in ("access_token", "refresh_token", "consumed"):
        first = await stage.tokens(user_id, crane)
        second = await stage.refresh(crane, first)
        token = (first.refresh_token or "") if which == "consumed" else str(getattr(second, which))
        await stage.revoke(crane, token)
        assert await stage.fate(first) == await stage.fate(second) == "token_revoked"
        assert await stage.refused(crane, second) == "revoked"
        stage.committed.clear()
        await stage.revoke(crane, second.refresh_token or "")
        # T12: a repeated revoke answers that it ended, so it waits like the first
        assert [committed.ends_something for committed in stage.committed] == [True]


async def test_revoking_ends_that_family_alone(stage: Stage, user_id: UserId, crane: StagedApp) -> None:
    # T9
    one, other = await stage.tokens(user_id, crane), await stage.tokens(user_id, crane)
    await stage.revoke(crane, one.access_token)
    assert await stage.fate(other) == "alive"


async def test_another_client_cannot_revoke(stage: Stage, user_id: UserId, crane: StagedApp, pocket: StagedApp) -> None:
    # T7, T9: case A160
    first = await stage.tokens(user_id, crane)
    for token in (first.access_token, first.refresh_token or ""):
        with pytest.raises(OAuthRefusal) as refusal:
            await stage.revoke(pocket, token)
        assert (refusal.value.error, refusal.value.status) == ("unauthorized_client", 403)
    assert await stage.fate(first) == "alive"


async def test_ending_the_authorization_ends_its_families_and_authorizing_again_revives_none(
    stage: Stage, user_id: UserId, crane: StagedApp
) -> None:
    # T10, T11: case A67
    first = await stage.tokens(user_id, crane)
    verifier, challenge = pkce()
    code = await stage.code(user_id, crane, challenge=challenge)
    await end_authorization(stage.database, user_id=user_id, app_id=crane.id, origin=SYSTEM, now=NOON)
    with pytest.raises(OAuthRefusal) as refusal:
        await stage.exchange(crane, code, code_verifier=verifier)
    assert refusal.value.reason == "authorization_ended"
    assert await stage.refused(crane, first) == "authorization_ended"
    again = await stage.tokens(user_id, crane)
    assert await stage.fate(again) == "alive"
    assert await stage.fate(first) == "token_revoked"
    assert await stage.refused(crane, first) == "authorization_ended"


async def test_deactivating_the_user_ends_everything_and_reactivating_revives_nothing(
    stage: Stage, user_id: UserId, crane: StagedApp
) -> None:
    # T11, P4: case A92
    first = await stage.tokens(user_id, crane)
    await deactivate_user(stage.database, user_id=user_id, origin=SYSTEM, now=NOON)
    assert await stage.fate(first) == "principal_inactive"
    assert await stage.refused(crane, first) == "user_inactive"
    await reactivate_user(stage.database, user_id=user_id, origin=SYSTEM, now=NOON)
    assert await stage.fate(first) == "token_revoked"
    assert await stage.refused(crane, first) == "authorization_ended"
    assert await stage.fate(await stage.tokens(user_id, crane)) == "alive"


async def test_blocking_the_app_ends_everything_and_unblocking_revives_nothing(
    stage: Stage, user_id: UserId, crane: StagedApp
) -> None:
    # T11: case A66, the client itself is refused
    first = await stage.tokens(user_id, crane)
    code = await stage.code(user_id, crane)
    await block_app(stage.database, app_id=crane.id, origin=SYSTEM, now=NOON)
    assert await stage.fate(first) == "token_revoked"
    assert await stage.refused(crane, first) == "invalid_client"
    with pytest.raises(OAuthRefusal, match="invalid_client"):
        await stage.exchange(crane, code)
    await unblock_app(stage.database, app_id=crane.id, origin=SYSTEM, now=NOON)
    assert await stage.fate(first) == "token_revoked"
    assert await stage.refused(crane, first) == "authorization_ended"


async def test_a_refresh_moves_the_family_to_the_secret_that_authenticated_it(
    stage: Stage, user_id: UserId, crane: StagedApp
) -> None:
    # T11: retiring a secret ends the families and tokens on it, and no others
    staying, moving = await stage.tokens(user_id, crane), await stage.tokens(user_id, crane)
    added = await add_secret(stage.database, app_id=crane.id, keys=stage.keys, origin=SYSTEM, now=NOON)
    renewed = StagedApp(crane.id, crane.client_id, added.secret)
    moved = await stage.refresh(renewed, moving)
    assert await stage.recorded("family.moved") == ["family.moved"]
    async with stage.database.read() as reader:
        secrets = select(client_secrets.c.id).order_by(client_secrets.c.created_at)
        old = next(s for s in (await reader.execute(secrets)).scalars() if s != added.id)
    await retire_secret(stage.database, app_id=crane.id, secret_id=old, origin=SYSTEM, now=NOON)
    assert await stage.fate(staying) == "token_revoked"
    assert await stage.fate(moving) == "token_revoked", "a token of the retired secret, though its family moved on"
    assert await stage.fate(moved) == "alive"
    assert await stage.refused(renewed, staying) == "secret_retired"
    assert await stage.refused(crane, moved) == "invalid_client"
    assert (await stage.refresh(renewed, moved)).refresh_token


# --- codes -----------------------------------------------------------------------------------------


async def test_a_code_works_once_and_its_second_use_ends_what_the_first_opened(
    stage: Stage, user_id: UserId, crane: StagedApp
) -> None:
    # T2: case A60
    code = await stage.code(user_id, crane)
    first = await stage.exchange(crane, code)
    assert await stage.fate(first) == "alive"
    with pytest.raises(OAuthRefusal) as refusal:
        await stage.exchange(crane, code)
    assert (refusal.value.error, refusal.value.reason) == ("invalid_grant", "code_used")
    assert await stage.fate(first) == "token_revoked"
    assert await stage.refused(crane, first) == "code_reused"


async def test_sixty_four_exchanges_at_once_open_one_family(stage: Stage, user_id: UserId, crane: StagedApp) -> None:
    # T2: case A62
    code = await stage.code(user_id, crane)
    together = await asyncio.gather(*(outcome(stage.exchange(crane, code)) for _ in range(64)))
    assert Counter(type(answer) for answer in together) == {Issued: 1, str: 63}
    assert {answer for answer in together if isinstance(answer, str)} == {"code_used"}
    opened = next(answer for answer in together if isinstance(answer, Issued))
    assert await stage.fate(opened) == "token_revoked"
    assert await stage.recorded() == ["family.opened", "family.ended"]


async def test_another_clients_attempt_at_a_code_changes_nothing(
    stage: Stage, user_id: UserId, crane: StagedApp, pocket: StagedApp
) -> None:
    # T7: case A63, before the exchange and after it
    code = await stage.code(user_id, crane)
    assert await outcome(stage.exchange(pocket, code)) == "code_unknown"
    first = await stage.exchange(crane, code)
    assert isinstance(first, Issued)
    assert await outcome(stage.exchange(pocket, code)) == "code_unknown"
    assert await stage.fate(first) == "alive"


async def test_a_wrong_or_missing_verifier_uses_the_code_up(stage: Stage, user_id: UserId, crane: StagedApp) -> None:
    # T2: cases A55, A56
    verifier, challenge = pkce()
    for wrong in ("a" * 43, "short", ""):
        code = await stage.code(user_id, crane, challenge=challenge)
        refused = await outcome(stage.exchange(crane, code, **({"code_verifier": wrong} if wrong else {})))  # type: ignore[arg-type]
        assert refused == ("code_verifier_mismatch" if wrong else "code_verifier_missing")
        assert await outcome(stage.exchange(crane, code, code_verifier=verifier)) == "code_unknown"


async def test_a_verifier_without_a_challenge_is_refused(stage: Stage, user_id: UserId, crane: StagedApp) -> None:
    # T2: RFC 9700 §2.1.1
    code = await stage.code(user_id, crane)
    assert await outcome(stage.exchange(crane, code, code_verifier=pkce()[0])) == "code_verifier_unexpected"


async def test_another_redirect_uri_is_refused_and_leaves_the_code(
    stage: Stage, user_id: UserId, crane: StagedApp
) -> None:
    # T2: case A64
    code = await stage.code(user_id, crane)
    for wrong in ("https://crane.example/cb/", "https://evil.example/cb", ""):
        given = await outcome(stage.exchange(crane, code, redirect_uri=wrong))
        assert given == "redirect_uri_mismatch"
    assert isinstance(await outcome(stage.exchange(crane, code)), Issued)


async def test_a_code_lives_ten_minutes_and_what_expired_stays_so(
    stage: Stage, user_id: UserId, crane: StagedApp
) -> None:
    # T2: case A65, A99
    in_time, late = await stage.code(user_id, crane), await stage.code(user_id, crane)
    assert isinstance(await outcome(stage.exchange(crane, in_time, now=NOON + 10 * MINUTE - SECOND)), Issued)
    assert await outcome(stage.exchange(crane, late, now=NOON + 10 * MINUTE)) == "code_expired"
    assert await outcome(stage.exchange(crane, late, now=NOON)) == "code_unknown"


async def test_codes_made_under_an_older_server_key_are_found(stage: Stage, user_id: UserId, crane: StagedApp) -> None:
    # T2: and secrets digested under it still authenticate
    code = await stage.code(user_id, crane)
    fresh = ServerKeys.from_texts([mint_server_key()])
    rotated = Stage(stage.database, keys=ServerKeys((*fresh.keys, *stage.keys.keys)))
    assert isinstance(await outcome(rotated.exchange(crane, code)), Issued)
    assert await outcome(rotated.exchange(crane, code)) == "code_used"
