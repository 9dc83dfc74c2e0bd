"""The companion tier: the libraries that all wheels of a platform share, in wheels of their own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import trueup
from trueup.judge.companion import bundle_folder
from trueup.judge.expects import provided, symbols_taken
from trueup.model.document import is_line, parse_document
from trueup.model.errors import SourceError, TrueupError
from trueup.model.library import Distribution
from trueup.model.nativelib import FILENAME, Expected, NativeLib
from trueup.model.record import hex_digest
from trueup.model.split import CompanionPlan, PlatformPlan, SplitWheel
from trueup.model.watcher import Watcher
from trueup.sources.binedit.elf import ElfEdit
from trueup.sources.nativelibfile import nativelib_bytes
from trueup.sources.packed import Packed
from trueup.sources.rewrite import Wheel, open_wheel, write_wheel
from trueup.sources.splitwheel import edited_members, member_names

__all__ = [
    "Written",
    "cut",
    "licences",
    "new_metadata",
    "opened",
    "staged",
    "wheel_file",
    "write_companions",
]

_TRUE_OF_BOTH = ("author", "author-email", "maintainer", "maintainer-email", "license",
                 "license-expression", "license-file", "home-page", "project-url")  # fmt: skip
"""Fields of the wheels' metadata that are true of the companion as well."""

_METADATA_VERSION = re.compile(r"\d\.\d", re.ASCII)
_GRAFTED = "sboms/auditwheel.cdx.json"
"""What auditwheel says of the libraries that it put into a wheel; it goes where they go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One wheel that was written: from which one (None: it is a companion), sizes in bytes."""

    path: Path
    source: Path | None
    before: int
    size: int
    sha256: str
    notes: tuple[str, ...] = ()


def write_companions(
    plan: CompanionPlan, folder: Path, *, watcher: Watcher | None = None
) -> tuple[Written, ...]:
    """Write the companions and all wheels of the release into a folder, or none of them.

    Each is verified by reading it again before it gets its name. Raises TrueupError with the file.
    """
    watcher = watcher or Watcher()
    for wheel, _ in plan.wheels:
        _elsewhere(Path(wheel.distribution.origin), folder)
    companions = () if plan.reused else plan.platforms
    watcher.expect(len(companions) + len(plan.wheels))
    digests: dict[str, str] = {}
    done: list[Written] = []
    with staged(folder, done) as stage:
        for platform in companions:
            done.append(_companion(plan, platform, stage, digests))
            watcher.done(done[-1].path.name)
        for wheel, moves in plan.wheels:
            done.append(_consumer(plan, wheel, moves, stage, digests))
            watcher.done(done[-1].path.name)
    return tuple(done)


def _elsewhere(source: Path, folder: Path) -> None:
    if source.parent.resolve() == folder.resolve():
        raise SourceError(
            "lies in the folder for the results, which have the same names",
            hint="name another folder",
            place=(str(source),),
        )


@contextmanager
def staged(folder: Path, done: list[Written]) -> Iterator[Path]:
    """A folder inside of that for the results; after the block what is ``done`` moves up from it.

    If the block raises nothing has changed. Raises SourceError.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".trueup-split-", dir=folder) as stage:
            yield Path(stage)
            for number, one in enumerate(done):
                done[number] = replace(one, path=one.path.replace(folder / one.path.name))
    except OSError as error:
        raise SourceError(
            f"cannot be written to: {error.strerror or error}", place=(str(folder),)
        ) from error


@contextmanager
def opened(source: Distribution) -> Iterator[tuple[Wheel, BinaryIO, Path]]:
    """The wheel, its file, and a folder for what is changed; errors name the wheel."""
    path = Path(source.origin)
    try:
        with open_wheel(path) as file, TemporaryDirectory(prefix="trueup-split-") as scratch:
            yield Wheel(file, path.name), file, Path(scratch)
    except TrueupError as error:
        raise error.within(str(path)) from error


def cut(
    wheel: Wheel,
    file: BinaryIO,
    target: Path,
    dist_info: str,
    *,
    moves: Mapping[str, str],
    edited: Mapping[str, Packed],
    files: Mapping[str, bytes],
    copied: tuple[str, ...],
) -> str:
    """Write a wheel of these members of another one, still compressed; returns its sha256.

    ``moves`` maps members to their new names, ``edited`` those that change to their new contents;
    ``files`` are those of the new dist-info folder, ``copied`` folders of the old one that are
    taken along.
    """
    renamed = dict(moves)
    for name in wheel.dist_info_files:
        if name == "RECORD" or name.startswith(copied):
            renamed[f"{wheel.dist_info}/{name}"] = f"{dist_info}/{name}"
    contents: dict[str, bytes | Packed] = {moves[name]: data for name, data in edited.items()}
    contents |= {f"{dist_info}/{name}": data for name, data in files.items()}
    rewrite = wheel.changed(
        contents=contents,
        dropped=wheel.names - renamed.keys(),
        renamed=renamed,
        dist_info=dist_info,
    )
    return write_wheel(file, rewrite, target)


def _companion(
    plan: CompanionPlan, platform: PlatformPlan, folder: Path, digests: dict[str, str]
) -> Written:
    """The wheel of the libraries, cut out of one wheel of the platform, still compressed.

    ``digests`` gets the sha256 of libraries that change on the way, by that of what they were.
    """
    stem = f"{plan.companion.replace('-', '_')}-{plan.companion_version}"
    dist_info = f"{stem}.dist-info"
    target = folder / f"{stem}-py3-none-{'.'.join(platform.tags)}.whl"
    # The companion without libraries gets its authors and licences from a wheel as well.
    source = min(platform.wheels or plan.plain, key=lambda one: one.distribution.filename)
    with opened(source.distribution) as (wheel, file, scratch):
        edits = _edits(source, platform.moves, wheel.names)
        edited = edited_members(
            file, {name: edit for name, edit in edits.items() if name in platform.moves}, scratch
        )
        digests |= {source.bundled[name]: hex_digest(new.digest) for name, new in edited.items()}
        original = wheel.read("METADATA") or b""
        files = {
            "METADATA": _companion_metadata(plan, original),
            "WHEEL": wheel_file(platform.tags, pure=platform.pure),
        }
        if platform.moves:
            files[FILENAME] = _provides(source, platform.moves, digests)
        sha256 = cut(
            wheel,
            file,
            target,
            dist_info,
            moves=platform.moves,
            edited=edited,
            files=files,
            copied=(*(("sboms/",) if platform.moves else ()), *licences(original)),
        )
    return _written(target, sha256)


def _written(target: Path, sha256: str) -> Written:
    return Written(path=target, source=None, before=0, size=target.stat().st_size, sha256=sha256)


def licences(metadata: bytes) -> tuple[str, ...]:
    """Where the licences of a wheel lie in its dist-info folder: before 2.4 right in it."""
    return ("licenses/", *filter(None, parse_document(metadata).values("license-file")))


def _consumer(
    plan: CompanionPlan,
    source: SplitWheel,
    moves: Mapping[str, str],
    folder: Path,
    digests: Mapping[str, str],
) -> Written:
    """A wheel of the release without its libraries, under its own name."""
    path = Path(source.distribution.origin)
    target = folder / path.name
    with opened(source.distribution) as (wheel, file, scratch):
        edits = _edits(source, moves, wheel.names)
        contents: dict[str, bytes | Packed] = dict(
            edited_members(
                file, {name: edit for name, edit in edits.items() if name not in moves}, scratch
            )
        )
        metadata = parse_document(wheel.read("METADATA") or b"")
        required = [*metadata.values("requires-dist"), plan.requirement]
        contents[f"{wheel.dist_info}/METADATA"] = bytes(
            metadata.with_values("requires-dist", required)
        )
        dropped = set(moves)
        if moves:
            contents[f"{wheel.dist_info}/{FILENAME}"] = _expects(plan, source, moves, digests)
            dropped.add(f"{wheel.dist_info}/{_GRAFTED}")
        rewrite = wheel.changed(contents=contents, dropped=frozenset(dropped))
        digest = write_wheel(file, rewrite, target)
    return Written(
        path=target,
        source=path,
        before=path.stat().st_size,
        size=target.stat().st_size,
        sha256=digest,
        notes=rewrite.notes,
    )


def _edits(
    source: SplitWheel, moves: Mapping[str, str], names: Iterable[str]
) -> dict[str, ElfEdit]:
    """The search paths that name a folder whose files move, in every member that has one."""
    folders = {
        folder: new[: len(folder)]
        for old, new in moves.items()
        if old != new and (folder := bundle_folder(old)) is not None
    }
    members = member_names(names, source.distribution.tags)
    found: dict[str, ElfEdit] = {}
    for file in source.distribution.files:
        for image in file.readable:
            search = {
                entry: changed
                for entry in (*image.rpath, *image.runpath)
                if (changed := _renamed(entry, folders)) != entry
            }
            if search:
                found[members[file.path]] = ElfEdit(search=search)
    return found


def _renamed(entry: str, folders: Mapping[str, str]) -> str:
    parts = entry.split("/")
    return "/".join(folders.get(part, part) for part in parts)


def _provides(source: SplitWheel, moves: Mapping[str, str], digests: Mapping[str, str]) -> bytes:
    """The record of the libraries as they are in the companion."""
    return nativelib_bytes(
        NativeLib(
            provides=tuple(
                provided(file, moves[file.path], sha256=digests.get(file.sha256))
                for file in source.distribution.files
                if file.path in moves
            )
        )
    )


def _expects(
    plan: CompanionPlan,
    source: SplitWheel,
    moves: Mapping[str, str],
    digests: Mapping[str, str],
) -> bytes:
    """The record of the libraries that this wheel was made against."""
    taken = symbols_taken(source.distribution)
    before = source.distribution.nativelib
    return nativelib_bytes(
        NativeLib(
            expects=(before.expects if before else ())
            + tuple(
                Expected(
                    project=plan.companion,
                    version=str(plan.companion_version),
                    path=moves[file.path],
                    name=next((image.name for image in file.readable), None),
                    sha256=digests.get(file.sha256, file.sha256),
                    symbols=taken.get(file.path, ()),
                )
                for file in source.distribution.files
                if file.path in moves
            )
        )
    )


def _companion_metadata(plan: CompanionPlan, original: bytes) -> bytes:
    """METADATA of the companion: licence and authors are those of the wheel it was cut from."""
    headers = [
        f"Name: {plan.companion}",
        f"Version: {plan.companion_version}",
        f"Summary: Shared libraries of {plan.project} {plan.version}, used by all its wheels",
    ]
    return new_metadata(original, headers, _TRUE_OF_BOTH)


def new_metadata(original: bytes, headers: Sequence[str], fields: Sequence[str]) -> bytes:
    """A METADATA with these headers, and with ``fields`` (lower-cased) of another one."""
    document = parse_document(original)
    versions = filter(_METADATA_VERSION.fullmatch, document.values("metadata-version"))
    lines = [f"Metadata-Version: {next(versions, '2.1')}", *headers]
    made = parse_document(("\n".join(lines) + "\n\n").encode())
    for field in fields:
        # One that is empty, or has a control character in it, says nothing of the new wheel.
        if values := [text for text in document.values(field) if is_line(text)]:
            made = made.with_values(field, values)
    return bytes(made)


def wheel_file(tags: tuple[str, ...], *, pure: bool = False) -> bytes:
    """The WHEEL of a wheel of libraries, for every Python of these platforms."""
    lines = [
        "Wheel-Version: 1.0",
        f"Generator: trueup {trueup.__version__}",
        f"Root-Is-Purelib: {str(pure).lower()}",
        *(f"Tag: py3-none-{tag}" for tag in tags),
    ]
    return "\n".join(lines).encode() + b"\n\n"
