"""What a user's own Security page reads: constant statements, whatever they did."""

from datetime import datetime, timedelta

from sqlalchemy import desc, select

from gatewright.base.ids import NO_COMPANY, UserId
from gatewright.db.engine import Reader
from gatewright.db.schema import events, terms_acceptances, users
from gatewright.events.catalogue import SessionStarted
from gatewright.login.model import AcceptedTerms, AccountFacts, PastSignIn

MOST_SIGN_INS = 10
LOOKED_BACK = timedelta(days=90)


async def account_facts(reader: Reader, user_id: UserId) -> AccountFacts:
    """Return what the account's owner is told about it."""
    columns = (users.c.email, users.c.email_proven_at, users.c.password_changed_at, users.c.created_at)
    return AccountFacts(**(await reader.execute(select(*columns).where(users.c.id == user_id))).one()._asdict())


async def newest_acceptance(reader: Reader, user_id: UserId) -> AcceptedTerms | None:
    """Return the terms of use that the user accepted last, if any."""
    columns = (terms_acceptances.c.version, terms_acceptances.c.accepted_at)
    accepted = select(*columns).where(terms_acceptances.c.user_id == user_id)
    row = (await reader.execute(accepted.order_by(desc(terms_acceptances.c.accepted_at)).limit(1))).first()
    return None if row is None else AcceptedTerms(**row._asdict())


async def past_sign_ins(reader: Reader, user_id: UserId, *, now: datetime) -> list[PastSignIn]:
    """Return the user's last sign-ins from the record, newest first."""
    statement = (
        select(events.c.at, events.c.ip, events.c.user_agent)
        .where(
            events.c.company_id == NO_COMPANY,
            events.c.kind == SessionStarted.KIND,
            events.c.at > now - LOOKED_BACK,
            events.c.by_kind == "user",
            events.c.by_id == user_id,
        )
        .order_by(desc(events.c.at), desc(events.c.id))
        .limit(MOST_SIGN_INS)
    )
    return [PastSignIn(**row._asdict()) for row in await reader.execute(statement)]
