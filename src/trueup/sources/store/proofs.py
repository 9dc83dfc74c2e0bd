"""Records of proofs: what an sdist was shown to keep, beside the channel that takes it for shown."""

from __future__ import annotations

from packaging.utils import NormalizedName
from packaging.version import Version
from sqlalchemy import select

from trueup.sources.store.database import Database, upsert
from trueup.sources.store.tables import PROOFS

__all__ = ["Proofs"]


class Proofs(Database):
    """By the digest of the sdist: a record is about these bytes, in whatever release they come."""

    def keep_proof(
        self, channel: str, sha256: str, record: bytes, *, project: NormalizedName,
        version: Version, filename: str, who: str,
    ) -> None:  # fmt: skip
        """Keep a record that was verified; another one before it goes."""
        with self.change() as connection:
            row = {
                "channel": channel, "sha256": sha256, "record": record, "who": who,
                "made": self.clock(),
            }  # fmt: skip
            upsert(connection, PROOFS, [row])
            detail = f"of sha256 {sha256}"
            self.note(connection, who, "proof", channel, project, str(version), filename, detail)

    def proof(self, channel: str, sha256: str) -> bytes | None:
        """The record about an sdist."""
        wanted = select(PROOFS.c.record).where(
            PROOFS.c.channel == channel, PROOFS.c.sha256 == sha256
        )
        with self.look() as connection:
            found = connection.execute(wanted).scalar()
        return None if found is None else bytes(found)
