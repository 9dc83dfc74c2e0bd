"""Publishing sessions (PEP 694), their files, and contents that were given up."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "publishing_session",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("channel", sa.String(64), nullable=False),
        sa.Column("project", sa.String(256), nullable=False),
        sa.Column("version", sa.String(256), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("stage", sa.String(64), nullable=False, unique=True),
        sa.Column("who", sa.String(256), nullable=False),
        sa.Column("made", sa.Float, nullable=False),
        sa.Column("expires", sa.Float, nullable=False),
        sa.Column("ended", sa.Float),
        sa.Column("why", sa.Text),
    )
    is_open = sa.text("state = 'open'")
    op.create_index(
        "publishing_session_open",
        "publishing_session",
        ["channel", "project", "version"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    _files()
    op.create_table(
        "discarded",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
    )


def _files() -> None:
    session = sa.ForeignKey("publishing_session.id", ondelete="CASCADE")
    op.create_table(
        "session_file",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("session", sa.String(64), session, nullable=False),
        sa.Column("channel", sa.String(64), nullable=False),
        sa.Column("filename", sa.String(512), nullable=False),
        sa.Column("size", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("hashes", sa.Text, nullable=False),
        sa.Column("said", sa.Text),
        sa.Column("sha256", sa.String(64)),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("notices", sa.Text, nullable=False),
        sa.UniqueConstraint("session", "filename"),
    )
    op.create_index("ix_session_file_sha256", "session_file", ["sha256"])
    op.create_index("session_file_name", "session_file", ["channel", "filename"])
