"""Alembic runs this: the connection is handed over by :func:`trueup.sources.store.schema.upgrade`."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=context.config.attributes.get("metadata"),
)
with context.begin_transaction():
    context.run_migrations()
