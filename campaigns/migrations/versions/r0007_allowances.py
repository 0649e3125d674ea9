"""The used part of each limit: a row each, instead of a row for each try."""

import sqlalchemy as sa
from alembic import op

from mailer.columns import Instant

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "allowance",
        sa.Column("who", sa.LargeBinary(16), nullable=False),
        sa.Column("ends", Instant(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("who"),
    )
    op.create_index("ix_allowance_ends", "allowance", ["ends"], unique=False)
    op.drop_table("signup_try")


def downgrade() -> None:
    raise NotImplementedError("a database is not taken back; restore the backup")
