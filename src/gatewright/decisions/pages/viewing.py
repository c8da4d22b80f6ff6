"""Who may look at explanations, and what the filters of a list of refused calls mean."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlencode

from starlette.requests import Request

from gatewright.base.errors import NotFound
from gatewright.base.ids import AppId, CompanyId
from gatewright.base.levels import Level
from gatewright.db.engine import Reader
from gatewright.decisions.explain_model import Grant
from gatewright.decisions.refusal_store import KEPT_FOR, Wanted
from gatewright.decisions.store import load_company
from gatewright.directory.model import DIRECTORY
from gatewright.web.access import Question, path_id, plain_id, viewer_may
from gatewright.web.api import Page, asked_page
from gatewright.web.edge import seen
from gatewright.web.forms import query_parameters

PER_PAGE = 50
LONGEST_CODE = 40


async def directory_admin(request: Request) -> CompanyId:
    """Return the company of the path, if the viewer manages its directory; the refusal is raised (X4)."""
    company_id = CompanyId(path_id(request, "company_id", "company_unknown"))
    await viewer_may(request, Question(company_id=company_id, needs_company=True, tool=DIRECTORY, level=Level.ADMIN))
    return company_id


async def company_name(reader: Reader, company_id: CompanyId) -> dict[str, object]:
    """Return the company as templates name it."""
    company = await load_company(reader, company_id)
    if company is None:
        raise NotFound("company_unknown")
    return {"id": company.id, "name": company.name}


def shown_grant(grant: Grant | None) -> dict[str, object] | None:
    """Return the event that gave a level, as pages tell it."""
    return None if grant is None else {"at": grant.at, "by": grant.by, "event_id": grant.event_id}


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list of refused calls was asked to show. What cannot be understood is left out."""

    app_id: AppId | None
    code: str
    day: date | None
    page: Page

    @classmethod
    def of(cls, request: Request) -> "Filters":
        """Return the filters of the query."""
        query = query_parameters(request)
        number = plain_id(query.get("app_id", ""))
        return cls(
            app_id=None if number is None else AppId(number),
            code=query.get("code", "")[:LONGEST_CODE],
            day=_day(query.get("day", "")),
            page=replace(asked_page(request), size=PER_PAGE),
        )

    @property
    def wanted(self) -> Wanted:
        """Return them as the store looks for them."""
        first = None if self.day is None else datetime.combine(self.day, time(), tzinfo=UTC)
        return Wanted(app_id=self.app_id, code=self.code or None, day=first)

    def shown(self) -> dict[str, str]:
        """Return them as the form shows them again."""
        return {
            "app_id": "" if self.app_id is None else str(self.app_id),
            "code": self.code,
            "day": "" if self.day is None else self.day.isoformat(),
        }

    def paging(self, total: int) -> dict[str, object]:
        """Return the links to the pages beside this one."""
        last = max(1, -(-total // PER_PAGE))
        number = min(self.page.number, last)
        return {
            "page": number,
            "last": last,
            "total": total,
            "previous": self._href(number - 1) if number > 1 else None,
            "next": self._href(number + 1) if number < last else None,
        }

    def _href(self, page: int) -> str:
        kept: Mapping[str, str] = {name: value for name, value in self.shown().items() if value}
        return f"?{urlencode({**kept, 'page': page})}"


def kept_days(request: Request) -> list[date]:
    """Return the days of which calls are kept, today first."""
    today = seen(request).now.astimezone(UTC).date()
    return [today - timedelta(days=back) for back in range(KEPT_FOR.days + 1)]


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return None if day == date.max else day  # there is no day after it to end at
