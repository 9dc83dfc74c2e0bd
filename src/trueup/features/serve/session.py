"""Publishing sessions: a release is uploaded in several requests, tried, and published at once.

Source: PEP 694 (draft of July 2026), as far as it says what is to happen; how HTTP says it is in
`interfaces/web`. A session is a view on a staged release, so that everything else that looks at
releases sees its files; all is done while the client waits, so nothing is ever "processing".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packaging.utils import InvalidName, NormalizedName, canonicalize_name
from packaging.version import Version

from trueup.features.serve.announced import AnnouncedFiles, check_open, still_open
from trueup.features.serve.judging import verdict_of
from trueup.features.serve.receive import RefusedError
from trueup.features.serve.sessionfile import (
    ConflictError,
    SessionReceiver,
    said_of,
)
from trueup.model.errors import NotFoundError
from trueup.model.version import parse_version
from trueup.sources.store.contents import Contents
from trueup.sources.store.failures import ChangedError
from trueup.sources.store.publishing import (
    FileState,
    PublishingSession,
    SessionFile,
    SessionState,
)
from trueup.sources.store.store import HostedRelease, State

__all__ = ["ContradictionError", "FileStatus", "Sessions", "Status"]

_ATTEMPTS = 5
_LONGEST = 200
"""Characters of a name and of a version; file names have both."""


class ContradictionError(ConflictError):
    """The files of a session contradict each other; it stays open, and ``notices`` say where."""

    status = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class FileStatus:
    """A file of a session as its client is told; ``notices`` are what its release makes of it."""

    file: SessionFile
    state: FileState
    notices: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A session as its client is told."""

    session: PublishingSession
    files: tuple[FileStatus, ...]
    notices: tuple[str, ...]

    def unfinished(self) -> list[str]:
        """File names that are in the way of publishing."""
        return [
            f"`{one.file.filename}` is {one.state.value}"
            for one in self.files
            if one.state is not FileState.COMPLETED
        ]


class Sessions(AnnouncedFiles):
    """The publishing sessions of an index; every method may be called from any thread."""

    # --- sessions -----------------------------------------------------------------------------------

    def open(self, channel: str, name: str, version: str, *, who: str) -> PublishingSession:
        """A new session for a release that is not published.

        Raises RefusedError; ConflictError with the ``session`` that the release has.
        """
        project, number = _release_of(name, version)
        about = (channel, project, str(number))
        for _ in range(_ATTEMPTS):
            self._store.end_expired(about)
            self._check_new(channel, project, number)
            try:
                return self._store.open_session(
                    channel, project, number, who=who, seconds=self.terms.lifetime
                )
            except ChangedError:
                continue
        raise ConflictError(f"{project} {number} changes all the time", hint="try again")

    def _check_new(self, channel: str, project: NormalizedName, version: Version) -> None:
        known = self._store.session_of(channel, project, version)
        if known is not None and known.is_open:
            raise ConflictError(
                f"{project} {version} has a session", session=known.id, hint="use or cancel it"
            )
        release = self._store.release(channel, project, version)
        if release is None:
            return
        if release.state is State.PUBLISHED:
            raise ConflictError(
                f"{project} {version} is published",
                session=None if known is None else known.id,
                hint="a file for it is taken by the legacy upload API",
            )
        if release.closed:
            raise ConflictError(f"{project} {version} takes no further files")

    def find(self, number: str) -> PublishingSession:
        """A session, also after its end; raises NotFoundError."""
        found = self._store.publishing_session(number)
        if found is not None and found.is_open and found.expires <= self._desk.clock():
            self._store.end_expired((found.channel, found.project, str(found.version)))
            found = self._store.publishing_session(number)
        if found is None:
            raise NotFoundError("no such session")
        return found

    def file_status(self, session: PublishingSession, number: str) -> FileStatus:
        """What its client is told of a file; raises NotFoundError."""
        for one in self.status(session).files:
            if one.file.id == number:
                return one
        raise NotFoundError("no such file in this session")

    def status(self, session: PublishingSession) -> Status:
        """What its client is told of a session."""
        if session.state is not SessionState.OPEN:
            states = tuple(
                FileStatus(file=one, state=one.state, notices=()) for one in session.files
            )
            return Status(session=session, files=states, notices=tuple(filter(None, [session.why])))
        release = self._store.release(session.channel, session.project, session.version)
        verdict = (release.verdict if release is not None else None) or {}
        findings: Sequence[Mapping[str, Any]] = verdict.get("findings", ())
        files = tuple(_file_status(file, release, findings) for file in session.files)
        ours = {file.filename for file in session.files}
        others = [one.filename for one in release.files] if release is not None else []
        notices = [said_of(one) for one in findings if not one.get("files")] + [
            f"`{name}` was uploaded without a session, and is published with it"
            for name in others
            if name not in ours
        ]
        return Status(session=session, files=files, notices=tuple(notices))

    def extend(self, session: PublishingSession, seconds: int) -> PublishingSession:
        """Let it live longer, if that is not too long; raises ConflictError if it has ended."""
        with still_open(session):
            check_open(session)
            until = session.expires + max(0, seconds)
            if until <= session.made + self.terms.longest:
                self._store.extend_session(session, until)
        return self.find(session.id)

    def cancel(self, session: PublishingSession, *, who: str) -> None:
        """Give it up with its files; done already is done as well. Raises ConflictError for one that
        is published.
        """
        if session.state is SessionState.PUBLISHED:
            raise ConflictError("the session is published", hint="delete the release instead")
        self._store.end_session(session.id, who=who)

    def publish(self, session: PublishingSession, *, who: str) -> PublishingSession:
        """Make the release visible with all its files.

        Raises ConflictError if a file is not complete, ContradictionError if they contradict.
        """
        if session.state is SessionState.PUBLISHED:
            return session
        check_open(session)
        status = self.status(session)
        if status.unfinished():
            raise ConflictError("not all files are completed", notices=status.unfinished())
        if not session.files:
            raise ConflictError("the session has no files", hint="upload them first")
        receiver = self._receiver(session)
        try:
            with still_open(session):
                receiver.publish(session.project, session.version, who=who)
        except ConflictError:
            raise
        except RefusedError as error:
            raise self._contradiction(receiver, session, error) from error
        self._desk.follow()
        return self.find(session.id)

    def _contradiction(
        self, receiver: SessionReceiver, session: PublishingSession, error: RefusedError
    ) -> ContradictionError:
        release = self._store.release(session.channel, session.project, session.version)
        findings = () if release is None else verdict_of(receiver.report(release))["findings"]
        return ContradictionError(
            str(error), hint=error.hint, notices=[said_of(one) for one in findings]
        )

    # --- files --------------------------------------------------------------------------------------

    def file(self, session: PublishingSession, number: str) -> SessionFile:
        """A file of a session by its number; raises NotFoundError."""
        return self.file_status(session, number).file

    # --- every now and then -------------------------------------------------------------------------

    def sweep(self) -> None:
        """End what has expired, forget what ended long ago, remove what was given up.

        Others may do the same at the same time. Raises StoreError.
        """
        now = self._desk.clock()
        self._store.end_expired()
        self._store.forget_sessions(now - self.terms.kept)
        contents, before = (
            Contents(self._store.engine, clock=self._desk.clock),
            now - self.terms.grace,
        )
        for sha256, at in self._store.discarded(before).items():
            done = contents.names(sha256) or self._desk.blobs.drop(sha256, before=before)
            # What was put again since may be needed in a moment, or be left over: look later.
            if done or self._desk.blobs.size(sha256) is None:
                self._store.forget_discarded(sha256, at)


def _release_of(name: str, version: str) -> tuple[NormalizedName, Version]:
    try:
        project = canonicalize_name(name, validate=True)
    except InvalidName as error:
        raise RefusedError("`name`", found=f"`{name[:300]}`", expected="a project") from error
    number = parse_version(version)
    if number is None:
        raise RefusedError("`version`", found=f"`{version[:300]}`", expected="a version")
    if len(project) > _LONGEST or len(str(number)) > _LONGEST:
        raise RefusedError("`name` or `version` is too long", expected=f"at most {_LONGEST}")
    return project, number


def _file_status(
    file: SessionFile, release: HostedRelease | None, findings: Sequence[Mapping[str, Any]]
) -> FileStatus:
    if file.state is not FileState.COMPLETED:
        return FileStatus(file=file, state=file.state, notices=file.notices)
    there = {(one.filename, one.sha256) for one in release.files} if release is not None else ()
    if (file.filename, file.sha256) not in there:
        gone = "it was taken out of the release; delete it here and upload it again"
        return FileStatus(file=file, state=FileState.ERROR, notices=(gone,))
    said = tuple(said_of(one) for one in findings if file.filename in one.get("files", ()))
    return FileStatus(file=file, state=file.state, notices=said)
