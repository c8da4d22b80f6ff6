"""What apps made or raised, found in the record and undone by the verbs that did it (M8)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gatewright.activity import trace_store as store
from gatewright.activity.trace_rules import (
    NEEDS,
    TEMPLATE_SAVED,
    TICKED,
    Change,
    State,
    found_as,
    sentence,
    standing,
    stands,
)
from gatewright.apps.installation_service import disconnect
from gatewright.base.errors import Conflict, Refusal
from gatewright.base.ids import AppId, CompanyId, ContactId, ProjectId, ServiceAccountId, TemplateId
from gatewright.base.levels import Level
from gatewright.base.secrets import ServerKeys
from gatewright.db.engine import Database, Transaction
from gatewright.directory import service as directory
from gatewright.directory.model import Grantor
from gatewright.directory.store.companies import lock_company
from gatewright.events.catalogue import Origin
from gatewright.service_accounts.service import delete_service_account, regenerate_secret
from gatewright.settings import Settings
from gatewright.web.access import Access, Allow, Deny, Question, Viewer
from gatewright.web.core import Trace


@dataclass(frozen=True, slots=True)
class RecordedTraces:
    """The traces of apps, read from the events of the deployment (`web.core.Traces`)."""

    settings: Settings
    database: Database
    keys: ServerKeys
    access: Access
    most: int = store.MOST_CHANGES  # of accounts, and as many of everything else

    async def of_app(self, app_id: int, *, company_id: int | None = None, user_id: int | None = None) -> list[Trace]:
        """Return what stands of what the app made or raised, newest first."""
        async with self.database.read() as reader:
            changes = await store.load_changes(
                reader, app_id=app_id, company_id=company_id, user_id=user_id, most=self.most
            )
            state = await store.load_state(reader, changes)
        return [_trace(change, state) for change in standing(changes, state)]

    async def undo(
        self, event_ids: Sequence[int], *, app_id: int, viewer: Viewer, origin: Origin, now: datetime
    ) -> list[str]:
        """Undo those the viewer may undo, newest first; return a sentence for each that could not be."""
        async with self.database.read() as reader:
            changes = await store.load_changes(reader, app_id=app_id, ids=list(event_ids))
            state = await store.load_state(reader, changes)
        left = []
        for change in changes:
            try:
                await self._undo(change, viewer=viewer, origin=origin, now=now)
            except Refusal as refusal:
                left.append(f"{sentence(change, state)}: {refusal.message}")
        return left

    async def _undo(self, change: Change, *, viewer: Viewer, origin: Origin, now: datetime) -> None:
        """Undo one change, or raise why not."""
        company_id = CompanyId(change.company_id)
        needed = Question(company_id=company_id, needs_company=True, tool=NEEDS[change.kind], level=Level.ADMIN)
        allow = await self.access.by_user(viewer.user_id, needed, now=now)
        if isinstance(allow, Deny):
            raise allow.refusal()
        await self.database.write(lambda tx: self._undo_in(tx, change, allow, origin=origin, now=now))

    async def _undo_in(self, tx: Transaction, change: Change, allow: Allow, *, origin: Origin, now: datetime) -> None:
        # Under the company's lock: between this look and the undoing nobody changes it.
        await lock_company(tx, CompanyId(change.company_id))
        if not stands(change, await store.load_state(tx, [change])):
            raise Conflict("changed_since", "it was changed since, so it is left as it is.")
        if change.kind.startswith("service_account."):
            await self._end_account(tx, change, origin=origin, now=now)
        elif change.kind.startswith("installation."):
            await disconnect(
                tx,
                company_id=CompanyId(change.company_id),
                app_id=AppId(change.about["app_id"]),
                origin=origin,
                now=now,
            )
        elif change.kind == "company.changed":
            await directory.change_company(
                tx, company_id=CompanyId(change.company_id), app_access=found_as(change), origin=origin, now=now
            )
        else:
            await _undo_in_directory(tx, change, allow, origin=origin, now=now)

    async def _end_account(self, tx: Transaction, change: Change, *, origin: Origin, now: datetime) -> None:
        company_id = CompanyId(change.company_id)
        account_id = ServiceAccountId(change.about["service_account_id"])
        if change.kind == "service_account.created":
            await delete_service_account(
                tx, company_id=company_id, service_account_id=account_id, origin=origin, now=now
            )
            return
        # The app knows the secret. The new one is shown to nobody: an admin regenerates when it is needed.
        await regenerate_secret(
            tx,
            company_id=company_id,
            service_account_id=account_id,
            domain=self.settings.service_domain,
            keys=self.keys,
            origin=origin,
            now=now,
        )


async def _undo_in_directory(tx: Transaction, change: Change, allow: Allow, *, origin: Origin, now: datetime) -> None:
    """Put levels and memberships back, or remove the contact, within what the viewer may give and take (M5)."""
    if allow.contact_id is None:
        raise AssertionError("unreachable: whoever may in a company has a contact there")
    grantor = Grantor(allow.contact_id)
    if change.kind == TEMPLATE_SAVED:
        await _undo_template(tx, change, grantor, origin=origin, now=now)
        return
    company_id, contact_id = CompanyId(change.company_id), ContactId(change.about["contact_id"])
    before = found_as(change)
    if change.kind == "contact.added":
        await directory.remove_contact(
            tx, company_id=company_id, contact_id=contact_id, granted_by=grantor, origin=origin, now=now
        )
    elif change.kind == "contact.levels_changed":
        await directory.set_levels(
            tx,
            company_id=company_id,
            contact_id=contact_id,
            levels=before,
            granted_by=grantor,
            confirmed=True,
            origin=origin,
            now=now,
        )
    else:
        await _undo_membership(tx, change, grantor, origin=origin, now=now)


async def _undo_template(tx: Transaction, change: Change, grantor: Grantor, *, origin: Origin, now: datetime) -> None:
    company_id, template_id = CompanyId(change.company_id), TemplateId(change.about["template_id"])
    before = found_as(change)
    if before is None:
        await directory.remove_template(tx, company_id=company_id, template_id=template_id, origin=origin, now=now)
        return
    await directory.change_template(
        tx,
        company_id=company_id,
        template_id=template_id,
        **before,
        granted_by=grantor,
        confirmed=True,
        origin=origin,
        now=now,
    )


async def _undo_membership(tx: Transaction, change: Change, grantor: Grantor, *, origin: Origin, now: datetime) -> None:
    company_id, contact_id = CompanyId(change.company_id), ContactId(change.about["contact_id"])
    project_id, before = ProjectId(change.about["project_id"]), found_as(change)
    if before is None:
        await directory.end_membership(
            tx,
            company_id=company_id,
            contact_id=contact_id,
            project_id=project_id,
            granted_by=grantor,
            origin=origin,
            now=now,
        )
        return
    await directory.set_membership(
        tx,
        company_id=company_id,
        contact_id=contact_id,
        project_id=project_id,
        levels=before,
        granted_by=grantor,
        origin=origin,
        now=now,
    )


def _trace(change: Change, state: State) -> Trace:
    return Trace(
        event_id=change.id,
        company_id=change.company_id,
        company=change.company,
        kind=change.kind,
        sentence=sentence(change, state),
        ticked=change.kind in TICKED,
        at=change.at,
    )
