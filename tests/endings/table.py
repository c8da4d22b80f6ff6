"""Which cases stand for which kind of event that ends something (T12). The table is checked against the catalogue."""

from collections.abc import Mapping

from tests.endings import accounts, apps, companies, tokens
from tests.endings.model import Prepare

CASES: Mapping[str, tuple[Prepare, ...]] = {
    "app.blocked": (apps.blocked_app,),
    "app.changed": (apps.redirect_uri_taken_away,),
    "app.deleted": (apps.deleted_app,),
    "authorization.ended": (tokens.ended_authorization,),
    "client_secret.retired": (apps.retired_secret, apps.reset_secret),
    "company.changed": (companies.company_that_approves,),
    "contact.levels_changed": (companies.lowered_level, companies.lower_template_assigned),
    "contact.removed": (companies.removed_contact,),
    "family.ended": (
        tokens.revoked_refresh_token,
        tokens.revoked_access_token,
        tokens.replayed_refresh_token,
        tokens.second_use_of_a_code,
    ),
    "installation.disconnected": (apps.disconnected_app,),
    "invitation.withdrawn": (companies.withdrawn_invitation,),
    "membership.ended": (companies.ended_membership,),
    "membership.set": (companies.lowered_membership,),
    "service_account.deleted": (accounts.deleted_service_account,),
    "service_account.disabled": (accounts.changed_service_address, accounts.service_address_elsewhere),
    "service_account.secret_regenerated": (accounts.regenerated_secret,),
    "service_account.token_revoked": (tokens.revoked_token_of_a_service_account,),
    "session.ended": (
        accounts.signed_out,
        accounts.session_ended_in_the_list,
        accounts.all_other_sessions_ended,
        accounts.changed_password,
    ),
    "signing_key.retired": (tokens.compromised_signing_key,),
    "template.removed": (companies.removed_template,),
    "template.saved": (companies.lowered_template,),
    "user.claimed": (accounts.claimed_account,),
    "user.deactivated": (accounts.deactivated_user, accounts.session_of_a_deactivated_user),
}
ALL: tuple[Prepare, ...] = tuple(case for cases in CASES.values() for case in cases)

# What no decision hangs from, whoever asks for it, and why.
NO_DECISION: Mapping[str, str] = {
    "app.changed": "a redirect URI is asked about by browsers alone",
    "invitation.withdrawn": "a link is asked about by browsers alone",
    "session.ended": "a session is a browser's; no API is called with it",
    "template.removed": "its holders keep their levels (M3)",
}
