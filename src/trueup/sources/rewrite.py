"""A wheel with other metadata: METADATA, WHEEL, RECORD and their like replaced, the rest kept.

Nothing is decompressed but what is replaced, so the cost is that of a copy.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping, Set
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from packaging.version import Version

from trueup.model.errors import ArchiveError, SourceError
from trueup.model.metadata import Unreadable
from trueup.model.record import Record, hash_of, parse_record, record_digest
from trueup.sources.archive import read_wheel
from trueup.sources.limits import Limits
from trueup.sources.output import replacing
from trueup.sources.packed import Packed
from trueup.sources.recipe import CHUNK, Recipe
from trueup.sources.shown import shown
from trueup.sources.splice import Changes, entries, splice
from trueup.sources.unzip import open_zip, read_member

__all__ = ["SIGNATURES", "Rewrite", "Wheel", "open_wheel", "write_wheel"]

_LIMITS = Limits()
SIGNATURES = ("RECORD.jws", "RECORD.p7s")
"""Signatures of a RECORD, which no longer holds once it changes; PEP 815 abolishes them."""


@dataclass(frozen=True, kw_only=True)
class Rewrite:
    """How a wheel becomes another: the recipe, and what stands in the result that was not there.

    ``contents`` are the new members by name, ``names`` all members, ``notes`` what is worth saying.
    """

    recipe: Recipe
    contents: Mapping[str, bytes | Packed]
    names: frozenset[str]
    record: str
    notes: tuple[str, ...] = ()


class Wheel:
    """An open wheel whose dist-info can be read and rewritten; the file stays the caller's.

    Raises ArchiveError for a file that is no sound wheel: no archive, hostile (the limits are those
    of reading), ambiguous, or without METADATA, WHEEL or RECORD.
    """

    def __init__(self, file: BinaryIO, filename: str, *, limits: Limits = _LIMITS) -> None:
        self._file = file
        self._limits = limits
        contents = read_wheel(file, filename=filename, limits=limits)
        if isinstance(contents.metadata, Unreadable):
            raise ArchiveError(contents.metadata.reason, hint=contents.metadata.hint)
        assert contents.dist_info is not None  # without one there is no METADATA
        self.dist_info = contents.dist_info
        self._archive = open_zip(file, limits)
        self._entries = entries(file, self._archive)
        self._files = {
            entry.info.filename.removeprefix(f"{self.dist_info}/"): entry.info
            for entry in self._entries
            if entry.info.filename.startswith(f"{self.dist_info}/")
        }
        self._known: dict[str, bytes] = {"METADATA": contents.metadata}
        for name in ("WHEEL", "RECORD"):
            if self.read(name) is None:
                raise ArchiveError(
                    f"has no `{shown(self.dist_info)}/{name}`",
                    hint="build it again; installers refuse it",
                )
        _ = self.record

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of all members."""
        return frozenset(entry.info.filename for entry in self._entries)

    @property
    def dist_info_files(self) -> frozenset[str]:
        """The names of the files in the dist-info folder, relative to it."""
        return frozenset(name for name in self._files if name)

    def read(self, name: str) -> bytes | None:
        """A file of the dist-info folder; None if there is none of that name."""
        if name not in self._known:
            if name not in self._files:
                return None
            # A RECORD grows with the members, all others are small.
            limit = self._limits.directory if name == "RECORD" else self._limits.metadata
            self._known[name] = read_member(self._archive, self._files[name], limit)
        return self._known[name]

    def member(self, name: str) -> bytes:
        """The bytes of any member, of the size of a text file; raises ArchiveError and KeyError."""
        info = next(entry.info for entry in self._entries if entry.info.filename == name)
        return read_member(self._archive, info, self._limits.metadata)

    @cached_property
    def record(self) -> Record:
        """Its RECORD; raises ArchiveError if that is none."""
        data = self.read("RECORD")
        assert data is not None  # __init__ saw to it
        try:
            return parse_record(data)
        except ValueError as error:
            raise ArchiveError(f"its RECORD cannot be read: {error}") from error

    def rewrite(
        self, files: Mapping[str, bytes | None], *, version: Version | None = None
    ) -> Rewrite:
        """The wheel with these files in its dist-info (None: without), and under another version.

        ``files`` are named relative to the dist-info folder; RECORD is made to fit. ``version``
        renames the dist-info and data folders; the caller changes the METADATA.
        """
        folder = self.dist_info
        renamed = {} if version is None else self.renamed_for(version)
        if renamed and version is not None:
            folder = self.dist_info_for(version)
        return self.changed(
            contents={f"{folder}/{name}": data for name, data in files.items() if data is not None},
            dropped={f"{self.dist_info}/{name}" for name, data in files.items() if data is None},
            renamed=renamed,
            dist_info=folder,
        )

    def changed(
        self,
        *,
        contents: Mapping[str, bytes | Packed],
        dropped: Set[str] = frozenset(),
        renamed: Mapping[str, str] | None = None,
        dist_info: str | None = None,
    ) -> Rewrite:
        """The wheel with other members; RECORD is made to fit, signatures of it are dropped.

        ``contents`` are new bytes by new member name, ``dropped`` old names (those that are not
        there do not matter), ``renamed`` old names to new ones, ``dist_info`` the new name of the
        dist-info folder.
        """
        record = f"{dist_info or self.dist_info}/RECORD"
        signatures = [name for name in SIGNATURES if name in self._files]
        gone = dropped | {f"{self.dist_info}/{name}" for name in signatures}
        gone &= self.names
        renamed = {old: new for old, new in (renamed or {}).items() if old not in gone}
        stamps = {
            name: data.stamp if isinstance(data, Packed) else data
            for name, data in contents.items()
        }
        rows = self.record.changed(contents=stamps, dropped=gone, renamed=renamed, last=record)
        whole: dict[str, bytes | Packed] = {**contents, record: bytes(rows)}
        changes = Changes(contents=whole, dropped=frozenset(gone), renamed=renamed, before=record)
        kept = {renamed.get(name, name) for name in self.names - gone}
        return Rewrite(
            recipe=splice(self._file, self._archive, self._entries, changes),
            contents=whole,
            names=frozenset(kept | whole.keys()),
            record=record,
            notes=(*_dropped_note(signatures), *self._notes()),
        )

    @property
    def _stem(self) -> str:
        return self.dist_info.removesuffix(".dist-info").rpartition("-")[0]

    def dist_info_for(self, version: Version) -> str:
        """The name of the dist-info folder under another version."""
        return f"{self._stem}-{version}.dist-info"

    def renamed_for(self, version: Version) -> dict[str, str]:
        """Old names to new ones for everything in the folders that carry the version."""
        old = self.dist_info.removesuffix(".dist-info")
        new = f"{self._stem}-{version}"
        found: dict[str, str] = {}
        for name in self.names:
            top, slash, rest = name.partition("/")
            for suffix in (".dist-info", ".data"):
                if top == f"{old}{suffix}" and slash and new != old:
                    found[name] = f"{new}{suffix}/{rest}"
        return found

    def _notes(self) -> tuple[str, ...]:
        listed = set(self.record.paths)
        signed = {f"{self.dist_info}/{name}" for name in SIGNATURES}
        missing = {name for name in self.names - listed - signed if not name.endswith("/")}
        if not missing:
            return ()
        count = "1 member" if len(missing) == 1 else f"{len(missing)} members"
        example = shown(min(missing))
        return (f"its RECORD did not list {count} before, `{example}` among them; that stays",)


def _dropped_note(signatures: list[str]) -> tuple[str, ...]:
    if not signatures:
        return ()
    names = " and ".join(f"`{name}`" for name in signatures)
    return (f"{names} is dropped: a signature of the old RECORD cannot hold",)


def open_wheel(path: Path) -> BinaryIO:
    """The file of a wheel, opened; raises SourceError."""
    try:
        return path.open("rb")
    except OSError as error:
        raise SourceError(
            f"cannot be opened: {error.strerror or error}", place=(str(path),)
        ) from error


def write_wheel(
    original: BinaryIO, rewrite: Rewrite, target: Path, *, limits: Limits = _LIMITS
) -> str:
    """Write the new wheel, verify it, and only then give it its name; returns its sha256.

    ``target`` may be the original itself, and a link stays a link; ``original`` is closed. Raises
    SourceError if it cannot be written, ArchiveError if what was written does not stand the
    verification (then nothing has changed).
    """
    digest = hashlib.sha256()
    try:
        with replacing(target.resolve()) as file, ThreadPoolExecutor(1, "trueup-hash") as pool:
            hashed: Future[None] | None = None
            for chunk in rewrite.recipe.render(original):
                # One chunk is hashed while it is written: both leave the interpreter free.
                if hashed is not None:
                    hashed.result()
                hashed = pool.submit(digest.update, chunk)
                file.write(chunk)
            pool.shutdown()
            _verify(file, rewrite, limits)
            # Windows replaces no file that is open, and this may be the one to be replaced.
            original.close()
    except OSError as error:
        raise SourceError(
            f"cannot be written: {error.strerror or error}", place=(str(target),)
        ) from error
    return digest.hexdigest()


def _verify(file: BinaryIO, rewrite: Rewrite, limits: Limits) -> None:
    """Read the result as an installer would: its members, the new ones' bytes, and RECORD."""
    file.flush()
    with open_zip(file, limits) as archive:
        found = {entry.info.filename: entry.info for entry in entries(file, archive)}
        if found.keys() != rewrite.names:
            raise ArchiveError("the rewritten wheel holds other members than it should")
        for name, data in rewrite.contents.items():
            if not _holds(archive, found[name], data, limits):
                raise ArchiveError(f"the rewritten wheel holds another `{shown(name)}`")
    record = rewrite.contents[rewrite.record]
    assert isinstance(record, bytes)
    rows = {row.path: row for row in parse_record(record).rows}
    for name, data in rewrite.contents.items():
        row = rows.get(name)
        wanted = ("", "") if name == rewrite.record else _row_of(data)
        if row is None or (name != rewrite.record and (row.digest, row.size) != wanted):
            raise ArchiveError(f"the rewritten RECORD does not fit `{shown(name)}`")


def _holds(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, data: bytes | Packed, limits: Limits
) -> bool:
    """Whether a member's bytes are those that were meant."""
    if isinstance(data, bytes):
        return read_member(archive, info, max(limits.metadata, limits.directory)) == data
    digest = hashlib.sha256()
    with archive.open(info) as member:
        while chunk := member.read(CHUNK):
            digest.update(chunk)
    return data.digest == record_digest(digest.digest()) and info.file_size == data.size


def _row_of(data: bytes | Packed) -> tuple[str, str]:
    return (
        (hash_of(data), str(len(data)))
        if isinstance(data, bytes)
        else (data.digest, str(data.size))
    )
