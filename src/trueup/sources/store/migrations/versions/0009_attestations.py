"""What uploaders attest of their files."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attestation",
        sa.Column("channel", sa.String(64), primary_key=True),
        sa.Column("filename", sa.String(512), primary_key=True),
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("provenance", sa.Text, nullable=False),
        sa.Column("made", sa.Float, nullable=False),
    )
