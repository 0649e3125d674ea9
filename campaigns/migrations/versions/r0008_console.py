"""The console: people with several roles, sessions, links, second factor, audit, settings, versions of campaigns."""

import json

import sqlalchemy as sa
from alembic import op

from mailer.columns import NUMBER, Instant

revision = "0008"
down_revision = "0007"

_NOW_AND_THEN = ("UPDATE", "DELETE")
_POSTGRESQL = (
    "CREATE FUNCTION audit_is_insert_only() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'the audit trail is insert only'; END $$"
)


def upgrade() -> None:
    _people()
    _audit()
    _campaigns()
    op.create_table(
        "setting",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("is_secret", sa.Boolean(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )


def _people() -> None:
    for column in (
        sa.Column("roles", sa.Text(), server_default="", nullable=False),
        sa.Column("language", sa.Text(), server_default="", nullable=False),
        sa.Column("look", sa.Text(), server_default="auto", nullable=False),
        sa.Column("mails", sa.Text(), server_default="", nullable=False),
        sa.Column("totp", sa.Text(), server_default="", nullable=False),
        sa.Column("totp_step", NUMBER, server_default="0", nullable=False),
        sa.Column("totp_since", Instant(), nullable=True),
        sa.Column("verified_at", Instant(), nullable=True),
        sa.Column("removed_at", Instant(), nullable=True),
    ):
        op.add_column("staff_user", column)
    op.execute("UPDATE staff_user SET roles = CASE role WHEN 'admin' THEN 'administrator' ELSE role END")
    op.drop_column("staff_user", "role")
    op.create_table(
        "recovery_code",
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.Column("user_id", NUMBER, nullable=False),
        sa.Column("used_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("code_hash"),
    )
    op.create_index("recovery_code_user", "recovery_code", ["user_id"])
    op.create_table(
        "staff_address",
        sa.Column("user_id", NUMBER, nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("verified_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("user_id", "email_key"),
    )
    op.create_table(
        "staff_session",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("user_id", NUMBER, nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("network", sa.Text(), nullable=False),
        sa.Column("browser", sa.Text(), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.Column("proved_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_hash"),
        sqlite_autoincrement=True,
    )
    op.create_index("staff_session_user", "staff_session", ["user_id"])
    op.create_table(
        "staff_link",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("user_id", NUMBER, nullable=True),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.Column("ends_at", Instant(), nullable=False),
        sa.Column("used_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_hash"),
        sqlite_autoincrement=True,
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("network", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("hash"),
        sqlite_autoincrement=True,
    )
    op.create_index("audit_subject", "audit", ["kind", "subject"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_POSTGRESQL)
        op.execute(
            "CREATE TRIGGER audit_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_insert_only()"
        )
        return
    for change in _NOW_AND_THEN:
        op.execute(
            f"CREATE TRIGGER audit_no_{change.lower()} BEFORE {change} ON audit "
            "BEGIN SELECT RAISE(ABORT, 'the audit trail is insert only'); END"
        )


def _campaigns() -> None:
    for column in (
        sa.Column("origin", sa.Text(), server_default="file", nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("version", NUMBER, server_default="1", nullable=False),
        sa.Column("put_away_at", Instant(), nullable=True),
    ):
        op.add_column("campaign", column)
    op.create_index("campaign_launched", "campaign", ["launched_at"])
    op.create_table(
        "campaign_version",
        sa.Column("campaign_id", NUMBER, nullable=False),
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("images", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", "number"),
    )
    rows = sa.table(
        "campaign_version",
        *(sa.column(name) for name in ("campaign_id", "number", "source", "images", "hash", "kind", "made_by")),
        sa.column("made_at", Instant()),
    )
    campaign = sa.table(
        "campaign", *map(sa.column, ("id", "source", "parts", "launched_at")), sa.column("changed_at", Instant())
    )
    for row in op.get_bind().execute(sa.select(campaign)).all():
        op.execute(
            rows.insert().values(
                campaign_id=row.id,
                number=1,
                source=row.source,
                images="{}",
                hash=json.loads(row.parts).get("text", ""),
                kind="sent" if row.launched_at else "saved",
                made_by="",
                made_at=row.changed_at,
            )
        )


def downgrade() -> None:
    raise NotImplementedError("a database is not taken back; restore the backup")
