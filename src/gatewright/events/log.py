"""The record: one event per change of state, written in the same transaction (R1)."""

from datetime import datetime

from sqlalchemy import insert

from gatewright.base.ids import EventId
from gatewright.db.engine import Transaction
from gatewright.db.schema import events
from gatewright.events.catalogue import Event, Origin

_LONGEST_USER_AGENT = 400


async def record(transaction: Transaction, event: Event, *, origin: Origin, now: datetime) -> EventId:
    """Return the id of the event, now part of the transaction, and note the facts it touches.

    Higher floors that subscribed to this kind of event act inside the transaction too.
    """
    event_id = EventId(await transaction.next_id("event"))
    touched = sorted(event.touches())
    await transaction.execute(
        insert(events).values(
            company_id=event.company_id,
            id=event_id,
            at=now,
            kind=event.KIND,
            by_kind=origin.by_kind,
            by_id=origin.by_id,
            via_app_id=origin.via_app_id,
            ip=origin.ip,
            user_agent=origin.user_agent and origin.user_agent[:_LONGEST_USER_AGENT],
            request_id=origin.request_id,
            about=event.about(),
            before=event.before,
            after=event.after,
            keys=touched,
        )
    )
    transaction.touch(touched, ending=event.ENDS)
    for hear in transaction.news.get(type(event), ()):
        await hear(transaction, event, origin=origin, now=now)
    return event_id
