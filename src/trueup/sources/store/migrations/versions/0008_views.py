"""What became of releases in the views, and pages of which more will be known."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "outcome",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("project", sa.String(256), nullable=False),
        sa.Column("version", sa.String(256), nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("made", sa.Float, nullable=False),
    )
    op.create_index("ix_outcome_project", "outcome", ["project"])
    op.add_column("page", sa.Column("until", sa.Float))
    op.add_column("page", sa.Column("said", sa.Text))
    # Corrected pages of before looked into the newest versions only; pages are made again.
    op.execute("DELETE FROM page")
