"""Is a lock right on a machine? By `packaging` and the files themselves, and nothing else.

`packaging.pylock.Pylock.select` says what is installed; the metadata inside those very files says
what has to be there. Nothing is installed, and nothing of the project is imported.

- OK: everything that is asked for is there, and fits;
- WRONG: the lock installs something else than its files ask for;
- REFUSED: nothing is installed, and the installer (or whoever wrote the lock) says so.

Not judged: addresses, groups, and what a build would add to an sdist's own PKG-INFO.
"""

from __future__ import annotations

import email
import hashlib
import tarfile
import tomllib
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from email.message import Message
from enum import Enum
from functools import lru_cache
from itertools import product
from pathlib import Path

from packaging.markers import Marker
from packaging.pylock import Package, Pylock, PylockSelectError, PylockValidationError
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag
from packaging.utils import (
    NormalizedName,
    canonicalize_name,
    parse_wheel_filename,
)
from packaging.version import Version

from tests.scenarios.machines import Machine

__all__ = [
    "Judgement",
    "OwnMetadata",
    "Verdict",
    "answerable",
    "choose",
    "judge",
    "judge_without_lock",
    "own_metadata",
    "read_lock",
]


class Verdict(Enum):
    OK = "ok"
    WRONG = "wrong"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a lock does on a machine; ``reasons`` say what is wrong, or why it is refused."""

    verdict: Verdict
    reasons: tuple[str, ...] = ()
    files: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnMetadata:
    """What one file says of itself."""

    project: NormalizedName
    version: Version
    requires: tuple[Requirement, ...]
    extras: frozenset[NormalizedName]
    python: SpecifierSet


# --- the files ----------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def own_metadata(path: Path) -> OwnMetadata:
    """Read METADATA from a wheel, or PKG-INFO from an sdist (`.tar.gz`)."""
    message = email.message_from_bytes(_metadata_bytes(path))
    return OwnMetadata(
        project=canonicalize_name(message["Name"]),
        version=Version(message["Version"]),
        requires=tuple(Requirement(line) for line in _all(message, "Requires-Dist")),
        extras=frozenset(canonicalize_name(line) for line in _all(message, "Provides-Extra")),
        python=SpecifierSet(message["Requires-Python"] or ""),
    )


def _all(message: Message, name: str) -> list[str]:
    return [str(value) for value in message.get_all(name) or ()]


def _metadata_bytes(path: Path) -> bytes:
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as archive:
            (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
            return archive.read(name)
    with tarfile.open(path) as archive:
        (member,) = (m for m in archive.getmembers() if m.name.endswith("/PKG-INFO"))
        stream = archive.extractfile(member)
        assert stream is not None
        return stream.read()


@lru_cache(maxsize=4096)
def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _tags(filename: str) -> frozenset[Tag] | None:
    """The tags of a wheel, None for an sdist."""
    return parse_wheel_filename(filename)[3] if filename.endswith(".whl") else None


# --- what a machine takes -----------------------------------------------------------------------


def read_lock(path: Path) -> Pylock:
    """Read and validate a pylock.toml; raises PylockValidationError."""
    return Pylock.from_dict(tomllib.loads(path.read_text("utf-8")))


def choose(package: Package, machine: Machine) -> frozenset[str]:
    """The files of an entry that an installer may take on the machine.

    All wheels of the best rank: among them pip takes the first of the list and uv the highest
    build number. If no wheel fits, the sdist, if there is one.
    """
    best: set[str] = set()
    for order in machine.orders:
        best |= _best([item.filename for item in package.wheels or ()], order)
    if best:
        return frozenset(best)
    if package.archive is not None:
        return frozenset({_filename(package.archive.url or package.archive.path or "")})
    return frozenset({package.sdist.filename}) if package.sdist is not None else frozenset()


def _best(wheels: Sequence[str], order: Sequence[Tag]) -> set[str]:
    """The wheels of the best rank in an order of tags, none if no wheel fits."""
    ranks = {tag: rank for rank, tag in reversed(list(enumerate(order)))}
    found: dict[str, int] = {}
    for name in wheels:
        fitting = [ranks[tag] for tag in parse_wheel_filename(name)[3] if tag in ranks]
        if fitting:
            found[name] = min(fitting)
    return {name for name, rank in found.items() if rank == min(found.values())}


def _filename(location: str) -> str:
    return location.partition("#")[0].rpartition("/")[2]


# --- the judgement ------------------------------------------------------------------------------


def judge_without_lock(why: str) -> Judgement:
    """No lock was written: that is loud."""
    return Judgement(verdict=Verdict.REFUSED, reasons=(why,))


def judge(
    lock: Path,
    files: Path,
    roots: Iterable[str],
    machine: Machine,
    *,
    withdrawn: frozenset[str] = frozenset(),
) -> Judgement:
    """What the lock does on the machine, for a user who wants ``roots``.

    ``files`` is the folder that holds every file of the index; ``withdrawn`` are the names of
    those that were yanked, which nobody should be given.
    """
    try:
        pylock = read_lock(lock)
    except (PylockValidationError, tomllib.TOMLDecodeError) as error:
        return Judgement(verdict=Verdict.REFUSED, reasons=(f"no valid lock: {error}",))
    walk = _Walk(files=files, machine=machine, withdrawn=withdrawn)
    twice = walk.live_twice(pylock)
    if twice and _claims(pylock, machine):
        return Judgement(verdict=Verdict.WRONG, reasons=tuple(twice))
    try:
        selected = list(pylock.select(environment=dict(machine.environment), tags=machine.tags))  # type: ignore[arg-type]
    except PylockSelectError as error:
        return judge_without_lock(str(error))
    for package, _ in selected:
        walk.install(package)
    walk.follow([Requirement(root) for root in roots])
    verdict = Verdict.WRONG if walk.reasons else Verdict.OK
    names = frozenset(name for chosen in walk.chosen.values() for name in chosen)
    return Judgement(verdict=verdict, reasons=tuple(dict.fromkeys(walk.reasons)), files=names)


def _claims(pylock: Pylock, machine: Machine) -> bool:
    """Whether the machine is one that the lock is for."""
    if pylock.environments and not any(_holds(m, machine) for m in pylock.environments):
        return False
    python = machine.environment["python_full_version"]
    return pylock.requires_python is None or pylock.requires_python.contains(python)


@dataclass(slots=True, kw_only=True)
class _Walk:
    files: Path
    machine: Machine
    withdrawn: frozenset[str]
    chosen: dict[NormalizedName, dict[str, OwnMetadata]] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)

    def live_twice(self, pylock: Pylock) -> list[str]:
        """Entries of one name that are live together: nobody can say which one is meant."""
        environment: dict[str, str | frozenset[str]] = dict(self.machine.environment)
        environment["extras"] = frozenset()
        environment["dependency_groups"] = frozenset(pylock.default_groups or ())
        live: dict[str, int] = {}
        for package in pylock.packages:
            if package.marker is None or package.marker.evaluate(environment, context="lock_file"):
                live[package.name] = live.get(package.name, 0) + 1
        return [f"`{name}` has {n} live entries" for name, n in live.items() if n > 1]

    def install(self, package: Package) -> None:
        """Look at the files that may be taken from a live entry."""
        name = canonicalize_name(package.name)
        hashes = {item.filename: item.hashes for item in package.wheels or ()}
        if package.sdist is not None:
            hashes[package.sdist.filename] = package.sdist.hashes
        self.chosen[name] = {}
        for filename in sorted(choose(package, self.machine)):
            path = self.files / filename
            if not path.is_file():
                self.reasons.append(f"`{filename}` is not on the index")
                continue
            self.chosen[name][filename] = metadata = own_metadata(path)
            self._fits(package, filename, metadata)
            if hashes.get(filename, {}).get("sha256", _sha256(path)) != _sha256(path):
                self.reasons.append(f"`{filename}` has another sha256 than the lock says")

    def _fits(self, package: Package, filename: str, metadata: OwnMetadata) -> None:
        tags = _tags(filename)
        if tags is not None and not tags & set(self.machine.tags):
            self.reasons.append(f"`{filename}` does not fit the machine's tags")
        python = self.machine.environment["python_full_version"]
        if not metadata.python.contains(python, prereleases=True):
            self.reasons.append(f"`{filename}` requires Python {metadata.python}")
        if package.version is not None and package.version != metadata.version:
            self.reasons.append(f"`{filename}` is not version {package.version}")
        if filename in self.withdrawn:
            self.reasons.append(f"`{filename}` was yanked")

    def follow(self, roots: list[Requirement]) -> None:
        """Everything that is installed asks for things, and so does the user."""
        ahead: list[tuple[str, Requirement]] = [("the user", root) for root in roots]
        seen: set[tuple[str, str]] = set()
        for chosen in self.chosen.values():
            for filename, metadata in chosen.items():
                ahead += _asks(filename, metadata, "", self.machine)
        while ahead:
            who, requirement = ahead.pop()
            if who == "the user" and not _holds(requirement.marker, self.machine):
                continue
            name = canonicalize_name(requirement.name)
            if name not in self.chosen:
                self.reasons.append(f"{who} asks for `{requirement}`, which is not there")
                continue
            for filename, metadata in self.chosen[name].items():
                if not requirement.specifier.contains(metadata.version, prereleases=True):
                    self.reasons.append(f"{who} asks for `{requirement}`, not {metadata.version}")
                for extra in map(canonicalize_name, requirement.extras):
                    if (filename, extra) not in seen and extra in metadata.extras:
                        seen.add((filename, extra))
                        ahead += _asks(filename, metadata, extra, self.machine)


def _asks(
    filename: str, metadata: OwnMetadata, extra: str, machine: Machine
) -> Iterator[tuple[str, Requirement]]:
    """What a file asks for by itself (no extra), or with an extra that it provides."""
    for requirement in metadata.requires:
        if _holds(requirement.marker, machine, extra=extra):
            yield f"`{filename}`", requirement


def _holds(marker: Marker | None, machine: Machine, *, extra: str = "") -> bool:
    """Whether a requirement's marker holds there."""
    return marker is None or marker.evaluate({**machine.environment, "extra": extra})


# --- whether there is an answer at all ----------------------------------------------------------


def answerable(
    files: Path,
    roots: Iterable[str],
    machine: Machine,
    *,
    withdrawn: frozenset[str] = frozenset(),
    sdists: bool = True,
    best: bool = False,
) -> bool:
    """Whether some set of files, one per project, is right on the machine: by trying them all.

    A lock may leave files out, so a file need not be the best one to be an answer; a machine with
    a newer libc takes it too, if the lock offers nothing else. ``best`` asks for more: the best
    file of its release on the machine, with no equal. Meant for a dozen files.
    """
    releases: dict[tuple[NormalizedName, Version], list[str]] = {}
    for path in sorted(files.iterdir()):
        if path.name not in withdrawn:
            tags = _tags(path.name)
            if sdists if tags is None else tags & set(machine.tags):
                metadata = own_metadata(path)
                releases.setdefault((metadata.project, metadata.version), []).append(path.name)
    offers: dict[NormalizedName, list[tuple[str, OwnMetadata]]] = {}
    for (name, _), names in releases.items():
        wheels = [filename for filename in names if _tags(filename) is not None]
        chosen = (_best(wheels, machine.tags) or names) if best else names
        if best and len(chosen) > 1:
            continue
        offers.setdefault(name, []).extend((item, own_metadata(files / item)) for item in chosen)
    wanted = [Requirement(root) for root in roots]
    return any(
        _closed(dict(zip(offers, picked, strict=True)), wanted, machine)
        for picked in product(*offers.values())
    )


def _closed(
    picked: dict[NormalizedName, tuple[str, OwnMetadata]],
    roots: list[Requirement],
    machine: Machine,
) -> bool:
    """Whether the files, as far as the roots reach them, meet everything that is asked for."""
    python = machine.environment["python_full_version"]
    ahead = [root for root in roots if _holds(root.marker, machine)]
    seen: set[tuple[str, str]] = set()
    while ahead:
        requirement = ahead.pop()
        if canonicalize_name(requirement.name) not in picked:
            return False
        filename, metadata = picked[canonicalize_name(requirement.name)]
        fits = requirement.specifier.contains(metadata.version, prereleases=True)
        if not fits or not metadata.python.contains(python, prereleases=True):
            return False
        provided = metadata.extras & {canonicalize_name(extra) for extra in requirement.extras}
        for extra in {"", *provided}:
            if (filename, extra) not in seen:
                seen.add((filename, extra))
                ahead += [item for _, item in _asks(filename, metadata, extra, machine)]
    return True
