"""How much an index keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select

from trueup.sources.store.database import Database
from trueup.sources.store.tables import DERIVED, FILES, RELEASES

__all__ = ["Counted", "Counts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """``releases`` by their state; ``size`` are the bytes of the files that were uploaded, each
    content once.
    """

    releases: Mapping[str, int]
    projects: int
    files: int
    size: int
    derived: int


class Counts(Database):
    """For metrics."""

    def counted(self) -> Counted:
        """How much is there now."""
        contents = select(FILES.c.sha256, FILES.c.size).distinct().subquery()
        by_state = select(RELEASES.c.state, func.count()).group_by(RELEASES.c.state)
        projects = select(func.count(RELEASES.c.project.distinct()))
        with self.look() as connection:
            return Counted(
                releases={row[0]: row[1] for row in connection.execute(by_state)},
                projects=connection.execute(projects).scalar_one(),
                files=connection.execute(select(func.count()).select_from(FILES)).scalar_one(),
                size=int(connection.execute(select(func.sum(contents.c.size))).scalar() or 0),
                derived=connection.execute(select(func.count()).select_from(DERIVED)).scalar_one(),
            )
