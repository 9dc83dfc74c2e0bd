"""What uploaders attest of their files, as they said it."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, delete, exists, insert, select

from trueup.sources.store.database import Database
from trueup.sources.store.releases import HostedRelease
from trueup.sources.store.tables import ATTESTATIONS, FILES

__all__ = ["Attestations"]

_UNUSED = 86400.0
"""Seconds for which provenance is kept whose file is not there: it may still be on its way."""


class Attestations(Database):
    """The provenance of files (PEP 740)."""

    def keep_provenance(self, channel: str, filename: str, sha256: str, document: str) -> bool:
        """Keep the provenance object of a file that is about to come, unless there is one.

        Returns whether it was kept; the first one stays, like the file itself.
        """
        this = _this(channel, filename, sha256)
        with self.change() as connection:
            there = exists().where(
                FILES.c.channel == ATTESTATIONS.c.channel,
                FILES.c.filename == ATTESTATIONS.c.filename,
                FILES.c.sha256 == ATTESTATIONS.c.sha256,
            )
            old = ATTESTATIONS.c.made < self.clock() - _UNUSED
            connection.execute(delete(ATTESTATIONS).where(old, ~there))
            if connection.execute(select(ATTESTATIONS.c.made).where(this)).first() is not None:
                return False
            connection.execute(
                insert(ATTESTATIONS).values(
                    channel=channel, filename=filename, sha256=sha256, provenance=document,
                    made=self.clock(),
                )
            )  # fmt: skip
        return True

    def drop_provenance(self, channel: str, filename: str, sha256: str) -> None:
        """Forget the provenance of a file that was not taken after all."""
        with self.change() as connection:
            connection.execute(delete(ATTESTATIONS).where(_this(channel, filename, sha256)))

    def provenance(self, channel: str, filename: str, sha256: str) -> str | None:
        """The provenance object of a file, as JSON."""
        with self.look() as connection:
            found = connection.execute(
                select(ATTESTATIONS.c.provenance).where(_this(channel, filename, sha256))
            ).scalar()
        return None if found is None else str(found)

    def attested(self, release: HostedRelease) -> frozenset[str]:
        """The names of the files of a release that have provenance."""
        known = {(file.filename, file.sha256) for file in release.files}
        with self.look() as connection:
            rows = connection.execute(
                select(ATTESTATIONS.c.filename, ATTESTATIONS.c.sha256).where(
                    ATTESTATIONS.c.channel == release.channel,
                    ATTESTATIONS.c.filename.in_([name for name, _ in known]),
                )
            ).all()
        return frozenset(row.filename for row in rows if (row.filename, row.sha256) in known)


def _this(channel: str, filename: str, sha256: str) -> ColumnElement[bool]:
    return and_(
        ATTESTATIONS.c.channel == channel,
        ATTESTATIONS.c.filename == filename,
        ATTESTATIONS.c.sha256 == sha256,
    )
