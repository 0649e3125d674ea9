"""The learnt limits of a relay or a domain that complains, and an index of the rows that came too fast."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

TIMES = (
    *("since", "heard_at", "rate", "ceiling", "sure", "measured", "slot_at", "age", "aged_at", "span"),
    *("cycle_begun_at", "stop_at", "stop_refused_at", "stop_probe_at", "stop_out_at"),
    *("rest_until", "rest_length", "rest_out_at"),
)
NUMBERS = ("proof", "used", "cycle_taken", "cycle_stops")


def upgrade() -> None:
    op.create_table(
        "learnt",
        sa.Column("bucket", sa.String(), nullable=False),
        *(sa.Column(name, sa.Float(precision=53), nullable=False) for name in TIMES),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in NUMBERS),
        sa.Column("cycle_suspect", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("bucket"),
    )
    op.drop_column("pace", "slowed")
    condition = sa.text("state = 'waiting' AND reason = 'speed'")
    op.create_index(
        "delivery_put_back",
        "delivery",
        ["mailing_id", "first_claimed_at"],
        sqlite_where=condition,
        postgresql_where=condition,
    )


def downgrade() -> None:
    raise NotImplementedError("a database is not taken back; restore the backup")
