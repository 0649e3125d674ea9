"""Whom a service letter is for, so that one person's letters are found among very many."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("mailing", sa.Column("recipient", sa.BigInteger(), nullable=True))
    op.execute(
        "UPDATE mailing SET recipient = (SELECT recipient FROM delivery WHERE mailing_id = mailing.id) "
        "WHERE kind = 'service' AND recipients = 1"
    )
    op.create_index("ix_mailing_recipient", "mailing", ["recipient"])


def downgrade() -> None:
    raise NotImplementedError("a database is not taken back; restore the backup")
