"""Numbers of tokens and publishers are never given out again, as PostgreSQL does it anyway."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_BELOW = ("session", "minted")
"""Their rows go with those of a table that is dropped: foreign keys cannot be turned off here."""


def upgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    for name in _BELOW:
        op.execute(f"CREATE TEMPORARY TABLE kept_{name} AS SELECT * FROM {name}")  # noqa: S608
    _anew(
        "token",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
        sa.Column("name", sa.String(256), nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("made", sa.Float, nullable=False),
        sa.Column("expires", sa.Float),
    )
    _anew(
        "publisher",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("issuer", sa.String(512), nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("claims", sa.Text, nullable=False),
        sa.Column("pinned", sa.Text, nullable=False),
        sa.Column("projects", sa.Text, nullable=False),
        sa.Column("channels", sa.Text, nullable=False),
        sa.Column("made", sa.Float, nullable=False),
    )
    op.create_index("ix_publisher_issuer", "publisher", ["issuer"])
    for name in _BELOW:
        op.execute(f"INSERT INTO {name} SELECT * FROM kept_{name}")  # noqa: S608
        op.execute(f"DROP TABLE kept_{name}")


def _anew(name: str, *columns: sa.Column[object]) -> None:
    """The same table with the same rows, whose numbers are not given out again."""
    op.create_table(f"new_{name}", *columns, sqlite_autoincrement=True)
    named = ", ".join(column.name for column in columns)
    op.execute(f"INSERT INTO new_{name} ({named}) SELECT {named} FROM {name}")  # noqa: S608
    op.drop_table(name)
    op.rename_table(f"new_{name}", name)
