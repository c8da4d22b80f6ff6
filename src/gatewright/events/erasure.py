"""Erasing one person's data from the record: data and salts go, digests stay, and with them each chain (R4)."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Text, and_, cast, false, func, null, or_, select, tuple_, update

from gatewright.base.errors import Conflict, NotFound
from gatewright.base.folding import fold_email
from gatewright.base.ids import NO_COMPANY, CompanyId, ContactId, UserId
from gatewright.db.engine import Reader, Transaction, verb
from gatewright.db.schema import account_links, contacts, events, invitations, users
from gatewright.events.catalogue import Origin, PersonErased
from gatewright.events.log import record_all


@dataclass(frozen=True, slots=True)
class OfUser:
    """A user, in the record of every company and in the deployment's."""

    user_id: UserId


@dataclass(frozen=True, slots=True)
class OfContact:
    """Whoever a contact of one company stood for, in that company's record alone."""

    company_id: CompanyId
    contact_id: ContactId


@dataclass(frozen=True, slots=True)
class _Traces:
    """By what entries are known to be about the person, or to be caused by them."""

    principal_ids: frozenset[int]
    contact_ids: frozenset[tuple[int, int]]  # with their company
    invitation_ids: frozenset[str]
    link_ids: frozenset[str]
    addresses: frozenset[str]  # in lower case
    within: CompanyId | None  # None: every chain


@verb
async def erase_person(tx: Transaction, *, person: OfUser | OfContact, origin: Origin, now: datetime) -> int:
    """Return how many entries held personal data of the person, which is gone for good now (R4).

    Where they acted: address and browser. Where it is about them: names and addresses. Each
    chain that lost something records that it did. NotFound for nobody, Conflict while they
    can act or are listed: what is erased would only be written again.
    """
    traces = await (_traces_of_user(tx, person) if isinstance(person, OfUser) else _traces_of_contact(tx, person))
    by, whom = await _erase_by(tx, traces), await _erase_whom(tx, traces)
    lost = Counter(company_id for company_id, _ in by | whom)
    if not lost:
        return 0
    user_id, contact_id = (person.user_id, None) if isinstance(person, OfUser) else (None, person.contact_id)
    told = {NO_COMPANY, *lost} if isinstance(person, OfUser) else set(lost)
    happened = [
        PersonErased(
            company_id=CompanyId(company_id),
            user_id=user_id,
            contact_id=contact_id,
            after={"entries": lost[company_id]},
        )
        for company_id in sorted(told)
    ]
    await record_all(tx, happened, origin=origin, now=now)
    return lost.total()


async def user_of_address(reader: Reader, email: str) -> UserId | None:
    """Return the user who has that address now; None when nobody does."""
    return (
        await reader.execute(select(users.c.id).where(users.c.email_folded == fold_email(email)))
    ).scalar_one_or_none()


# --- by what they are known ------------------------------------------------------------------


async def _traces_of_user(tx: Transaction, person: OfUser) -> _Traces:
    account = (await tx.execute(select(users).where(users.c.id == person.user_id).with_for_update())).one_or_none()
    if account is None:
        raise NotFound("user_unknown", "There is no such user.")
    if account.is_active:
        raise Conflict(
            "user_active",
            "This user is active, and would be written of again.",
            help="Deactivate the user first, then erase what the record holds of them.",
        )
    principals = frozenset({int(person.user_id)})
    places = await _contacts_of(tx, principals)
    own = or_(_about("user_id") == person.user_id, _about("principal_id") == person.user_id, _among(places))
    addresses = {account.email.lower()} | await _addresses(tx, own)
    of = or_(
        invitations.c.email_folded == account.email_folded,
        func.lower(invitations.c.email).in_(addresses),
        tuple_(invitations.c.company_id, invitations.c.contact_id).in_(places),
    )
    accepted = and_(events.c.kind == "invitation.accepted", _about("user_id") == person.user_id)
    invited = await _column(tx, select(invitations.c.id).where(of))
    invited |= await _column(tx, select(events.c.about["invitation_id"].as_string()).where(accepted))
    mine = or_(account_links.c.user_id == person.user_id, func.lower(account_links.c.email).in_(addresses))
    links = await _column(tx, select(account_links.c.id).where(mine))
    return _Traces(principals, places, frozenset(invited), frozenset(links), frozenset(addresses), None)


async def _traces_of_contact(tx: Transaction, person: OfContact) -> _Traces:
    here = events.c.company_id == person.company_id
    place = frozenset({(int(person.company_id), int(person.contact_id))})
    own = and_(here, _about("contact_id") == person.contact_id)
    if not await _column(tx, select(events.c.id).where(own).limit(1)):
        raise NotFound("contact_unknown", "There is no such contact in that company's record.")
    principals = await _column(tx, select(_about("principal_id")).where(own, _about("principal_id").is_not(None)))
    listed = or_(contacts.c.id == person.contact_id, contacts.c.user_id.in_(principals))
    if await _column(tx, select(contacts.c.id).where(contacts.c.company_id == person.company_id, listed)):
        raise Conflict(
            "contact_present",
            "This contact, or the user it stood for, is in the company's directory.",
            help="A company admin removes the contact first; then erase what the record holds of it.",
        )
    of = and_(invitations.c.company_id == person.company_id, invitations.c.contact_id == person.contact_id)
    invited = await _column(tx, select(invitations.c.id).where(of))
    addresses = await _addresses(tx, own)
    return _Traces(
        frozenset(principals), place, frozenset(invited), frozenset(), frozenset(addresses), person.company_id
    )


async def _contacts_of(tx: Transaction, principals: frozenset[int]) -> frozenset[tuple[int, int]]:
    """Return the contacts that stand or stood for the principals, each with its company."""
    now = select(contacts.c.company_id, contacts.c.id).where(contacts.c.user_id.in_(principals))
    once = select(events.c.company_id, _about("contact_id")).where(_about("principal_id").in_(principals))
    rows: list[Any] = [*(await tx.execute(now)).all(), *(await tx.execute(once.distinct())).all()]
    return frozenset((row[0], row[1]) for row in rows if row[1] is not None)


async def _addresses(tx: Transaction, about: ColumnElement[bool]) -> set[str]:
    """Return the addresses that were recorded of the person, in lower case."""
    found = set()
    for side in ("before", "after"):
        found |= await _column(tx, select(_address(side)).where(about, _holds_whom(), _address(side).is_not(None)))
    return found


async def _column(reader: Reader, statement: Any) -> set[Any]:
    return set((await reader.execute(statement)).scalars())


# --- what is erased --------------------------------------------------------------------------


async def _erase_by(tx: Transaction, traces: _Traces) -> set[tuple[int, int]]:
    """Erase address and browser where they acted, also before it was known who they are; return those entries."""
    acted = and_(events.c.by_id.in_(traces.principal_ids), events.c.by_kind.in_(("user", "operator")))
    unknown = and_(events.c.by_id.is_(None), _is_about(traces))
    holds = or_(events.c.ip.is_not(None), events.c.user_agent.is_not(None))
    erased = update(events).where(_within(traces), or_(acted, unknown), holds, events.c.by_salt.is_not(None))
    return await _erased(tx, erased.values(ip=None, user_agent=None, by_salt=None))


async def _erase_whom(tx: Transaction, traces: _Traces) -> set[tuple[int, int]]:
    """Erase names and addresses where it is about them; return those entries."""
    erased = update(events).where(_within(traces), _is_about(traces), _holds_whom())
    return await _erased(tx, erased.values(whom=null(), whom_salt=None))


async def _erased(tx: Transaction, statement: Any) -> set[tuple[int, int]]:
    rows = await tx.execute(statement.returning(events.c.company_id, events.c.id))
    return {(row.company_id, row.id) for row in rows}


def _within(traces: _Traces) -> ColumnElement[bool]:
    return events.c.company_id >= NO_COMPANY if traces.within is None else events.c.company_id == traces.within


def _is_about(traces: _Traces) -> ColumnElement[bool]:
    """Return whether an entry is about the person: by an id, or by an address that is nobody else's there."""
    # An address may be another's by now: what names another principal is theirs.
    nobody_elses = and_(
        *(or_(_about(key).is_(None), _about(key).in_(traces.principal_ids)) for key in ("user_id", "principal_id"))
    )
    addressed = or_(*(_address(side).in_(traces.addresses) for side in ("before", "after")))
    return or_(
        _about("user_id").in_(traces.principal_ids),
        _about("principal_id").in_(traces.principal_ids),
        _among(traces.contact_ids),
        events.c.about["invitation_id"].as_string().in_(traces.invitation_ids),
        events.c.about["link_id"].as_string().in_(traces.link_ids),
        and_(nobody_elses, addressed, _holds_whom()),
    )


def _among(places: Iterable[tuple[int, int]]) -> ColumnElement[bool]:
    wanted: Sequence[tuple[int, int]] = sorted(places)
    return tuple_(events.c.company_id, _about("contact_id")).in_(wanted) if wanted else false()


def _about(key: str) -> ColumnElement[Any]:
    return cast(events.c.about[key].as_string(), BigInteger)


def _address(side: str) -> ColumnElement[Any]:
    return func.lower(events.c.whom[(side, "email")].as_string())


def _holds_whom() -> ColumnElement[bool]:
    return and_(events.c.whom_salt.is_not(None), cast(events.c.whom, Text) != "null")
