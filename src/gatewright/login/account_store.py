"""What beginning, joining and recovering an account reads of users and contacts."""

from sqlalchemy import func, select

from gatewright.base.ids import CompanyId, UserId
from gatewright.db.engine import Reader
from gatewright.db.schema import contacts, users
from gatewright.login.model import Standing


async def find_standing(reader: Reader, user_id: UserId) -> Standing | None:
    """Return what is known of the account's address and rank."""
    statement = select(users.c.is_operator, users.c.email_proven_at.is_not(None).label("is_proven"))
    found = (await reader.execute(statement.where(users.c.id == user_id))).first()
    return None if found is None else Standing(found.is_operator, bool(found.is_proven))


async def count_companies(reader: Reader, user_id: UserId, *, besides: CompanyId) -> int:
    """Return in how many other companies' directories the user is."""
    joined = (contacts.c.user_id == user_id, contacts.c.company_id != besides)
    return int((await reader.execute(select(func.count()).select_from(contacts).where(*joined))).scalar_one())
