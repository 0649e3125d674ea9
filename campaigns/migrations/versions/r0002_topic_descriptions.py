"""Descriptions of topics, in each language that readers have."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("topic", sa.Column("descriptions", sa.Text(), server_default="{}", nullable=False))


def downgrade() -> None:
    raise NotImplementedError("a database is not taken back; restore the backup")
