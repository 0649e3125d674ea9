"""Alembic's entry point: runs the revisions on the connection that :func:`campaigns.migrations.upgrade` opened."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transaction_per_migration=False)
with context.begin_transaction():
    context.run_migrations()
