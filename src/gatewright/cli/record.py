"""What `gatewright events` does with the database: export, erase."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gatewright.activity.record_service import begin_export, record_key
from gatewright.base import clock
from gatewright.base.folding import is_email_shaped
from gatewright.base.ids import NO_COMPANY, CompanyId, ContactId, UserId
from gatewright.cli.failures import CannotRead, WronglyAsked
from gatewright.cli.preparation import require_migrated
from gatewright.directory.store.companies import find_company
from gatewright.events.erasure import OfContact, OfUser, erase_person, user_of_address
from gatewright.house import House, embedded_file, open_house
from gatewright.settings import Settings
from gatewright.world.apply import OPERATOR


async def exported(settings: Settings, file: Path, *, company: int | None, deployment: bool) -> str:
    """Return a sentence on the file, which is written whole or not at all."""
    if (company is None) is not deployment:
        raise WronglyAsked("Name one record: --company ID, or --deployment.")
    company_id = NO_COMPANY if company is None else CompanyId(company)
    async with _house(settings) as house:
        if company is not None:
            async with house.database.read() as reader:
                if await find_company(reader, company_id) is None:
                    raise WronglyAsked(f"There is no company {company}. The operator's pages list them by id.")
        export = await begin_export(
            house.database,
            company_id=company_id,
            keys=house.keys,
            issuer=settings.issuer,
            origin=OPERATOR,
            now=clock.now(),
        )
        await _write(file, export.lines(house.database))
    return f"{export.position} entries written to {file}; fingerprint {export.key.fingerprint}"


async def fingerprint(settings: Settings) -> str:
    """Return the fingerprint of the key that signs exported records."""
    async with _house(settings) as house:
        key = await record_key(house.database, keys=house.keys, origin=OPERATOR, now=clock.now())
    return key.fingerprint


async def erased(settings: Settings, *, user: str | None, company: int | None, contact: int | None) -> str:
    """Return a sentence on what was erased."""
    is_contact = company is not None and contact is not None
    if (user is not None) is is_contact or (user is not None and (company is not None or contact is not None)):
        raise WronglyAsked("Name one person: --user EMAIL|ID, or --company ID with --contact ID.")
    async with _house(settings) as house:
        person = await _user(house, user) if user is not None else None
        count = await erase_person(
            house.database,
            person=person or OfContact(CompanyId(company or 0), ContactId(contact or 0)),
            origin=OPERATOR,
            now=clock.now(),
        )
    if not count:
        return "The record held no personal data of them. Nothing was changed."
    entries = "1 entry" if count == 1 else f"{count} entries"
    return f"Erased from {entries}. Files that were exported before still hold it: have them erased too."


async def _user(house: House, user: str) -> OfUser:
    if user.isascii() and user.isdigit() and len(user) <= 16:
        return OfUser(UserId(int(user)))
    found = None
    if is_email_shaped(user):
        async with house.database.read() as reader:
            found = await user_of_address(reader, user)
    if found is None:
        raise WronglyAsked(f"There is no user {user!r}. The operator's pages list users by address.")
    return OfUser(found)


@asynccontextmanager
async def _house(settings: Settings) -> AsyncIterator[House]:
    """Lend the house of a database that is there already; nothing is made."""
    file = embedded_file(settings)
    if file is not None and not file.exists():
        raise CannotRead(f"There is no database at {file}. See GATEWRIGHT_DATA_DIR and GATEWRIGHT_DATABASE_URL.")
    await require_migrated(settings)
    async with open_house(settings) as house:
        yield house


async def _write(file: Path, pieces: AsyncIterator[bytes]) -> None:
    """Write the file beside its place, and move it there once it is whole."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, "wb") as written:
            async for piece in pieces:
                written.write(piece)
            written.flush()
            os.fsync(written.fileno())
        fresh.replace(file)
    finally:
        fresh.unlink(missing_ok=True)
