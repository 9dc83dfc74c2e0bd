"""What an index has, a page at a time: for people who search and look through it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version
from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select, union

from trueup.sources.store.database import Database
from trueup.sources.store.releases import State
from trueup.sources.store.tables import AUDIT, FILES, RELEASES, REMOTE

__all__ = ["Catalogue", "FoundProject", "ReleaseSummary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundProject:
    """A project: how much of it is published here, and whether the index behind was asked for it.

    ``newest`` is when its last file came, in seconds since 1970; None for one that is only behind.
    """

    name: NormalizedName
    releases: int
    files: int
    size: int
    newest: float | None
    behind: bool

    @property
    def hosted(self) -> bool:
        return self.releases > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseSummary:
    """A release without its files: how many there are, their bytes, when the last one came."""

    id: int
    channel: str
    project: NormalizedName
    version: Version
    state: State
    touched: float
    files: int
    size: int
    yanked: int


class Catalogue(Database):
    """Counted and cut by the database: an index may have more than fits into a page."""

    def find_projects(
        self, channel: str, text: str = "", *, offset: int = 0, limit: int
    ) -> tuple[int, tuple[FoundProject, ...]]:
        """How many projects of a channel, or known from behind, have a text in their name; and some
        of them: the one that is named so first, then those that begin so.
        """
        hosted = select(RELEASES.c.project.label("name")).where(
            RELEASES.c.channel == channel, RELEASES.c.state == State.PUBLISHED.value
        )
        names = union(hosted, select(REMOTE.c.project)).subquery()
        name = names.c.name
        wanted = select(name).where(name.contains(text, autoescape=True))
        rank = case((name == text, 0), (name.startswith(text, autoescape=True), 1), else_=2)
        with self.look() as connection:
            number = connection.execute(select(func.count()).select_from(wanted.subquery()))
            found = connection.execute(wanted.order_by(rank, name).offset(offset).limit(limit))
            shown = list(found.scalars())
            totals = connection.execute(_totals(channel, shown)).all()
            behind = connection.execute(
                select(REMOTE.c.project).where(REMOTE.c.project.in_(shown))
            ).scalars()
            known, counted = set(behind), {row.project: row for row in totals}
            total = number.scalar_one()
        return total, tuple(_found(one, counted.get(one), one in known) for one in shown)

    def summaries(
        self,
        *,
        channel: str | None = None,
        project: NormalizedName | None = None,
        states: Collection[State] = tuple(State),
        limit: int = 10_000,
    ) -> tuple[ReleaseSummary, ...]:
        """Releases, those that were touched last first; None: of all channels, all projects."""
        files = FILES.c
        releases = RELEASES.c
        wanted = (
            select(
                releases.id,
                releases.channel,
                releases.project,
                releases.version,
                releases.state,
                releases.touched,
                func.count(files.id).label("files"),
                func.coalesce(func.sum(files.size), 0).label("size"),
                func.count(files.yanked).label("yanked"),
            )
            .outerjoin(FILES, files.release == RELEASES.c.id)
            .where(RELEASES.c.state.in_([one.value for one in states]))
            .group_by(RELEASES.c.id)
            .order_by(RELEASES.c.touched.desc(), RELEASES.c.id.desc())
            .limit(limit)
        )
        if channel is not None:
            wanted = wanted.where(RELEASES.c.channel == channel)
        if project is not None:
            wanted = wanted.where(RELEASES.c.project == project)
        with self.look() as connection:
            rows = connection.execute(wanted).all()
        return tuple(
            ReleaseSummary(
                id=row.id,
                channel=row.channel,
                project=canonicalize_name(row.project),
                version=Version(row.version),
                state=State(row.state),
                touched=row.touched,
                files=row.files,
                size=int(row.size),
                yanked=row.yanked,
            )
            for row in rows
        )

    def verdicts(self, releases: Collection[int]) -> Mapping[int, Mapping[str, Any]]:
        """What was last judged of some releases, by their number."""
        wanted = select(RELEASES.c.id, RELEASES.c.verdict).where(RELEASES.c.id.in_(releases))
        with self.look() as connection:
            rows = connection.execute(wanted).all()
        return {row.id: json.loads(row.verdict) for row in rows if row.verdict}

    def history(
        self, channel: str, project: NormalizedName, version: Version, filenames: Sequence[str],
        *, limit: int = 200,
    ) -> tuple[Mapping[str, Any], ...]:  # fmt: skip
        """The newest entries of the audit log about a release, or about one of its files."""
        about = or_(
            AUDIT.c.version == str(version),
            and_(AUDIT.c.version == "", AUDIT.c.filename.in_(filenames)),
        )
        here = and_(AUDIT.c.channel == channel, AUDIT.c.project == project, about)
        return self._entries(select(AUDIT).where(here), limit)

    def log(
        self, *, project: str = "", who: str = "", action: str = "", before: int | None = None,
        limit: int,
    ) -> tuple[Mapping[str, Any], ...]:  # fmt: skip
        """The newest entries of the audit log; ``before`` a number: only older ones than that."""
        given = ((AUDIT.c.project, project), (AUDIT.c.who, who), (AUDIT.c.action, action))
        conditions: list[ColumnElement[bool]] = [column == text for column, text in given if text]
        if before is not None:
            conditions.append(AUDIT.c.id < before)
        return self._entries(select(AUDIT).where(*conditions), limit)

    def _entries(self, wanted: Select[Any], limit: int) -> tuple[Mapping[str, Any], ...]:
        with self.look() as connection:
            rows = connection.execute(wanted.order_by(AUDIT.c.id.desc()).limit(limit))
            return tuple(row._asdict() for row in rows)


def _totals(channel: str, names: Sequence[str]) -> Select[Any]:
    """Of published releases, by project."""
    return (
        select(
            RELEASES.c.project,
            func.count(RELEASES.c.id.distinct()).label("releases"),
            func.count(FILES.c.id).label("files"),
            func.coalesce(func.sum(FILES.c.size), 0).label("size"),
            func.max(FILES.c.uploaded).label("newest"),
        )
        .outerjoin(FILES, FILES.c.release == RELEASES.c.id)
        .where(
            RELEASES.c.channel == channel,
            RELEASES.c.state == State.PUBLISHED.value,
            RELEASES.c.project.in_(names),
        )
        .group_by(RELEASES.c.project)
    )


def _found(name: str, row: Any, behind: bool) -> FoundProject:
    return FoundProject(
        name=canonicalize_name(name),
        releases=0 if row is None else row.releases,
        files=0 if row is None else row.files,
        size=0 if row is None else int(row.size),
        newest=None if row is None else row.newest,
        behind=behind,
    )
