"""Apps made and changed, by their developer, the operator or a world file."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from gatewright.apps import rules, store
from gatewright.apps.model import App, AppDraft, CreatedApp
from gatewright.apps.service.refusals import made_before, name_taken
from gatewright.apps.service.secrets import insert_fresh, known_app
from gatewright.apps.service.terms import require_terms
from gatewright.base.changes import KEEP, Keep
from gatewright.base.errors import Conflict, Invalid, Problem
from gatewright.base.ids import AppId, SecretId, UserId, random_id
from gatewright.base.secrets import ServerKeys
from gatewright.db.engine import Transaction, verb
from gatewright.events.catalogue import AppChanged, AppCreated, Origin
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
    await require_terms(tx, origin)
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
    added = await insert_fresh(tx, app_id, client_id, SecretId(random_id()), keys=keys, origin=origin, now=now)
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
    await require_terms(tx, origin)
    app = await known_app(tx, app_id, lock=True)
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
        raise name_taken()
    before = _plain({key: stands[key] for key in changes})
    event = AppChanged(app_id=app_id, client_id=app.client_id, before=before, after=_plain(changes))
    await record(tx, event, origin=origin, now=now)
    return True


@verb
async def add_redirect_uri(tx: Transaction, *, app_id: AppId, redirect_uri: str, origin: Origin, now: datetime) -> bool:
    """Return whether the redirect URI was added after those that stand; False when it is one of them already."""
    app = await known_app(tx, app_id, lock=True)
    wanted = [*app.redirect_uris, *([] if redirect_uri in app.redirect_uris else [redirect_uri])]
    return await change_app(tx, app_id=app_id, redirect_uris=wanted, origin=origin, now=now)


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
    """Return the values as the record holds them: the retry window in whole seconds, for no float is verified (R2)."""
    return {key: int(value.total_seconds()) if isinstance(value, timedelta) else value for key, value in values.items()}


async def _taken(tx: Transaction, client_id: str) -> Conflict:
    return made_before() if await store.find_app(tx, client_id=client_id) else name_taken()
