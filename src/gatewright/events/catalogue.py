"""All that can happen, on one page (R1). Frozen values; `log.record` writes them.

An event says which company's record it belongs to (0: the deployment's), what it is
about, the state before and after where there is one, and which facts it touches.
`ENDS` marks the endings of T12: their answer waits until they hold everywhere.
"""
# long: all that can happen is read whole, so it stands on one page.

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from gatewright.base.ids import NO_COMPANY, CompanyId
from gatewright.events import keys

State = Mapping[str, Any] | None
_NOT_ABOUT = {"company_id", "before", "after"}


@dataclass(frozen=True, slots=True)
class Origin:
    """Who acts, through which app, and from where (R1)."""

    by_kind: str  # user | service_account | operator | system
    by_id: int | None = None
    via_app_id: int | None = None
    ip: str | None = None
    user_agent: str | None = None
    request_id: str | None = None


SYSTEM = Origin(by_kind="system")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What all events have in common. Fields that a subclass adds say what it is about."""

    KIND: ClassVar[str]
    ENDS: ClassVar[bool] = False
    PERSONAL: ClassVar[frozenset[str]] = frozenset()  # keys of before and after that name a person (R4)

    company_id: CompanyId = NO_COMPANY
    before: State = None
    after: State = None

    def touches(self) -> Iterable[str]:
        """Return the keys of the facts that this makes stale."""
        return ()

    def about(self) -> dict[str, Any]:
        """Return what it is about, as plain values."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in _NOT_ABOUT}


# --- people ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class UserCreated(Event):
    KIND = "user.created"
    PERSONAL = frozenset({"email", "name"})
    user_id: int

    def touches(self) -> Iterable[str]:
        return (keys.user(self.user_id),)


@dataclass(frozen=True, slots=True, kw_only=True)
class UserChanged(UserCreated):
    KIND = "user.changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserDeactivated(UserCreated):
    KIND = "user.deactivated"
    ENDS = True


@dataclass(frozen=True, slots=True, kw_only=True)
class UserReactivated(UserCreated):
    KIND = "user.reactivated"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserPasswordChanged(UserCreated):
    """`after["how"]`: changed, reset. The sessions it ends are recorded one by one."""

    KIND = "user.password_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserAddressChanged(UserCreated):
    """A new address counts from its proof on (P9)."""

    KIND = "user.address_changed"
    PERSONAL = frozenset({"email"})


@dataclass(frozen=True, slots=True, kw_only=True)
class UserAddressProven(UserCreated):
    """An address that nobody had shown to be theirs was (P7)."""

    KIND = "user.address_proven"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserClaimed(UserCreated):
    """Whoever proved the address of an unproven account has it now; what its beginner held ended (P7)."""

    KIND = "user.claimed"
    ENDS = True
    PERSONAL = frozenset({"name"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLinkMade(Event):
    """A one-time link: `after["purpose"]` is password_reset, new_address or sign_up (P7, P8, P9)."""

    KIND = "account_link.made"
    PERSONAL = frozenset({"email"})
    link_id: str
    user_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MailGivenUp(Event):
    """A message could not be sent for a day; `after`: which template, how many attempts."""

    KIND = "mail.given_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonErased(Event):
    """Personal data of one person was erased from the record; `after`: how many entries (R4)."""

    KIND = "person.erased"
    user_id: int | None = None
    contact_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationMade(Event):
    KIND = "invitation.made"
    PERSONAL = frozenset({"email"})
    invitation_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationAccepted(Event):
    KIND = "invitation.accepted"
    invitation_id: str
    user_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationWithdrawn(InvitationMade):
    """Its contact was removed, or its address changed, or a newer invitation took its place."""

    KIND = "invitation.withdrawn"
    ENDS = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStarted(Event):
    KIND = "session.started"
    session_id: str
    user_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnded(SessionStarted):
    KIND = "session.ended"
    ENDS = True


# --- companies -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyCreated(Event):
    KIND = "company.created"

    def touches(self) -> Iterable[str]:
        return (keys.company(self.company_id),)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyChanged(CompanyCreated):
    """`app_access` to approval stops apps never seen there: an ending."""

    KIND = "company.changed"
    ENDS = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolDeclared(Event):
    KIND = "tool.declared"
    scope: str
    tool: str

    def touches(self) -> Iterable[str]:
        return (keys.tools(),)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectCreated(Event):
    KIND = "project.created"
    project_id: int

    def touches(self) -> Iterable[str]:
        return (keys.project(self.company_id, self.project_id),)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectChanged(ProjectCreated):
    KIND = "project.changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateSaved(Event):
    """`before` and `after`: name, levels, and how many contacts hold it; all of them change with it (M3).

    One event, however many hold it. Who holds a template is told by the events that
    attach contacts to it and detach them.
    """

    KIND = "template.saved"
    ENDS = True
    template_id: int
    reached: tuple[str, ...] = ()  # the facts of those who hold it

    def touches(self) -> Iterable[str]:
        return self.reached

    def about(self) -> dict[str, Any]:
        return {"template_id": self.template_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateRemoved(TemplateSaved):
    """`before["contacts"]`: how many held it; they keep their levels (M3)."""

    KIND = "template.removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactAdded(Event):
    KIND = "contact.added"
    PERSONAL = frozenset({"email", "name"})
    contact_id: int
    principal_id: int | None = None

    def touches(self) -> Iterable[str]:
        yield keys.entry(self.company_id, self.contact_id)
        if self.principal_id is not None:
            yield keys.contact(self.company_id, self.principal_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactChanged(ContactAdded):
    KIND = "contact.changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactRemoved(ContactAdded):
    """`before["projects"]`: its memberships, by project id; they are gone with it (P3)."""

    KIND = "contact.removed"
    ENDS = True

    def touches(self) -> Iterable[str]:
        yield from ContactAdded.touches(self)
        for project_id in (self.before or {}).get("projects", ()):
            yield keys.membership(self.company_id, int(project_id), self.contact_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelsChanged(ContactAdded):
    """A contact's company levels; a lowering ends what the higher level allowed."""

    KIND = "contact.levels_changed"
    ENDS = True


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipSet(Event):
    KIND = "membership.set"
    ENDS = True
    project_id: int
    contact_id: int

    def touches(self) -> Iterable[str]:
        return (keys.membership(self.company_id, self.project_id, self.contact_id),)


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipEnded(MembershipSet):
    KIND = "membership.ended"


# --- apps ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsPublished(Event):
    KIND = "terms.published"
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsAccepted(Event):
    KIND = "terms.accepted"
    version: str
    user_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AppCreated(Event):
    KIND = "app.created"
    app_id: int
    client_id: str

    def touches(self) -> Iterable[str]:
        return (keys.client(self.client_id),)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppChanged(AppCreated):
    """Redirect URIs, scopes, name, homepage; taking a redirect URI or scope away is an ending."""

    KIND = "app.changed"
    ENDS = True


@dataclass(frozen=True, slots=True, kw_only=True)
class AppBlocked(AppCreated):
    KIND = "app.blocked"
    ENDS = True


@dataclass(frozen=True, slots=True, kw_only=True)
class AppUnblocked(AppCreated):
    KIND = "app.unblocked"


@dataclass(frozen=True, slots=True, kw_only=True)
class AppDeleted(AppCreated):
    KIND = "app.deleted"
    ENDS = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSecretAdded(AppCreated):
    KIND = "client_secret.added"
    secret_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSecretRetired(ClientSecretAdded):
    KIND = "client_secret.retired"
    ENDS = True


# --- installations ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallationConnected(Event):
    KIND = "installation.connected"
    app_id: int

    def touches(self) -> Iterable[str]:
        return (keys.installation(self.company_id, self.app_id),)


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallationRequested(InstallationConnected):
    KIND = "installation.requested"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallationDisconnected(InstallationConnected):
    KIND = "installation.disconnected"
    ENDS = True


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallationReconnected(InstallationConnected):
    KIND = "installation.reconnected"


# --- service accounts ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccountCreated(Event):
    KIND = "service_account.created"
    service_account_id: int
    client_id: str

    def touches(self) -> Iterable[str]:
        return (keys.client(self.client_id), keys.contact(self.company_id, self.service_account_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccountSecretRegenerated(ServiceAccountCreated):
    KIND = "service_account.secret_regenerated"
    ENDS = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccountDisabled(ServiceAccountCreated):
    KIND = "service_account.disabled"
    ENDS = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccountDeleted(ServiceAccountCreated):
    KIND = "service_account.deleted"
    ENDS = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAddressSeenElsewhere(Event):
    """Of the deployment's record: the operator learns where; the account's admins only that (S8)."""

    KIND = "service_account.address_elsewhere"
    service_account_id: int
    in_company_id: int


# --- authorizations and tokens ---------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorized(Event):
    KIND = "authorization.made"
    authorization_id: str
    user_id: int
    app_id: int

    def touches(self) -> Iterable[str]:
        return (keys.authorization(self.authorization_id),)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRenewed(Authorized):
    KIND = "authorization.renewed"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationEnded(Authorized):
    KIND = "authorization.ended"
    ENDS = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyOpened(Event):
    KIND = "family.opened"
    family_id: str
    authorization_id: str

    def touches(self) -> Iterable[str]:
        return (keys.family(self.family_id),)


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyEnded(FamilyOpened):
    """`after["reason"]`: revoked, replayed, code_reused, repeated, expired."""

    KIND = "family.ended"
    ENDS = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyMoved(FamilyOpened):
    """A refresh authenticated with another secret moved the family to it (D4).

    No normal refresh: every process must know at once which secret a family is on,
    because retiring that secret ends it.
    """

    KIND = "family.moved"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshRepeated(FamilyOpened):
    """A consumed refresh token was presented again and got its successor again (T6)."""

    KIND = "family.repeated"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccountTokenRevoked(Event):
    KIND = "service_account.token_revoked"
    ENDS = True
    service_account_id: int
    jti: str

    def touches(self) -> Iterable[str]:
        return (keys.revoked(self.jti),)


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKeyMade(Event):
    KIND = "signing_key.made"
    kid: str

    def touches(self) -> Iterable[str]:
        return (keys.signing_keys(),)


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKeyRetired(SigningKeyMade):
    """`after["compromised"]`: whether the tokens it signed die at once."""

    KIND = "signing_key.retired"
    ENDS = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordKeyMade(Event):
    """The key that signs the heads of exported chains (R2)."""

    KIND = "record_key.made"
    kid: str
