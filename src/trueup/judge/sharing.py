"""Which library wheel several projects can use instead of their own copies, or why they cannot."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from trueup.judge.abi import Level, TypeTable, compare
from trueup.judge.companion import bundle_folder
from trueup.judge.expects import symbols_taken
from trueup.judge.native import Placement
from trueup.judge.sharerefusals import refusals_of
from trueup.model.abi import AbiFile
from trueup.model.library import Distribution, NativeFile
from trueup.model.libraryname import parse_library_name
from trueup.model.loading import Layout
from trueup.model.split import Refusal, Relink, SharedConsumer, SharedLibrary, SharedPlan

__all__ = ["FOLDER", "consumer_of", "plan_shared"]

FOLDER = "_nl"
"""The one folder below site-packages in which shared libraries lie, whoever brings them."""

_PREFIX = "nl"
_ID_IN_NAME = 8
_ORIGIN = "$ORIGIN"


@dataclass(kw_only=True)
class _Copies:
    """The copies of one library: which wheel has which file, in the order of the wheels."""

    library: str
    files: dict[str, NativeFile] = field(default_factory=dict)


def plan_shared(
    wheels: Sequence[Distribution],
    libraries: Sequence[str],
    *,
    abi: AbiFile | None = None,
    owners: Mapping[str, str] | None = None,
    types: Mapping[str, TypeTable] | None = None,
    label: str = "nl.1",
) -> SharedPlan | tuple[Refusal, ...]:
    """The plan for these wheels, or everything that speaks against it.

    ``libraries`` are stems such as ``libgmp``; ``abi`` declares their recipes; ``owners`` says
    whose copy is kept (default: that of the first wheel that has one); ``types`` are type tables
    from debug information by the sha256 of the file; ``label`` is the local version that wheels get.
    """
    refusals: list[Refusal] = []
    copies = [_copies(wheels, stem, refusals) for stem in libraries]
    shared = [
        found
        for one in copies
        if one.files
        and (found := _library(one, wheels, abi, owners or {}, types or {}, refusals)) is not None
    ]
    if refusals:
        return tuple(refusals)
    consumers = tuple(
        consumer_of(wheel, dropped, label)
        for wheel in wheels
        if (dropped := _dropped(wheel, shared))
    )
    plan = SharedPlan(
        libraries=tuple(shared),
        consumers=consumers,
        relinked={one.kept.path: _relinked(one, shared) for one in shared},
    )
    return tuple(refusals_of(plan, wheels, abi)) or plan


def _copies(wheels: Sequence[Distribution], stem: str, refusals: list[Refusal]) -> _Copies:
    found = _Copies(library=stem)
    for wheel in wheels:
        files = [
            file
            for file in wheel.files
            if bundle_folder(file.path) and parse_library_name(file.filename).stem == stem
        ]
        if len(files) > 1:
            refusals.append(
                Refusal(
                    reason=f"{wheel.filename} bundles `{stem}` {len(files)} times",
                    files=tuple(file.path for file in files),
                )
            )
        elif files:
            found.files[wheel.filename] = files[0]
    if not found.files:
        refusals.append(
            Refusal(
                reason=f"no wheel bundles `{stem}`",
                files=tuple(wheel.filename for wheel in wheels),
                hint="`trueup libs` lists what they bundle",
            )
        )
    return found


def _library(
    copies: _Copies,
    wheels: Sequence[Distribution],
    abi: AbiFile | None,
    owners: Mapping[str, str],
    types: Mapping[str, TypeTable],
    refusals: list[Refusal],
) -> SharedLibrary | None:
    having = [wheel for wheel in wheels if wheel.filename in copies.files]
    wanted = owners.get(copies.library)
    owner = next((w for w in having if w.project == wanted), None) if wanted else having[0]
    if owner is None:
        refusals.append(
            Refusal(reason=f"`{wanted}` is to bring `{copies.library}`, and bundles none")
        )
        return None
    kept = copies.files[owner.filename]
    declared = abi.libraries.get(copies.library) if abi is not None else None
    levels: dict[str, str] = {}
    asserted: dict[str, str] = {}
    for wheel in having:
        file = copies.files[wheel.filename]
        tables = (types.get(kept.sha256), types.get(file.sha256))
        both = (tables[0], tables[1]) if tables[0] is not None and tables[1] is not None else None
        verdict = compare(kept, file, declared, types=both)
        levels[wheel.project] = verdict.level.value
        if verdict.level is not Level.L3:
            continue
        word = abi.assertion(copies.library, wheel.project) if abi is not None else None
        if verdict.against or word is None:
            refusals.append(_not_the_same(copies.library, owner, wheel, verdict.against, declared))
        else:
            asserted[wheel.project] = f"{word.reason} ({word.by})"
    version = _version(copies.library, kept, declared.version if declared else None, refusals)
    if version is None:
        return None
    identity = abi.abi_id(copies.library) if abi is not None and declared else _digest(kept)
    bare = copies.library.removeprefix("lib")
    name = parse_library_name(kept.filename)
    major = f".{name.major}" if name.major else ""
    soname = f"{copies.library}-{identity[:_ID_IN_NAME]}.so{major}"
    return SharedLibrary(
        library=copies.library,
        abi=identity,
        project=canonicalize_name(f"{_PREFIX}-{bare}-{identity}"),
        version=version,
        path=f"{FOLDER}/{soname}",
        soname=soname,
        kept=kept,
        owner=owner,
        levels=levels,
        asserted=asserted,
        tags=tuple(sorted({tag.platform for wheel in having for tag in wheel.tags})),
    )


def _not_the_same(
    library: str,
    owner: Distribution,
    wheel: Distribution,
    against: tuple[str, ...],
    declared: object,
) -> Refusal:
    if against:
        return Refusal(
            reason=f"`{library}` of {owner.label} cannot stand in for that of {wheel.label}",
            files=against,
            hint="they are different builds by what they say themselves; nothing that is declared "
            "or asserted outweighs that",
        )
    missing = "and no recipe is declared" if declared is None else "though one recipe is declared"
    return Refusal(
        reason=f"`{library}` of {owner.label} is not known to be that of {wheel.label}: the "
        f"symbols may be there, {missing}",
        hint=f"declare `[library.{library}]` in `abi.toml` if both were built by one recipe; else "
        "assert it there, with your name and the reason",
    )


def _version(
    library: str, kept: NativeFile, declared: str | None, refusals: list[Refusal]
) -> Version | None:
    text = declared or parse_library_name(kept.filename).version
    try:
        return Version(text)
    except InvalidVersion:
        refusals.append(
            Refusal(
                reason=f"the version of `{library}` is unknown",
                files=(kept.path,),
                hint=f"declare it: `[library.{library}]` with `version` in `abi.toml`",
            )
        )
        return None


def _digest(kept: NativeFile) -> str:
    """The id where nothing is declared: of the very build."""
    cores = "|".join(image.core or kept.sha256 for image in kept.readable)
    return hashlib.sha256(cores.encode()).hexdigest()[:12]


def _dropped(wheel: Distribution, shared: Iterable[SharedLibrary]) -> dict[str, SharedLibrary]:
    by_stem = {one.library: one for one in shared}
    return {
        file.path: by_stem[stem]
        for file in wheel.files
        if bundle_folder(file.path) and (stem := parse_library_name(file.filename).stem) in by_stem
    }


def consumer_of(
    wheel: Distribution, dropped: Mapping[str, SharedLibrary], label: str
) -> SharedConsumer:
    """How a wheel changes that uses these libraries instead of the files at these paths."""
    taken = symbols_taken(wheel)
    return SharedConsumer(
        distribution=wheel,
        version=_local(wheel.version, label),
        dropped=dropped,
        relinks=tuple(_relinks(wheel, dropped)),
        symbols={one.path: taken.get(path, ()) for path, one in dropped.items()},
        packages=tuple(_packages(wheel, dropped)),
    )


def _local(version: Version, label: str) -> Version:
    before = f"{version.local}." if version.local else ""
    return Version(f"{version.public}+{before}{label}")


def _relinks(wheel: Distribution, dropped: Mapping[str, SharedLibrary]) -> Iterator[Relink]:
    """The files that ask for a library by its old name; which may be all that is in the wheel."""
    renamed = _renamed(wheel, dropped)
    left = {
        folder
        for file in wheel.files
        if file.path not in dropped and (folder := bundle_folder(file.path)) is not None
    }
    for file in wheel.files:
        if file.path in dropped:
            continue
        for image in file.readable:
            needed = {name: renamed[name] for name in image.needed if name in renamed}
            if needed:
                here = posixpath.dirname(file.path)
                search = [
                    entry
                    for entry in (*image.rpath, *image.runpath)
                    if not _leads_nowhere(entry, here, wheel, left)
                ]
                used = [one for one in dropped.values() if one.soname in needed.values()]
                towards = dict.fromkeys(_towards(here, one.path) for one in used)
                yield Relink(path=file.path, needed=needed, search=(*search, *towards))


def _renamed(wheel: Distribution, dropped: Mapping[str, SharedLibrary]) -> dict[str, str]:
    return {
        image.name: dropped[file.path].soname
        for file in wheel.files
        if file.path in dropped
        for image in file.readable
        if image.name
    }


def _towards(folder: str, library: str) -> str:
    """The search path entry that leads from a folder to that of a library."""
    return f"{_ORIGIN}/{posixpath.relpath(posixpath.dirname(library), folder or '.')}"


def _leads_nowhere(entry: str, here: str, wheel: Distribution, left: set[str]) -> bool:
    """Whether a search path entry names a folder of libraries that all go."""
    if not entry.startswith(_ORIGIN):
        return False
    folder = posixpath.normpath(posixpath.join(here, entry.removeprefix(_ORIGIN).lstrip("/")))
    bundles = {bundle_folder(file.path) for file in wheel.files} - {None}
    return folder in bundles and folder not in left


def _relinked(one: SharedLibrary, shared: Sequence[SharedLibrary]) -> Relink:
    """The kept copy under its own unique name, asking for its neighbours by theirs."""
    renamed = _renamed(one.owner, _dropped(one.owner, shared))
    wanted = {name for image in one.kept.readable for name in image.needed}
    needed = {old: new for old, new in renamed.items() if old in wanted}
    return Relink(
        path=one.kept.path,
        needed=needed,
        search=(_ORIGIN,) if needed else (),
        name=one.soname,
    )


def _packages(wheel: Distribution, dropped: Mapping[str, SharedLibrary]) -> Iterator[str]:
    """Top-level packages with a module in whose closure a shared library is."""
    placement = Placement(layout=Layout(label="", distributions=(wheel,)))
    found = {
        closure.entry.partition("/")[0]
        for closure in placement.closures
        if dropped.keys() & set(closure.order)
        and "/" in closure.entry
        and bundle_folder(closure.entry) is None
    }
    yield from sorted(found)
