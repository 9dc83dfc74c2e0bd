"""Files that are uploaded: read, compared with what is staged, kept; and releases made visible.

The form that comes with an upload is never believed: what a release says is read from its files.
A release becomes visible whole, after all its files were compared with each other.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import InvalidName, NormalizedName, canonicalize_name
from packaging.version import Version

from trueup.features.serve.framing import check_framing
from trueup.features.serve.judging import (
    contradictions,
    judge,
    refused_files,
    verdict_of,
    with_refused,
)
from trueup.features.serve.policies import Policy, PolicyBook, ProjectPolicy
from trueup.features.serve.proofs import check_proofs
from trueup.features.serve.refusal import HeldError, RefusedError, ThereError, TooLargeError
from trueup.model.artifact import Artifact, OtherName, parse_filename
from trueup.model.errors import TrueupError
from trueup.model.finding import Finding, ReleaseReport
from trueup.model.metadata import Metadata, Unreadable
from trueup.model.release import Reading, ReleaseFile
from trueup.sources.archive import reading_of_sdist, reading_of_wheel
from trueup.sources.limits import Limits, size_text
from trueup.sources.rewrite import Wheel
from trueup.sources.shown import shown
from trueup.sources.store.blobs import Blobs, blob_file
from trueup.sources.store.failures import ChangedError
from trueup.sources.store.store import HostedFile, HostedRelease, State, Store

_ATTEMPTS = 20
"""How often a release is judged again because another upload came in between."""

__all__ = ["Policy", "Received", "Receiver", "RefusedError", "ThereError", "TooLargeError"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What became of an upload."""

    filename: str
    project: NormalizedName
    version: Version
    state: State
    findings: tuple[Finding, ...]
    complete: bool


class Receiver:
    """Takes files into the staged releases of one channel, and publishes those releases.

    ``session`` is the publishing session for which it does that; what other sessions have is theirs.
    """

    session: str | None = None

    def __init__(
        self,
        store: Store,
        blobs: Blobs,
        channel: str,
        policies: PolicyBook,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._channel = channel
        self._policies = policies
        self._clock = clock

    def receive(
        self,
        path: Path,
        filename: str,
        *,
        sha256: str,
        size: int,
        who: str,
        said: Mapping[str, str] | None = None,
        expected: Sequence[str] | None = None,
    ) -> Received:
        """Take a finished file over (it is moved), or refuse it with RefusedError.

        ``said`` is what the form claims (`name`, `version`, digests): it must not contradict the
        file; ``expected`` are the file names of the whole release, if the uploader knows them.
        """
        name = parse_filename(filename)
        if isinstance(name, OtherName):
            raise RefusedError(f"`{filename}` cannot be uploaded: {name.reason}")
        _check_project(name.project)
        self._check_size(name.project, filename, size)
        reading = self._read(path, filename)
        self._check_identity(filename, reading, said or {}, sha256)
        artifact = Artifact(
            filename=filename, url=filename, name=name, size=size, hashes={"sha256": sha256}
        )
        new = ReleaseFile(artifact=artifact, reading=reading)
        for attempt in range(_ATTEMPTS):
            self._check_name(filename)
            release = self._store.release(self._channel, name.project, name.version)
            try:
                report, state = self._admit(release, new)
                if attempt == 0:
                    self._blobs.put(sha256, path)
                self._keep(new, report, state, beside=release, who=who, expected=expected)
                break
            except ChangedError:
                # Another upload to the release came first: this one is compared with it as well.
                if attempt == _ATTEMPTS - 1:
                    raise
        found = self._store.release(self._channel, name.project, name.version)
        if found is None:
            raise RefusedError(f"{name.project} {name.version} was deleted meanwhile")
        there = {file.filename for file in found.files}
        complete = bool(found.expected) and set(found.expected) <= there
        return Received(
            filename=filename,
            project=name.project,
            version=name.version,
            state=found.state,
            findings=report.findings,
            complete=complete,
        )

    def _admit(
        self, release: HostedRelease | None, new: ReleaseFile
    ) -> tuple[ReleaseReport, State]:
        """The judgement of a release with a new file, and the state that follows from it.

        Raises RefusedError if the file is not taken.
        """
        artifact, name = new.artifact, new.artifact.name
        assert not isinstance(name, OtherName)
        policy = self._policy(name.project)
        self._check_free(release, artifact.filename, artifact.hashes["sha256"], policy)
        report = self._judge(name.project, name.version, release, new)
        bad = contradictions(report, policy)
        if bad and policy.contradictions is not Policy.WARN:
            # What is published cannot be set aside any more.
            published = release is not None and release.state is State.PUBLISHED
            if published or policy.contradictions is Policy.REJECT:
                refusal = _refusal(bad[0])
                if release is not None and not published:
                    self._hold(release, artifact.filename, str(refusal))
                raise refusal
            return report, State.QUARANTINED
        missing = refused_files(release, but=artifact.filename)
        return report, State.QUARANTINED if missing else State.STAGED

    def _hold(self, release: HostedRelease, filename: str, why: str) -> None:
        """Set a release aside that lacks a file which contradicts it: no quiet period ends that."""
        refused = refused_files(release, but=filename) | {filename: why}
        verdict = {**(release.verdict or {}), **with_refused(refused)}
        self._store.set_verdict(release, verdict, State.QUARANTINED)

    def _keep(
        self,
        new: ReleaseFile,
        report: ReleaseReport,
        state: State,
        *,
        beside: HostedRelease | None,
        who: str,
        expected: Sequence[str] | None,
    ) -> None:
        """Write down a file whose blob is there."""
        artifact, metadata = new.artifact, new.reading.metadata
        sha256, size = artifact.hashes["sha256"], artifact.size or 0
        assert isinstance(metadata, Metadata)
        core = None
        if artifact.is_wheel:
            core = self._wheel_metadata(sha256, size, artifact.filename)
        self._store.add_file(
            self._channel,
            NormalizedName(report.project),
            Version(report.version),
            HostedFile(
                filename=artifact.filename,
                sha256=sha256,
                size=size,
                core_metadata=core,
                requires_python=metadata.first("requires-python"),
                yanked=None,
                uploaded=self._clock(),
                uploader=who,
            ),
            verdict=verdict_of(report) | with_refused(refused_files(beside, but=artifact.filename)),
            state=state,
            beside=beside,
            expected=expected,
            session=self.session,
        )

    def publish(
        self, project: NormalizedName, version: Version, *, who: str, touched: float | None = None
    ) -> HostedRelease:
        """Make a release visible, after all its files were compared.

        What is published is what was compared: a file that comes in between has everything compared
        again. ``touched`` is when the last file came, if it must not have changed since. Raises
        RefusedError, ChangedError.
        """
        for attempt in range(_ATTEMPTS):
            self._store.end_expired((self._channel, project, str(version)))
            release = self._store.release(self._channel, project, version)
            if release is None:
                raise RefusedError(f"there is no release {project} {version}")
            if release.state is State.PUBLISHED:
                return release
            if touched is not None and release.touched != touched:
                raise ChangedError(f"{project} {version} was changed meanwhile")
            self._check_sessions(release, quiet=touched is not None)
            report = self._judge(project, version, release, None)
            policy = self._policy(project)
            bad = contradictions(report, policy)
            if bad and policy.contradictions is not Policy.WARN:
                raise _refusal(bad[0])
            check_proofs(self._store, release, policy)
            try:
                self._store.publish(
                    release, who=who, verdict=verdict_of(report), session=self.session
                )
                return release
            except ChangedError:
                if attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def reconsider(self, release: HostedRelease, *, who: str) -> None:
        """Take a release back that was set aside, if its files do not contradict each other."""
        policy = self._policy(release.project)
        bad = release.state is not State.QUARANTINED or contradictions(self.report(release), policy)
        if not bad:
            with suppress(ChangedError):
                self._store.set_state(release, State.STAGED, who=who)

    def report(self, release: HostedRelease) -> ReleaseReport:
        """The whole judgement of a release as it is now, for people who look at it."""
        return self._judge(release.project, release.version, release, None)

    def _read(self, path: Path, filename: str) -> Reading:
        """What the file itself says; hostile archives are refused here, in bounded memory."""
        name = parse_filename(filename)
        artifact = Artifact(filename=filename, url=filename, name=name)
        try:
            with path.open("rb") as file:
                if artifact.is_wheel:
                    Wheel(file, filename)
                    check_framing(file)
                    reading = reading_of_wheel(file, artifact)
                else:
                    reading = reading_of_sdist(file, artifact)
        except TrueupError as error:
            raise RefusedError(f"`{filename}` {error.what}", hint=error.hint) from error
        if isinstance(reading.metadata, Unreadable):
            raise RefusedError(f"`{filename}` {reading.metadata.reason}")
        return reading

    def _check_identity(
        self, filename: str, reading: Reading, said: Mapping[str, str], sha256: str
    ) -> None:
        name, metadata = parse_filename(filename), reading.metadata
        assert isinstance(metadata, Metadata)
        assert not isinstance(name, OtherName)
        if metadata.name is None or canonicalize_name(metadata.name) != name.project:
            raise RefusedError(
                f"`{filename}`: Name", found=_said(metadata.name), expected=f"`{name.project}`"
            )
        if metadata.version != name.version:
            raise RefusedError(
                f"`{filename}`: Version",
                found=f"`{metadata.version}`",
                expected=f"`{name.version}`",
            )
        claimed = said.get("sha256_digest")
        if claimed and claimed.lower() != sha256:
            raise RefusedError(
                f"`{filename}` arrived damaged", found=f"sha256 {sha256}", expected=_said(claimed)
            )
        if said.get("name") and canonicalize_name(said["name"]) != name.project:
            raise RefusedError(
                "the form names another project",
                found=_said(said["name"]),
                expected=f"`{name.project}`",
            )

    def _check_size(self, project: NormalizedName, filename: str, size: int) -> None:
        largest = self._policy(project).largest
        if largest is not None and size > largest:
            raise TooLargeError(
                f"`{filename}` is too large",
                found=size_text(size),
                expected=f"at most {size_text(largest)}",
            )

    def _check_free(
        self, release: HostedRelease | None, filename: str, sha256: str, policy: ProjectPolicy
    ) -> None:
        if release is None:
            return
        for file in release.files:
            if file.filename == filename:
                same = "with the same bytes" if file.sha256 == sha256 else "with other bytes"
                kind = ThereError if file.sha256 == sha256 else RefusedError
                raise kind(f"`{filename}` was uploaded before, {same}")
        if release.closed:
            raise RefusedError(f"{release.project} {release.version} takes no further files")
        after, published = policy.closed_after, release.published
        if after is not None and published is not None and published + after <= self._clock():
            days = f"{after / 86_400:g} day{'' if after == 86_400 else 's'}"
            raise RefusedError(
                f"{release.project} {release.version} takes no further files, it was published "
                f"more than {days} ago",
                hint="a new version can be uploaded",
            )

    def _check_name(self, filename: str) -> None:
        if self._store.holder(self._channel, filename) not in (None, self.session):
            raise HeldError(
                f"`{filename}` is being uploaded in a publishing session",
                hint="upload it there, or cancel that session",
            )

    def _check_sessions(self, release: HostedRelease, *, quiet: bool) -> None:
        """Whether this receiver may publish; a quiet period waits for the end of a session."""
        holder = self._store.session_of(release.channel, release.project, release.version)
        if holder is None or not holder.is_open or holder.id == self.session:
            return
        if quiet:
            raise ChangedError("a session has the release")
        raise HeldError(
            f"{release.project} {release.version} is being uploaded in a publishing session",
            hint="publish or cancel that session",
        )

    def _judge(
        self,
        project: NormalizedName,
        version: Version,
        release: HostedRelease | None,
        new: ReleaseFile | None,
    ) -> ReleaseReport:
        policy = self._policy(project)
        return judge(self._blobs, self._channel, project, version, release, new, policy)

    def _policy(self, project: NormalizedName) -> ProjectPolicy:
        return self._policies.for_project(self._channel, project)

    def _wheel_metadata(self, sha256: str, size: int, filename: str) -> bytes:
        wheel = Wheel(blob_file(self._blobs, sha256, size), filename, limits=Limits())
        data = wheel.read("METADATA")
        assert data is not None  # the wheel was read before
        return data


def _said(text: str | None) -> str:
    """What a stranger said, as an error repeats it."""
    return "none" if text is None else f"`{shown(text)}`"


def _check_project(project: NormalizedName) -> None:
    """File names may have letters of all scripts, which look like those that names may have."""
    try:
        canonicalize_name(project, validate=True)
    except InvalidName as error:
        raise RefusedError(
            f"`{project}` is no name of a project",
            expected="letters and digits of ASCII, `.`, `_` and `-`",
        ) from error


def _refusal(finding: Finding) -> RefusedError:
    """The finding in one line: the field, and the files that contradict each other."""
    files = ", ".join(finding.files[:2])
    field = f"{finding.field}: " if finding.field else ""
    where = f" ({finding.where})" if finding.where else ""
    return RefusedError(f"{field}{finding.message}{where}: {files}", hint=finding.hint)
