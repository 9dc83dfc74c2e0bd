"""The companion tier: the libraries that all wheels of a platform share, in wheels of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import trueup
from trueup.judge.expects import provided, symbols_taken
from trueup.model.document import parse_document
from trueup.model.errors import SourceError, TrueupError
from trueup.model.library import Distribution
from trueup.model.nativelib import FILENAME, Expected, NativeLib
from trueup.model.record import hex_digest
from trueup.model.split import CompanionPlan, PlatformPlan, SplitWheel
from trueup.model.watcher import Watcher
from trueup.sources.binedit.elf import ElfEdit
from trueup.sources.nativelibfile import nativelib_bytes
from trueup.sources.newwheel import write_new_wheel
from trueup.sources.packed import Packed
from trueup.sources.rewrite import Wheel, open_wheel, write_wheel
from trueup.sources.splitwheel import edited_members

__all__ = ["Written", "cut", "make_folder", "opened", "wheel_file", "write_companions"]

_TRUE_OF_BOTH = ("author", "author-email", "maintainer", "maintainer-email", "license",
                 "license-expression", "license-file", "home-page", "project-url")  # fmt: skip
"""Fields of the wheels' metadata that are true of the companion as well."""

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
    """Write the companions and all wheels of the release into a folder, each in one step.

    Each is verified by reading it again before it gets its name. Raises TrueupError with the file.
    """
    watcher = watcher or Watcher()
    companions = () if plan.reused else plan.platforms
    watcher.expect(len(companions) + len(plan.wheels))
    make_folder(folder)
    done: list[Written] = []
    for platform in companions:
        done.append(_companion(plan, platform, folder))
        watcher.done(done[-1].path.name)
    for wheel, moves in plan.wheels:
        done.append(_consumer(plan, wheel, moves, folder))
        watcher.done(done[-1].path.name)
    return tuple(done)


def make_folder(folder: Path) -> None:
    """Make the folder for the results; raises SourceError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SourceError(
            f"cannot be made: {error.strerror or error}", place=(str(folder),)
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


def _companion(plan: CompanionPlan, platform: PlatformPlan, folder: Path) -> Written:
    """The wheel of the libraries, cut out of one wheel of the platform, still compressed."""
    stem = f"{plan.companion.replace('-', '_')}-{plan.companion_version}"
    dist_info = f"{stem}.dist-info"
    target = folder / f"{stem}-py3-none-{'.'.join(platform.tags)}.whl"
    if not platform.wheels:
        files = {
            f"{dist_info}/METADATA": _companion_metadata(plan, b""),
            f"{dist_info}/WHEEL": wheel_file(platform.tags),
        }
        digest = write_new_wheel(target, dist_info, files)
    else:
        source = min(platform.wheels, key=lambda one: one.distribution.filename)
        with opened(source.distribution) as (wheel, file, scratch):
            edits = {
                name: edit
                for name, edit in _edits(source, platform.moves).items()
                if name in platform.moves
            }
            edited = edited_members(file, edits, scratch)
            digest = cut(
                wheel,
                file,
                target,
                dist_info,
                moves=platform.moves,
                edited=edited,
                files={
                    "METADATA": _companion_metadata(plan, wheel.read("METADATA") or b""),
                    "WHEEL": wheel_file(platform.tags),
                    FILENAME: _provides(source, platform.moves, edited),
                },
                copied=("licenses/", "sboms/"),
            )
    return Written(path=target, source=None, before=0, size=target.stat().st_size, sha256=digest)


def _consumer(
    plan: CompanionPlan, source: SplitWheel, moves: Mapping[str, str], folder: Path
) -> Written:
    """A wheel of the release without its libraries, under its own name."""
    path = Path(source.distribution.origin)
    target = folder / path.name
    if target.resolve() == path.resolve():
        raise SourceError(
            "would be written over itself", hint="name another folder", place=(str(path),)
        )
    with opened(source.distribution) as (wheel, file, scratch):
        edits = {name: edit for name, edit in _edits(source, moves).items() if name not in moves}
        contents: dict[str, bytes | Packed] = dict(edited_members(file, edits, scratch))
        metadata = parse_document(wheel.read("METADATA") or b"")
        required = [*metadata.values("requires-dist"), plan.requirement]
        contents[f"{wheel.dist_info}/METADATA"] = bytes(
            metadata.with_values("requires-dist", required)
        )
        dropped = set(moves)
        if moves:
            contents[f"{wheel.dist_info}/{FILENAME}"] = _expects(plan, source, moves)
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


def _edits(source: SplitWheel, moves: Mapping[str, str]) -> dict[str, ElfEdit]:
    """The search paths that name a folder whose files move, in every file that has one."""
    folders = {
        old.rpartition("/")[0]: new.rpartition("/")[0] for old, new in moves.items() if old != new
    }
    found: dict[str, ElfEdit] = {}
    for file in source.distribution.files:
        for image in file.readable:
            search = {
                entry: changed
                for entry in (*image.rpath, *image.runpath)
                if (changed := _renamed(entry, folders)) != entry
            }
            if search:
                found[file.path] = ElfEdit(search=search)
    return found


def _renamed(entry: str, folders: Mapping[str, str]) -> str:
    parts = entry.split("/")
    return "/".join(folders.get(part, part) for part in parts)


def _provides(source: SplitWheel, moves: Mapping[str, str], edited: Mapping[str, Packed]) -> bytes:
    """The record of the libraries as they are in the companion."""
    return nativelib_bytes(
        NativeLib(
            provides=tuple(
                provided(
                    file,
                    moves[file.path],
                    sha256=hex_digest(edited[file.path].digest) if file.path in edited else None,
                )
                for file in source.distribution.files
                if file.path in moves
            )
        )
    )


def _expects(plan: CompanionPlan, source: SplitWheel, moves: Mapping[str, str]) -> bytes:
    """The record of the libraries that this wheel was made against."""
    taken = symbols_taken(source.distribution)
    return nativelib_bytes(
        NativeLib(
            expects=tuple(
                Expected(
                    project=plan.companion,
                    version=str(plan.companion_version),
                    path=moves[file.path],
                    name=next((image.name for image in file.readable), None),
                    sha256=file.sha256,
                    symbols=taken.get(file.path, ()),
                )
                for file in source.distribution.files
                if file.path in moves
            )
        )
    )


def _companion_metadata(plan: CompanionPlan, original: bytes) -> bytes:
    """METADATA of the companion: licence and authors are those of the wheel it was cut from."""
    document = parse_document(original)
    lines = [
        ("Metadata-Version", next(iter(document.values("metadata-version")), "2.1")),
        ("Name", plan.companion),
        ("Version", str(plan.companion_version)),
        ("Summary", f"Shared libraries of {plan.project} {plan.version}, used by all its wheels"),
    ]
    made = parse_document("".join(f"{name}: {value}\n" for name, value in lines).encode() + b"\n")
    for field in _TRUE_OF_BOTH:
        values = document.values(field)
        if values:
            made = made.with_values(field, values)
    return bytes(made)


def wheel_file(tags: tuple[str, ...]) -> bytes:
    """The WHEEL of a wheel of libraries, for every Python of these platforms."""
    pure = "true" if tags == ("any",) else "false"
    lines = [
        "Wheel-Version: 1.0",
        f"Generator: trueup {trueup.__version__}",
        f"Root-Is-Purelib: {pure}",
        *(f"Tag: py3-none-{tag}" for tag in tags),
    ]
    return "\n".join(lines).encode() + b"\n\n"
