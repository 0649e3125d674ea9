"""Statements of servers about mailboxes, with their dates; the words for which a mailing is held."""

import sqlalchemy as sa
from alembic import op

from mailer.columns import Instant

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "mailbox_statement",
        sa.Column("address_hash", sa.LargeBinary(), nullable=False),
        sa.Column("mailing_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("clear", sa.Boolean(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("address_hash", "mailing_id"),
    )
    op.create_index("ix_mailbox_statement_at", "mailbox_statement", ["at"])
    op.add_column("mailing", sa.Column("hold_words", sa.String(), nullable=False, server_default=""))
    op.add_column("mailing", sa.Column("hold_until", Instant(), nullable=True))
    op.add_column("mailing", sa.Column("resumed_words", sa.String(), nullable=False, server_default=""))
    held = sa.text("state = 'held'")
    op.create_index("mailing_held", "mailing", ["hold_until"], sqlite_where=held, postgresql_where=held)


def downgrade() -> None:
    raise NotImplementedError("a database is not taken back; restore the backup")
