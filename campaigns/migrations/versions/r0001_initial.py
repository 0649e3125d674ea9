"""The tables of the first release."""

from alembic import op

from campaigns.migrations import metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    metadata().create_all(op.get_bind())


def downgrade() -> None:
    raise NotImplementedError("a database is not taken back; restore the backup")
