"""From what a user gives to `trueup lock` to the request: project, files, settings, options."""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from packaging.specifiers import SpecifierSet
from packaging.utils import InvalidName, NormalizedName, canonicalize_name

from trueup.interfaces.lockconfig import LockSettings, parse_moment
from trueup.interfaces.locktargets import request_targets
from trueup.model.condition import Option, OptionKind, Selection
from trueup.model.errors import UsageError
from trueup.model.lockrequest import (
    Irreconcilable,
    LockRequest,
    Prereleases,
    Strategy,
)
from trueup.model.target import Target
from trueup.sources.asked import COMMAND_LINE, asked_root
from trueup.sources.askedfiles import AskedFiles, read_asked_files
from trueup.sources.config import index_config
from trueup.sources.members import WorkspaceFolder, find_workspace
from trueup.sources.preferred import (
    locked_commits,
    preferred_versions,
    profiles_beside,
    recorded_targets,
)
from trueup.sources.project import ProjectFile, read_project
from trueup.sources.running import this_target
from trueup.sources.tomltable import alternatives
from trueup.sources.url import redact
from trueup.sources.workspace import Workspace

__all__ = ["LockOptions", "lock_path", "lock_request"]

Kept = TypeVar("Kept")

_DEV = "dev"
"""The group that is installed by default where no setting names one, as with uv."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockOptions:
    """What the command line says; None and empty leave it to the settings.

    ``targets`` are in the grammar of `--for`; ``indexes`` are addresses or folders in the place of
    all others, ``find_links`` folders of files; ``constraints`` are files. Names in ``only_binary`` and ``allow_build`` may be
    EVERYTHING. ``upgrade`` forgets the versions of the lock that exists, ``upgrade_projects`` those
    of some projects.
    """

    targets: tuple[str, ...] = ()
    output: Path | None = None
    strategy: Strategy | None = None
    irreconcilable: Irreconcilable | None = None
    prereleases: Prereleases | None = None
    exclude_newer: str | None = None
    only_binary: frozenset[str] = frozenset()
    allow_build: frozenset[str] = frozenset()
    indexes: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    constraints: tuple[Path, ...] = ()
    require_all_targets: bool = False
    upgrade: bool = False
    upgrade_projects: tuple[str, ...] = ()


def lock_path(directory: Path, settings: LockSettings, options: LockOptions) -> Path:
    """Where the lock is written: `--output`, the settings' `output`, or `pylock.toml` here."""
    if options.output is not None:
        return directory / options.output
    return settings.output or directory / "pylock.toml"


def lock_request(
    asked: Sequence[str],
    *,
    requirements: Sequence[Path],
    directory: Path,
    settings: LockSettings,
    options: LockOptions | None = None,
    environ: Mapping[str, str],
    running: Callable[[], Target] = this_target,
) -> LockRequest:
    """What a user asks `trueup lock` for.

    ``asked`` are requirements on the command line and ``requirements`` files of them; with neither,
    the `pyproject.toml` in ``directory`` is locked: its dependencies, extras and groups. Paths start
    at ``directory``, those in the lock at the lock's folder. ``running`` tells the environment that
    is locked for where nothing names one. Raises TrueupError, with the place, for whatever is
    malformed or asks for something that is not there.
    """
    options = options or LockOptions()
    directory = directory.absolute()
    path = lock_path(directory, settings, options)
    bare = not (asked or requirements)
    workspace = _workspace(settings, directory, path.parent, bare=bare)
    project = _project(directory) if bare else None
    files = read_asked_files(
        requirements,
        constraints=options.constraints,
        directory=directory,
        environ=environ,
        workspace=workspace,
    )
    if project is not None:
        roots = workspace.roots(project, extras=settings.extras, groups=settings.groups)
        requires_python = _requires_python(project, workspace)
    else:
        typed = [
            asked_root(text, origin=COMMAND_LINE, directory=directory, workspace=workspace)
            for text in asked
        ]
        roots, requires_python = (*typed, *files.roots), None
    request = LockRequest(
        roots=roots,
        targets=request_targets(
            options.targets, settings, requires_python, running, _recorded(path, options)
        ),
        project=project.name if project is not None else None,
        requires_python=requires_python,
        default=_default(project, settings) if project is not None else frozenset(),
        conflicts=_conflicts(project, settings, workspace),
        constraints=(*settings.constraints, *files.constraints),
        local=workspace.local,
        indexes=_indexes(settings, options, files, environ, directory),
        find_links=_find_links(settings, options, files, directory),
        assigned=_assigned(settings, workspace),
        assigned_by_option=_assigned_by_option(settings, workspace),
    )
    return _with_policies(_with_kept(request, path, options), settings, options, files)


def _with_policies(
    request: LockRequest, settings: LockSettings, options: LockOptions, files: AskedFiles
) -> LockRequest:
    """The request with what settings, options and files say besides what is asked for."""
    return replace(
        request,
        overrides=settings.overrides,
        excluded=settings.excluded,
        strategy=options.strategy or settings.strategy,
        irreconcilable=options.irreconcilable or settings.irreconcilable,
        prereleases=options.prereleases
        or (Prereleases.ALLOW if files.prereleases else settings.prereleases),
        prerelease_projects=settings.prerelease_projects,
        exclude_newer=_exclude_newer(settings, options),
        only_binary=settings.only_binary | options.only_binary | files.only_binary,
        allow_build=settings.allow_build | options.allow_build,
        require_all_targets=options.require_all_targets or settings.require_all_targets,
    )


def _recorded(path: Path, options: LockOptions) -> Callable[[], Sequence[str]]:
    """The targets of the lock that is there; `--upgrade` forgets versions, not what it is for."""

    def recorded() -> Sequence[str]:
        try:
            return recorded_targets(path)
        except UsageError:
            if not options.upgrade:
                raise
            return ()  # a damaged lock is what `--upgrade` gets rid of

    return recorded


# --- the project and its options ------------------------------------------------------------------


def _project(directory: Path) -> ProjectFile:
    path = directory / "pyproject.toml"
    if not path.is_file():
        raise UsageError(
            "nothing to lock",
            found=f"no `pyproject.toml` in `{directory}`",
            hint="name requirements (`trueup lock 'flask>=3'`) or a file of them "
            "(`trueup lock -r requirements.in`)",
        )
    return read_project(path, shown="pyproject.toml")


def _workspace(
    settings: LockSettings, directory: Path, lock_folder: Path, *, bare: bool
) -> Workspace:
    """Members that the settings name are met from their folders always, uv's in a project."""
    members = find_workspace(directory) if bare else None
    if settings.members is not None and settings.path is not None:
        members = WorkspaceFolder(folder=settings.path.parent, members=settings.members)
    return Workspace(
        lock_folder=lock_folder,
        directory=directory,
        members=members,
        indexes={index.name: index.url for index in settings.indexes if index.name is not None},
        given={
            *settings.assigned,
            *(name for given in settings.assigned_by_option.values() for name in given),
        },
    )


def _requires_python(project: ProjectFile, workspace: Workspace) -> SpecifierSet | None:
    """That of the project; a workspace whose root is none runs where all its members do."""
    if project.name is not None:
        return project.requires_python
    found = [
        member.requires_python
        for member in workspace.members.values()
        if member.requires_python is not None
    ]
    return SpecifierSet(",".join(map(str, found))) if found else None


def _default(project: ProjectFile, settings: LockSettings) -> Selection:
    groups = [name for name in project.groups if settings.groups is None or name in settings.groups]
    if settings.default_groups is None:
        names = [name for name in groups if name == _DEV]
    else:
        names = list(settings.default_groups)
        _refuse_unknown(names, groups, "default-groups", settings)
    return frozenset(Option(kind=OptionKind.GROUP, name=name) for name in names)


def _refuse_unknown(
    names: Sequence[str], known: Sequence[str], key: str, settings: LockSettings
) -> None:
    for name in names:
        if name not in known:
            raise UsageError(
                f"`[tool.trueup.lock] {key}`",
                found=f"`{name}`",
                expected=alternatives(known) if known else "none, for the project has none",
                place=(str(settings.path),) if settings.path is not None else (),
            )


def _conflicts(
    project: ProjectFile | None, settings: LockSettings, workspace: Workspace
) -> tuple[frozenset[Option], ...]:
    """The conflicts between options of the project, or of local projects, that are locked.

    They say nothing of requirements that stand on the command line or in a file.
    """
    if project is None:
        return ()
    for kind, own, limit in (
        (OptionKind.EXTRA, project.extras, settings.extras),
        (OptionKind.GROUP, project.groups, settings.groups),
    ):
        _refuse_unknown(sorted(limit or ()), sorted(own), f"{kind}s", settings)
    locked = {
        *(Option(kind=OptionKind.EXTRA, name=name) for name in project.extras),
        *(Option(kind=OptionKind.GROUP, name=name) for name in project.groups),
        *(
            Option(kind=OptionKind.EXTRA, name=name, project=member.name)
            for member in workspace.members.values()
            for name in member.extras
        ),
        *(
            Option(kind=OptionKind.EXTRA, name=name, project=local.project)
            for local in workspace.local
            for name in local.provides_extra
        ),
    }
    found = []
    for rivals in settings.conflicts:
        own_rivals = frozenset(_own(option, project.name) for option in rivals)
        for option in sorted(own_rivals - locked, key=lambda one: one.sort_key):
            raise UsageError(
                "`[tool.trueup.lock] conflicts`",
                found=f"the {option}, which does not exist",
                expected="extras and groups of the project, or extras of a member",
                place=(str(settings.path),) if settings.path is not None else (),
            )
        left = frozenset(option for option in own_rivals if _is_locked(option, settings))
        if len(left) > 1:
            found.append(left)
    return tuple(found)


def _is_locked(option: Option, settings: LockSettings) -> bool:
    limit = settings.extras if option.kind is OptionKind.EXTRA else settings.groups
    return option.project is not None or limit is None or option.name in limit


def _own(option: Option, project: NormalizedName | None) -> Option:
    """An option of the project itself is written without its name."""
    if project is None or option.project != project:
        return option
    return Option(kind=option.kind, name=option.name)


# --- places and versions ----------------------------------------------------------------------------


def _indexes(
    settings: LockSettings,
    options: LockOptions,
    files: AskedFiles,
    environ: Mapping[str, str],
    directory: Path,
) -> tuple[str, ...]:
    """`--index`, else what the files name, else the settings; empty for the configured ones."""
    if options.indexes:
        return options.indexes
    found = tuple(index.url for index in settings.indexes if not index.explicit)
    if files.index is not None:
        found = (files.index,)
    elif files.extra_indexes and not found:
        found = index_config(environ=environ, directory=directory).urls
    return tuple(dict.fromkeys((*found, *files.extra_indexes)))


def _find_links(
    settings: LockSettings, options: LockOptions, files: AskedFiles, directory: Path
) -> tuple[str, ...]:
    """The folders of files, each once; one that is missing would be an empty one in silence."""
    found = dict.fromkeys((*options.find_links, *files.find_links, *settings.find_links))
    for text in found:
        address = re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", text) is not None
        if address or not (directory / text).is_dir():
            raise UsageError(
                "`find-links`",
                found=f"the address `{redact(text)}`" if address else f"no folder `{text}`",
                expected="a folder of wheels and sdists",
                hint="an index is given with `--index`" if address else None,
            )
    return tuple(str(directory / text) for text in found)


def _assigned(settings: LockSettings, workspace: Workspace) -> Mapping[NormalizedName, str]:
    urls = {index.name: index.url for index in settings.indexes}
    own = {project: urls[name] for project, name in settings.assigned.items()}
    return MappingProxyType({**workspace.assigned, **own})


def _assigned_by_option(
    settings: LockSettings, workspace: Workspace
) -> Mapping[Option, Mapping[NormalizedName, str]]:
    urls = {index.name: index.url for index in settings.indexes}
    found = {option: dict(given) for option, given in workspace.assigned_by_option.items()}
    for option, given in settings.assigned_by_option.items():
        own = {project: urls[name] for project, name in given.items()}
        found[option] = {**found.get(option, {}), **own}
    return MappingProxyType(found)


def _exclude_newer(settings: LockSettings, options: LockOptions) -> datetime | None:
    if options.exclude_newer is None:
        return settings.exclude_newer
    moment = parse_moment(options.exclude_newer)
    if moment is None:
        raise UsageError(
            "`--exclude-newer`",
            found=f"`{options.exclude_newer}`",
            expected="a date such as `2026-01-31`, or `2026-01-31T12:00:00Z` with its offset",
        )
    return moment


def _with_kept(request: LockRequest, path: Path, options: LockOptions) -> LockRequest:
    """The request with what the next lock keeps of the one that exists, and of its profiles."""
    files = {"": path, **profiles_beside(path)}
    preferred = {name: _kept(file, options, preferred_versions) for name, file in files.items()}
    commits = [_kept(file, options, locked_commits) for file in files.values()]
    return replace(
        request,
        preferred=MappingProxyType(dict(ChainMap(*map(dict, preferred.values())))),
        preferred_by_profile=MappingProxyType(preferred if len(preferred) > 1 else {}),
        commits=MappingProxyType(dict(ChainMap(*map(dict, commits)))),
    )


def _kept(
    path: Path, options: LockOptions, read: Callable[[Path], Mapping[NormalizedName, Kept]]
) -> Mapping[NormalizedName, Kept]:
    """What the lock that exists has of each project, but for those that are to be upgraded."""
    if options.upgrade:
        return MappingProxyType({})
    try:
        dropped = {canonicalize_name(name, validate=True) for name in options.upgrade_projects}
    except InvalidName as error:
        raise UsageError(
            "`--upgrade-package`", found=str(error), expected="the name of a project"
        ) from error
    present = read(path)
    return MappingProxyType({name: present[name] for name in present if name not in dropped})
