"""Publishing sessions (PEP 694): what was announced, what came, and what is given up.

A session is a view on a staged release: files that are complete are files of that release. What is
kept here is the rest. A session that has expired is ended by whoever meets it first.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version
from sqlalchemy import ColumnElement, Connection, Row, and_, delete, insert, select, update

from trueup.sources.store.database import Database, upsert
from trueup.sources.store.failures import ChangedError
from trueup.sources.store.holding import about, is_open
from trueup.sources.store.tables import DISCARDED, FILES, PUBLISHING, RELEASES, SESSION_FILES

__all__ = ["FileState", "Publishing", "PublishingSession", "SessionFile", "SessionState"]


class SessionState(StrEnum):
    """Whether a session takes files; what has no end in sight is done while the client waits."""

    OPEN = "open"
    PUBLISHED = "published"
    CANCELED = "canceled"


class FileState(StrEnum):
    """What became of a file that was announced."""

    PENDING = "pending"
    COMPLETED = "completed"
    ERROR = "error"


@dataclass(frozen=True, kw_only=True)
class SessionFile:
    """A file that was announced, with its ``size`` in bytes and its ``hashes`` in hexadecimal.

    ``said`` is the METADATA that came with the announcement, ``sha256`` what came afterwards,
    ``attested`` its provenance object (PEP 740).
    """

    id: str
    session: str
    filename: str
    size: int
    hashes: Mapping[str, str]
    said: str | None
    sha256: str | None
    state: FileState
    notices: tuple[str, ...]
    attested: str | None = None


@dataclass(frozen=True, kw_only=True)
class PublishingSession:
    """``stage`` is the secret that shows what is staged; times are seconds since 1970."""

    id: str
    channel: str
    project: NormalizedName
    version: Version
    state: SessionState
    stage: str
    who: str
    made: float
    expires: float
    why: str | None
    files: tuple[SessionFile, ...]

    @property
    def is_open(self) -> bool:
        """Whether it has not ended; it may have expired all the same."""
        return self.state is SessionState.OPEN

    def file(self, filename: str) -> SessionFile | None:
        """The file of that name."""
        return next((one for one in self.files if one.filename == filename), None)


class Publishing(Database):
    """The sessions of an index. What changes one raises ChangedError if it is not open any more."""

    # --- sessions -----------------------------------------------------------------------------------

    def open_session(
        self, channel: str, project: NormalizedName, version: Version, *, who: str, seconds: float
    ) -> PublishingSession:
        """A new session; raises ChangedError if the release has one, or is published."""
        row: dict[str, Any] = {
            "id": secrets.token_urlsafe(24), "channel": channel, "project": project,
            "version": str(version), "state": SessionState.OPEN.value,
            "stage": secrets.token_urlsafe(32), "who": who, "made": self.clock(),
            "expires": self.clock() + seconds,
        }  # fmt: skip
        with self.change() as connection:
            connection.execute(insert(PUBLISHING).values(**row))
            release = self._locked_release(connection, row["channel"], project, str(version))
            if release is not None and release.state == "published":
                raise ChangedError(f"{project} {version} was published meanwhile")
            self.note(connection, who, "session", channel, project, str(version), None, None)
        return PublishingSession(
            id=row["id"], channel=channel, project=project, version=version,
            state=SessionState.OPEN, stage=row["stage"], who=who, made=row["made"],
            expires=row["expires"], why=None, files=(),
        )  # fmt: skip

    def publishing_session(self, number: str) -> PublishingSession | None:
        """A session by its number, also for some time after its end."""
        return self._session(PUBLISHING.c.id == number)

    def staged_session(self, stage: str) -> PublishingSession | None:
        """The open session whose files that secret shows."""
        return self._session(and_(PUBLISHING.c.stage == stage, is_open(self.clock())))

    def session_of(
        self, channel: str, project: NormalizedName, version: Version
    ) -> PublishingSession | None:
        """The session of a release: the open one, else the one that published it."""
        return self._session(
            and_(about(channel, project, str(version)), PUBLISHING.c.state != "canceled")
        )

    def _session(self, which: ColumnElement[bool]) -> PublishingSession | None:
        with self.look() as connection:
            row = connection.execute(
                select(PUBLISHING).where(which).order_by(PUBLISHING.c.made.desc()).limit(1)
            ).first()
            return None if row is None else _session(connection, row)

    def holder(self, channel: str, filename: str) -> str | None:
        """The number of the open session in which a file of that name was announced."""
        with self.look() as connection:
            return connection.execute(
                select(PUBLISHING.c.id)
                .join(SESSION_FILES, SESSION_FILES.c.session == PUBLISHING.c.id)
                .where(SESSION_FILES.c.channel == channel, SESSION_FILES.c.filename == filename)
                .where(is_open(self.clock()))
            ).scalar()

    def extend_session(self, session: PublishingSession, until: float) -> None:
        """Let a session live until then; never shorter than it was to."""
        with self.change() as connection:
            row = self._locked(connection, session.id)
            connection.execute(
                update(PUBLISHING)
                .where(PUBLISHING.c.id == session.id)
                .values(expires=max(until, row.expires))
            )

    def end_session(self, number: str, *, who: str, why: str | None = None) -> bool:
        """Cancel a session: its files are taken out of the release, other files stay.

        False if it is not open (any more).
        """
        with self.change() as connection:
            row = connection.execute(
                select(PUBLISHING)
                .where(PUBLISHING.c.id == number, PUBLISHING.c.state == "open")
                .with_for_update()
            ).first()
            if row is None:
                return False
            files = connection.execute(
                select(SESSION_FILES).where(SESSION_FILES.c.session == number)
            ).all()
            self._take_out(connection, row, files)
            connection.execute(
                update(PUBLISHING)
                .where(PUBLISHING.c.id == number)
                .values(state=SessionState.CANCELED.value, ended=self.clock(), why=why)
            )
            self.note(connection, who, "cancel", row.channel, row.project, row.version, None, why)
        return True

    def end_expired(self, release: tuple[str, str, str] | None = None) -> int:
        """Cancel sessions whose time is over, all or those of one release; returns how many."""
        wanted = select(PUBLISHING.c.id).where(
            PUBLISHING.c.state == "open", PUBLISHING.c.expires <= self.clock()
        )
        if release is not None:
            wanted = wanted.where(about(*release))
        with self.look() as connection:
            numbers = connection.execute(wanted).scalars().all()
        why = "it was not published before it expired"
        return sum(self.end_session(number, who="expiry", why=why) for number in numbers)

    def forget_sessions(self, before: float) -> None:
        """Forget sessions that ended before then."""
        with self.change() as connection:
            connection.execute(delete(PUBLISHING).where(PUBLISHING.c.ended < before))

    # --- files --------------------------------------------------------------------------------------

    def announce(
        self, session: PublishingSession, filename: str, *, size: int, hashes: Mapping[str, str],
        said: str | None, notices: Sequence[str] = (),
    ) -> SessionFile:  # fmt: skip
        """Take a name for a file that will come; raises ChangedError if it is taken.

        ``notices`` are what is wrong with what was ``said``.
        """
        row: dict[str, Any] = {
            "id": secrets.token_urlsafe(24), "session": session.id, "channel": session.channel,
            "filename": filename, "size": size, "hashes": json.dumps(dict(hashes)), "said": said,
            "sha256": None, "state": FileState.PENDING.value,
            "notices": json.dumps(list(notices)),
        }  # fmt: skip
        with self.change() as connection:
            self._locked(connection, session.id)
            here = and_(FILES.c.channel == session.channel, FILES.c.filename == filename)
            if connection.execute(select(FILES.c.id).where(here)).first() is not None:
                raise ChangedError(f"`{filename}` was uploaded meanwhile")
            connection.execute(insert(SESSION_FILES).values(**row))
        return SessionFile(
            id=row["id"], session=session.id, filename=filename, size=size, hashes=dict(hashes),
            said=said, sha256=None, state=FileState.PENDING, notices=tuple(notices),
        )  # fmt: skip

    def expect_bytes(self, file: SessionFile, sha256: str) -> None:
        """Say which content a file has, before it is put where blobs are."""
        self._change_pending(file, sha256=sha256)

    def attest_file(self, file: SessionFile, document: str) -> None:
        """Keep the provenance object that a file will have; a later one replaces it."""
        self._change_pending(file, attested=document)

    def _change_pending(self, file: SessionFile, **values: str) -> None:
        with self.change() as connection:
            self._locked(connection, file.session)
            done = connection.execute(
                update(SESSION_FILES)
                .where(SESSION_FILES.c.id == file.id, SESSION_FILES.c.state == "pending")
                .values(**values)
            )
            if not done.rowcount:
                raise ChangedError(f"`{file.filename}` was changed meanwhile")

    def fail_file(self, file: SessionFile, notices: Sequence[str]) -> None:
        """What came for a file cannot be used; it has to be announced anew."""
        with self.change() as connection:
            self._locked(connection, file.session)
            connection.execute(
                update(SESSION_FILES)
                .where(SESSION_FILES.c.id == file.id, SESSION_FILES.c.state == "pending")
                .values(state=FileState.ERROR.value, notices=json.dumps(list(notices)))
            )

    def drop_file(self, file: SessionFile, *, who: str) -> None:
        """Give a file of a session up; if it was complete, it leaves the release."""
        with self.change() as connection:
            row = self._locked(connection, file.session)
            files = connection.execute(
                select(SESSION_FILES).where(SESSION_FILES.c.id == file.id)
            ).all()
            self._take_out(connection, row, files)
            for _ in files:
                self.note(
                    connection, who, "delete", row.channel, row.project, row.version,
                    file.filename, None,
                )  # fmt: skip

    def _take_out(
        self, connection: Connection, session: Row[Any], files: Sequence[Row[Any]]
    ) -> None:
        """Remove files of a session, here and from the release, which goes with its last one."""
        release = self._locked_release(
            connection, session.channel, session.project, session.version
        )
        ours = {file.filename for file in files if file.state == FileState.COMPLETED.value}
        if release is not None and release.state != "published" and ours:
            connection.execute(
                delete(FILES).where(FILES.c.release == release.id, FILES.c.filename.in_(ours))
            )
            left = connection.execute(
                select(FILES.c.id).where(FILES.c.release == release.id).limit(1)
            ).first()
            which = RELEASES.c.id == release.id
            if left is None:
                connection.execute(delete(RELEASES).where(which))
            else:
                # What was judged was another release.
                changed = {"verdict": None, "state": "staged"}
                connection.execute(update(RELEASES).where(which).values(**changed))
        connection.execute(
            delete(SESSION_FILES).where(SESSION_FILES.c.id.in_([file.id for file in files]))
        )
        given_up = [file.sha256 for file in files if file.sha256 is not None]
        rows = [{"sha256": sha256, "at": self.clock()} for sha256 in dict.fromkeys(given_up)]
        upsert(connection, DISCARDED, rows)

    def _locked(self, connection: Connection, number: str) -> Row[Any]:
        row = connection.execute(
            select(PUBLISHING)
            .where(PUBLISHING.c.id == number, is_open(self.clock()))
            .with_for_update()
        ).first()
        if row is None:
            raise ChangedError("the session is not open any more")
        return row

    def _locked_release(
        self, connection: Connection, channel: str, project: str, version: str
    ) -> Row[Any] | None:
        return connection.execute(
            select(RELEASES)
            .where(
                RELEASES.c.channel == channel,
                RELEASES.c.project == project,
                RELEASES.c.version == version,
            )
            .with_for_update()
        ).first()


def _session(connection: Connection, row: Row[Any]) -> PublishingSession:
    files = connection.execute(
        select(SESSION_FILES)
        .where(SESSION_FILES.c.session == row.id)
        .order_by(SESSION_FILES.c.filename)
    ).all()
    return PublishingSession(
        id=row.id,
        channel=row.channel,
        project=canonicalize_name(row.project),
        version=Version(row.version),
        state=SessionState(row.state),
        stage=row.stage,
        who=row.who,
        made=row.made,
        expires=row.expires,
        why=row.why,
        files=tuple(_file(file) for file in files),
    )


def _file(row: Row[Any]) -> SessionFile:
    return SessionFile(
        id=row.id,
        session=row.session,
        filename=row.filename,
        size=row.size,
        hashes=json.loads(row.hashes),
        said=row.said,
        sha256=row.sha256,
        state=FileState(row.state),
        notices=tuple(json.loads(row.notices)),
        attested=row.attested,
    )
