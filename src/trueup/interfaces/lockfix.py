"""From a lock that was judged to one that is right: what it locks, asked for again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from packaging.pylock import is_valid_pylock_path
from packaging.utils import NormalizedName
from packaging.version import Version

from trueup.features.lock import lock as relock
from trueup.features.verify import Verified
from trueup.interfaces.lockplaces import LockPlaces
from trueup.model.condition import Condition, Option
from trueup.model.errors import UsageError
from trueup.model.lock import Edge, Lock, LockEntry, PlaceKind
from trueup.model.lockrequest import LockRequest, Root
from trueup.model.marker import Marker
from trueup.model.requirement import Requirement, parse_requirement
from trueup.model.watcher import Watcher
from trueup.sources.lock import remapped
from trueup.sources.lockfiles.write import pylock_text
from trueup.sources.supply import Supply

__all__ = ["fix_request", "fixed_path", "fixed_text"]

_ELSEWHERE = {
    PlaceKind.ARCHIVE: "an address of its own",
    PlaceKind.VCS: "a repository",
    PlaceKind.DIRECTORY: "a folder",
}


def fixed_path(lock: Path, asked: str) -> Path:
    """Where the corrected lock is written: the file that was asked for, or one beside the lock.

    Raises UsageError for a name that no `pylock.toml` may have (PEP 751, "File Name"), and for a
    file that exists and was not named.
    """
    if asked:
        path = Path(asked)
        if not is_valid_pylock_path(path):
            raise UsageError(
                "`--fix` writes a `pylock.toml`",
                found=f"`{asked}`",
                expected="`pylock.toml` or `pylock.NAME.toml`",
                hint=f"to fix `{asked}` itself: `trueup verify {asked} --fix`",
            )
        return path
    name = "pylock.fixed.toml" if is_valid_pylock_path(lock) else "pylock.toml"
    path = lock.with_name(name)
    if path.exists():
        raise UsageError(
            "exists already",
            hint=f"name it to replace it: `--fix={path}`",
            place=(str(path),),
        )
    return path


def fixed_text(
    verified: Verified,
    places: LockPlaces,
    *,
    path: Path,
    mapping: Mapping[str, str],
    watcher: Watcher | None = None,
) -> str:
    """The text of a `pylock.toml` at ``path`` that installs what the lock's files ask for.

    Addresses are as the lock has them, not those of the mirror that ``mapping`` names. Raises
    UsageError if a target cannot be served or no single lock serves all, and what locking raises.
    """
    request = fix_request(verified)
    # What the lock lacks is looked for where its other entries come from.
    first = next(iter(request.indexes), None)
    supply = Supply(
        lambda index: places.source_for(index or first),
        folder=places.folder,
    )
    locked = relock(request, supply, path=str(path), watcher=watcher)
    if locked.unserved:
        clash = locked.unserved[0].clash
        raise UsageError(
            f"is not written: no answer for `{locked.unserved[0].target}`: {'; '.join(clash.lines)}",
            hint="; ".join(clash.hints) or "narrow the targets with `--for`",
            place=(str(path),),
        )
    if len(locked.profiles) != 1:
        raise UsageError(
            "is not written: no single lock serves every target",
            hint="narrow the targets with `--for`, or use `trueup lock`",
            place=(str(path),),
        )
    back = {there: here for here, there in mapping.items()}
    fixed = remapped(_placed(locked.profiles[0].lock, first), back)
    return pylock_text(fixed, relative_to=path.parent)


def _placed(lock: Lock, index: str | None) -> Lock:
    """New entries with the index that they were found on."""
    return replace(
        lock,
        entries=tuple(
            replace(entry, place=replace(entry.place, location=index))
            if entry.place.kind is PlaceKind.INDEX and entry.place.location is None
            else entry
            for entry in lock.entries
        ),
    )


def fix_request(verified: Verified) -> LockRequest:
    """What the lock of a judgement asks for, its versions preferred.

    Of a lock that names its roots, what these ask for; of any other every entry, so that nothing is
    lost. Raises UsageError if something comes from elsewhere than an index.
    """
    lock = verified.audit.lock
    ground = verified.audit.ground
    roots = tuple(_walked_roots(lock) if lock.walked else _entry_roots(lock))
    preferred: dict[NormalizedName, dict[Version, tuple[Condition, ...]]] = {}
    assigned: dict[NormalizedName, str] = {}
    for entry in lock.entries:
        if entry.root:
            continue
        if entry.place.kind is not PlaceKind.INDEX:
            raise UsageError(
                f"`{entry.title}` comes from {_ELSEWHERE[entry.place.kind]}, which `--fix` "
                "cannot lock",
                hint="use `trueup lock` in the project itself",
                place=(entry.origin,),
            )
        if entry.version is not None:
            versions = preferred.setdefault(entry.project, {})
            versions[entry.version] = (*versions.get(entry.version, ()), entry.condition)
        if entry.place.location is not None:
            assigned[entry.project] = entry.place.location
    return LockRequest(
        roots=roots,
        targets=tuple(target for target in ground.targets if target not in ground.unclaimed),
        requires_python=lock.requires_python,
        default=lock.default,
        conflicts=lock.conflicts,
        overrides=lock.overrides,
        excluded=lock.excluded,
        indexes=lock.indexes,
        assigned=MappingProxyType(assigned),
        preferred=MappingProxyType(preferred),
    )


def _walked_roots(lock: Lock) -> Iterator[Root]:
    """What the root entries ask for, by the lock's own edges."""
    members = {entry.project for entry in lock.entries if entry.root}
    for entry in lock.entries:
        for edge in entry.edges if entry.root else ():
            if edge.project in members:
                continue
            line = edge.requirement or parse_requirement(_named(edge.project, edge))
            of_extra = None if edge.of_extra is None else _extra_option(lock, entry, edge.of_extra)
            for option, marker in _under(lock, edge.condition):
                yield _root(line, marker, option or of_extra, entry.origin)


def _extra_option(lock: Lock, entry: LockEntry, extra: NormalizedName) -> Option | None:
    """The option of the lock that an extra of a root entry is."""
    return next(
        (
            option
            for option in sorted(lock.options, key=lambda one: one.sort_key)
            if option.name == extra and option.project in (None, entry.project)
        ),
        None,
    )


def _entry_roots(lock: Lock) -> Iterator[Root]:
    """Every entry; one of several of its name keeps its version, which its marker belongs to."""
    by_project = lock.by_project()
    for entry in lock.entries:
        text = entry.project
        pinned = len(by_project[entry.project]) > 1 and entry.version is not None
        line = parse_requirement(f"{text}=={entry.version}" if pinned else text)
        for option, marker in _under(lock, entry.condition):
            yield _root(line, marker, option, entry.origin)


def _named(project: NormalizedName, edge: Edge) -> str:
    extras = f"[{','.join(sorted(edge.extras))}]" if edge.extras else ""
    return f"{project}{extras}"


def _under(lock: Lock, condition: Condition) -> Iterator[tuple[Option | None, Marker | None]]:
    """The options with which a condition can hold (None: without any), each with its marker."""
    always = condition.under(frozenset())
    if always is not False:
        yield None, None if always is True else always
        return
    for option in sorted(condition.options & lock.options, key=lambda one: one.sort_key):
        left = condition.under(frozenset({option}))
        if left is not False:
            yield option, None if left is True else left


def _root(line: Requirement, marker: Marker | None, option: Option | None, origin: str) -> Root:
    parts = [f"({part})" for part in (line.marker, marker) if part is not None]
    text = line.with_marker(" and ".join(parts)) if parts else line.bare
    return Root(requirement=parse_requirement(text), origin=origin, option=option)
