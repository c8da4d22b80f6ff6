"""Who looks at a page of a company, and what they hold there."""

from dataclasses import dataclass

from starlette.requests import Request

from gatewright.base.errors import Invalid, NotFound, Refusal
from gatewright.base.ids import CompanyId, ContactId, ProjectId
from gatewright.base.levels import Level
from gatewright.db.engine import Reader
from gatewright.directory.model import ADMIN, DIRECTORY, Company, Grantor, Levels
from gatewright.directory.rules import effective_level, is_company_admin
from gatewright.directory.store import companies, contacts
from gatewright.web.access import Allow, Question, path_id, viewer_may
from gatewright.web.core import core_of


@dataclass(frozen=True, slots=True)
class Viewing:
    """A viewer in a company, with the company and their own levels there."""

    allow: Allow
    company: Company
    own_levels: Levels

    @property
    def may_edit(self) -> bool:
        """Return whether they manage the directory."""
        return is_company_admin(self.own_levels)

    @property
    def may_set(self) -> bool:
        """Return whether they hold `admin: admin`: settings, and service accounts' addresses (S2)."""
        return effective_level(self.own_levels, None, ADMIN) is Level.ADMIN

    @property
    def may_read(self) -> bool:
        """Return whether they hold `directory: read_only`: who is who, and what each may do."""
        return effective_level(self.own_levels, None, DIRECTORY) >= Level.READ_ONLY

    @property
    def grantor(self) -> Grantor:
        """Return whose levels bound what they may give and take (M5)."""
        if self.allow.contact_id is None:
            raise NotFound("company_unknown")
        return Grantor(self.allow.contact_id)

    @property
    def sees_projects_of(self) -> ContactId | None:
        """Return the contact whose projects are all they know of; None: every project (P6)."""
        return None if self.may_edit else self.grantor.contact_id


async def allowed(
    request: Request, *, tool: str | None = None, level: Level | None = None, on_project: bool = False
) -> Allow:
    """Return the viewer whom this page of the company of the path is open to; a no is raised (M6).

    `on_project`: the path names a project too, of which the viewer has to know (P6).
    """
    question = Question(
        company_id=CompanyId(path_id(request, "company_id", "company_unknown")),
        needs_company=True,
        project_id=ProjectId(path_id(request, "project_id", "project_unknown")) if on_project else None,
        tool=tool,
        of_company=on_project,
        level=level,
        any_level=tool is None,
    )
    _, allow = await viewer_may(request, question)
    return allow


async def viewing(request: Request, allow: Allow) -> Viewing:
    """Return the company and what the viewer holds in it."""
    async with core_of(request).database.read() as reader:
        return await _viewing(reader, allow)


async def _viewing(reader: Reader, allow: Allow) -> Viewing:
    if allow.company_id is None or allow.contact_id is None:
        raise NotFound("company_unknown")
    company = await companies.find_company(reader, allow.company_id)
    own = await contacts.find_contact(reader, allow.company_id, allow.contact_id)
    if company is None or own is None:
        raise NotFound("company_unknown")
    return Viewing(allow, company, own.levels)


def page_errors(refusal: Refusal, *fields: str) -> dict[str, str]:
    """Return a refusal as a page's errors: by field where the page has it, else for the whole form."""
    if not isinstance(refusal, Invalid):
        return {"": f"{refusal.message} {refusal.help}".strip()}
    errors: dict[str, str] = {}
    for problem in refusal.problems:
        if problem.field in fields:
            errors[problem.field] = f"It {problem.message}."
        else:
            errors[""] = " ".join(filter(None, [errors.get(""), f"{problem.field} {problem.message}."]))
    return errors
