"""Files above 2 GiB, and the row of the generation, which readers and writers meet at."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        for table in ("file", "remote_file", "derived"):
            op.alter_column(table, "size", type_=sa.BigInteger(), existing_type=sa.Integer())
    generation = sa.table("generation", sa.column("id"), sa.column("number"))
    if connection.execute(sa.select(generation.c.id)).first() is None:
        connection.execute(sa.insert(generation).values(id=1, number=0))
