"""Letters that an address asked for itself, and service mail that waits for the relay instead of being held."""

import sqlalchemy as sa
from alembic import op

from mailer.columns import Instant

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("mailing", sa.Column("asked_for", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("mailing", sa.Column("from_address", sa.String(), server_default="", nullable=False))
    op.create_table(
        "service_stop",
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("refused_at", Instant(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("try_at", Instant(), nullable=False),
        sa.Column("probe", sa.BigInteger(), nullable=True),
        sa.Column("probing", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("sender"),
    )
    where = sa.text("reason = 'expired'")
    op.create_index("mailing_expired", "mailing", ["changed_at"], sqlite_where=where, postgresql_where=where)
    op.execute("UPDATE mailing SET asked_for = true WHERE kind = 'service' AND key LIKE 'optin_confirm:%'")
    # Nobody could release these: they go now, or are closed when their time is over.
    op.execute(
        "UPDATE mailing SET state = 'open', reason = '', hold_words = '', hold_until = NULL "
        "WHERE kind = 'service' AND state = 'held'"
    )


def downgrade() -> None:
    raise NotImplementedError("a database is not taken back; restore the backup")
