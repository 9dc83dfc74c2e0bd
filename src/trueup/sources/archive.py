"""The metadata inside one wheel or sdist, read from an open file within limits.

What makes the whole file unusable (no archive, cut off, hostile) raises ArchiveError; what is wrong
with one part of it is that part's Unreadable. Nothing else is raised, whatever the bytes are.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from packaging.utils import canonicalize_name
from packaging.version import Version

from trueup.model.artifact import Artifact, WheelName, parse_filename
from trueup.model.declaration import Declaration, parse_declaration
from trueup.model.errors import ArchiveError, TrueupError
from trueup.model.metadata import Metadata, Unreadable, parse_metadata
from trueup.model.release import How, Reading
from trueup.sources.limits import Limits, check_size, size_text
from trueup.sources.parsed import parse_shared
from trueup.sources.plainzip import PlainZip
from trueup.sources.shown import shown
from trueup.sources.untar import Member, Untar
from trueup.sources.unzip import escapes, open_zip, read_member

__all__ = [
    "SdistContents",
    "WheelContents",
    "read_sdist",
    "read_wheel",
    "reading_of_sdist",
    "reading_of_wheel",
]

_LIMITS = Limits()
_PKG_INFO = "PKG-INFO"
_PYPROJECT = "pyproject.toml"
_MAX_DOTS = 2000
_MAX_KEPT = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelContents:
    """What a wheel says about itself.

    ``dist_info`` is the name of its dist-info folder (None: not found, or several);
    ``wheel_headers`` are the headers of its `WHEEL`, lower-cased names and unfolded values (None:
    it has no `WHEEL` that can be read).
    """

    metadata: bytes | Unreadable
    dist_info: str | None = None
    wheel_headers: Mapping[str, tuple[str, ...]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SdistContents:
    """What an sdist says about itself; ``declaration`` is None if it declares nothing."""

    pkg_info: bytes | Unreadable
    declaration: Declaration | Unreadable | None = None


def reading_of_wheel(
    file: BinaryIO,
    artifact: Artifact,
    *,
    how: How = How.FILE,
    verified: bool = False,
    limits: Limits = _LIMITS,
) -> Reading:
    """What reading the wheel gives; a file that is no sound wheel gives Unreadable metadata.

    ``how`` and ``verified`` are the caller's to know. Only what ``file`` itself raises is raised.
    """
    try:
        contents = read_wheel(file, filename=artifact.filename, limits=limits)
    except ArchiveError as error:
        return Reading(metadata=_unreadable(error), how=how, verified=verified)
    return Reading(
        metadata=_parsed(contents.metadata),
        how=how,
        verified=verified,
        dist_info=contents.dist_info,
        wheel_headers=contents.wheel_headers,
    )


def reading_of_sdist(
    file: BinaryIO,
    artifact: Artifact,
    *,
    how: How = How.FILE,
    verified: bool = False,
    limits: Limits = _LIMITS,
) -> Reading:
    """What reading the sdist gives; see :func:`reading_of_wheel` and :func:`read_sdist`."""
    try:
        contents = read_sdist(file, filename=artifact.filename, limits=limits)
    except ArchiveError as error:
        return Reading(metadata=_unreadable(error), how=how, verified=verified)
    return Reading(
        metadata=_parsed(contents.pkg_info),
        how=how,
        verified=verified,
        declaration=contents.declaration,
    )


# --- wheels -------------------------------------------------------------------------------------


def read_wheel(file: BinaryIO, *, filename: str, limits: Limits = _LIMITS) -> WheelContents:
    """Read METADATA and WHEEL of a wheel from any seekable file.

    The dist-info folder is the one at the top of the archive (binary distribution format, "The
    .dist-info directory"); those of vendored packages lie deeper. Of several the one that the file
    name names is taken. Raises ArchiveError, LimitError among them.
    """
    plain = _plain_wheel(file, filename, limits)
    return plain if plain is not None else _any_wheel(file, filename, limits)


def _plain_wheel(file: BinaryIO, filename: str, limits: Limits) -> WheelContents | None:
    """A wheel whose archive is written plainly and has both files; None for any other."""
    try:
        archive = PlainZip.open(file, limits)
        if archive is None:
            return None
        folder = _dist_info(archive.folders(".dist-info"), filename)
        if isinstance(folder, Unreadable):
            return WheelContents(metadata=folder)
        metadata = archive.read(f"{folder}/METADATA", limits.metadata)
        wheel = archive.read(f"{folder}/WHEEL", limits.wheel)
    except OSError:
        return None
    if metadata is None or wheel is None:
        return None
    return WheelContents(metadata=metadata, dist_info=folder, wheel_headers=_headers(wheel))


def _any_wheel(file: BinaryIO, filename: str, limits: Limits) -> WheelContents:
    with open_zip(file, limits) as archive:
        tops = {
            info.filename.partition("/")[0] for info in archive.infolist() if "/" in info.filename
        }
        folder = _dist_info({top for top in tops if top.endswith(".dist-info")}, filename)
        if isinstance(folder, Unreadable):
            return WheelContents(metadata=folder)
        names = {f"{folder}/METADATA": limits.metadata, f"{folder}/WHEEL": limits.wheel}
        found = {
            name: [info for info in archive.infolist() if info.filename == name] for name in names
        }
        contents: dict[str, bytes | Unreadable] = {}
        # In the order of the file, so that one that is fetched in pieces is read in one direction.
        for name in sorted(names, key=lambda name: [info.header_offset for info in found[name]]):
            contents[name] = _only_member(archive, name, found[name], names[name])
    metadata, wheel = contents[f"{folder}/METADATA"], contents[f"{folder}/WHEEL"]
    return WheelContents(
        metadata=metadata,
        dist_info=folder,
        wheel_headers=None if isinstance(wheel, Unreadable) else _headers(wheel),
    )


def _dist_info(folders: Iterable[str], filename: str) -> str | Unreadable:
    """The wheel's own dist-info folder."""
    found = sorted(folders)
    if not found:
        return Unreadable(
            reason="has no `*.dist-info` folder at its top", hint="build the wheel again"
        )
    if len(found) == 1:
        return found[0]
    name = parse_filename(filename)
    if isinstance(name, WheelName):
        fitting = [folder for folder in found if _names(folder, name)]
        if len(fitting) == 1:
            return fitting[0]
    listed = ", ".join(f"`{shown(folder)}`" for folder in found[:5])
    return Unreadable(
        reason=f"has {len(found)} dist-info folders, and not exactly one fits the file name: {listed}",
        hint="build the wheel again; installers refuse it",
    )


def _names(folder: str, name: WheelName) -> bool:
    """Whether the folder is named after the project and version, in whatever spelling."""
    project, _, version = folder.removesuffix(".dist-info").rpartition("-")
    try:
        return canonicalize_name(project) == name.project and Version(version) == name.version
    except ValueError:
        return False


def _only_member(
    archive: zipfile.ZipFile, name: str, found: list[zipfile.ZipInfo], limit: int
) -> bytes | Unreadable:
    if not found:
        return Unreadable(reason=f"has no `{shown(name)}`", hint="build it again")
    if len(found) > 1:
        return Unreadable(
            reason=f"holds `{shown(name)}` {len(found)} times",
            hint="build it again; which of them counts depends on the installer",
        )
    try:
        return read_member(archive, found[0], limit)
    except ArchiveError as error:
        return _unreadable(error)


def _headers(data: bytes) -> Mapping[str, tuple[str, ...]] | None:
    parsed = parse_metadata(data)
    return None if isinstance(parsed, Unreadable) else parsed.fields


# --- sdists -------------------------------------------------------------------------------------


def read_sdist(stream: BinaryIO, *, filename: str, limits: Limits = _LIMITS) -> SdistContents:
    """Read PKG-INFO and the declaration in `pyproject.toml` of an sdist.

    A tar archive is read forward only, and no further than both files: ``stream`` need not be
    seekable. A zip archive must be. Where PKG-INFO comes first, `pyproject.toml` is looked for in
    the next ``limits.after_pkg_info`` bytes; if there are more, the declaration is Unreadable, for
    nobody knows whether there is one.

    Both count only directly in the top folder (source distribution format, PEP 517). A legacy sdist
    that has nothing but `*.egg-info/PKG-INFO` is Unreadable: that is setuptools's working file, it
    may belong to anything that lies in the tree, and no standard gives it a meaning. Raises
    ArchiveError, LimitError among them.
    """
    if filename.endswith(".zip"):
        return _zip_sdist(stream, limits)
    return _tar_sdist(stream, limits)


def _zip_sdist(file: BinaryIO, limits: Limits) -> SdistContents:
    found = _Found(limits)
    with open_zip(file, limits) as archive:
        entries: dict[str, list[zipfile.ZipInfo]] = {}
        for info in archive.infolist():
            if not info.is_dir() and found.wants(info.filename):
                entries.setdefault(info.filename, []).append(info)
        for name, infos in entries.items():
            found.keep(name, _only_member(archive, name, infos, found.limit(name)))
    return SdistContents(pkg_info=found.pkg_info(), declaration=found.declaration())


def _tar_sdist(stream: BinaryIO, limits: Limits) -> SdistContents:
    found = _Found(limits)
    archive = Untar(stream, limits)
    last: int | None = None
    try:
        while not found.complete and (member := archive.next()) is not None:
            if escapes(member.name):
                raise ArchiveError(
                    f"holds a path that leads out of it: `{shown(member.name)}`",
                    hint="installers refuse such a file, and so should you",
                )
            if found.wants(member.name):
                found.keep(member.name, _content(archive, member, found.limit(member.name)))
            if last is None and found.has_pkg_info:
                last = archive.position + limits.after_pkg_info
            if last is not None and archive.position > last and not found.complete:
                found.stopped = Unreadable(
                    reason=f"was not met in the {size_text(limits.after_pkg_info)} after "
                    "`PKG-INFO`, and the rest was not read",
                    hint="put `pyproject.toml` before large files, as in sorted archives",
                )
                break
    except ArchiveError as error:
        # What was read before the damage stands; only what was not found yet is unknown.
        if not found.has_pkg_info:
            raise
        found.stopped = _unreadable(error)
    return SdistContents(pkg_info=found.pkg_info(), declaration=found.declaration())


def _content(archive: Untar, member: Member, limit: int) -> bytes | Unreadable:
    name = f"`{shown(member.name)}`"
    if member.kind:
        return Unreadable(reason=f"{name} is {member.kind}, not an ordinary file")
    try:
        check_size(name, member.size, limit)
    except ArchiveError as error:
        return _unreadable(error)
    return archive.read(member)


class _Found:
    """What was found of PKG-INFO and `pyproject.toml` directly below the top folders."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._files: dict[tuple[str, str], bytes | Unreadable] = {}
        self._kept = 0
        self._elsewhere: str | None = None
        self.stopped: Unreadable | None = None
        """Why the search ended before the archive did."""

    @property
    def has_pkg_info(self) -> bool:
        return any(name == _PKG_INFO for _, name in self._files)

    @property
    def complete(self) -> bool:
        """Whether more of the archive can add nothing."""
        return any(
            name == _PKG_INFO
            and (isinstance(content, Unreadable) or (top, _PYPROJECT) in self._files)
            for (top, name), content in self._files.items()
        )

    def wants(self, path: str) -> bool:
        parts = _parts(path)
        if parts[-1:] == [_PKG_INFO] and len(parts) != 2 and self._elsewhere is None:
            self._elsewhere = path
        return len(parts) == 2 and parts[1] in (_PKG_INFO, _PYPROJECT)

    def limit(self, path: str) -> int:
        return self._limits.metadata if path.endswith(_PKG_INFO) else self._limits.pyproject

    def keep(self, path: str, content: bytes | Unreadable) -> None:
        top, name = _parts(path)
        if (top, name) in self._files and self._files[top, name] != content:
            content = Unreadable(
                reason=f"holds `{shown(path)}` more than once, with different contents",
                hint="build it again; which of them counts depends on the installer",
            )
        self._files[top, name] = content
        self._kept += 1
        if self._kept > _MAX_KEPT:
            raise ArchiveError(
                f"is no sdist: it holds more than {_MAX_KEPT} of `{_PKG_INFO}` and `{_PYPROJECT}`",
                hint="build the sdist again",
            )

    def pkg_info(self) -> bytes | Unreadable:
        tops = sorted(top for top, name in self._files if name == _PKG_INFO)
        if len(tops) == 1:
            return self._files[tops[0], _PKG_INFO]
        if tops:
            listed = ", ".join(f"`{shown(top)}/{_PKG_INFO}`" for top in tops)
            return Unreadable(reason=f"has more than one `PKG-INFO`: {listed}")
        reason = "has no `PKG-INFO` in its top folder"
        if self._elsewhere is not None:
            reason += f" (`{shown(self._elsewhere)}` does not count)"
        return Unreadable(reason=reason, hint="build the sdist again, with a current build backend")

    def declaration(self) -> Declaration | Unreadable | None:
        tops = {top for top, name in self._files if name == _PKG_INFO}
        for (top, name), content in self._files.items():
            if name == _PYPROJECT and (not tops or top in tops):
                return content if isinstance(content, Unreadable) else _declaration(content)
        return self.stopped


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


def _declaration(data: bytes) -> Declaration | Unreadable | None:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return Unreadable(reason=f"is not UTF-8 at line {line}", hint="TOML files are UTF-8")
    if any(line.count(".") > _MAX_DOTS for line in text.split("\n")):
        # `tomllib` takes quadratic time for dotted keys: half a minute for one of 80 kB.
        return Unreadable(reason=f"has a line with more than {_MAX_DOTS:,} dots")
    try:
        return parse_declaration(text)
    except TrueupError as error:
        return _unreadable(error)
    except RecursionError:
        return Unreadable(reason="is not valid TOML: it is nested too deeply")
    except ValueError as error:
        if "integer string conversion" in str(error):
            return Unreadable(reason="is not valid TOML: it holds a number of too many digits")
        return Unreadable(reason=f"is not valid TOML: {shown(str(error))}")


# --- both ---------------------------------------------------------------------------------------


def _parsed(data: bytes | Unreadable) -> Metadata | Unreadable:
    return data if isinstance(data, Unreadable) else parse_shared(data)


def _unreadable(error: TrueupError) -> Unreadable:
    return Unreadable(reason=str(error), hint=error.hint)
