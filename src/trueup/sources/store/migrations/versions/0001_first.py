"""The first tables: releases, files, pages, what is upstream, derived wheels, tokens, audit."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _uploads()
    _shown()
    _people()


def _uploads() -> None:
    op.create_table(
        "release",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("channel", sa.String(64), nullable=False),
        sa.Column("project", sa.String(256), nullable=False),
        sa.Column("version", sa.String(256), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("closed", sa.Boolean, nullable=False),
        sa.Column("touched", sa.Float, nullable=False),
        sa.Column("published", sa.Float),
        sa.Column("expected", sa.Text),
        sa.Column("verdict", sa.Text),
        sa.UniqueConstraint("channel", "project", "version"),
    )
    op.create_table(
        "file",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(
            "release", sa.Integer, sa.ForeignKey("release.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("channel", sa.String(64), nullable=False),
        sa.Column("filename", sa.String(512), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("core_metadata", sa.LargeBinary),
        sa.Column("requires_python", sa.Text),
        sa.Column("yanked", sa.Text),
        sa.Column("uploaded", sa.Float, nullable=False),
        sa.Column("uploader", sa.String(256), nullable=False),
        sa.UniqueConstraint("channel", "filename"),
    )
    op.create_index("ix_file_sha256", "file", ["sha256"])


def _shown() -> None:
    op.create_table(
        "page",
        sa.Column("view", sa.String(160), primary_key=True),
        sa.Column("project", sa.String(256), primary_key=True),
        sa.Column("form", sa.String(8), primary_key=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("packed", sa.LargeBinary, nullable=False),
        sa.Column("etag", sa.String(72), nullable=False),
        sa.Column("made", sa.Float, nullable=False),
        sa.Column("stale", sa.Boolean, nullable=False),
    )
    op.create_table(
        "remote",
        sa.Column("project", sa.String(256), primary_key=True),
        sa.Column("listing", sa.LargeBinary, nullable=False),
        sa.Column("fetched", sa.Float, nullable=False),
    )
    op.create_table(
        "remote_file",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("filename", sa.String(512), nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("size", sa.Integer),
    )
    op.create_table(
        "derived",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("original", sa.String(64), nullable=False),
        sa.Column("filename", sa.String(512), nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("recipe", sa.LargeBinary, nullable=False),
        sa.Column("core_metadata", sa.LargeBinary, nullable=False),
        sa.Column("made", sa.Float, nullable=False),
    )
    op.create_index("ix_derived_original", "derived", ["original"])


def _people() -> None:
    op.create_table(
        "token",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
        sa.Column("name", sa.String(256), nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("made", sa.Float, nullable=False),
        sa.Column("expires", sa.Float),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("who", sa.String(256), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("channel", sa.String(64), nullable=False),
        sa.Column("project", sa.String(256), nullable=False),
        sa.Column("version", sa.String(256), nullable=False),
        sa.Column("filename", sa.String(512)),
        sa.Column("detail", sa.Text),
    )
    op.create_index("audit_project", "audit", ["project", "version"])
    op.create_table(
        "generation",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
    )
