"""Terms of use: published by the operator, accepted by developers before they change anything (D1)."""

from datetime import datetime, timedelta

from gatewright.apps import terms_store as store
from gatewright.apps.rules import problems_of_terms
from gatewright.apps.service.refusals import terms_not_accepted, terms_outdated
from gatewright.base.errors import Invalid, Problem
from gatewright.base.ids import UserId
from gatewright.db.engine import Transaction, verb
from gatewright.events.catalogue import Origin, TermsAccepted, TermsPublished
from gatewright.events.log import record

_NEXT = timedelta(microseconds=1)


@verb
async def publish_terms(tx: Transaction, *, version: str, text: str, origin: Origin, now: datetime) -> bool:
    """Return whether this version of the terms of use is new; a published version never changes.

    It is the current one from now on, and waits for every developer.
    """
    if problems := problems_of_terms(version, text):
        raise Invalid(*problems)
    current = await store.load_current_terms(tx)
    # Two in one instant would leave open which of them is current.
    at = now if current is None else max(now, current.published_at + _NEXT)
    if not await store.insert_terms(tx, version=version, text=text, now=at):
        if await store.load_terms_text(tx, version) != text:
            raise Invalid(Problem("version", f"version {version} is published with another text; name a new version"))
        return False
    await record(tx, TermsPublished(version=version), origin=origin, now=now)
    return True


@verb
async def accept_terms(tx: Transaction, *, user_id: UserId, version: str, origin: Origin, now: datetime) -> bool:
    """Return whether the user accepted the current terms now, False when before; they are a developer then.

    Conflict `terms_outdated` for a version that is not the current one.
    """
    current = await store.load_current_terms(tx)
    if current is None or current.version != version:
        raise terms_outdated()
    if not await store.insert_acceptance(tx, user_id, version, ip=origin.ip, now=now):
        return False
    await record(tx, TermsAccepted(version=version, user_id=user_id), origin=origin, now=now)
    return True


async def require_terms(tx: Transaction, origin: Origin) -> None:
    """Refuse a user's change of an app until they accepted the current terms; where there are none, nothing waits.

    What the operator or a world file changes is not a developer's doing.
    """
    if origin.by_kind != "user" or origin.by_id is None:
        return
    user_id = UserId(origin.by_id)
    standing = (await store.load_terms_standing(tx, [user_id]))[user_id]
    if standing.waits_for is not None:
        raise terms_not_accepted(standing.waits_for)
