"""Sidecars of the index behind, and every name under which a file was listed."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("remote_file", sa.Column("core_metadata", sa.String(64)))
    op.create_table(
        "sidecar",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "served_name",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("filename", sa.String(512), primary_key=True),
    )
    op.execute(
        "INSERT INTO served_name (sha256, filename) SELECT sha256, filename FROM remote_file "
        "UNION SELECT sha256, filename FROM derived"
    )
