"""The wheels that pip and uv built here and keep, read from their caches; neither of them is run.

pip, "Caching" (wheels/xx/yy/zz/HASH/NAME.whl, and `origin.json` in the form of PEP 610); uv,
"Caching" (sdists-v*/KIND/…/REVISION/NAME.whl beside `src`, the sdist as it was unpacked).
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from packaging.version import Version

from trueup.model.artifact import Artifact, OtherName, WheelName, parse_filename
from trueup.model.errors import NotFoundError, TrueupError, UsageError
from trueup.model.metadata import Unreadable, parse_metadata
from trueup.model.wheelcache import BuiltFrom, CachedBuild
from trueup.sources.archive import reading_of_sdist, reading_of_wheel
from trueup.sources.source import Source
from trueup.sources.url import local_path, redact

__all__ = ["cached_builds", "default_wheel_caches", "read_wheel_cache", "with_published"]

_UV_BUCKETS = ("sdists-v", "built-wheels-v")
_UV_PLACES = {
    "pypi": "the default index",
    "index": "an index, with uv's key `{key}`",
    "url": "an address, with uv's key `{key}`",
    "path": "a local file or folder, with uv's key `{key}`",
    "editable": "an editable project, with uv's key `{key}`",
    "git": "a repository, with uv's key `{key}`",
}
_UV_HASH = re.compile(rb"\xa6Sha256\xd9\x40([0-9a-f]{64})")
"""A hash as uv writes it: MessagePack, the string `Sha256` and one of 64 characters."""
_PIP_MARKS = ("wheels", "http-v2", "http", "selfcheck")
_MAX_JSON = 1 << 20
_MAX_METADATA = 16 << 20


def default_wheel_caches(environ: Mapping[str, str], *, platform: str) -> tuple[Path, ...]:
    """The caches of pip and uv of this user that exist; ``platform`` as `sys.platform` names it.

    `PIP_CACHE_DIR` and `UV_CACHE_DIR` win; pip's configuration files are not read.
    """
    home = Path(environ.get("HOME") or environ.get("USERPROFILE") or Path.home())
    xdg = environ.get("XDG_CACHE_HOME", "")
    unix = Path(xdg) if xdg.startswith("/") else home / ".cache"
    if platform == "win32":
        local = Path(environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
        pip, uv = local / "pip" / "Cache", local / "uv" / "cache"
    else:
        pip = home / "Library" / "Caches" / "pip" if platform == "darwin" else unix / "pip"
        uv = unix / "uv"
    chosen = (
        Path(environ.get("PIP_CACHE_DIR") or pip),
        Path(environ.get("UV_CACHE_DIR") or uv),
    )
    return tuple(path for path in dict.fromkeys(chosen) if path.is_dir())


def cached_builds(
    folders: tuple[Path, ...],
) -> tuple[tuple[CachedBuild, ...], tuple[tuple[str, str], ...]]:
    """The builds in all these caches, sorted, and what could not be looked at, each with its reason.

    Raises UsageError for a folder that is no cache of pip or uv.
    """
    found: list[CachedBuild] = []
    failures: list[tuple[str, str]] = []
    for folder in folders:
        found += read_wheel_cache(folder, failures)
    return tuple(sorted(found, key=lambda one: (one.project, one.version, one.path))), tuple(
        failures
    )


def read_wheel_cache(folder: Path, failures: list[tuple[str, str]]) -> Iterator[CachedBuild]:
    """The builds in one cache; what cannot be read is added to ``failures``."""
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise UsageError(
            f"`{folder}` cannot be listed: {error.strerror or error}",
            hint="name the folder that `pip cache dir` or `uv cache dir` prints",
        ) from error
    buckets = [name for name in names if name.startswith(_UV_BUCKETS)]
    if not (buckets or "CACHEDIR.TAG" in names or set(names) & set(_PIP_MARKS)):
        raise UsageError(
            f"`{folder}` is no cache of pip or uv",
            expected="a folder with `wheels` or `sdists-v…` in it",
            hint="name the folder that `pip cache dir` or `uv cache dir` prints",
        )
    for path in _wheels(folder / "wheels", failures):
        build = _build("pip", path, failures)
        if build is not None:
            yield replace(build, source=_pip_source(path, folder, failures))
    for bucket in buckets:
        for path in _wheels(folder / bucket, failures):
            build = _build("uv", path, failures)
            if build is not None:
                yield replace(build, source=_uv_source(path, folder / bucket))


def _wheels(top: Path, failures: list[tuple[str, str]]) -> Iterator[Path]:
    """The wheels below a folder; not those that an unpacked wheel or sdist brings along."""

    def failed(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            failures.append((str(error.filename), f"cannot be listed: {error.strerror or error}"))

    for folder, folders, files in os.walk(top, onerror=failed):
        wheels = sorted(name for name in files if name.endswith(".whl"))
        yield from (Path(folder, name) for name in wheels)
        if wheels or "src" in folders:
            folders.clear()
        folders.sort()


def _build(tool: str, path: Path, failures: list[tuple[str, str]]) -> CachedBuild | None:
    name = parse_filename(path.name)
    if not isinstance(name, WheelName):
        reason = name.reason if isinstance(name, OtherName) else "is no wheel"
        failures.append((str(path), reason))
        return None
    artifact = Artifact(filename=path.name, url=str(path), name=name)
    try:
        with path.open("rb") as file:
            metadata = reading_of_wheel(file, artifact).metadata
    except OSError as error:
        metadata = Unreadable(reason=f"cannot be read: {error.strerror or error}")
    if isinstance(metadata, Unreadable):
        failures.append((str(path), metadata.reason))
    return CachedBuild(
        tool=tool,
        path=str(path),
        filename=path.name,
        project=name.project,
        version=str(name.version),
        tags=name.tags,
        metadata=metadata,
        source=BuiltFrom(place="not recorded"),
    )


def with_published(
    builds: Iterable[CachedBuild], source: Source
) -> tuple[tuple[CachedBuild, ...], tuple[tuple[str, str], ...]]:
    """The builds with the files of their releases, and what could not be asked, with the reason."""
    found: list[CachedBuild] = []
    failures: dict[str, str] = {}
    read: dict[tuple[str, str], CachedBuild] = {}
    for build in builds:
        key = build.project, build.version
        if key not in read:
            try:
                read[key] = _published(build, source)
            except TrueupError as error:
                failures[f"{build.project} {build.version}"] = str(error)
                read[key] = build
        known = read[key]
        found.append(
            replace(build, published=known.published, published_sdists=known.published_sdists)
        )
    return tuple(found), tuple(sorted(failures.items()))


def _published(build: CachedBuild, source: Source) -> CachedBuild:
    try:
        files = source.listing(build.project).of_version(Version(build.version))
    except NotFoundError:
        return build
    if not files:
        return build
    sdists = [file for file in files if file.is_sdist]
    hashes = [(file.filename, _hash_of(file)) for file in sdists]
    return replace(
        build,
        published=tuple((file.filename, source.read(file).metadata) for file in files),
        published_sdists=tuple((name, digest) for name, digest in hashes if digest),
    )


def _hash_of(file: Artifact) -> str | None:
    """The hash as listed, or that of the file itself where it lies in a folder."""
    if "sha256" in file.hashes:
        return file.hashes["sha256"]
    path = Path(file.url)
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
    except OSError:
        return None


# --- pip ----------------------------------------------------------------------------------------


def _pip_source(wheel: Path, cache: Path, failures: list[tuple[str, str]]) -> BuiltFrom:
    """What `origin.json` says (pip 22.2 and later write it), and the sdist if it is still here."""
    path = wheel.with_name("origin.json")
    try:
        data = json.loads(_start(path, _MAX_JSON))
        place = data["url"]
        archive = data.get("archive_info") or {}
        hashes = archive.get("hashes") or {}
        written = hashes.get("sha256") or str(archive.get("hash", "")).removeprefix("sha256=")
        vcs = data.get("vcs_info")
        commit = vcs["commit_id"] if vcs else None
        if not isinstance(place, str):
            raise TypeError("`url` is no text")
    except FileNotFoundError:
        return BuiltFrom(place="not recorded")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        failures.append((str(path), f"is no `origin.json` as pip writes it: {error}"))
        return BuiltFrom(place="not recorded")
    shown = redact(place) if commit is None else f"{redact(place)} at {commit}"
    sha256 = written if re.fullmatch("[0-9a-f]{64}", written) else None
    return _with_sdist(BuiltFrom(place=shown, sha256=sha256), place, cache)


def _with_sdist(source: BuiltFrom, place: str, cache: Path) -> BuiltFrom:
    """The source with what its sdist says: the file at a local address, or pip's copy of a page.

    Only a file with the recorded hash counts as the one that was built from.
    """
    url = urlsplit(place)
    if url.scheme == "file":
        path, known_by = local_path(place), "the file at that address"
    elif url.scheme in ("http", "https"):
        path, known_by = cache / _http_copy(place), "pip's copy of the download"
    else:
        return source
    try:
        data = path.read_bytes() if path.is_file() else None
    except OSError:
        data = None
    if data is None:
        return source
    digest = hashlib.sha256(data).hexdigest()
    now = digest if url.scheme == "file" else None
    if digest != source.sha256:
        return replace(source, now=now)
    filename = unquote(url.path).rpartition("/")[2]
    artifact = Artifact(filename=filename, url=place, name=parse_filename(filename))
    metadata = reading_of_sdist(io.BytesIO(data), artifact).metadata
    return replace(source, now=now, metadata=metadata, known_by=known_by)


def _http_copy(url: str) -> str:
    """Where pip's HTTP cache keeps the body of an address (CacheControl, separate body files)."""
    parts = urlsplit(url)
    key = urlunsplit(
        (parts.scheme.lower(), parts.netloc.lower(), parts.path or "/", parts.query, "")
    )
    digest = hashlib.sha224(key.encode()).hexdigest()
    return "/".join(("http-v2", *digest[:5], f"{digest}.body"))


# --- uv -----------------------------------------------------------------------------------------


def _uv_source(wheel: Path, bucket: Path) -> BuiltFrom:
    """What the path says, the hash in the pointer to this revision, and the unpacked sdist."""
    kind, *parts = wheel.relative_to(bucket).parts
    key = parts[0] if parts else ""
    words = _UV_PLACES.get(kind, f"`{kind}`, with uv's key `{{key}}`").format(key=key)
    if kind == "git" and len(parts) > 2:
        words += f" at `{parts[1]}`"
    source = BuiltFrom(place=words, sha256=_uv_hash(wheel.parent))
    try:
        metadata = parse_metadata(_start(wheel.parent / "src" / "PKG-INFO", _MAX_METADATA))
    except OSError:
        return source
    return replace(source, metadata=metadata, known_by="uv's unpacked sdist")


def _uv_hash(revision: Path) -> str | None:
    """The sdist's hash, if the pointer beside the revision is to this one and has one."""
    for name in ("revision.http", "revision.rev"):
        try:
            data = _start(revision.parent / name, _MAX_JSON)
        except OSError:
            continue
        # The pointer is (identifier, hashes, …); of another revision it tells nothing of this one.
        identifier = revision.name.encode()
        found = list(_UV_HASH.finditer(data))
        if identifier in data and len(found) == 1:
            return found[0][1].decode()
    return None


def _start(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        return file.read(size)
