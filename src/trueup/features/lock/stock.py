"""The files that a request admits, by project and version; nothing here depends on a target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from packaging.ranges import VersionRange
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from trueup.judge.choice import Candidate, page_specifiers
from trueup.model.artifact import Artifact, SdistName, WheelName
from trueup.model.condition import Option
from trueup.model.errors import NotFoundError, UsageError
from trueup.model.lockrequest import EVERYTHING, LocalProject, LockRequest, Prereleases
from trueup.model.metadata import Resolution, Unreadable
from trueup.model.release import Reading
from trueup.model.requirement import Requirement
from trueup.sources.index import artifact_of_url
from trueup.sources.supply import Supply

__all__ = ["Files", "Stock", "constrained"]


@dataclass(frozen=True, kw_only=True)
class Files:
    """The admitted files of one version; ``yanked`` is the reason if all of them are.

    ``sdist_refused`` says that there is an sdist which the user does not admit.
    """

    version: Version
    wheels: tuple[Artifact, ...]
    sdist: Artifact | None
    sdist_refused: bool = False
    yanked: str | None = None
    origin: str = ""

    @cached_property
    def page_requires_python(self) -> tuple[SpecifierSet, ...]:
        """What the listing says of Python, of any of the files."""
        files = (*self.wheels, *((self.sdist,) if self.sdist is not None else ()))
        found = dict.fromkeys(page_specifiers(file) for file in files)
        return tuple(item for item in found if item is not None)

    @cached_property
    def candidates(self) -> tuple[Candidate, ...]:
        """The wheels as an installer ranks them."""
        return tuple(_candidate(file) for file in self.wheels)


def _candidate(file: Artifact) -> Candidate:
    assert isinstance(file.name, WheelName)
    return Candidate(
        tags=file.name.tags,
        build=file.name.build,
        page_requires_python=page_specifiers(file),
    )


class Stock:
    """What there is to choose from; each project is listed once, each file read once."""

    def __init__(
        self, request: LockRequest, supply: Supply, options: frozenset[Option] = frozenset()
    ) -> None:
        self.request = request
        self.supply = supply
        self._assigned = _assigned(request, options)
        self.local: Mapping[NormalizedName, LocalProject] = {
            item.project: item for item in request.local
        }
        self._files: dict[NormalizedName, Mapping[Version, Files]] = {}
        self._missing: dict[NormalizedName, str] = {}
        self._variants: dict[frozenset[tuple[NormalizedName, str]], Stock] = {}
        self._pinned = _pinned(request)
        self._direct = _direct(request)
        self._constraints: dict[NormalizedName, list[Requirement]] = {}
        for line in request.constraints:
            self._constraints.setdefault(line.project, []).append(line)

    def under(self, options: frozenset[Option]) -> Stock:
        """What there is where these options are chosen, which may assign indexes of their own."""
        if not self.request.assigned_by_option:
            return self
        key = frozenset(_assigned(self.request, options).items())
        if key not in self._variants:
            self._variants[key] = Stock(self.request, self.supply, options)
        return self._variants[key]

    def index_of(self, project: NormalizedName) -> str | None:
        """The index that a project is assigned to."""
        return self._assigned.get(project)

    def files(self, project: NormalizedName) -> Mapping[Version, Files]:
        """The versions of a project that have an admitted file, newest first; empty if unknown.

        Raises SourceError if an index does not answer.
        """
        found = self._files.get(project)
        if found is None:
            found = self._files[project] = self._listed(project)
        return found

    def absence(self, project: NormalizedName) -> str | None:
        """Why there is no version of a project at all."""
        return self._missing.get(project)

    def read(self, artifact: Artifact) -> Reading:
        return self.supply.read(artifact)

    def direct(self, project: NormalizedName) -> Artifact | None:
        """The one file that the user gave an address for."""
        return self._direct.get(project)

    def is_direct(self, line: Requirement) -> bool:
        """Whether the user, or a project in a folder or repository, asks for an address."""
        return any(
            own.project == line.project and own.url == line.url for own, _ in _lines(self.request)
        )

    def promise(self, sdist: Artifact) -> str | None:
        """Why the dependencies of an sdist are known."""
        return self.supply.promise(sdist)

    def built(self, sdist: Artifact) -> Resolution | Unreadable:
        """What the wheel that an sdist builds asks for; built in the sandbox, once."""
        return self.supply.built(sdist)

    def constraints(self, project: NormalizedName) -> Sequence[Requirement]:
        """The constraints on a project."""
        return self._constraints.get(project, ())

    def may_be_prerelease(self, project: NormalizedName) -> bool:
        """Whether pre-releases of a project are candidates (PEP 440, by the request's policy).

        Only what the user wrote counts as naming one, so that the answer does not depend on the
        order in which requirements are found.
        """
        request = self.request
        if request.prereleases is Prereleases.DISALLOW:
            return False
        if request.prereleases is Prereleases.ALLOW:
            return True
        if project in request.prerelease_projects or EVERYTHING in request.prerelease_projects:
            return True
        lines = [root.requirement for root in request.roots]
        lines += [*request.constraints, *request.overrides]
        if any(line.project == project and line.specifier.prereleases for line in lines):
            return True
        return all(version.is_prerelease for version in self.files(project))

    def admits_yanked(self, project: NormalizedName, version: Version) -> bool:
        """Whether a yanked version may be taken: one that is pinned exactly (PEP 592)."""
        return version in self._pinned.get(project, ())

    def _listed(self, project: NormalizedName) -> Mapping[Version, Files]:
        direct = self._direct.get(project)
        if direct is not None:
            assert isinstance(direct.name, WheelName | SdistName)
            version = direct.name.version
            return {version: _files(version, [direct], only_binary=False, origin=direct.url)}
        try:
            listing = self.supply.listing(project, self.index_of(project))
        except NotFoundError as error:
            # The place repeats the project, which stands before the reason anyway.
            asked = f" ({error.hint.partition(';')[0]})" if error.hint else ""
            self._missing[project] = f"{error.what}{asked}"
            return {}
        by_version = listing.by_version()
        limit = self.request.exclude_newer
        if limit is not None:
            by_version = _until(limit, by_version)
        if not by_version:
            self._missing[project] = (
                f"all of its files are newer than {limit:%Y-%m-%d}, or have no upload time"
                if limit is not None and len(listing.files)
                else "there is no wheel and no sdist of it"
            )
        only_binary = _named(project, self.request.only_binary)
        return _Versions(by_version, only_binary=only_binary, origin=listing.origin)


class _Versions(Mapping[Version, Files]):
    """The versions of a project, newest first; their files are looked at when they are wanted."""

    def __init__(
        self,
        files: Mapping[Version, Sequence[Artifact]],
        *,
        only_binary: bool,
        origin: str,
    ) -> None:
        self._files = files
        self._only_binary = only_binary
        self._origin = origin
        self._order = sorted(files, reverse=True)
        self._made: dict[Version, Files] = {}

    def __getitem__(self, version: Version) -> Files:
        made = self._made.get(version)
        if made is None:
            made = self._made[version] = _files(
                version, self._files[version], self._only_binary, self._origin
            )
        return made

    def __iter__(self) -> Iterator[Version]:
        return iter(self._order)

    def __len__(self) -> int:
        return len(self._order)


def _until(
    limit: datetime, by_version: Mapping[Version, Sequence[Artifact]]
) -> Mapping[Version, Sequence[Artifact]]:
    """Only the files that are known to have been uploaded until then."""
    kept = {
        version: [
            file for file in files if file.upload_time is not None and file.upload_time <= limit
        ]
        for version, files in by_version.items()
    }
    return {version: files for version, files in kept.items() if files}


def _files(version: Version, files: Sequence[Artifact], only_binary: bool, origin: str) -> Files:
    present = [file for file in files if file.yanked is None]
    reason = None
    if not present:
        present = list(files)
        reason = files[0].yanked or "no reason given"
    sdists = [file for file in present if file.is_sdist]
    sdists.sort(key=lambda file: (not file.filename.endswith(".tar.gz"), file.filename))
    wheels = [
        file for file in present if isinstance(file.name, WheelName) and file.name.variant is None
    ]
    return Files(
        version=version,
        wheels=tuple(sorted(wheels, key=lambda file: file.filename)),
        sdist=sdists[0] if sdists and not only_binary else None,
        sdist_refused=bool(sdists) and only_binary,
        yanked=reason,
        origin=origin,
    )


def _assigned(request: LockRequest, options: frozenset[Option]) -> Mapping[NormalizedName, str]:
    """The index of each project that has one, where these options are chosen."""
    found = dict(request.assigned)
    givers: dict[NormalizedName, Option] = {}
    for option in sorted(options, key=lambda one: one.sort_key):
        for project, url in request.assigned_by_option.get(option, {}).items():
            other = givers.setdefault(project, option)
            if other != option and found[project] != url:
                raise UsageError(
                    f"{other} and {option} take `{project}` from different indexes",
                    hint="say in `conflicts` that they exclude each other",
                )
            found[project] = url
    return found


def _lines(request: LockRequest) -> Iterator[tuple[Requirement, str]]:
    """What the user asks for, directly or through the projects that are installed from source."""
    for root in request.roots:
        yield root.requirement, root.origin
    for line in request.overrides:
        yield line, f"the override `{line.project}`"
    for item in request.local:
        for line in item.requires_dist or ():
            yield line, f"the dependencies of `{item.project}`"


def _direct(request: LockRequest) -> dict[NormalizedName, Artifact]:
    """The one file of each project that the user gave an address for."""
    local = {item.project for item in request.local}
    found: dict[NormalizedName, Artifact] = {}
    for line, origin in _lines(request):
        if line.url is None or line.project in local:
            continue
        file = artifact_of_url(line.url)
        assert isinstance(file.name, WheelName | SdistName)
        if file.name.project != line.project:
            raise UsageError(
                "is the address of another project's file",
                found=f"`{file.filename}`",
                expected=f"a file of `{line.project}`",
                place=(origin,),
            )
        other = found.setdefault(line.project, file)
        if other != file:
            raise UsageError(
                f"two addresses are given for `{line.project}`",
                found=f"`{other.url}` and `{file.url}`",
                expected="one file, or several in a folder",
                hint="put the files into a folder, name it with `--find-links`, and ask for the "
                "project by name",
                place=(origin,),
            )
    for line in request.constraints:
        if line.url is not None:
            raise UsageError(
                "a constraint can only limit versions",
                found=f"`{line}`",
                hint=f"ask for it instead: `trueup lock '{line.bare}'`",
            )
    return found


def _named(project: NormalizedName, names: frozenset[str]) -> bool:
    return EVERYTHING in names or project in names


def _pinned(request: LockRequest) -> dict[NormalizedName, set[Version]]:
    """The versions that the user pins exactly, or has locked already."""
    pinned: dict[NormalizedName, set[Version]] = {
        canonicalize_name(project): set(versions) for project, versions in request.preferred.items()
    }
    lines = [root.requirement for root in request.roots]
    for line in (*lines, *request.constraints, *request.overrides):
        for part in line.specifier:
            if part.operator in ("==", "===") and not part.version.endswith(".*"):
                try:
                    pinned.setdefault(line.project, set()).add(Version(part.version))
                except ValueError:
                    continue  # `===` compares text, which need not be a version
    return pinned


def constrained(lines: Sequence[Requirement]) -> VersionRange:
    """The versions that all of these admit."""
    versions = VersionRange.full()
    for line in lines:
        versions = versions.intersection(line.versions)
    return versions
