"""Attestations of files that are announced in a publishing session."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("session_file") as table:
        table.add_column(sa.Column("attested", sa.Text))
