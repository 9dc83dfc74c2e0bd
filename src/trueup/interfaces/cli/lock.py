"""`trueup lock`: versions and files that are right in every target."""

from __future__ import annotations

import importlib.util
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trueup.interfaces.cli.errors import FINDINGS, HOLDS
from trueup.interfaces.cli.lockoptions import LockCommand, lock_options
from trueup.model.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from trueup.features.lock import Confirmations, Locked, Profile
    from trueup.features.lock.drive import Unserved
    from trueup.interfaces.lockconfig import LockSettings
    from trueup.interfaces.report.lockresult import Told
    from trueup.interfaces.wanted import Places
    from trueup.model.lock import Lock
    from trueup.model.lockrequest import LockRequest
    from trueup.sources.sdistbuild import SandboxedBuild
    from trueup.sources.supply import Supply

__all__ = ["command"]

_EPILOG = """\b
Examples:
  trueup lock                                    the project here
  trueup lock -r requirements.in --for linux     requirements from a file
  trueup lock "flask>=3" --for cp312-linux-x86_64 --for cp312-macos-arm64
  trueup lock --check                            is the lock up to date? (for CI)

Settings can also stand in `[tool.trueup.lock]` of the nearest `pyproject.toml`; options win.

\b
Exit code 0: locked (or, with --check, up to date). 1: no target can be served, or with
--require-all-targets not all, or with --check the lock is not up to date. 2: misuse, or
something could not be done; the old lock is untouched.
"""


@click.command(name="lock", params=lock_options(), epilog=_EPILOG)
@click.pass_context
def command(context: click.Context, /, **options: Any) -> None:
    """Lock versions and files that are right in every target.

    REQUIREMENT is what a requirements file could hold; with none, the `pyproject.toml` in the
    current folder is locked: its dependencies, extras and groups.
    """
    context.exit(_run(LockCommand(**options)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """A lock to write: its path and text."""

    path: Path
    text: str
    profile: Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """Locks to write and targets without one; or, of a lock that is confirmed, what is told of it."""

    files: tuple[_File, ...] = ()
    unserved: tuple[Unserved, ...] = ()
    facts: Mapping[str, Any] | None = None


def _run(options: LockCommand) -> int:
    from trueup.interfaces.lockconfig import find_lock_settings
    from trueup.interfaces.lockinput import lock_path, lock_request
    from trueup.interfaces.report.lockresult import Told
    from trueup.sources.lockfiles.write import check_name

    directory = Path.cwd()
    settings = find_lock_settings(directory)
    wish = options.wish()
    path = lock_path(directory, settings, wish)
    if options.why is not None or options.graph is not None:
        return _show(options, _shown(path))
    check_name(path)
    _need_extra()
    request = lock_request(
        options.requirement,
        requirements=tuple(map(Path, options.files)),
        directory=directory,
        settings=settings,
        options=wish,
        environ=os.environ,
    )
    told = Told(sys.stdout, sys.stderr, as_json=options.as_json, quiet=options.quiet)
    _tell_left_out(options, request, told)
    _tell_unheard(options, settings, path, told)
    found = _found(options, request, path, directory, told)
    if found.facts is not None:
        told.confirmed(_shown(path), found.facts, check=options.check)
        return HOLDS
    told.unserved(found.unserved, request)
    if not found.files or (found.unserved and request.require_all_targets):
        told.not_written(_shown(path), found.unserved)
        return FINDINGS
    if options.check:
        return _check(found.files, told)
    _write(found.files, options, told)
    _tell_left_behind(path, found.files, told)
    return HOLDS


def _need_extra() -> None:
    if importlib.util.find_spec("nab_resolver") is None:
        raise UsageError(
            "`trueup lock` needs the extra `lock`",
            hint="install it with `pip install 'trueup[lock]'`",
        )


def _tell_left_out(options: LockCommand, request: LockRequest, told: Told) -> None:
    """Targets that were named and that `requires-python` excludes."""
    from trueup.model.target import parse_targets

    named = {target for text in options.targets for target in parse_targets(text)}
    lost = sorted(named - set(request.targets))
    if not lost:
        return
    names = ", ".join(f"`{target}`" for target in lost[:3])
    more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
    text = f"`requires-python = {request.requires_python}` excludes {names}{more}"
    if request.require_all_targets:
        raise UsageError(text, hint="name other targets with `--for`")
    told.note(f"note: {text}")


def _tell_unheard(options: LockCommand, settings: LockSettings, path: Path, told: Told) -> None:
    from trueup.interfaces.locknotes import unheard_keys, unheard_projects, unheard_uv_settings

    if not options.upgrade:
        for text in unheard_projects(path, options.upgrade_projects):
            told.note(f"note: {text}")
    if not (options.requirement or options.files):
        project = Path.cwd() / "pyproject.toml"
        for text in (*unheard_keys(project), *unheard_uv_settings(project, settings)):
            told.note(f"note: {text}")


def _found(
    options: LockCommand, request: LockRequest, path: Path, directory: Path, told: Told
) -> _Found:
    from trueup.features.lock import lock
    from trueup.interfaces.report.lockresult import facts_of
    from trueup.interfaces.wanted import PAGE_AGE, Places
    from trueup.sources.git import Repositories
    from trueup.sources.gitprocess import Git
    from trueup.sources.repositories import with_repositories
    from trueup.sources.sdistbuild import SandboxedBuild

    with (
        told.watching() as watcher,
        Places(
            index=options.index or request.indexes,
            environ=os.environ,
            directory=directory,
            keep=not options.no_cache,
            watcher=watcher,
            page_age=0 if options.refresh else PAGE_AGE,
        ) as places,
    ):
        build = SandboxedBuild(
            places.configured(), environ=os.environ, index=options.index or request.indexes
        )
        supply = _supply(options, request, places, build)
        repositories = Repositories(Git(environ=os.environ), places.cache)
        request = with_repositories(request, repositories, build=build.archive)
        before = _confirmations(options, request, supply, places, path)
        facts = before.confirm() if before is not None else None
        if facts is not None:
            return _Found(facts=facts)
        locked = lock(request, supply, path=str(path), watcher=watcher)
        files = tuple(_files(locked, path))
        if before is not None and locked.looked is not None and files[0].text == before.text:
            before.remember(locked.looked, facts_of(files[0].profile))
        return _Found(files=files, unserved=locked.unserved)


def _supply(
    options: LockCommand, request: LockRequest, places: Places, build: SandboxedBuild
) -> Supply:
    from trueup.sources.folder import FolderSource
    from trueup.sources.sdistbuild import Proofs
    from trueup.sources.supply import Supply

    folder = FolderSource([Path(name) for name in request.find_links if Path(name).exists()])
    return Supply(
        places.named,
        folder=folder if request.find_links else None,
        build=build,
        proofs=Proofs(map(Path, options.proofs)),
    )


def _confirmations(
    options: LockCommand, request: LockRequest, supply: Supply, places: Places, path: Path
) -> Confirmations | None:
    """What may confirm the lock that is there; None where more is asked than whether it is right."""
    from trueup.features.lock import Confirmations

    if options.upgrade or options.proofs or options.requirements_txt is not None:
        return None
    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None  # there is none yet, or one that is about to be told of
    return Confirmations(cache=places.cache, request=request, supply=supply, path=path, text=text)


def _files(locked: Locked, path: Path) -> Iterator[_File]:
    from trueup.sources.lockfiles.write import pylock_text
    from trueup.sources.preferred import profile_path

    for profile in locked.profiles:
        target = profile_path(path, profile.name)
        text = pylock_text(profile.lock, relative_to=target.parent)
        yield _File(path=target, text=text, profile=profile)


def _check(files: Sequence[_File], told: Told) -> int:
    code = HOLDS
    for file in files:
        try:
            before = file.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            before = None
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"cannot be read: {error}", place=(str(file.path),)) from error
        same = before == file.text
        told.checked(_shown(file.path), _before(file.path), file.profile, same=same)
        if not same:
            code = FINDINGS
    return code


def _write(files: Sequence[_File], options: LockCommand, told: Told) -> None:
    from trueup.sources.output import write_atomically

    for file in files:
        before = _before(file.path)
        write_atomically(file.path, file.text)
        told.written(_shown(file.path), before, file.profile)
    if options.requirements_txt is not None:
        _write_requirements(files, Path(options.requirements_txt), told)


def _tell_left_behind(path: Path, files: Sequence[_File], told: Told) -> None:
    """Files of an earlier lock that has other profiles: an installer would still take them."""
    from trueup.sources.preferred import profiles_beside

    written = {file.path for file in files}
    for left in (path, *profiles_beside(path).values()):
        if left not in written and left.exists():
            told.note(
                f"note: `{_shown(left)}` is of an earlier lock and was not written;"
                " remove it if its targets are not meant any more"
            )


def _before(path: Path) -> Lock | None:
    """The lock that is replaced, to tell what changes; None if there is none that can be read."""
    from trueup.model.errors import TrueupError
    from trueup.sources.lockfiles.read import read_lock

    if not path.exists():
        return None
    try:
        return read_lock(path, environ=os.environ)
    except TrueupError:
        return None


def _write_requirements(files: Sequence[_File], folder: Path, told: Told) -> None:
    """One hashed requirements file per target, in a folder."""
    from trueup.model.grid import environment_of
    from trueup.model.target import parse_targets
    from trueup.sources.lockfiles.writerequirements import requirements_text
    from trueup.sources.output import write_atomically

    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        for name in file.profile.lock.targets:
            (target,) = parse_targets(name)
            lock = file.profile.lock
            text = requirements_text(lock, environment_of(target), lock.default)
            path = folder / f"requirements.{name}.txt"
            write_atomically(path, text)
            told.note(f"wrote `{path}`")


def _show(options: LockCommand, path: Path) -> int:
    """`--why` and `--graph` look at the lock that is there."""
    from trueup.interfaces.report.lockshow import show_graph, show_why
    from trueup.sources.lockfiles.read import read_lock

    lock = read_lock(path, environ=os.environ)
    if options.why is not None:
        click.echo(show_why(lock, options.why), nl=False)
    if options.graph is not None:
        show_graph(lock, Path(options.graph))
        if not options.quiet:
            click.echo(f"wrote `{options.graph}`", err=True)
    return HOLDS


def _shown(path: Path) -> Path:
    """As the user would write it."""
    directory = Path.cwd()
    return path.relative_to(directory) if path.is_relative_to(directory) else path
