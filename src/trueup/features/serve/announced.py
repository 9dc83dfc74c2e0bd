"""Files of publishing sessions: announced, received, attested, compared, given up.

Source: PEP 694 (draft of July 2026), "File Upload Session".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from trueup.features.serve.attested import check_attestations, provenance
from trueup.features.serve.desk import Desk
from trueup.features.serve.receive import RefusedError
from trueup.features.serve.sessionfile import (
    ConflictError,
    SessionReceiver,
    check_announced,
    check_whole,
)
from trueup.model.errors import TrueupError
from trueup.sources.store.failures import ChangedError
from trueup.sources.store.publishers import Terms as PublisherTerms
from trueup.sources.store.publishing import FileState, PublishingSession, SessionFile

__all__ = ["AnnouncedFiles", "Terms", "check_open", "still_open"]

_DAY = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How long a session lives, and with extensions at the ``longest``; for how long it can be asked
    about after its end; after how long contents that were given up are removed: in seconds.
    ``largest`` is the size of a file in bytes, ``most`` the number of files that are taken.
    """

    lifetime: float = 7 * _DAY
    longest: float = 30 * _DAY
    kept: float = 30 * _DAY
    grace: float = 600.0
    largest: int = 2 * 1024**3
    most: int = 2_000


class AnnouncedFiles:
    """What is done with one file of a session; every method may be called from any thread."""

    def __init__(self, desk: Desk, terms: Terms | None = None) -> None:
        self._desk = desk
        self._store = desk.store
        self.terms = terms or Terms()

    def announce(
        self, session: PublishingSession, filename: str, *, size: int, hashes: Mapping[str, str],
        said: str | None,
    ) -> SessionFile:  # fmt: skip
        """Take a name for a file that will come; raises RefusedError, ConflictError."""
        check_open(session)
        check_announced(session, filename, hashes, said)
        policy = self._desk.policies.for_project(session.channel, session.project)
        largest = min(self.terms.largest, policy.largest or self.terms.largest)
        if size > largest:
            raise ConflictError(
                f"`{filename}` is too large",
                found=f"{size:,} bytes",
                expected=f"at most {largest:,}",
            )
        if len(session.files) >= self.terms.most:
            raise ConflictError(
                "the session has too many files", expected=f"at most {self.terms.most:,}"
            )
        known = session.file(filename)
        if known is not None:
            raise ConflictError(
                f"`{filename}` is {known.state.value} in this session",
                hint="delete it there to send it anew",
            )
        lowered = {name: value.lower() for name, value in hashes.items()}
        notices = () if said is None else self._receiver(session).foresee(session, filename, said)
        with still_open(session, f"`{filename}` is there already"):
            return self._store.announce(
                session, filename, size=size, hashes=lowered, said=said, notices=notices
            )

    def keep(
        self, session: PublishingSession, file: SessionFile, path: Path, *, size: int,
        digests: Mapping[str, str],
    ) -> None:  # fmt: skip
        """Take over what came for a file (it is moved); ``digests`` have sha256 and all announced.

        Raises RefusedError: if it is damaged it may be sent again, else the file is in error.
        """
        _check_awaited(session, file)
        check_whole(file, size, digests)
        sha256 = digests["sha256"]
        try:
            self._receiver(session).examine(path, file, sha256)
        except RefusedError as error:
            with still_open(session):
                self._store.fail_file(file, [str(error)])
            raise
        with still_open(session):
            # Written down first: what is kept without that would belong to nobody.
            self._store.expect_bytes(file, sha256)
        self._desk.blobs.put(sha256, path)

    def attest(
        self,
        session: PublishingSession,
        file: SessionFile,
        text: str,
        uploader: PublisherTerms | None,
    ) -> None:
        """Keep what is attested of a file (a JSON list, PEP 740) until it is complete.

        ``uploader`` is the trusted publisher that sends it. Raises RefusedError, ConflictError.
        """
        _check_awaited(session, file)
        sha256 = file.sha256 or file.hashes.get("sha256")
        if sha256 is None:
            raise ConflictError(f"`{file.filename}` has not come", hint="send its bytes first")
        check_attestations(text, file.filename, sha256)
        with still_open(session):
            self._store.attest_file(file, provenance(text, uploader))

    def complete(self, session: PublishingSession, file: SessionFile, *, who: str) -> None:
        """Have a file compared with the release, of which it is one from now on.

        Raises ConflictError if it has not come.
        """
        if file.state is FileState.COMPLETED:
            return
        _check_awaited(session, file)
        size = None if file.sha256 is None else self._desk.blobs.size(file.sha256)
        if size is None:
            raise ConflictError(f"`{file.filename}` has not come", hint="send its bytes first")
        with self._attested(session, file), still_open(session):
            self._receiver(session).take(file, size, who)

    @contextmanager
    def _attested(self, session: PublishingSession, file: SessionFile) -> Iterator[None]:
        """A file that is there has what was attested of it: that is kept first."""
        if file.attested is None or file.sha256 is None:
            yield
            return
        this = (session.channel, file.filename, file.sha256)
        kept = self._store.keep_provenance(*this, file.attested)
        try:
            yield
        except TrueupError:
            if kept:
                self._store.drop_provenance(*this)
            raise

    def drop(self, session: PublishingSession, file: SessionFile, *, who: str) -> None:
        """Give a file up; its name can be announced again. Raises ConflictError."""
        with still_open(session):
            check_open(session)
            self._store.drop_file(file, who=who)
        self._receiver(session).judge_again(session)

    def _receiver(self, session: PublishingSession) -> SessionReceiver:
        desk = self._desk
        found = SessionReceiver(
            desk.store, desk.blobs, session.channel, desk.policies, clock=desk.clock
        )
        found.watcher = desk.watcher
        return found.enter(session)


def check_open(session: PublishingSession) -> None:
    if not session.is_open:
        raise ConflictError(f"the session is {session.state.value}", hint="open another one")


def _check_awaited(session: PublishingSession, file: SessionFile) -> None:
    check_open(session)
    if file.state is not FileState.PENDING:
        raise ConflictError(
            f"`{file.filename}` is {file.state.value}", hint="delete it to send it anew"
        )


@contextmanager
def still_open(session: PublishingSession, what: str = "the session changed") -> Iterator[None]:
    """Somebody else was faster: that is no fault of the store."""
    try:
        yield
    except ChangedError as error:
        raise ConflictError(what, hint="ask for the status of the session") from error
