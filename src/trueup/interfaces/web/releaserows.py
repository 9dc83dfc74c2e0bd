"""Releases as rows of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.interfaces.web.render import release_address
from trueup.sources.store.catalogue import ReleaseSummary
from trueup.sources.store.store import State, Store

__all__ = ["ReleaseRow", "judged_rows", "summary_row"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRow:
    """A release in a table; ``id`` and ``state`` None: it is of the index behind.

    ``kind`` and ``findings`` are what was last judged, None: nothing; ``newest`` is when its last
    file came, in seconds since 1970.
    """

    id: int | None
    project: NormalizedName
    version: Version
    href: str
    channel: str | None
    state: State | None
    kind: str | None = None
    findings: int | None = None
    files: int
    size: int | None
    newest: float | None
    yanked: int


def summary_row(one: ReleaseSummary, *, private: bool) -> ReleaseRow:
    """A release that was uploaded, as a row that does not tell yet how it was judged."""
    return ReleaseRow(
        id=one.id,
        project=one.project,
        version=one.version,
        href=release_address(one.channel, one.project, one.version, private=private),
        channel=one.channel,
        state=one.state,
        files=one.files,
        size=one.size,
        newest=one.touched,
        yanked=one.yanked,
    )


def judged_rows(store: Store, rows: Sequence[ReleaseRow]) -> Sequence[ReleaseRow]:
    """The rows with what was judged; to be called for those that are shown."""
    known = store.verdicts([row.id for row in rows if row.id is not None])
    return [_judged(row, known.get(row.id or 0)) for row in rows]


def _judged(row: ReleaseRow, verdict: Mapping[str, Any] | None) -> ReleaseRow:
    if verdict is None:
        return row
    return replace(row, kind=verdict.get("class"), findings=len(verdict.get("findings", ())))
