"""The token side on a database, with the time in the test's hands: an app, a user, and what they ask for."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import event, select
from starlette.datastructures import Headers

from gatewright.apps.service import create_app
from gatewright.base.ids import AppId, UserId
from gatewright.base.secrets import ServerKeys, mint_server_key
from gatewright.db.engine import Committed, Database
from gatewright.db.schema import events, token_families
from gatewright.directory.service import create_user
from gatewright.events.catalogue import SYSTEM, Origin
from gatewright.events.facts import Coherence, Facts, ReadThrough
from gatewright.oauth.authorize_service import CodeBinding, authorize
from gatewright.oauth.client_auth import authenticate
from gatewright.oauth.desk import Desk
from gatewright.oauth.endpoints import GRANTS
from gatewright.oauth.errors import OAuthRefusal
from gatewright.oauth.model import DeadToken, Issued
from gatewright.oauth.revocation import revoke
from gatewright.oauth.signing import ensure_signing_key
from gatewright.oauth.tokens import TokenReader
from gatewright.settings import Settings
from gatewright.web.edge import Seen
from tests.support.world import pkce

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
REDIRECT_URI = "https://crane.example/cb"
ISSUER = "http://127.0.0.1:8400"


class Remembering:
    """A coherence for one process alone: nobody else writes."""

    keeps = True

    def touched(self) -> tuple[str, ...]:
        """Return nothing."""
        return ()


@dataclass(frozen=True, slots=True)
class StagedApp:
    """An app as its developer holds it."""

    id: AppId
    client_id: str
    secret: str | None

    @property
    def credentials(self) -> dict[str, str]:
        """Return its client authentication for a body."""
        return {"client_id": self.client_id} | ({"client_secret": self.secret} if self.secret else {})


class Stage:
    """One process of the token side."""

    def __init__(
        self,
        database: Database,
        *,
        keys: ServerKeys | None = None,
        coherence: Coherence | None = None,
        **settings: object,
    ) -> None:
        self.database = database
        self.settings = Settings(issuer=ISSUER, **settings)
        self.keys = keys or ServerKeys.from_texts([mint_server_key()])
        self.facts = Facts(database, coherence or ReadThrough())
        self.reader = TokenReader(self.settings, database, self.keys, self.facts)
        self.desk = Desk(self.settings, database, self.keys, self.facts, self.reader.issuer)
        self.committed: list[Committed] = []
        database.after_commit.append(self._note)

    async def _note(self, committed: Committed) -> None:
        self.committed.append(committed)

    async def set_up(self) -> UserId:
        """Make the signing key and a user; return the user."""
        await ensure_signing_key(self.database, keys=self.keys, origin=SYSTEM, now=NOON)
        return await self.user("Ada")

    async def user(self, name: str) -> UserId:
        """Return a new user."""
        return await create_user(
            self.database, email=f"{name}@example.com", name=name, password_hash=None, origin=SYSTEM, now=NOON
        )

    async def app(self, owner_id: UserId, name: str, **fields: object) -> StagedApp:
        """Return a new app with its credentials."""
        made = await create_app(
            self.database,
            owner_id=owner_id,
            name=name,
            keys=self.keys,
            origin=SYSTEM,
            now=NOON,
            **{"redirect_uris": (REDIRECT_URI,), **fields},  # type: ignore[arg-type]
        )
        return StagedApp(made.app_id, made.client_id, made.secret)

    async def code(
        self, user_id: UserId, app: StagedApp, *scopes: str, challenge: str | None = None, now: datetime = NOON
    ) -> str:
        """Return a code that the user consented to."""
        binding = CodeBinding(
            redirect_uri=REDIRECT_URI, redirect_uri_was_sent=True, code_challenge=challenge, scopes=scopes
        )
        return await authorize(
            self.database,
            user_id=user_id,
            app_id=app.id,
            binding=binding,
            keys=self.keys,
            code_lifetime=self.settings.authorization_code_lifetime,
            origin=Origin("user", user_id),
            now=now,
        )

    async def ask(self, credentials: Mapping[str, str], grant_type: str, *, now: datetime, **asked: str) -> Issued:
        """Return what the token endpoint answers with; OAuthRefusal when it refuses."""
        parameters = {**credentials, **asked}
        caller = await authenticate(Headers({}), parameters, facts=self.facts, keys=self.keys)
        seen = Seen("r-1", now, "192.0.2.7", "client/1")
        issued: Issued = await GRANTS[grant_type].exchange(self.desk, caller, parameters, seen=seen, now=now)
        return issued

    async def exchange(self, app: StagedApp, code: str, *, now: datetime = NOON, **asked: str) -> Issued:
        """Return the first tokens for a code."""
        given = {"code": code, "redirect_uri": REDIRECT_URI, **asked}
        return await self.ask(app.credentials, "authorization_code", now=now, **given)

    async def tokens(self, user_id: UserId, app: StagedApp, *scopes: str, now: datetime = NOON) -> Issued:
        """Return the first tokens of a whole authorization."""
        verifier, challenge = pkce()
        code = await self.code(user_id, app, *scopes, challenge=challenge, now=now)
        return await self.exchange(app, code, code_verifier=verifier, now=now)

    async def refresh(self, app: StagedApp, issued: Issued | str, *, now: datetime = NOON, **asked: str) -> Issued:
        """Return the successor of a refresh token."""
        text = issued if isinstance(issued, str) else issued.refresh_token or ""
        return await self.ask(app.credentials, "refresh_token", now=now, refresh_token=text, **asked)

    async def refused(self, app: StagedApp, issued: Issued | str, *, now: datetime = NOON, **asked: str) -> str:
        """Return the reason for which a refresh is refused; it must be."""
        try:
            await self.refresh(app, issued, now=now, **asked)
        except OAuthRefusal as refusal:
            return refusal.reason or refusal.error
        raise AssertionError("the refresh was answered")

    async def revoke(self, app: StagedApp, token: str, *, now: datetime = NOON) -> None:
        """Revoke a token as its client."""
        caller = await authenticate(Headers({}), app.credentials, facts=self.facts, keys=self.keys)
        await revoke(self.desk, self.reader, caller, token, seen=Seen("r-1", now, None, None), now=now)

    async def fate(self, token: Issued | str, *, now: datetime = NOON) -> str:
        """Return `alive`, or the code of a dead access token."""
        found = await self.reader.read(token if isinstance(token, str) else token.access_token, now=now)
        return found.code if isinstance(found, DeadToken) else "alive"

    async def recorded(self, *kinds: str) -> list[str]:
        """Return the kinds of the events of families in order, or of those named."""
        async with self.database.read() as reader:
            told = (await reader.execute(select(events.c.kind).order_by(events.c.id))).scalars()
        return [kind for kind in told if kind in kinds or (not kinds and kind.startswith("family."))]

    async def rows(self) -> list[tuple[int, int]]:
        """Return generation and confirmed generation of every family."""
        columns = (token_families.c.generation, token_families.c.confirmed_generation)
        async with self.database.read() as reader:
            return [(row.generation, row.confirmed_generation) for row in await reader.execute(select(*columns))]

    @asynccontextmanager
    async def statements(self) -> AsyncIterator[list[str]]:
        """Lend the list of statements that reach the driver, as they come."""
        said: list[str] = []

        def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
            said.append(statement)

        # On PostgreSQL the reader is a view of the writer: what happens on either is heard there.
        engines = [self.database.writer.sync_engine]
        if self.database.dialect == "sqlite":
            engines.append(self.database.reader.sync_engine)
        for engine in engines:
            event.listen(engine, "before_cursor_execute", note)
        try:
            yield said
        finally:
            for engine in engines:
                event.remove(engine, "before_cursor_execute", note)
