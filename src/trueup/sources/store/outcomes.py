"""What became of releases in the views, so that none is looked into twice."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, select

from trueup.sources.store.database import Database, upsert
from trueup.sources.store.tables import DERIVED, OUTCOMES

__all__ = ["Outcomes"]

_AT_A_TIME = 500
"""Digests in one question; SQLite takes no more than some thousand."""


class Outcomes(Database):
    """Outcomes by a key that says everything they rest on; what they hold is the caller's."""

    def outcomes(self, project: str) -> Mapping[str, bytes]:
        """All outcomes of a project by their keys."""
        wanted = select(OUTCOMES.c.key, OUTCOMES.c.body).where(OUTCOMES.c.project == project)
        with self.look() as connection:
            return {row.key: bytes(row.body) for row in connection.execute(wanted)}

    def outcome(self, key: str) -> bytes | None:
        """One outcome."""
        with self.look() as connection:
            row = connection.execute(select(OUTCOMES.c.body).where(OUTCOMES.c.key == key)).first()
        return None if row is None else bytes(row.body)

    def keep_outcome(self, key: str, project: str, version: str, body: bytes) -> None:
        """Keep an outcome, instead of what was kept under its key."""
        row = {
            "key": key, "project": project, "version": version, "body": body, "made": self.clock(),
        }  # fmt: skip
        with self.change() as connection:
            upsert(connection, OUTCOMES, [row])

    def known_derived(self, digests: Collection[str]) -> frozenset[str]:
        """Which of these are derived wheels."""
        found: set[str] = set()
        with self.look() as connection:
            for part in _parts(sorted(digests)):
                wanted = select(DERIVED.c.sha256).where(DERIVED.c.sha256.in_(part))
                found |= {row.sha256 for row in connection.execute(wanted)}
        return frozenset(found)

    def derived_of(self, originals: Collection[str]) -> Sequence[Row[Any]]:
        """(sha256, original, filename, size) of all wheels that were derived from these files."""
        columns = (DERIVED.c.sha256, DERIVED.c.original, DERIVED.c.filename, DERIVED.c.size)
        found: list[Row[Any]] = []
        with self.look() as connection:
            for part in _parts(sorted(originals)):
                wanted = select(*columns).where(DERIVED.c.original.in_(part))
                found += connection.execute(wanted.order_by(DERIVED.c.made, DERIVED.c.sha256))
        return found


def _parts(digests: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(digests), _AT_A_TIME):
        yield digests[start : start + _AT_A_TIME]
