"""Contents that were given up, and are removed when nothing needs them."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import delete, select

from trueup.sources.store.database import Database
from trueup.sources.store.tables import DISCARDED

__all__ = ["Discards"]


class Discards(Database):
    """Written down with what gave them up, so that a process that dies in between forgets none."""

    def discarded(self, before: float) -> Mapping[str, float]:
        """What was given up before then (seconds since 1970), and when."""
        with self.look() as connection:
            rows = connection.execute(select(DISCARDED).where(DISCARDED.c.at <= before)).all()
        return {row.sha256: row.at for row in rows}

    def forget_discarded(self, sha256: str, at: float) -> None:
        """It was looked after, unless it was given up again since."""
        with self.change() as connection:
            connection.execute(
                delete(DISCARDED).where(DISCARDED.c.sha256 == sha256, DISCARDED.c.at <= at)
            )
