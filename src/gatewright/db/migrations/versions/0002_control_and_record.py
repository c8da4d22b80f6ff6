"""Control and record: account links, terms, mail, refusals, and the hash chains of what was recorded before."""
# long: a revision is read top to bottom, one table after another.

import datetime as dt
import hashlib
import json
import secrets

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# What named a person in the events of revision 0001.
_PERSONAL = {
    "user.created": {"email", "name"},
    "user.changed": {"email", "name"},
    "user.deactivated": {"email", "name"},
    "user.reactivated": {"email", "name"},
    "invitation.made": {"email"},
    "contact.added": {"email", "name"},
    "contact.changed": {"email", "name"},
    "contact.removed": {"email", "name"},
    "contact.levels_changed": {"email", "name"},
}
_ENTRY = (
    "company_id",
    "position",
    "id",
    "kind",
    "by_kind",
    "by_id",
    "via_app_id",
    "request_id",
    "about",
    "before",
    "after",
)


def upgrade() -> None:
    """Make the new tables, give the old ones their new columns, and chain the events there are."""
    op.create_table(
        "chains",
        sa.Column("company_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("company_id", name=op.f("pk_chains")),
    )
    op.create_table(
        "mail_outbox",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("key_id", sa.String(length=8), nullable=False),
        sa.Column("message_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_outbox")),
    )
    op.create_index(op.f("ix_mail_outbox_key_id"), "mail_outbox", ["key_id"], unique=False)
    op.create_index(op.f("ix_mail_outbox_not_before"), "mail_outbox", ["not_before"], unique=False)

    op.create_table(
        "record_keys",
        sa.Column("kid", sa.String(length=64), nullable=False),
        sa.Column("key_id", sa.String(length=8), nullable=False),
        sa.Column("private_key_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("public_jwk", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_record_keys")),
    )
    op.create_index(op.f("ix_record_keys_key_id"), "record_keys", ["key_id"], unique=False)

    op.create_table(
        "refusals",
        sa.Column("company_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("request_id", sa.String(length=36), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("app_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("service_account_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("contact_id", sa.BigInteger(), nullable=True),
        sa.Column("project_id", sa.BigInteger(), nullable=True),
        sa.Column("asked", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("company_id", "request_id", name=op.f("pk_refusals")),
    )
    op.create_index("ix_refusals_app", "refusals", ["app_id", "at"], unique=False)
    op.create_index("ix_refusals_at", "refusals", ["company_id", "at"], unique=False)

    op.create_table(
        "sign_in_failures",
        sa.Column("bucket", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("bucket", name=op.f("pk_sign_in_failures")),
    )
    op.create_index(op.f("ix_sign_in_failures_since"), "sign_in_failures", ["since"], unique=False)

    op.create_table(
        "account_links",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.String(length=8), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("was_mailed", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("consumed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("email_folded", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_account_links_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_links")),
        sa.UniqueConstraint("digest", name=op.f("uq_account_links_digest")),
    )
    op.create_index(op.f("ix_account_links_email_folded"), "account_links", ["email_folded"], unique=False)
    op.create_index(op.f("ix_account_links_expires_at"), "account_links", ["expires_at"], unique=False)
    op.create_index(op.f("ix_account_links_key_id"), "account_links", ["key_id"], unique=False)
    op.create_index(op.f("ix_account_links_user_id"), "account_links", ["user_id"], unique=False)

    op.create_table(
        "terms_acceptances",
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ip", sa.String(length=45), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_terms_acceptances_user_id")),
        sa.ForeignKeyConstraint(["version"], ["terms.version"], name=op.f("fk_terms_acceptances_version")),
        sa.PrimaryKeyConstraint("user_id", "version", name=op.f("pk_terms_acceptances")),
    )
    op.create_index("ix_calls_app_day", "calls", ["app_id", "day"], unique=False)

    _chain_events()
    _remake_invitations()
    op.add_column("sessions", sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE sessions SET last_seen_at = created_at")
    with op.batch_alter_table("sessions") as batch:
        batch.alter_column("last_seen_at", existing_type=sa.DateTime(timezone=True), nullable=False)
    op.add_column("signing_keys", sa.Column("compromised_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("users", sa.Column("email_proven_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("users", sa.Column("password_changed_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE users SET email_proven_at = created_at")


def downgrade() -> None:
    """Drop what `upgrade` made; the events keep what they had before it."""
    op.drop_column("users", "password_changed_at")
    op.drop_column("users", "email_proven_at")
    op.drop_column("signing_keys", "compromised_at")
    op.drop_column("sessions", "last_seen_at")
    op.drop_index("ix_invitations_contact", "invitations")
    rows = _kept(of_operator=True)
    op.drop_table("invitations")
    _fill("invitations", _invitations_before(), rows)
    op.create_index(op.f("ix_invitations_key_id"), "invitations", ["key_id"], unique=False)
    _unchain_events()
    op.drop_index("ix_calls_app_day", "calls")
    for table in (
        "terms_acceptances",
        "account_links",
        "sign_in_failures",
        "refusals",
        "record_keys",
        "mail_outbox",
        "chains",
    ):
        op.drop_table(table)


def _chain_events() -> None:
    """Split personal data off each event and chain them by company, oldest first (R2, R4)."""
    for column in (
        sa.Column("position", sa.BigInteger()),
        sa.Column("digest", sa.LargeBinary()),
        sa.Column("whom", sa.JSON()),
        sa.Column("by_salt", sa.LargeBinary()),
        sa.Column("by_digest", sa.LargeBinary()),
        sa.Column("whom_salt", sa.LargeBinary()),
        sa.Column("whom_digest", sa.LargeBinary()),
    ):
        op.add_column("events", column)
    events = sa.Table("events", sa.MetaData(), autoload_with=op.get_bind())
    chains = sa.table("chains", sa.column("company_id"), sa.column("position"), sa.column("digest", sa.LargeBinary()))
    heads: dict[int, tuple[int, bytes]] = {}
    for row in op.get_bind().execute(sa.select(events).order_by(events.c.id)).mappings().all():
        genesis = hashlib.sha256(b"gatewright record\0" + _canonical(row["company_id"])).digest()
        position, previous = heads.get(row["company_id"], (0, genesis))
        values = _chained(row, position + 1, previous)
        op.get_bind().execute(sa.update(events).where(events.c.id == row["id"]).values(**values))
        heads[row["company_id"]] = (position + 1, values["digest"])
    for company_id, (position, digest) in heads.items():
        op.execute(sa.insert(chains).values(company_id=company_id, position=position, digest=digest))
    with op.batch_alter_table("events") as batch:
        batch.alter_column("position", existing_type=sa.BigInteger(), nullable=False)
        for name in ("digest", "by_digest", "whom_digest"):
            batch.alter_column(name, existing_type=sa.LargeBinary(), nullable=False)
        batch.create_unique_constraint(op.f("uq_events_company_id_position"), ["company_id", "position"])
    op.create_index("ix_events_by", "events", ["company_id", "by_id", "kind", "at"])
    op.create_index("ix_events_kind_position", "events", ["company_id", "kind", "position"])


def _chained(row: sa.RowMapping, position: int, previous: bytes) -> dict[str, object]:
    """Return the new columns of one event, and its `before` and `after` without personal data."""
    personal = _PERSONAL.get(row["kind"], set())
    states = {side: _in_whole_numbers(row[side]) for side in ("before", "after")}
    whom = {side: {k: v for k, v in (state or {}).items() if k in personal} for side, state in states.items()}
    whom = {side: data for side, data in whom.items() if data} or None
    plain = {
        side: None if state is None else {k: v for k, v in state.items() if k not in personal}
        for side, state in states.items()
    }
    by = {"ip": row["ip"], "user_agent": row["user_agent"]}
    salts = {"by_salt": secrets.token_bytes(16), "whom_salt": secrets.token_bytes(16)}
    digests = {
        "by_digest": hashlib.sha256(b"gatewright personal\0" + salts["by_salt"] + _canonical(by)).digest(),
        "whom_digest": hashlib.sha256(b"gatewright personal\0" + salts["whom_salt"] + _canonical(whom)).digest(),
    }
    at = row["at"] if row["at"].tzinfo is None else row["at"].astimezone(dt.UTC)
    entry = {name: row[name] for name in _ENTRY if name != "position"} | plain | {"position": position}
    entry |= {"at": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")} | {name: value.hex() for name, value in digests.items()}
    digest = hashlib.sha256(b"gatewright entry\0" + previous + _canonical(entry)).digest()
    return {**plain, **salts, **digests, "whom": whom or sa.null(), "position": position, "digest": digest}


def _unchain_events() -> None:
    """Put personal data back where revision 0001 kept it, and drop the chain."""
    events = sa.Table("events", sa.MetaData(), autoload_with=op.get_bind())
    for row in op.get_bind().execute(sa.select(events)).mappings().all():
        if row["whom"]:
            sides = [side for side in ("before", "after") if row[side] is not None]
            states = {side: {**row[side], **row["whom"].get(side, {})} for side in sides}
            op.get_bind().execute(sa.update(events).where(events.c.id == row["id"]).values(**states))
    op.drop_index("ix_events_kind_position", "events")
    op.drop_index("ix_events_by", "events")
    with op.batch_alter_table("events") as batch:
        batch.drop_constraint(op.f("uq_events_company_id_position"), type_="unique")
        for name in ("whom_digest", "whom_salt", "by_digest", "by_salt", "whom", "digest", "position"):
            batch.drop_column(name)


def _in_whole_numbers(state: dict[str, object] | None) -> dict[str, object] | None:
    """Return the state as a record can be verified: revision 0001 wrote an app's retry window as 300.0."""
    return state and {key: int(value) if isinstance(value, float) else value for key, value in state.items()}


def _canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _remake_invitations() -> None:
    """Give invitations their company in the primary key; those there are come from the operator."""
    rows = _kept()
    op.drop_table("invitations")
    _fill("invitations", _invitations_after(), [{**row, "company_id": 0, "was_mailed": False} for row in rows])
    op.create_index(op.f("ix_invitations_key_id"), "invitations", ["key_id"], unique=False)
    op.create_index("ix_invitations_contact", "invitations", ["company_id", "contact_id"], unique=False)


def _invitations_before() -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("id", sa.String(length=32), nullable=False),
        *_invitation_columns(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitations")),
        sa.UniqueConstraint("digest", name=op.f("uq_invitations_digest")),
    ]


def _invitations_after() -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("company_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        *_invitation_columns(makes_operator_default=sa.false()),
        sa.Column("contact_id", sa.BigInteger()),
        sa.Column("was_mailed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("created_by", sa.BigInteger()),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("pk_invitations")),
        sa.UniqueConstraint("digest", name=op.f("uq_invitations_digest")),
    ]


def _invitation_columns(*, makes_operator_default: object = None) -> list[sa.Column]:
    return [
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.String(length=8), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_folded", sa.Text(), nullable=False),
        sa.Column("makes_operator", sa.Boolean(), server_default=makes_operator_default, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("consumed_at", sa.DateTime(timezone=True)),
    ]


def _kept(*, of_operator: bool = False) -> list[dict[str, object]]:
    """Return the invitations there are; `of_operator`: those that revision 0001 can keep."""
    table = sa.Table("invitations", sa.MetaData(), autoload_with=op.get_bind())
    wanted = sa.select(table).where(table.c.company_id == 0) if of_operator else sa.select(table)
    return [dict(row) for row in op.get_bind().execute(wanted).mappings()]


def _fill(name: str, items: list[sa.schema.SchemaItem], rows: list[dict[str, object]]) -> None:
    table = op.create_table(name, *items)
    columns = set(table.c.keys())
    for row in rows:
        op.execute(sa.insert(table).values(**{key: value for key, value in row.items() if key in columns}))
