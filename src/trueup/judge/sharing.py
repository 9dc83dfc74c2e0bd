"""Which library wheel several projects can use instead of their own copies, or why they cannot."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from packaging.utils import canonicalize_name
from packaging.version import Version

from trueup.judge.abi import Level, TypeTable, compare
from trueup.judge.companion import bundle_folder
from trueup.judge.expects import symbols_taken
from trueup.judge.native import Placement
from trueup.judge.relink import asked_for, relinked, relinks_of
from trueup.judge.sharefit import unfit
from trueup.judge.sharerefusals import refusals_of
from trueup.model.abi import AbiFile
from trueup.model.library import BinaryFormat, Distribution, NativeFile
from trueup.model.libraryname import parse_library_name
from trueup.model.loading import Layout
from trueup.model.split import Refusal, SharedConsumer, SharedLibrary, SharedPlan
from trueup.model.version import parse_version

__all__ = ["FOLDER", "consumer_of", "plan_shared"]

FOLDER = "_nl"
"""The one folder below site-packages in which shared libraries lie, whoever brings them."""

_PREFIX = "nl"
_ID_IN_NAME = 8


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
    refusals: list[Refusal] = list(unfit(wheels))
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
        relinked={
            one.kept.path: relinked(
                one,
                asked_for(one.owner).get(one.kept.path, {}),
                _dropped(one.owner, shared),
            )
            for one in shared
        },
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
    levels, asserted = _evidence(copies, owner, having, abi, types, refusals)
    version = _version(copies.library, kept, declared.version if declared else None, refusals)
    if version is None:
        return None
    identity = abi.abi_id(copies.library) if abi is not None and declared else _digest(kept)
    bare = copies.library.removeprefix("lib").replace("+", "p")  # `stdc++` is no name (PEP 508)
    filename = _filename(copies.library, identity, kept)
    kind = kept.readable[0].format if kept.readable else BinaryFormat.ELF
    return SharedLibrary(
        library=copies.library,
        abi=identity,
        project=canonicalize_name(f"{_PREFIX}-{bare}-{identity}"),
        version=version,
        path=f"{FOLDER}/{filename}",
        soname=f"@rpath/{filename}" if kind is BinaryFormat.MACHO else filename,
        kept=kept,
        owner=owner,
        levels=levels,
        asserted=asserted,
        tags=tuple(sorted({tag.platform for wheel in having for tag in wheel.tags})),
    )


def _evidence(
    copies: _Copies,
    owner: Distribution,
    having: Sequence[Distribution],
    abi: AbiFile | None,
    types: Mapping[str, TypeTable],
    refusals: list[Refusal],
) -> tuple[dict[str, str], dict[str, str]]:
    """On what level the kept copy stands in for that of each project, and what was asserted."""
    kept = copies.files[owner.filename]
    declared = abi.libraries.get(copies.library) if abi is not None else None
    levels: dict[str, str] = {}
    asserted: dict[str, str] = {}
    for wheel in having:
        file = copies.files[wheel.filename]
        tables = (types.get(kept.sha256), types.get(file.sha256))
        both = (tables[0], tables[1]) if tables[0] is not None and tables[1] is not None else None
        verdict = compare(kept, file, declared, types=both)
        # Of several wheels of a project the weakest evidence counts.
        known = levels.get(wheel.project, Level.L0.value)
        levels[wheel.project] = max(known, verdict.level.value)
        if verdict.level is not Level.L3:
            continue
        word = abi.assertion(copies.library, wheel.project) if abi is not None else None
        if verdict.against or word is None:
            refusals.append(_not_the_same(copies.library, owner, wheel, verdict.against, declared))
        else:
            asserted[wheel.project] = f"{word.reason} ({word.by})"
    return levels, asserted


def _filename(library: str, identity: str, kept: NativeFile) -> str:
    """A file name that no other library has, in the way of its platform."""
    name = parse_library_name(kept.filename)
    major = f".{name.major}" if name.major else ""
    unique = f"{library}-{identity[:_ID_IN_NAME]}"
    match kept.readable[0].format if kept.readable else BinaryFormat.ELF:
        case BinaryFormat.ELF:
            return f"{unique}.so{major}"
        case BinaryFormat.MACHO:
            return f"{unique}{major}.dylib"
        case BinaryFormat.PE:
            return f"{unique}.dll"


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
    version = parse_version(declared or parse_library_name(kept.filename).version)
    if version is None:
        refusals.append(
            Refusal(
                reason=f"the version of `{library}` is unknown",
                files=(kept.path,),
                hint=f"declare it: `[library.{library}]` with `version` in `abi.toml`",
            )
        )
    return version


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
        relinks=tuple(relinks_of(wheel, dropped)),
        symbols={one.path: taken.get(path, ()) for path, one in dropped.items()},
        packages=tuple(_packages(wheel, dropped)),
    )


def _local(version: Version, label: str) -> Version:
    before = f"{version.local}." if version.local else ""
    return Version(f"{version.public}+{before}{label}")


def _packages(wheel: Distribution, dropped: Mapping[str, SharedLibrary]) -> Iterator[str]:
    """The folders of modules in whose closure a shared library is."""
    placement = Placement(layout=Layout(label="", distributions=(wheel,)))
    found = {
        closure.entry.rpartition("/")[0]
        for closure in placement.closures
        if dropped.keys() & set(closure.order)
        and "/" in closure.entry
        and bundle_folder(closure.entry) is None
    }
    yield from sorted(found)
