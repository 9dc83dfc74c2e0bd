"""The files of a release are found without looking at all files."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_file_release", "file", ["release"])
