"""Trusted publishers, the tokens that are made for them, and the identities they exchange."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
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
    op.create_table(
        "minted",
        sa.Column(
            "token", sa.Integer, sa.ForeignKey("token.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column(
            "publisher",
            sa.Integer,
            sa.ForeignKey("publisher.id", ondelete="CASCADE"),
            primary_key=True,
        ),
    )
    op.create_index("ix_minted_publisher", "minted", ["publisher"])
    op.create_table(
        "identity",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("until", sa.Float, nullable=False),
    )
    op.create_table(
        "audience",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("audience", sa.String(512), nullable=False),
    )
