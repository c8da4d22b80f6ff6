"""Every table, on one page.

A tenant-owned table carries `company_id` first in its primary key, so that it can
be sharded by it. No ORM, no relationships: plain ids. Each table has one writing
store, named above it.
"""
# long: the schema is read whole, so it stands on one page.

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Sequence,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
    true,
)

from gatewright.db.types import Instant

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# PostgreSQL has sequences of its own; SQLite keeps each as a row of `sequences`.
# Users and service accounts share `principal` (P1).
SEQUENCES = {
    name: Sequence(f"{name}_ids", metadata=metadata)
    for name in ("principal", "company", "project", "contact", "template", "app", "event")
}

# db/engine
sequences = Table(
    "sequences",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

# db/server_keys: every server key this database has ever been written with
server_keys = Table(
    "server_keys",
    metadata,
    Column("key_id", String(8), primary_key=True),
    Column("first_seen_at", Instant, nullable=False),
)

# oauth: the private half is sealed under a server key
signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", String(32), primary_key=True),
    Column("key_id", String(8), nullable=False, index=True),
    Column("private_key_sealed", LargeBinary, nullable=False),
    Column("public_jwk", JSON, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("current_from", Instant, nullable=False),
    Column("retired_at", Instant),
    Column("compromised_at", Instant),  # verifies nothing from then on
)

# directory ---------------------------------------------------------------------------------
users = Table(
    "users",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("email", Text, nullable=False),
    Column("email_folded", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("password_hash", Text),  # argon2id; none until the account has one
    Column("is_active", Boolean, nullable=False, server_default=true()),
    Column("is_operator", Boolean, nullable=False, server_default=false()),
    Column("epoch", Integer, nullable=False, server_default="0"),  # raised by every deactivation (T11)
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("email_proven_at", Instant),  # none: unproven, the address was never shown to be theirs (P7)
    Column("password_changed_at", Instant),
)

companies = Table(
    "companies",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, unique=True),
    Column("app_access", String(10), nullable=False, server_default="open"),  # open | approval (I2)
    Column("is_active", Boolean, nullable=False, server_default=true()),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
)

projects = Table(
    "projects",
    metadata,
    Column("company_id", BigInteger, primary_key=True, autoincrement=False),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("project_number", Text),
    Column("is_active", Boolean, nullable=False, server_default=true()),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    UniqueConstraint("company_id", "name"),
    ForeignKeyConstraint(["company_id"], ["companies.id"]),
)

tools = Table(
    "tools",
    metadata,
    Column("scope", String(7), primary_key=True),  # company | project
    Column("key", String(60), primary_key=True),
    Column("name", Text, nullable=False),
    Column("levels", JSON, nullable=False),  # those it supports, lowest first
    Column("position", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
)

permission_templates = Table(
    "permission_templates",
    metadata,
    Column("company_id", BigInteger, primary_key=True, autoincrement=False),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("company_levels", JSON, nullable=False),
    Column("project_levels", JSON, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    UniqueConstraint("company_id", "name"),
    ForeignKeyConstraint(["company_id"], ["companies.id"]),
)

contacts = Table(
    "contacts",
    metadata,
    Column("company_id", BigInteger, primary_key=True, autoincrement=False),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("email_folded", Text, nullable=False),
    Column("user_id", BigInteger),  # at most one of the two; neither: an address-book entry (P2)
    Column("service_account_id", BigInteger),
    Column("template_id", BigInteger),
    Column("levels", JSON, nullable=False),  # {company tool: level}; what is not stated is none (M2)
    Column("is_directory_admin", Boolean, nullable=False, server_default=false()),  # levels.directory = admin
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    UniqueConstraint("company_id", "email_folded"),
    UniqueConstraint("company_id", "user_id"),
    UniqueConstraint("company_id", "service_account_id"),
    ForeignKeyConstraint(["company_id"], ["companies.id"]),
    ForeignKeyConstraint(["company_id", "template_id"], ["permission_templates.company_id", "permission_templates.id"]),
)
Index("ix_contacts_user_id", contacts.c.user_id)
Index("ix_contacts_email_folded", contacts.c.email_folded)
Index(
    "ix_contacts_directory_admins",
    contacts.c.company_id,
    sqlite_where=text("is_directory_admin"),
    postgresql_where=text("is_directory_admin"),
)

project_members = Table(
    "project_members",
    metadata,
    Column("company_id", BigInteger, primary_key=True, autoincrement=False),
    Column("project_id", BigInteger, primary_key=True, autoincrement=False),
    Column("contact_id", BigInteger, primary_key=True, autoincrement=False),
    Column("levels", JSON, nullable=False),  # {project tool: level}
    Column("created_at", Instant, nullable=False),
    ForeignKeyConstraint(["company_id", "project_id"], ["projects.company_id", "projects.id"]),
    ForeignKeyConstraint(["company_id", "contact_id"], ["contacts.company_id", "contacts.id"]),
)
Index("ix_project_members_contact", project_members.c.company_id, project_members.c.contact_id)

# apps --------------------------------------------------------------------------------------
terms = Table(
    "terms",
    metadata,
    Column("version", String(40), primary_key=True),
    Column("text", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
)

terms_acceptances = Table(  # D1
    "terms_acceptances",
    metadata,
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("version", String(40), primary_key=True),
    Column("accepted_at", Instant, nullable=False),
    Column("ip", String(45)),
    ForeignKeyConstraint(["user_id"], ["users.id"]),
    ForeignKeyConstraint(["version"], ["terms.version"]),
)

apps = Table(
    "apps",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("name_folded", Text, nullable=False, unique=True),  # look-alike letters folded (D2)
    Column("owner_id", BigInteger, nullable=False, index=True),
    Column("homepage", Text, nullable=False, server_default=""),
    Column("client_id", String(40), nullable=False, unique=True),
    Column("is_confidential", Boolean, nullable=False),
    Column("is_resource_server", Boolean, nullable=False, server_default=false()),
    Column("redirect_uris", JSON, nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("retry_window_seconds", Integer),  # none: the deployment's (T6)
    Column("epoch", Integer, nullable=False, server_default="0"),  # raised by every block (T11)
    Column("blocked_at", Instant),
    Column("deleted_at", Instant),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    ForeignKeyConstraint(["owner_id"], ["users.id"]),
)

client_secrets = Table(
    "client_secrets",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("app_id", BigInteger, nullable=False, index=True),
    Column("digest", LargeBinary, nullable=False),
    Column("key_id", String(8), nullable=False, index=True),
    Column("hint", String(12), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", BigInteger),
    Column("last_used_at", Instant),
    Column("retired_at", Instant),
    ForeignKeyConstraint(["app_id"], ["apps.id"]),
)

installations = Table(
    "installations",
    metadata,
    Column("company_id", BigInteger, primary_key=True, autoincrement=False),
    Column("app_id", BigInteger, primary_key=True, autoincrement=False),
    Column("status", String(12), nullable=False),  # connected | disconnected | requested (I1)
    Column("connected_by", BigInteger),  # the user whose call or click connected it
    Column("connected_at", Instant),
    Column("changed_by", BigInteger),
    Column("changed_at", Instant, nullable=False),
    ForeignKeyConstraint(["company_id"], ["companies.id"]),
    ForeignKeyConstraint(["app_id"], ["apps.id"]),
)
Index("ix_installations_app_id", installations.c.app_id)

# service_accounts ----------------------------------------------------------------------------
service_accounts = Table(
    "service_accounts",
    metadata,
    Column("company_id", BigInteger, primary_key=True, autoincrement=False),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("client_id", String(40), nullable=False, unique=True),
    Column("contact_id", BigInteger, nullable=False),
    Column("address_folded", Text, nullable=False, unique=True),  # the one the server generated (S2)
    Column("secret_id", String(32), nullable=False),  # `cred` of its tokens; new with each secret
    Column("secret_digest", LargeBinary, nullable=False),
    Column("secret_key_id", String(8), nullable=False, index=True),
    Column("secret_created_at", Instant, nullable=False),
    Column("disabled_at", Instant),
    Column("disabled_reason", String(40)),  # address_changed | address_elsewhere (S8)
    Column("created_at", Instant, nullable=False),
    Column("created_by", BigInteger),
    Column("created_via_app_id", BigInteger),  # M8
    Column("regenerated_via_app_id", BigInteger),  # M8
    Column("deleted_at", Instant),
    ForeignKeyConstraint(["company_id"], ["companies.id"]),
)

# login ---------------------------------------------------------------------------------------
sessions = Table(
    "sessions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("key_id", String(8), nullable=False, index=True),
    Column("user_id", BigInteger, nullable=False, index=True),
    Column("user_epoch", Integer, nullable=False),
    Column("ip", String(45)),
    Column("user_agent", Text),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    Column("ended_at", Instant),
    Column("last_seen_at", Instant, nullable=False),  # to within some minutes
    ForeignKeyConstraint(["user_id"], ["users.id"]),
)

invitations = Table(
    "invitations",
    metadata,
    Column("company_id", BigInteger, primary_key=True, autoincrement=False),  # 0: from the operator
    Column("id", String(32), primary_key=True),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("key_id", String(8), nullable=False, index=True),
    Column("email", Text, nullable=False),
    Column("email_folded", Text, nullable=False),
    Column("makes_operator", Boolean, nullable=False, server_default=false()),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("consumed_at", Instant),
    Column("contact_id", BigInteger),  # the contact that accepting joins to a user (P2)
    Column("was_mailed", Boolean, nullable=False, server_default=false()),  # only then it proves the address (P7)
    Column("created_by", BigInteger),
    Column("withdrawn_at", Instant),
)
Index("ix_invitations_contact", invitations.c.company_id, invitations.c.contact_id)

# One-time links about an account: a new password, a new address, signing up (P7, P8, P9).
account_links = Table(
    "account_links",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("key_id", String(8), nullable=False, index=True),
    Column("purpose", String(20), nullable=False),  # password_reset | new_address | sign_up | told
    Column("user_id", BigInteger, index=True),  # none: signing up
    Column("email", Text, nullable=False),  # the address that following the link proves
    Column("was_mailed", Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    Column("consumed_at", Instant),
    Column("email_folded", Text, nullable=False, index=True),
    ForeignKeyConstraint(["user_id"], ["users.id"]),
)

# Failed sign-ins per account and per address; the bucket is a keyed digest (A182, A183).
sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    Column("bucket", LargeBinary, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("since", Instant, nullable=False, index=True),
)

# oauth ---------------------------------------------------------------------------------------
authorizations = Table(
    "authorizations",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("user_id", BigInteger, nullable=False),
    Column("app_id", BigInteger, nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("user_epoch", Integer, nullable=False),
    Column("app_epoch", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("renewed_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("ended_reason", String(40)),
    ForeignKeyConstraint(["user_id"], ["users.id"]),
    ForeignKeyConstraint(["app_id"], ["apps.id"]),
)
Index(
    "uq_authorizations_standing",
    authorizations.c.user_id,
    authorizations.c.app_id,
    unique=True,
    sqlite_where=text("ended_at IS NULL"),
    postgresql_where=text("ended_at IS NULL"),
)
Index("ix_authorizations_app_id", authorizations.c.app_id)

authorization_codes = Table(
    "authorization_codes",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("key_id", String(8), nullable=False, index=True),
    Column("authorization_id", String(32), nullable=False, index=True),
    Column("app_id", BigInteger, nullable=False),
    Column("user_id", BigInteger, nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("redirect_uri_was_sent", Boolean, nullable=False),
    Column("code_challenge", String(128)),
    Column("scopes", JSON, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    ForeignKeyConstraint(["authorization_id"], ["authorizations.id"]),
)

token_families = Table(
    "token_families",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("authorization_id", String(32), nullable=False, index=True),
    Column("secret_id", String(32), index=True),  # the secret that authenticated it last; none: public (D4)
    Column("code_digest", LargeBinary, nullable=False, unique=True),  # a second use finds it (T2)
    Column("generation", BigInteger, nullable=False),
    Column("confirmed_generation", BigInteger, nullable=False),
    Column("repeats", Integer, nullable=False, server_default="0"),  # repeated generations in a row (T6)
    Column("repeated_generation", BigInteger, nullable=False, server_default="-1"),  # the last of them
    Column("key_id", String(8), nullable=False, index=True),  # server key of the current generation
    Column("salt", LargeBinary, nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("rotated_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("ended_reason", String(40)),
    ForeignKeyConstraint(["authorization_id"], ["authorizations.id"]),
)

revoked_tokens = Table(  # T14: one row until the token would have expired
    "revoked_tokens",
    metadata,
    Column("jti", String(32), primary_key=True),
    Column("service_account_id", BigInteger, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
)

# mail: what waits to be sent; the message, with its link, is sealed (T13)
mail_outbox = Table(
    "mail_outbox",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("key_id", String(8), nullable=False, index=True),
    Column("message_sealed", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("not_before", Instant, nullable=False, index=True),
)

# events --------------------------------------------------------------------------------------
events = Table(
    "events",
    metadata,
    Column("company_id", BigInteger, primary_key=True, autoincrement=False),  # 0: the deployment
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("kind", String(60), nullable=False),
    Column("by_kind", String(20), nullable=False),  # user | service_account | operator | system
    Column("by_id", BigInteger),
    Column("via_app_id", BigInteger),
    Column("ip", String(45)),
    Column("user_agent", Text),
    Column("request_id", String(36)),
    Column("about", JSON, nullable=False),
    Column("before", JSON),
    Column("after", JSON),
    Column("keys", JSON, nullable=False),  # the facts it touches; the feed reads them
    # The hash chain of the company's record (R2) and what may be erased from it (R4).
    Column("position", BigInteger, nullable=False),  # 1, 2, 3, … in its chain
    Column("digest", LargeBinary, nullable=False),
    Column("whom", JSON),  # personal data of whom it is about, kept apart from before and after; none: erased
    Column("by_salt", LargeBinary),  # erased with ip and user_agent
    Column("by_digest", LargeBinary, nullable=False),
    Column("whom_salt", LargeBinary),
    Column("whom_digest", LargeBinary, nullable=False),
    Column("feed_position", BigInteger),  # 1, 2, 3, … in the order of commits (T12); none: it touches no fact
    UniqueConstraint("company_id", "position"),
)
Index("uq_events_id", events.c.id, unique=True)
Index("uq_events_feed_position", events.c.feed_position, unique=True)
Index("ix_events_via_app", events.c.via_app_id, events.c.company_id, events.c.id)
Index("ix_events_kind", events.c.company_id, events.c.kind, events.c.at)
Index("ix_events_by", events.c.company_id, events.c.by_id, events.c.kind, events.c.at)
Index("ix_events_kind_position", events.c.company_id, events.c.kind, events.c.position)

chains = Table(  # the head of each company's chain
    "chains",
    metadata,
    Column("company_id", BigInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False),
    Column("digest", LargeBinary, nullable=False),
)

# activity ------------------------------------------------------------------------------------
record_keys = Table(  # sign the heads of exported chains; the private half is sealed
    "record_keys",
    metadata,
    Column("kid", String(64), primary_key=True),
    Column("key_id", String(8), nullable=False, index=True),
    Column("private_key_sealed", LargeBinary, nullable=False),
    Column("public_jwk", JSON, nullable=False),
    Column("created_at", Instant, nullable=False),
)

# Refused calls, one by one, for 7 days and at most 10,000 a company (R3, X4); company 0: told to no company.
refusals = Table(
    "refusals",
    metadata,
    Column("company_id", BigInteger, primary_key=True, autoincrement=False),
    Column("request_id", String(36), primary_key=True),
    Column("at", Instant, nullable=False),
    Column("code", String(40), nullable=False),
    Column("app_id", BigInteger, nullable=False, server_default="0"),
    Column("service_account_id", BigInteger, nullable=False, server_default="0"),
    Column("user_id", BigInteger),
    Column("contact_id", BigInteger),
    Column("project_id", BigInteger),
    Column("asked", JSON, nullable=False),  # method, path without query, tool, level, held, scopes, sentence
)
Index("ix_refusals_at", refusals.c.company_id, refusals.c.at)
Index("ix_refusals_app", refusals.c.app_id, refusals.c.at)

# calls per (day, company, app or service account, result); 0 where not applicable
calls = Table(
    "calls",
    metadata,
    Column("company_id", BigInteger, primary_key=True, autoincrement=False),
    Column("day", String(10), primary_key=True),
    Column("app_id", BigInteger, primary_key=True, autoincrement=False),
    Column("service_account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("result", String(40), primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("last_at", Instant, nullable=False),
)
Index("ix_calls_app_day", calls.c.app_id, calls.c.day)
Index("ix_calls_app", calls.c.company_id, calls.c.app_id, calls.c.day)
Index("ix_calls_service_account", calls.c.company_id, calls.c.service_account_id, calls.c.day)
