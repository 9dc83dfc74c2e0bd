"""The files of a publishing session: taken with their contradictions, which are told.

Source: PEP 694 (draft of July 2026), "File Upload Session".
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from packaging.utils import NormalizedName, canonicalize_name

from trueup.features.serve.judging import contradictions, kept_file, verdict_of
from trueup.features.serve.policies import Policy, ProjectPolicy
from trueup.features.serve.receive import RefusedError
from trueup.features.serve.watch import WatchedReceiver
from trueup.model.artifact import Artifact, OtherName, parse_filename
from trueup.model.finding import Finding
from trueup.model.metadata import Metadata, Unreadable, canonical_values, parse_metadata
from trueup.model.release import How, Reading, ReleaseFile
from trueup.sources.store.failures import ChangedError
from trueup.sources.store.publishing import PublishingSession, SessionFile
from trueup.sources.store.store import HostedFile, State

__all__ = ["ConflictError", "SessionReceiver", "check_announced", "check_whole", "said_of"]

_ATTEMPTS = 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]{0,254}", re.ASCII)
"""What wheel and sdist names are made of: never a folder, nothing that a page must escape."""
_WEAK = frozenset({"md5", "sha1"})
_VARIABLE = frozenset({"shake_128", "shake_256"})
"""Their digests have any length, so `hashlib.new` alone does not make them."""


class ConflictError(RefusedError):
    """What is asked for does not go with what is there; ``session`` is the number of the session
    that is in the way, ``notices`` say more.
    """

    status = 409

    def __init__(
        self, what: str, *, session: str | None = None, notices: Sequence[str] = (), **named: Any
    ) -> None:
        super().__init__(what, **named)
        self.session = session
        self.notices = tuple(notices)


def check_announced(
    session: PublishingSession, filename: str, hashes: Mapping[str, str], said: str | None
) -> None:
    """Whether a file can be one of this session; raises RefusedError, ConflictError."""
    if not _NAME.fullmatch(filename):
        raise RefusedError(
            "`filename`", found=f"`{filename[:300]}`", expected="the name of a wheel or an sdist"
        )
    name = parse_filename(filename)
    if isinstance(name, OtherName):
        raise RefusedError(f"`{filename}` cannot be uploaded: {name.reason}")
    if (name.project, name.version) != (session.project, session.version):
        raise ConflictError(
            f"`{filename}` is of another release",
            found=f"`{name.project} {name.version}`",
            expected=f"`{session.project} {session.version}`",
        )
    _check_hashes(hashes)
    if said is None:
        return
    metadata = parse_metadata(said.encode())
    if isinstance(metadata, Unreadable):
        raise RefusedError(f"`metadata` of `{filename}` {metadata.reason}")
    if metadata.name is None or canonicalize_name(metadata.name) != session.project:
        raise ConflictError(
            f"`metadata` of `{filename}`: Name",
            found=f"`{metadata.name}`",
            expected=f"`{session.project}`",
        )
    if metadata.version != session.version:
        raise ConflictError(
            f"`metadata` of `{filename}`: Version",
            found=f"`{metadata.version}`",
            expected=f"`{session.version}`",
        )


def _check_hashes(hashes: Mapping[str, str]) -> None:
    for name, value in hashes.items():
        if name not in hashlib.algorithms_guaranteed - _VARIABLE:
            raise RefusedError(
                "`hashes`", found=f"`{name[:40]}`", expected="algorithms such as `sha256`"
            )
        size = hashlib.new(name, usedforsecurity=False).digest_size * 2
        if not re.fullmatch(rf"[0-9a-fA-F]{{{size}}}", value):
            raise RefusedError(
                f"`hashes`: `{name}`", found=f"`{value[:140]}`", expected=f"{size} hex digits"
            )
    if not hashes.keys() - _WEAK:
        raise RefusedError("`hashes`", found="no secure one", expected="`sha256`")


def check_whole(file: SessionFile, size: int, digests: Mapping[str, str]) -> None:
    """Whether what came is what was announced; ``digests`` have every hash of that.

    Raises RefusedError.
    """
    if size != file.size:
        raise RefusedError(
            f"`{file.filename}` arrived damaged",
            found=f"{size:,} bytes",
            expected=f"{file.size:,}, as was announced",
        )
    for name, expected in file.hashes.items():
        if digests[name] != expected:
            raise RefusedError(
                f"`{file.filename}` arrived damaged",
                found=f"{name} {digests[name]}",
                expected=f"{expected}, as was announced",
            )


class SessionReceiver(WatchedReceiver):
    """Takes the files of one session. What contradicts is taken, and not published.

    The client hears of it in the status of the file, and can replace it.
    """

    def enter(self, session: PublishingSession) -> SessionReceiver:
        """From now on for this session."""
        self.session = session.id
        return self

    def _policy(self, project: NormalizedName) -> ProjectPolicy:
        found = super()._policy(project)
        if found.contradictions is Policy.REJECT:
            return replace(found, contradictions=Policy.QUARANTINE)
        return found

    def examine(self, path: Path, file: SessionFile, sha256: str) -> None:
        """Read what came, in bounded memory; raises RefusedError for what is not what it was said
        to be.
        """
        name = parse_filename(file.filename)
        assert not isinstance(name, OtherName)
        self._check_size(name.project, file.filename, path.stat().st_size)
        reading = self._read(path, file.filename)
        self._check_identity(file.filename, reading, {}, sha256)
        if file.said is None:
            return
        said, found = parse_metadata(file.said.encode()), reading.metadata
        assert isinstance(said, Metadata)
        assert isinstance(found, Metadata)
        for field in sorted(said.fields.keys() | found.fields.keys()):
            if canonical_values(said, field) != canonical_values(found, field):
                raise RefusedError(
                    f"`{file.filename}` has another metadata than was announced: `{field}`",
                    hint="what counts is in the file; leave `metadata` out, or send that of the file",
                )

    def foresee(self, session: PublishingSession, filename: str, said: str) -> tuple[str, ...]:
        """What will be wrong with a file that says this, as far as can be said before it comes."""
        release = self._store.release(session.channel, session.project, session.version)
        artifact = Artifact(filename=filename, url=filename, name=parse_filename(filename))
        reading = Reading(metadata=parse_metadata(said.encode()), how=How.SIDECAR, verified=False)
        report = self._judge(
            session.project,
            session.version,
            release,
            ReleaseFile(artifact=artifact, reading=reading),
        )
        findings = verdict_of(report)["findings"]
        return tuple(said_of(one) for one in findings if filename in one["files"])

    def take(self, file: SessionFile, size: int, who: str) -> tuple[Finding, ...]:
        """Make a file whose bytes are kept a file of the release; returns what is wrong with that.

        Raises RefusedError, ConflictError; ChangedError if the session ended meanwhile.
        """
        new = self._kept(file, size)
        name = new.artifact.name
        assert not isinstance(name, OtherName)
        for attempt in range(_ATTEMPTS):
            release = self._store.release(self._channel, name.project, name.version)
            if release is not None and release.state is State.PUBLISHED:
                raise ConflictError(f"{name.project} {name.version} is published")
            report, state = self._admit(release, new)
            try:
                self._keep(new, report, state, beside=release, who=who, expected=None)
            except ChangedError:
                if attempt == _ATTEMPTS - 1:
                    raise
                continue
            self.watcher.uploaded(state.value)
            return report.findings
        raise AssertionError("the last attempt returns or raises")

    def _kept(self, file: SessionFile, size: int) -> ReleaseFile:
        assert file.sha256 is not None
        core = None
        if file.filename.endswith(".whl"):
            core = self._wheel_metadata(file.sha256, size, file.filename)
        return kept_file(
            self._blobs,
            HostedFile(
                filename=file.filename,
                sha256=file.sha256,
                size=size,
                core_metadata=core,
                requires_python=None,
                yanked=None,
                uploaded=self._clock(),
                uploader="",
            ),
        )

    def judge_again(self, session: PublishingSession) -> None:
        """Judge what is left of a release, after a file was taken out."""
        for _ in range(_ATTEMPTS):
            release = self._store.release(session.channel, session.project, session.version)
            if release is None or release.state is State.PUBLISHED:
                return
            report = self.report(release)
            policy = self._policy(release.project)
            bad = contradictions(report, policy) and policy.contradictions is not Policy.WARN
            state = State.QUARANTINED if bad else State.STAGED
            try:
                self._store.set_verdict(release, verdict_of(report), state)
            except ChangedError:
                continue
            return


def said_of(finding: Mapping[str, Any]) -> str:
    """A finding of a kept judgement in one line."""
    field = f"{finding['field']}: " if finding.get("field") else ""
    where = f" ({finding['where']})" if finding.get("where") else ""
    files = ", ".join(finding.get("files", ()))
    return f"{finding['severity']}[{finding['code']}]: {field}{finding['message']}{where}" + (
        f": {files}" if files else ""
    )
