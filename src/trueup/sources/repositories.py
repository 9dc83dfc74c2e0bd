"""Requirements from Git repositories as projects that a lock installs from there.

Each is looked up once, its project files are read at that commit, and it takes part in resolving
as a project in a folder does. What such a project takes from its own repository comes from the
same commit.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath

from packaging.utils import NormalizedName

from trueup.model.errors import LimitError, TrueupError, UsageError
from trueup.model.lock import Place, PlaceKind
from trueup.model.lockrequest import EVERYTHING, LocalProject, LockRequest
from trueup.model.metadata import Metadata, Unreadable
from trueup.model.requirement import Requirement, parse_requirement
from trueup.sources.git import GitAddress, Repositories, Tree, git_address, is_git
from trueup.sources.members import find_workspace
from trueup.sources.project import read_project
from trueup.sources.workspace import Workspace

__all__ = ["BuildTree", "with_repositories"]

BuildTree = Callable[[Path], Metadata | Unreadable]
"""Builds the metadata of a packed tree where that does no harm."""


def with_repositories(
    request: LockRequest, repositories: Repositories, *, build: BuildTree | None = None
) -> LockRequest:
    """The request with the projects that it, or a project of it, takes from Git repositories.

    A commit that the lock has already stays while the same revision of the same repository is asked
    for. ``build`` is asked for what dynamic projects need, where the request allows it. Credentials
    do not stay in requirements. Raises TrueupError, with the place of the requirement, for an
    address, a revision or a project that is not there.
    """
    work = _Gathering(request, repositories, build)
    for root in request.roots:
        work.ask(root.requirement, root.origin)
    for line in request.overrides:
        work.ask(line, f"the override `{line.project}`")
    for project in request.local:
        for line in project.requires_dist or ():
            work.ask(line, f"the dependencies of `{project.project}`")
    work.follow()
    if not work.found:
        return request
    return replace(
        request,
        roots=tuple(replace(root, requirement=_bare(root.requirement)) for root in request.roots),
        overrides=tuple(map(_bare, request.overrides)),
        local=(*map(_bare_lines, request.local), *map(_bare_lines, work.found.values())),
    )


class _Gathering:
    """The projects in repositories that were found so far, and what of them is still to be read."""

    def __init__(
        self, request: LockRequest, repositories: Repositories, build: BuildTree | None
    ) -> None:
        self.found: dict[NormalizedName, LocalProject] = {}
        self._request = request
        self._repositories = repositories
        self._build = build
        self._folders = {project.project for project in request.local}
        self._addresses: dict[NormalizedName, str] = {}
        self._pending: list[tuple[Requirement, str]] = []

    def ask(self, line: Requirement, origin: str) -> None:
        """Note a requirement, if it comes from a repository."""
        if is_git(line.url):
            self._pending.append((line, origin))

    def follow(self) -> None:
        """Look up and read all that was asked for, and what those ask for in turn."""
        while self._pending:
            line, origin = self._pending.pop(0)
            assert line.url is not None
            try:
                self._one(line.project, git_address(line.url), origin)
            except TrueupError as error:
                raise error.within(origin) from None

    def _one(self, name: NormalizedName, address: GitAddress, origin: str) -> None:
        if self._addresses.setdefault(name, address.text) != address.text:
            raise UsageError(
                f"two addresses are given for `{name}`",
                found=f"`{self._addresses[name]}` and `{address.text}`",
                expected="one revision of one repository",
            )
        if name in self._folders:
            raise UsageError(
                f"`{name}` comes from a folder and from a repository",
                found=f"`{address.text}`",
                expected="one of them",
            )
        if name in self.found:
            return
        tree = self._repositories.tree(address, kept=self._kept(name, address))
        try:
            projects = _projects(name, address, tree)
        except TrueupError as error:
            raise error.within(f"{address.text} ({tree.commit[:12]})") from None
        for project in projects:
            self._add(project, address, origin)

    def _kept(self, name: NormalizedName, address: GitAddress) -> str | None:
        """The commit of the lock that is there, if it is of the same branch."""
        old = self._request.commits.get(name)
        if old is None or (old.location, old.requested) != (address.location, address.revision):
            return None
        return old.revision

    def _add(self, project: LocalProject, address: GitAddress, origin: str) -> None:
        name, place = project.project, project.repository
        assert place is not None
        known = self.found.get(name)
        if known is not None:
            if known.repository != place:
                raise UsageError(
                    f"`{name}` comes from two places",
                    found=f"`{_shown(known.repository)}` and `{_shown(place)}`",
                    expected="one commit of one repository",
                )
            return
        if project.requires_dist is None:
            project = self._built(project, address)
        own = replace(address, subdirectory=place.subdirectory).text
        self._addresses.setdefault(name, own)
        self.found[name] = project
        for line in project.requires_dist or ():
            self.ask(line, f"the dependencies of `{name}`")

    def _built(self, project: LocalProject, address: GitAddress) -> LocalProject:
        """What a build tells of a dynamic project, where the user allows one."""
        allowed, place = self._request.allow_build, project.repository
        assert place is not None
        assert place.revision is not None
        if self._build is None or not (project.project in allowed or EVERYTHING in allowed):
            return project
        own = replace(address, subdirectory=place.subdirectory)
        with self._repositories.packed(own, place.revision) as archive:
            said = self._build(archive)
        resolution = said.resolution if isinstance(said, Metadata) else said
        if isinstance(said, Unreadable) or isinstance(resolution, Unreadable):
            reason = said.reason if isinstance(said, Unreadable) else str(resolution)
            raise UsageError(f"`{project.project}` {reason}", place=(own.text,))
        return replace(
            project,
            version=said.version,
            requires_dist=tuple(sorted(resolution.requires_dist, key=str)),
            requires_python=resolution.requires_python,
            provides_extra=resolution.provides_extra,
            built=True,
        )


def _shown(place: Place | None) -> str:
    assert place is not None
    folder = f"#subdirectory={place.subdirectory}" if place.subdirectory else ""
    return f"{place.location}@{(place.revision or '')[:12]}{folder}"


def _projects(name: NormalizedName, address: GitAddress, tree: Tree) -> Iterable[LocalProject]:
    """The project at an address, and those of its repository that it asks for."""
    with tempfile.TemporaryDirectory(prefix="trueup-git-") as folder:
        top = Path(folder).resolve()
        tree.write(top)
        place = top / (address.subdirectory or "")
        _check(name, place / "pyproject.toml", top, tree)
        workspace = Workspace(
            lock_folder=top, directory=top, members=find_workspace(place, top=top)
        )
        workspace.add(place, origin=address.text, name=name)
        return [_in_repository(project, address, tree) for project in workspace.local]


def _check(name: NormalizedName, path: Path, top: Path, tree: Tree) -> None:
    """Raise TrueupError unless the project that is asked for is there."""
    shown = path.relative_to(top).as_posix()
    if shown in tree.left_out:
        raise LimitError("is too large to be read", place=(shown,))
    if path.is_file():
        own = read_project(path, shown=shown).name
        if own is not None and own != name:
            raise UsageError(
                "holds another project", found=f"`{own}`", expected=f"`{name}`", place=(shown,)
            )
    elif not path.with_name("setup.py").is_file():
        raise UsageError(
            "holds no project",
            found=f"no `{shown}`",
            expected="a folder of a project",
            hint="`#subdirectory=FOLDER` at the end of the address names another folder",
        )


def _in_repository(project: LocalProject, address: GitAddress, tree: Tree) -> LocalProject:
    path = PurePosixPath(project.path)
    if path.is_absolute() or ".." in path.parts or ":" in project.path:
        raise UsageError(
            f"takes `{project.project}` from outside of the repository",
            expected="a folder inside of it",
        )
    for line in project.requires_dist or ():
        if line.url is not None and line.url.lower().startswith("file:"):
            raise UsageError(
                f"takes `{line.project}` from a file, which a lock cannot name",
                found=f"`{project.project}` asks for it",
                expected="a project of an index, an address or a folder of the repository",
            )
    return replace(
        project,
        editable=False,
        repository=Place(
            kind=PlaceKind.VCS,
            location=address.location,
            revision=tree.commit,
            requested=address.revision,
            subdirectory=None if project.path == "." else project.path,
        ),
    )


def _bare(line: Requirement) -> Requirement:
    """The requirement without credentials in the address of a repository."""
    if line.url is None or not is_git(line.url):
        return line
    extras = f"[{','.join(sorted(line.extras))}]" if line.extras else ""
    marker = f" ; {line.marker.text}" if line.marker is not None else ""
    return parse_requirement(f"{line.project}{extras} @ {git_address(line.url).text}{marker}")


def _bare_lines(project: LocalProject) -> LocalProject:
    if project.requires_dist is None:
        return project
    return replace(project, requires_dist=tuple(map(_bare, project.requires_dist)))
