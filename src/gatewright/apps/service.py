"""What a developer, the operator and a world file do with apps: make, change, add and retire secrets, block."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from gatewright.apps import rules, store
from gatewright.apps.model import (
    MOST_LIVE_SECRETS,
    AddedSecret,
    App,
    AppDraft,
    CreatedApp,
)
from gatewright.base.changes import KEEP, Keep
from gatewright.base.errors import Conflict, Invalid, NotFound, Problem
from gatewright.base.ids import AppId, SecretId, UserId, random_id
from gatewright.base.secrets import Purpose, ServerKeys, hint, mint_client_secret
from gatewright.db.engine import Transaction, verb
from gatewright.events.catalogue import (
    AppBlocked,
    AppChanged,
    AppCreated,
    AppUnblocked,
    ClientSecretAdded,
    ClientSecretRetired,
    Origin,
    TermsPublished,
)
from gatewright.events.log import record

LONGEST_RETRY_WINDOW = timedelta(days=1)


# long: an app's every field is named
@verb
async def create_app(
    tx: Transaction,
    *,
    owner_id: UserId,
    name: str,
    homepage: str = "",
    is_confidential: bool = True,
    redirect_uris: Sequence[str] = (),
    scopes: Sequence[str] = (),
    is_resource_server: bool = False,
    retry_window: timedelta | None = None,
    keys: ServerKeys,
    form_id: str | None = None,
    origin: Origin,
    now: datetime,
) -> CreatedApp:
    """Return the new app with its client and, where it is confidential, its first secret.

    `form_id` (128 random bits, in hex) names the form it was asked with: a second call
    with the same one is refused with the code `made_before`, however it races.
    """
    draft = AppDraft(
        name=name,
        homepage=homepage,
        is_confidential=is_confidential,
        redirect_uris=tuple(redirect_uris),
        scopes=tuple(scopes),
        is_resource_server=is_resource_server,
        retry_window=retry_window,
    )
    _refuse_problems(_problems(draft))
    app_id, client_id = AppId(await tx.next_id("app")), app_client_id(form_id)
    folded = rules.fold_name(name)
    if not await store.insert_app(
        tx, app_id, owner_id=owner_id, client_id=client_id, draft=draft, name_folded=folded, now=now
    ):
        raise await _taken(tx, client_id)
    after = {"name": name, "owner_id": owner_id, "is_confidential": is_confidential, **_plain(_shown(draft))}
    await record(tx, AppCreated(app_id=app_id, client_id=client_id, after=after), origin=origin, now=now)
    if not is_confidential:
        return CreatedApp(app_id, client_id, None)
    added = await _insert_secret(tx, app_id, client_id, SecretId(random_id()), keys=keys, origin=origin, now=now)
    return CreatedApp(app_id, client_id, added.secret)


def app_client_id(form_id: str | None = None) -> str:
    """Return a client id for a new app: of the form it is asked with, else random."""
    return f"app_{form_id or random_id()}"


# long: an app's every field is named
@verb
async def change_app(
    tx: Transaction,
    *,
    app_id: AppId,
    name: str | Keep = KEEP,
    homepage: str | Keep = KEEP,
    redirect_uris: Sequence[str] | Keep = KEEP,
    scopes: Sequence[str] | Keep = KEEP,
    is_resource_server: bool | Keep = KEEP,
    retry_window: timedelta | Keep | None = KEEP,
    origin: Origin,
    now: datetime,
) -> bool:
    """Return whether anything changed; what is not named stays as it is."""
    app = await _app(tx, app_id, lock=True)
    wanted: dict[str, Any] = {
        "name": name,
        "homepage": homepage,
        "redirect_uris": redirect_uris if redirect_uris is KEEP else list(redirect_uris),
        "scopes": scopes if scopes is KEEP else list(scopes),
        "is_resource_server": is_resource_server,
        "retry_window": retry_window,
    }
    stands = _shown(app) | {"name": app.name}
    changes = {key: value for key, value in wanted.items() if value is not KEEP and value != stands[key]}
    if not changes:
        return False
    _refuse_problems(_problems(_draft(stands | changes, is_confidential=app.is_confidential)))
    columns = changes | ({"name_folded": rules.fold_name(changes["name"])} if "name" in changes else {})
    if not await store.update_app(tx, app_id, columns, now=now):
        raise _name_taken()
    before = _plain({key: stands[key] for key in changes})
    event = AppChanged(app_id=app_id, client_id=app.client_id, before=before, after=_plain(changes))
    await record(tx, event, origin=origin, now=now)
    return True


@verb
async def add_secret(
    tx: Transaction,
    *,
    app_id: AppId,
    keys: ServerKeys,
    form_id: str | None = None,
    origin: Origin,
    now: datetime,
) -> AddedSecret:
    """Return a second secret beside the first (D4); at most two live at a time (D2).

    `form_id` as in `create_app`: the same form asked twice is refused with `made_before`.
    """
    app = await _app(tx, app_id, lock=True)
    secret_id = SecretId(form_id or random_id())
    if await store.has_secret(tx, secret_id, app_id=app_id):
        raise _made_before()
    if not app.is_confidential:
        raise Conflict("public_client", "A public client has no secret; it proves itself with PKCE.")
    if await store.count_live_secrets(tx, app_id) >= MOST_LIVE_SECRETS:
        raise Conflict(
            "two_secrets_live",
            "Two secrets live already.",
            help="The developer retires one of them; then another can be added.",
        )
    return await _insert_secret(tx, app_id, app.client_id, secret_id, keys=keys, origin=origin, now=now)


@verb
async def retire_secret(tx: Transaction, *, app_id: AppId, secret_id: SecretId, origin: Origin, now: datetime) -> bool:
    """Return whether the secret was retired now; False when it was before (D4)."""
    app = await _app(tx, app_id)
    if not await store.has_secret(tx, secret_id, app_id=app_id):
        raise secret_unknown()
    if not await store.retire_secret(tx, secret_id, app_id=app_id, now=now):
        tx.answers_an_ending()
        return False
    event = ClientSecretRetired(app_id=app_id, client_id=app.client_id, secret_id=secret_id)
    await record(tx, event, origin=origin, now=now)
    return True


@verb
async def block_app(tx: Transaction, *, app_id: AppId, origin: Origin, now: datetime) -> bool:
    """Return whether the app was blocked now; none of its tokens from before ever lives again (T11)."""
    app = await _app(tx, app_id)
    if not await store.block_app(tx, app_id, now=now):
        tx.answers_an_ending()
        return False
    await record(tx, AppBlocked(app_id=app_id, client_id=app.client_id), origin=origin, now=now)
    return True


@verb
async def unblock_app(tx: Transaction, *, app_id: AppId, origin: Origin, now: datetime) -> bool:
    """Return whether the app was unblocked now."""
    app = await _app(tx, app_id)
    if not await store.unblock_app(tx, app_id, now=now):
        return False
    await record(tx, AppUnblocked(app_id=app_id, client_id=app.client_id), origin=origin, now=now)
    return True


@verb
async def publish_terms(tx: Transaction, *, version: str, text: str, origin: Origin, now: datetime) -> bool:
    """Return whether this version of the terms of use is new; a published version never changes."""
    if not await store.insert_terms(tx, version=version, text=text, now=now):
        if await store.load_terms_text(tx, version) != text:
            raise Invalid(Problem("terms", f"version {version} is published with another text; name a new version"))
        return False
    await record(tx, TermsPublished(version=version), origin=origin, now=now)
    return True


async def _insert_secret(
    tx: Transaction,
    app_id: AppId,
    client_id: str,
    secret_id: SecretId,
    *,
    keys: ServerKeys,
    origin: Origin,
    now: datetime,
) -> AddedSecret:
    secret = mint_client_secret()
    digest = keys.digest(Purpose.CLIENT_SECRET, secret)
    inserted = await store.insert_secret(
        tx, secret_id, app_id=app_id, digest=digest, hint=hint(secret), created_by=origin.by_id, now=now
    )
    if not inserted:
        raise _made_before()
    event = ClientSecretAdded(app_id=app_id, client_id=client_id, secret_id=secret_id, after={"hint": hint(secret)})
    await record(tx, event, origin=origin, now=now)
    return AddedSecret(secret_id, secret)


async def _app(tx: Transaction, app_id: AppId, *, lock: bool = False) -> App:
    app = await store.load_app(tx, app_id, lock=lock)
    if app is None:
        raise app_unknown()
    return app


def _problems(draft: AppDraft) -> list[Problem]:
    problems = [
        *rules.problems_of_name(draft.name),
        *rules.problems_of_homepage(draft.homepage),
        *rules.problems_of_redirect_uris(draft.redirect_uris),
        *rules.problems_of_scopes(draft.scopes),
    ]
    if draft.retry_window is not None and not timedelta(0) <= draft.retry_window <= LONGEST_RETRY_WINDOW:
        problems.append(Problem("retry_window", "must be from 0 to 24 hours"))
    if draft.is_resource_server and not draft.is_confidential:
        problems.append(Problem("type", "must be confidential for a resource server, which proves who it is"))
    return problems


def _refuse_problems(problems: list[Problem]) -> None:
    if problems:
        raise Invalid(*problems)


def _shown(app: App | AppDraft) -> dict[str, Any]:
    return {
        "homepage": app.homepage,
        "redirect_uris": list(app.redirect_uris),
        "scopes": list(app.scopes),
        "is_resource_server": app.is_resource_server,
        "retry_window": app.retry_window,
    }


def _draft(values: Mapping[str, Any], *, is_confidential: bool) -> AppDraft:
    lists = {"redirect_uris": tuple(values["redirect_uris"]), "scopes": tuple(values["scopes"])}
    return AppDraft(**{**values, **lists}, is_confidential=is_confidential)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values as JSON holds them: the retry window in seconds."""
    return {key: value.total_seconds() if isinstance(value, timedelta) else value for key, value in values.items()}


async def _taken(tx: Transaction, client_id: str) -> Conflict:
    return _made_before() if await store.find_app(tx, client_id=client_id) else _name_taken()


def app_unknown() -> NotFound:
    """Return the refusal for an app that there is not, or that is another developer's (P6)."""
    return NotFound("app_unknown", "There is no such app.")


def secret_unknown() -> NotFound:
    """Return the refusal for a secret that the app does not have."""
    return NotFound("secret_unknown", "This app has no such secret.")


def _name_taken() -> Conflict:
    return Conflict(
        "name_taken",
        "Another app has this name, or one that looks like it.",
        help="The developer chooses a name that nobody can take for another app's.",
    )


def _made_before() -> Conflict:
    return Conflict("made_before", "This form was sent before; sending it again makes nothing.")
