"""Where a file belongs: the answer to who may read what a digest names."""

from __future__ import annotations

from dataclasses import dataclass

from packaging.utils import NormalizedName, canonicalize_name
from sqlalchemy import select

from trueup.model.artifact import OtherName, parse_filename
from trueup.sources.store.database import Database
from trueup.sources.store.tables import DERIVED, FILES, RELEASES, REMOTE_FILES

__all__ = ["Holder", "Holders"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A project on whose page a file stands; ``channel`` None: that of the index behind."""

    channel: str | None
    project: NormalizedName


class Holders(Database):
    """Who has a file."""

    def holders(self, sha256: str) -> frozenset[Holder]:
        """Every page that names the file, or what it is derived from; empty: none does."""
        original = select(DERIVED.c.original).where(DERIVED.c.sha256 == sha256)
        hosted = (
            select(RELEASES.c.channel, RELEASES.c.project)
            .join(FILES, FILES.c.release == RELEASES.c.id)
            .where(
                (FILES.c.sha256 == sha256) | FILES.c.sha256.in_(original),
                RELEASES.c.state == "published",
            )
            .distinct()
        )
        behind = select(REMOTE_FILES.c.filename).where(
            (REMOTE_FILES.c.sha256 == sha256) | REMOTE_FILES.c.sha256.in_(original)
        )
        with self.look() as connection:
            found = {
                Holder(channel=row.channel, project=canonicalize_name(row.project))
                for row in connection.execute(hosted)
            }
            for row in connection.execute(behind):
                name = parse_filename(row.filename)
                if not isinstance(name, OtherName):
                    found.add(Holder(channel=None, project=name.project))
        return frozenset(found)
