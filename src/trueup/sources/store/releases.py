"""Releases and their files: staged, published, yanked, removed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version
from sqlalchemy import ColumnElement, Connection, Row, and_, delete, insert, select, update

from trueup.model.artifact import Artifact, parse_filename
from trueup.sources.store.database import Database
from trueup.sources.store.failures import ChangedError
from trueup.sources.store.holding import about, complete, hold_name, hold_release
from trueup.sources.store.tables import FILES, RELEASES

__all__ = ["HostedFile", "HostedRelease", "Releases", "State"]


class State(StrEnum):
    """Whether readers see a release."""

    STAGED = "staged"
    QUARANTINED = "quarantined"
    PUBLISHED = "published"


@dataclass(frozen=True, kw_only=True)
class HostedFile:
    """One file that was uploaded; ``core_metadata`` are the bytes of a wheel's METADATA."""

    filename: str
    sha256: str
    size: int
    core_metadata: bytes | None
    requires_python: str | None
    yanked: str | None
    uploaded: float
    uploader: str

    def artifact(self, url: str) -> Artifact:
        """As a page lists it; its sidecar is advertised with its hash (PEP 714)."""
        sidecar = None
        if self.core_metadata is not None:
            sidecar = {"sha256": hashlib.sha256(self.core_metadata).hexdigest()}
        return Artifact(
            filename=self.filename,
            url=url,
            name=parse_filename(self.filename),
            size=self.size,
            hashes={"sha256": self.sha256},
            upload_time=datetime.fromtimestamp(self.uploaded, tz=UTC),
            index_requires_python=self.requires_python,
            yanked=self.yanked,
            core_metadata=sidecar,
        )


@dataclass(frozen=True, kw_only=True)
class HostedRelease:
    """One release of a channel with its files, in the order in which they came."""

    id: int
    channel: str
    project: NormalizedName
    version: Version
    state: State
    closed: bool
    touched: float
    expected: tuple[str, ...]
    verdict: Mapping[str, Any] | None
    files: tuple[HostedFile, ...]
    published: float | None = None


class Releases(Database):
    """What was uploaded."""

    def release(
        self, channel: str, project: NormalizedName, version: Version
    ) -> HostedRelease | None:
        """One release, whatever its state."""
        with self.look() as connection:
            row = connection.execute(
                select(RELEASES).where(
                    RELEASES.c.channel == channel,
                    RELEASES.c.project == project,
                    RELEASES.c.version == str(version),
                )
            ).first()
            return None if row is None else self._release(connection, row)

    def releases(
        self,
        channel: str,
        project: NormalizedName | None = None,
        *,
        state: State | None = State.PUBLISHED,
    ) -> tuple[HostedRelease, ...]:
        """Releases of a project, or of all, by project and version; None: in any state."""
        wanted = select(RELEASES).where(RELEASES.c.channel == channel)
        if project is not None:
            wanted = wanted.where(RELEASES.c.project == project)
        if state is not None:
            wanted = wanted.where(RELEASES.c.state == state.value)
        with self.look() as connection:
            rows = connection.execute(wanted).all()
            found = [self._release(connection, row) for row in rows]
        return tuple(sorted(found, key=lambda one: (one.project, one.version)))

    def _release(self, connection: Connection, row: Row[Any]) -> HostedRelease:
        files = connection.execute(
            select(FILES).where(FILES.c.release == row.id).order_by(FILES.c.id)
        ).all()
        return HostedRelease(
            id=row.id,
            channel=row.channel,
            project=canonicalize_name(row.project),
            version=Version(row.version),
            state=State(row.state),
            closed=bool(row.closed),
            touched=row.touched,
            expected=tuple(json.loads(row.expected)) if row.expected else (),
            verdict=json.loads(row.verdict) if row.verdict else None,
            files=tuple(_file(file) for file in files),
            published=row.published,
        )

    def projects(self, channel: str) -> tuple[NormalizedName, ...]:
        """Projects with a published release."""
        wanted = (
            select(RELEASES.c.project)
            .where(RELEASES.c.channel == channel, RELEASES.c.state == State.PUBLISHED.value)
            .distinct()
        )
        with self.look() as connection:
            return tuple(
                sorted(canonicalize_name(row.project) for row in connection.execute(wanted))
            )

    def channels(self) -> tuple[str, ...]:
        """Channels that have a release in any state."""
        with self.look() as connection:
            rows = connection.execute(select(RELEASES.c.channel).distinct()).all()
        return tuple(sorted(row.channel for row in rows))

    def owns(self, channel: str, project: NormalizedName) -> bool:
        """Whether a channel has published the project: then nobody else's is shown."""
        wanted = select(RELEASES.c.id).where(
            RELEASES.c.channel == channel,
            RELEASES.c.project == project,
            RELEASES.c.state == State.PUBLISHED.value,
        )
        with self.look() as connection:
            return connection.execute(wanted.limit(1)).first() is not None

    def add_file(
        self,
        channel: str,
        project: NormalizedName,
        version: Version,
        file: HostedFile,
        *,
        verdict: Mapping[str, Any],
        state: State,
        beside: HostedRelease | None,
        expected: Sequence[str] | None = None,
        session: str | None = None,
    ) -> None:
        """Take a file into a release; its blob is there already.

        ``beside`` is the release as the file was compared with it, None if there was none: raises
        ChangedError if it is not so any more, or if the name is taken. ``session`` is the
        publishing session in which it came, and is complete with that.
        """
        with self.change() as connection:
            if session is None:
                hold_name(connection, channel, file.filename, self.clock())
            else:
                complete(connection, session, file.filename, file.sha256, self.clock())
            row = self._unchanged(connection, channel, project, version, beside)
            values: dict[str, Any] = {"touched": self.clock(), "verdict": json.dumps(verdict)}
            if expected is not None:
                values["expected"] = json.dumps(list(expected))
            if row is None:
                release = connection.execute(
                    insert(RELEASES).values(
                        channel=channel, project=project, version=str(version),
                        state=state.value, closed=False, **values,
                    ).returning(RELEASES.c.id)
                ).scalar_one()  # fmt: skip
            else:
                release = row.id
                if row.state != State.PUBLISHED.value:
                    values["state"] = state.value
                connection.execute(
                    update(RELEASES).where(RELEASES.c.id == release).values(**values)
                )
            connection.execute(
                insert(FILES).values(
                    release=release, channel=channel, filename=file.filename,
                    sha256=file.sha256, size=file.size, core_metadata=file.core_metadata,
                    requires_python=file.requires_python, yanked=None, uploaded=file.uploaded,
                    uploader=file.uploader,
                )
            )  # fmt: skip
            if row is not None and row.state == State.PUBLISHED.value:
                self.seen(connection, project)
            self._note(connection, file.uploader, "upload", channel, project, version, file)

    def _unchanged(
        self,
        connection: Connection,
        channel: str,
        project: str,
        version: Version,
        known: HostedRelease | None,
    ) -> Row[Any] | None:
        """The row of a release, locked; raises ChangedError if it is not as it is ``known``."""
        row = connection.execute(
            select(RELEASES)
            .where(
                RELEASES.c.channel == channel,
                RELEASES.c.project == project,
                RELEASES.c.version == str(version),
            )
            .with_for_update()
        ).first()
        now = None if row is None else self._release(connection, row)
        if _judged(now) != _judged(known):
            raise ChangedError(f"{project} {version} was changed meanwhile")
        return row

    def publish(
        self, release: HostedRelease, *, who: str, verdict: Mapping[str, Any],
        session: str | None = None,
    ) -> None:  # fmt: skip
        """Make a release visible: all its files, in one step, and no page from before stays.

        Raises ChangedError if it has not the files any more that it had when it was looked at, or
        if another ``session`` than this has it.
        """
        with self.change() as connection:
            named = about(release.channel, release.project, str(release.version))
            hold_release(connection, named, session, self.clock())
            self._unchanged(connection, release.channel, release.project, release.version, release)
            connection.execute(
                update(RELEASES)
                .where(RELEASES.c.id == release.id)
                .values(
                    state=State.PUBLISHED.value,
                    published=self.clock(),
                    verdict=json.dumps(verdict),
                )
            )
            self.seen(connection, release.project)
            self._note(
                connection, who, "publish", release.channel, release.project, release.version
            )

    def set_verdict(self, release: HostedRelease, verdict: Mapping[str, Any], state: State) -> None:
        """Keep what was judged of a release that readers do not see.

        Raises ChangedError if it is not as it was when it was looked at.
        """
        with self.change() as connection:
            self._unchanged(connection, release.channel, release.project, release.version, release)
            connection.execute(
                update(RELEASES)
                .where(RELEASES.c.id == release.id)
                .values(verdict=json.dumps(verdict), state=state.value)
            )

    def set_state(self, release: HostedRelease, state: State, *, who: str) -> None:
        """Put a release into another state that readers do not see.

        Raises ChangedError if it is not as it was when it was looked at.
        """
        with self.change() as connection:
            self._unchanged(connection, release.channel, release.project, release.version, release)
            connection.execute(
                update(RELEASES).where(RELEASES.c.id == release.id).values(state=state.value)
            )
            self.seen(connection, release.project)
            self._note(
                connection, who, state.value, release.channel, release.project, release.version
            )

    def set_yanked(
        self, channel: str, project: NormalizedName, filename: str, reason: str | None, *, who: str
    ) -> bool:
        """Yank a file of a project (PEP 592), or take that back (None); False if it has no such."""
        theirs = select(RELEASES.c.id).where(
            RELEASES.c.channel == channel, RELEASES.c.project == project
        )
        with self.change() as connection:
            done = connection.execute(
                update(FILES)
                .where(FILES.c.release.in_(theirs), FILES.c.filename == filename)
                .values(yanked=reason)
            )
            if not done.rowcount:
                return False
            self.seen(connection, project)
            action = "unyank" if reason is None else "yank"
            self.note(connection, who, action, channel, project, "", filename, reason)
            return True

    def remove(self, release: HostedRelease, *, who: str) -> None:
        """Delete a release and its files; blobs that nothing needs any more go with `fsck`.

        It may be gone already: then nothing is noted.
        """
        with self.change() as connection:
            # SQLite gives numbers out again; the files go with their release.
            if not connection.execute(delete(RELEASES).where(_this(release))).rowcount:
                return
            self.seen(connection, release.project)
            self._note(connection, who, "delete", release.channel, release.project, release.version)

    def close(self, release: HostedRelease, *, who: str, closed: bool = True) -> None:
        """Take no further files into a release; raises ChangedError if it is gone."""
        with self.change() as connection:
            done = connection.execute(update(RELEASES).where(_this(release)).values(closed=closed))
            if not done.rowcount:
                raise ChangedError(f"{release.project} {release.version} was deleted meanwhile")
            action = "close" if closed else "open"
            self._note(connection, who, action, release.channel, release.project, release.version)

    def hosted_file(self, sha256: str, filename: str | None = None) -> HostedFile | None:
        """A file that is published somewhere; None: under any name."""
        wanted = (
            select(FILES)
            .join(RELEASES, RELEASES.c.id == FILES.c.release)
            .where(FILES.c.sha256 == sha256, RELEASES.c.state == State.PUBLISHED.value)
        )
        if filename is not None:
            wanted = wanted.where(FILES.c.filename == filename)
        with self.look() as connection:
            row = connection.execute(wanted.limit(1)).first()
            return None if row is None else _file(row)

    def _note(
        self, connection: Connection, who: str, action: str, channel: str, project: str,
        version: Version, file: HostedFile | None = None,
    ) -> None:  # fmt: skip
        name = file.filename if file is not None else None
        detail = f"sha256 {file.sha256}" if file is not None else None
        self.note(connection, who, action, channel, project, str(version), name, detail)


def _this(release: HostedRelease) -> ColumnElement[bool]:
    return and_(
        RELEASES.c.id == release.id,
        RELEASES.c.channel == release.channel,
        RELEASES.c.project == release.project,
        RELEASES.c.version == str(release.version),
    )


def _judged(release: HostedRelease | None) -> object:
    """What a judgement of a release rests on, and what follows from it."""
    if release is None:
        return None
    files = frozenset((file.filename, file.sha256) for file in release.files)
    return release.id, release.state, release.closed, files


def _file(row: Row[Any]) -> HostedFile:
    return HostedFile(
        filename=row.filename,
        sha256=row.sha256,
        size=row.size,
        core_metadata=row.core_metadata,
        requires_python=row.requires_python,
        yanked=row.yanked,
        uploaded=row.uploaded,
        uploader=row.uploader,
    )
