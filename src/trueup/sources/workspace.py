"""Projects in folders that a lock installs from there: members, path and editable dependencies."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from packaging.utils import NormalizedName

from trueup.model.condition import Option, OptionKind
from trueup.model.errors import TrueupError, UsageError
from trueup.model.lockrequest import LocalProject, Root
from trueup.model.requirement import Requirement, parse_requirement
from trueup.sources.members import WorkspaceFolder, relative_to
from trueup.sources.project import Declared, ProjectFile, narrowed, read_project
from trueup.sources.tomltable import alternatives, read_toml
from trueup.sources.url import local_path
from trueup.sources.uvsources import UvSource, uv_index_addresses, uv_sources

__all__ = ["Workspace"]


class Workspace:
    """Gathers the projects in folders that requirements lead to, and where uv takes others from.

    ``lock_folder`` is what the paths of local projects are relative to, ``directory`` what messages
    are relative to. ``members`` are met from their folders whoever asks for them; ``indexes`` are
    the addresses of indexes by name; uv's sources have no say for the projects in ``given``.
    """

    def __init__(
        self,
        *,
        lock_folder: Path,
        directory: Path,
        members: WorkspaceFolder | None = None,
        indexes: Mapping[str, str] | None = None,
        given: Collection[NormalizedName] = (),
    ) -> None:
        self._lock_folder = lock_folder
        self._directory = directory
        self._where = members
        self._indexes = indexes or {}
        self._given = frozenset(given)
        self._root: ProjectFile | None = None
        self._found: dict[NormalizedName, LocalProject] = {}
        self._assigned: dict[NormalizedName, str] = {}
        self._assigned_by_option: dict[Option, dict[NormalizedName, str]] = {}

    @property
    def local(self) -> tuple[LocalProject, ...]:
        """The projects that something asked for, by name."""
        return tuple(self._found[name] for name in sorted(self._found))

    @property
    def assigned(self) -> Mapping[NormalizedName, str]:
        """The index that uv's sources give to a project."""
        return MappingProxyType(self._assigned)

    @property
    def assigned_by_option(self) -> Mapping[Option, Mapping[NormalizedName, str]]:
        """The index that uv's sources give to a project for one extra or group."""
        return MappingProxyType(self._assigned_by_option)

    @cached_property
    def members(self) -> Mapping[NormalizedName, ProjectFile]:
        found: dict[NormalizedName, ProjectFile] = {}
        for project in self._where.projects(self._directory) if self._where else ():
            if project.name is None:
                raise UsageError(
                    "is a member of the workspace without a name",
                    expected="`[project] name`",
                    place=(str(project.path),),
                )
            if project.name in found:
                raise UsageError(
                    f"two members of the workspace are `{project.name}`",
                    found=f"`{found[project.name].folder}` and `{project.folder}`",
                )
            found[project.name] = project
        return MappingProxyType(found)

    def roots(
        self,
        project: ProjectFile,
        *,
        extras: Collection[NormalizedName] | None = None,
        groups: Collection[NormalizedName] | None = None,
    ) -> tuple[Root, ...]:
        """What a project asks for: always, by its extras and by its groups (None: by all of them).

        A project whose dependencies only a build tells asks for itself. The root of a workspace
        that is no project asks for all members.
        """
        self._root = project
        asked: list[tuple[Option | None, Sequence[Declared]]] = [(None, self._always(project))]
        for extra, items in project.extras.items():
            if extras is None or extra in extras:
                option = Option(kind=OptionKind.EXTRA, name=extra)
                asked.append((option, items if project.known else self._itself(project, extra)))
        for group, items in project.groups.items():
            if groups is None or group in groups:
                asked.append((Option(kind=OptionKind.GROUP, name=group), items))
        return tuple(
            self.root(item, owner=project, option=option)
            for option, items in asked
            for item in items
        )

    def _always(self, project: ProjectFile) -> Sequence[Declared]:
        if project.known:
            return project.dependencies
        if project.name is not None:
            return self._itself(project)
        origin = relative_to(project.path, self._directory)
        return [
            Declared(requirement=parse_requirement(name), origin=origin) for name in self.members
        ]

    def _itself(self, project: ProjectFile, extra: str = "") -> Sequence[Declared]:
        text = f"{project.name}[{extra}]" if extra else f"{project.name}"
        origin = relative_to(project.path, self._directory)
        return [Declared(requirement=parse_requirement(text), origin=origin)]

    def root(
        self, item: Declared, *, owner: ProjectFile | None = None, option: Option | None = None
    ) -> Root:
        """One requirement of the user's, met from where members and sources say."""
        requirement, editable = self._settled(item, owner, option)
        return Root(requirement=requirement, origin=item.origin, option=option, editable=editable)

    def add(
        self,
        folder: Path,
        *,
        origin: str,
        name: NormalizedName | None = None,
        editable: bool = False,
    ) -> NormalizedName:
        """Take a project from a folder; returns its name. Raises UsageError if that is no project."""
        path = folder / "pyproject.toml"
        if path.is_file():
            project = read_project(path, shown=relative_to(path, self._directory))
        elif (folder / "setup.py").is_file():
            project = None
        else:
            raise UsageError(
                "leads to no project",
                found=f"`{folder}`, without a `pyproject.toml`"
                if folder.is_dir()
                else f"no folder `{folder}`",
                expected="a folder of a project",
                place=(origin,),
            )
        own = project.name if project is not None else None
        if own is not None and name is not None and own != name:
            raise UsageError(
                "the folder holds another project",
                found=f"`{own}` in `{folder}`",
                expected=f"`{name}`",
                place=(origin,),
            )
        name = own or name
        if name is None:
            raise UsageError(
                "the name of a project is not known before it is built",
                found=f"no `[project] name` in `{folder}`",
                hint="write `NAME @ file:///PATH`, or give it a `[project]` table",
                place=(origin,),
            )
        self._register(name, folder, project, origin=origin, editable=editable)
        return name

    def _register(
        self,
        name: NormalizedName,
        folder: Path,
        project: ProjectFile | None,
        *,
        origin: str,
        editable: bool,
    ) -> None:
        path = relative_to(folder, self._lock_folder)
        known = self._found.get(name)
        if known is not None:
            if known.path != path:
                raise UsageError(
                    f"`{name}` comes from two folders",
                    found=f"`{known.path}` and `{path}`",
                    expected="one folder for each project",
                    place=(origin,),
                )
            self._found[name] = replace(known, editable=known.editable or editable)
            return
        # First without what it asks for: projects may ask for each other.
        self._found[name] = LocalProject(
            project=name,
            path=path,
            version=project.version if project is not None else None,
            requires_dist=None,
            provides_extra=frozenset(project.extras) if project is not None else frozenset(),
            requires_python=project.requires_python if project is not None else None,
            editable=editable,
        )
        if project is not None and project.known:
            requires = tuple(dict.fromkeys(self._requires(project)))
            self._found[name] = replace(self._found[name], requires_dist=requires)

    def _requires(self, project: ProjectFile) -> Iterator[Requirement]:
        for item in project.dependencies:
            yield self._settled(item, project, None)[0]
        for extra, items in project.extras.items():
            option = Option(kind=OptionKind.EXTRA, name=extra)
            for item in items:
                requirement = self._settled(item, project, option)[0]
                yield narrowed(requirement, f'extra == "{extra}"')

    # --- one requirement ------------------------------------------------------------------------

    def _settled(
        self, item: Declared, owner: ProjectFile | None, option: Option | None
    ) -> tuple[Requirement, bool]:
        """The requirement as the resolver gets it, and whether it is installed editable."""
        requirement = item.requirement
        if requirement.url is not None:
            return self._addressed(item), False
        try:
            source = self._source(requirement.project, owner, option)
        except TrueupError as error:
            if owner is not None:
                error.within(relative_to(owner.path, self._directory))
            raise
        if source is None or source.member:
            return requirement, self._member(item, owner, source)
        assert owner is not None
        if source.path is not None:
            return self._at_path(item, owner, source, source.path)
        if source.url is not None:
            return _at(requirement, source.url), False
        assert source.index is not None
        self._assign(requirement.project, source.index, owner, source.option)
        return requirement, False

    def _source(
        self, project: NormalizedName, owner: ProjectFile | None, option: Option | None
    ) -> UvSource | None:
        if owner is None or project in self._given:
            return None
        sources = uv_sources(owner.document, project)
        if sources is None and self._where is not None and self._where.folder != owner.folder:
            above = self._where.folder / "pyproject.toml"
            if owner.name in self.members and above.is_file():
                sources = uv_sources(read_toml(above)[0], project)
        live = [source for source in sources or () if source.option in (None, option)]
        if len({replace(source, option=None) for source in live}) > 1:
            raise UsageError(
                f"`[tool.uv.sources] {project}` has several places that apply together",
                expected="one",
            )
        return live[0] if live else None

    def _member(self, item: Declared, owner: ProjectFile | None, source: UvSource | None) -> bool:
        project = item.requirement.project
        editable = source is None or source.editable is not False
        root = self._root if self._root is not None and self._root.name == project else None
        member = self.members.get(project) or root
        if member is not None:
            self._register(project, member.folder, member, origin=item.origin, editable=editable)
            return editable
        if source is not None and owner is not None:
            raise UsageError(
                f"`[tool.uv.sources] {project}` is no member of the workspace",
                expected=alternatives(sorted(self.members)) if self.members else "a workspace",
                place=(relative_to(owner.path, self._directory),),
            )
        return False

    def _at_path(
        self, item: Declared, owner: ProjectFile, source: UvSource, path: str
    ) -> tuple[Requirement, bool]:
        place = owner.folder / path
        if place.is_file():
            return _at(item.requirement, place.absolute().as_uri()), False
        editable = source.editable is True
        self.add(place, origin=item.origin, name=item.requirement.project, editable=editable)
        return item.requirement, editable

    def _addressed(self, item: Declared) -> Requirement:
        """A requirement with an address; that of a folder on this machine is a local project."""
        requirement = item.requirement
        assert requirement.url is not None
        if not requirement.url.lower().startswith("file:"):
            return requirement
        path = local_path(requirement.url)
        if path.is_file():
            return requirement
        self.add(path, origin=item.origin, name=requirement.project)
        return _at(requirement, None)

    def _assign(
        self, project: NormalizedName, index: str, owner: ProjectFile, option: Option | None
    ) -> None:
        above = self._where.folder / "pyproject.toml" if self._where is not None else owner.path
        known = {
            **(uv_index_addresses(read_toml(above)[0], above.parent) if above.is_file() else {}),
            **uv_index_addresses(owner.document, owner.folder),
            **self._indexes,
        }
        place = (relative_to(owner.path, self._directory),)
        if index not in known:
            raise UsageError(
                f"`[tool.uv.sources] {project}` names an index that is not there",
                found=f"`{index}`",
                expected=alternatives(sorted(known)) if known else "a `[[tool.uv.index]]`",
                place=place,
            )
        assigned = self._assigned
        if option is not None:
            assigned = self._assigned_by_option.setdefault(option, {})
        if assigned.setdefault(project, known[index]) != known[index]:
            raise UsageError(
                f"`{project}` comes from two indexes at once",
                found=f"`{assigned[project]}` and `{known[index]}`",
                expected="one",
                place=place,
            )


def _at(requirement: Requirement, url: str | None) -> Requirement:
    """The requirement from another address; None is none. A version beside an address says nothing."""
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    text = f"{requirement.project}{extras}" + (f" @ {url}" if url is not None else "")
    return narrowed(
        parse_requirement(text),
        requirement.marker.text if requirement.marker is not None else None,
    )
