"""The shared tier: one wheel for a library, used by the wheels of several projects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from trueup.features.split.companion import (
    Written,
    cut,
    licences,
    new_metadata,
    opened,
    staged,
    wheel_file,
)
from trueup.features.split.fallback import LOADER, loader_source, with_loader
from trueup.judge.expects import provided
from trueup.model.document import parse_document
from trueup.model.errors import UsageError
from trueup.model.library import BinaryFormat
from trueup.model.nativelib import FILENAME, Expected, NativeLib
from trueup.model.record import hex_digest
from trueup.model.split import SharedConsumer, SharedLibrary, SharedPlan
from trueup.model.watcher import Watcher
from trueup.sources.nativelibfile import nativelib_bytes
from trueup.sources.packed import Packed
from trueup.sources.rewrite import Wheel, write_wheel
from trueup.sources.splitwheel import edited_members, member_names, naming

__all__ = ["check_executed", "write_shared"]


def write_shared(
    plan: SharedPlan, folder: Path, *, watcher: Watcher | None = None
) -> tuple[Written, ...]:
    """Write the library wheels and the wheels that use them, or none of them.

    Re-packed wheels get a local version: never the same file name with other content. Raises
    TrueupError with the file.
    """
    watcher = watcher or Watcher()
    watcher.expect(len(plan.libraries) + len(plan.consumers))
    done: list[Written] = []
    digests: dict[str, str] = {}
    with staged(folder, done) as stage:
        for one in plan.libraries:
            if one.existing:
                digests[one.path] = one.kept.sha256
                continue
            written, digest = _library(plan, one, stage)
            digests[one.path] = digest
            done.append(written)
            watcher.done(written.path.name)
        for consumer in plan.consumers:
            done.append(_consumer(plan, consumer, digests, stage))
            watcher.done(done[-1].path.name)
    return tuple(done)


def _library(plan: SharedPlan, one: SharedLibrary, folder: Path) -> tuple[Written, str]:
    """The wheel of one library, cut out of its owner's; the sha256 of the library in it."""
    stem = f"{one.project.replace('-', '_')}-{one.version}"
    dist_info = f"{stem}.dist-info"
    target = folder / f"{stem}-py3-none-{'.'.join(one.tags)}.whl"
    relink = plan.relinked[one.kept.path]
    with opened(one.owner) as (wheel, file, scratch):
        member = member_names(wheel.names, one.owner.tags)[one.kept.path]
        edited = edited_members(file, {member: relink}, scratch)[member]
        digest = hex_digest(edited.digest)
        level = min(one.levels.values(), key=lambda text: -int(text[1:]))
        brought = provided(
            one.kept, one.path, sha256=digest, name=one.soname, level=level, abi=one.abi
        )
        original = wheel.read("METADATA") or b""
        sha256 = cut(
            wheel,
            file,
            target,
            dist_info,
            moves={member: one.path},
            edited={member: edited},
            files={
                "METADATA": _library_metadata(one, _needed(plan, one), original),
                "WHEEL": wheel_file(one.tags),
                FILENAME: nativelib_bytes(NativeLib(provides=(brought,))),
            },
            copied=licences(original),
        )
    written = Written(path=target, source=None, before=0, size=target.stat().st_size, sha256=sha256)
    return written, digest


def _needed(plan: SharedPlan, one: SharedLibrary) -> list[SharedLibrary]:
    """The shared libraries that a shared library asks for itself."""
    relink = plan.relinked.get(one.kept.path)
    names = {name.rpartition("/")[2] for name in relink.needed.values()} if relink else set()
    return [other for other in plan.libraries if other.path.rpartition("/")[2] in names]


def _library_metadata(
    one: SharedLibrary, needed: Iterable[SharedLibrary], original: bytes
) -> bytes:
    """METADATA of a library wheel: what it is, on what it depends, whose licences it carries."""
    headers = [
        f"Name: {one.project}",
        f"Version: {one.version}",
        f"Summary: {one.library} {one.version} as a shared library, ABI {one.abi}",
        *(f"Requires-Dist: {other.requirement}" for other in needed),
    ]
    return new_metadata(original, headers, ("license", "license-expression", "license-file"))


def _consumer(
    plan: SharedPlan, consumer: SharedConsumer, digests: dict[str, str], folder: Path
) -> Written:
    """A wheel that asks for library wheels, under a version of its own."""
    source = consumer.distribution
    path = Path(source.origin)
    with opened(source) as (wheel, file, scratch):
        dist_info = wheel.dist_info_for(consumer.version)
        used = _in_order(plan, consumer)
        members = member_names(wheel.names, source.tags)
        renamed = wheel.renamed_for(consumer.version)
        dropped = frozenset(members[gone] for gone in consumer.dropped)
        _insist_movable(wheel, consumer, naming(file, dropped))
        relinks = {members[one.path]: one for one in consumer.relinks}
        contents: dict[str, bytes | Packed] = {
            renamed.get(name, name): data
            for name, data in edited_members(file, relinks, scratch).items()
        }
        metadata = parse_document(wheel.read("METADATA") or b"")
        wanted = dict.fromkeys(one.requirement for one in used)
        required = [*metadata.values("requires-dist"), *wanted]
        metadata = metadata.with_values("version", [str(consumer.version)])
        contents[f"{dist_info}/METADATA"] = bytes(metadata.with_values("requires-dist", required))
        contents[f"{dist_info}/{FILENAME}"] = _expects(consumer, used, digests)
        loaders, notes = _loaders(wheel, consumer, members, used)
        for init, (changed, loader) in loaders.items():
            contents[renamed.get(init, init)] = changed
            contents[f"{renamed.get(init, init).rpartition('/')[0]}/{LOADER}.py"] = loader
        rewrite = wheel.changed(
            contents=contents, dropped=dropped, renamed=renamed, dist_info=dist_info
        )
        target = folder / _filename(path.name, str(consumer.version))
        sha256 = write_wheel(file, rewrite, target)
    return Written(
        path=target,
        source=path,
        before=path.stat().st_size,
        size=target.stat().st_size,
        sha256=sha256,
        notes=(*rewrite.notes, *notes),
    )


def _insist_movable(wheel: Wheel, consumer: SharedConsumer, mentions: Sequence[str]) -> None:
    """Raise UsageError for what would not find the libraries where they lie afterwards."""
    # What delvewheel writes names the folder, and does without it.
    if mentions and not _has(consumer, BinaryFormat.PE):
        raise UsageError(
            "code names a library that is to be shared, or its folder",
            found=", ".join(f"`{name}`" for name in mentions),
            hint="let it find the library through its name, or leave this wheel out",
        )
    headers = parse_document(wheel.read("WHEEL") or b"").values("root-is-purelib")
    if _has(consumer, BinaryFormat.ELF) and any(value.lower() == "true" for value in headers):
        raise UsageError(
            "is installed as pure Python, and a library wheel as platform-specific: on some "
            "systems these are two folders",
            hint="build it with `Root-Is-Purelib: false`",
        )


def _has(consumer: SharedConsumer, kind: BinaryFormat) -> bool:
    return any(
        image.format is kind for one in consumer.dropped.values() for image in one.kept.readable
    )


def _loaders(
    wheel: Wheel,
    consumer: SharedConsumer,
    members: Mapping[str, str],
    used: Sequence[SharedLibrary],
) -> tuple[dict[str, tuple[bytes, bytes]], list[str]]:
    """The packages that load a library: by the member that is its `__init__.py`, what that becomes
    and the loader beside it; and in words those that get none.

    Raises UsageError for these on Windows, where nothing else leads to the libraries.
    """
    libraries = [(one.project, str(one.version), one.path) for one in used]
    contents: dict[str, tuple[bytes, bytes]] = {}
    notes: list[str] = []
    for folder in consumer.packages:
        parts = folder.split("/")
        # The outermost package: those around it are namespaces, which nothing initialises.
        packages = ("/".join(parts[: depth + 1]) for depth in range(len(parts)))
        found = next((one for one in packages if f"{one}/__init__.py" in members), None)
        if found is None:
            notes.append(f"`{folder}` is in no package with an `__init__.py`, so it gets no loader")
            continue
        init = members[f"{found}/__init__.py"]
        loader = loader_source(libraries, depth=found.count("/") + 1)
        contents[init] = with_loader(wheel.member(init)), loader
    if notes and _has(consumer, BinaryFormat.PE):
        raise UsageError(notes[0], hint="on Windows nothing else leads to the libraries")
    return contents, notes


def _filename(name: str, version: str) -> str:
    """The file name of a wheel under another version."""
    parts = name.split("-")
    parts[1] = version
    return "-".join(parts)


def _in_order(plan: SharedPlan, consumer: SharedConsumer) -> list[SharedLibrary]:
    """The libraries of a wheel, each after those that it needs itself."""
    wanted = set(consumer.dropped.values()) if consumer.dropped else set()
    done: list[SharedLibrary] = []

    def add(one: SharedLibrary) -> None:
        for other in _needed(plan, one):
            add(other)
        if one not in done:
            done.append(one)

    for one in plan.libraries:
        if one in wanted:
            add(one)
    return done


def _expects(
    consumer: SharedConsumer, used: Sequence[SharedLibrary], digests: dict[str, str]
) -> bytes:
    return nativelib_bytes(
        NativeLib(
            expects=tuple(
                Expected(
                    project=one.project,
                    version=str(one.version),
                    path=one.path,
                    name=one.soname,
                    sha256=digests[one.path],
                    symbols=consumer.symbols.get(one.path, ()),
                )
                for one in used
            )
        )
    )


def check_executed(plan: SharedPlan, *, unexecuted: bool) -> None:
    """Raise UsageError for formats that were never executed, unless that is accepted."""
    formats = {image.format for one in plan.libraries for image in one.kept.readable}
    other = sorted(one.value for one in formats - {BinaryFormat.ELF})
    if other and not unexecuted:
        raise UsageError(
            f"the rewriting of {' and '.join(other)} was checked by reading it again, and never "
            "executed",
            hint="`--unexecuted-platforms` does it all the same",
        )
