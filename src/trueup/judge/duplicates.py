"""Libraries that are there more than once, in honest degrees."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from trueup.judge.layouts import platform_of
from trueup.judge.surface import surface_digest
from trueup.model.library import Distribution, Image, NativeFile
from trueup.model.libraryname import LibraryName, known_as, parse_library_name
from trueup.model.loading import Layout
from trueup.model.nativereport import Copy, Degree, Duplicate, Scope

__all__ = ["duplicates_of", "library_name_of", "version_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Placed:
    """A library of a distribution; extension modules and programs are no libraries."""

    distribution: Distribution
    file: NativeFile
    name: LibraryName

    @property
    def copy(self) -> Copy:
        return Copy(
            project=self.distribution.project,
            version=str(self.distribution.version),
            filename=self.distribution.filename,
            path=self.file.path,
            size=self.file.size,
            packed=self.file.packed,
            sha256=self.file.sha256,
        )


def duplicates_of(
    distributions: Sequence[Distribution], layouts: Sequence[Layout]
) -> tuple[Duplicate, ...]:
    """All groups of copies, per scope and degree, the most wasteful first.

    In every scope and degree each copy is counted once, so sums over the groups are true; the
    degrees are nested and must not be added to each other.
    """
    found: list[Duplicate] = []
    for layout in layouts:
        placed = list(_libraries(layout.distributions))
        for degree, group in _groups(placed):
            several = len({item.distribution.project for item in group}) > 1
            scope = Scope.PACKAGES if several else Scope.WHEEL
            found.append(_duplicate(scope, degree, layout.label, group))
    found += _between(distributions, Scope.RELEASE, lambda item: (item.project, item.version))
    found += _between(distributions, Scope.RELEASES, lambda item: item.project)
    return tuple(sorted(found, key=_order))


def _between(
    distributions: Sequence[Distribution], scope: Scope, family: Callable[[Distribution], Hashable]
) -> Iterator[Duplicate]:
    """Duplicates between the wheels of one release, or between releases, on one platform."""
    families: dict[tuple[Hashable, str], list[Distribution]] = {}
    for item in distributions:
        for platform in {p for tag in item.tags for p in platform_of(tag.platform)}:
            families.setdefault((family(item), platform), []).append(item)
    for (_, platform), members in families.items():
        placed = list(_libraries(members))
        if scope is Scope.RELEASES:
            # What one release stores twice is no matter between releases.
            placed = list({(p.distribution.version, p.file.sha256): p for p in placed}.values())
        for degree, group in _groups(placed):
            apart = {_side(item, scope) for item in group}
            if len(apart) > 1:
                yield _duplicate(scope, degree, platform, group)


def _side(item: _Placed, scope: Scope) -> Hashable:
    return item.distribution.version if scope is Scope.RELEASES else item.distribution.filename


def _libraries(distributions: Iterable[Distribution]) -> Iterator[_Placed]:
    for distribution in distributions:
        for file in distribution.files:
            if file.readable and not file.is_extension and any(i.name for i in file.readable):
                yield _Placed(distribution=distribution, file=file, name=library_name_of(file))


def library_name_of(file: NativeFile) -> LibraryName:
    """The name of a library: its file's, for that has the full version (`.so.10.5.0`)."""
    return parse_library_name(file.filename)


def version_of(file: NativeFile) -> str | None:
    """The library's version as far as the file tells: compiled-in text, else its file name.

    `libcrypto.so.3` has none in its name: four releases of OpenSSL are called so.
    """
    name = library_name_of(file)
    names = known_as(name.library)
    for image in file.readable:
        for witness in image.witnesses:
            if witness.library in names and witness.what in ("version", "configuration"):
                return witness.text
    return name.version if "." in name.version else None


def _groups(placed: Sequence[_Placed]) -> Iterator[tuple[Degree, list[_Placed]]]:
    """The groups of more than one, degree by degree; each degree joins groups of the one before."""
    parent = list(range(len(placed)))

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    for degree, keys in (
        (Degree.BYTES, _byte_keys),
        (Degree.BUILD, _build_keys),
        (Degree.VERSION, _version_keys),
        (Degree.LIBRARY, _library_keys),
    ):
        first: dict[Hashable, int] = {}
        for number, key in keys(placed):
            other = first.setdefault(key, number)
            parent[root(number)] = root(other)
        groups: dict[int, list[_Placed]] = {}
        for number, item in enumerate(placed):
            groups.setdefault(root(number), []).append(item)
        for group in groups.values():
            if len(group) > 1:
                yield degree, group


def _machines(file: NativeFile) -> tuple[str, ...]:
    return tuple(image.machine for image in file.readable)


def _cores(file: NativeFile) -> tuple[str | None, ...]:
    return tuple(image.core for image in file.readable)


def _byte_keys(placed: Sequence[_Placed]) -> Iterator[tuple[int, Hashable]]:
    for number, item in enumerate(placed):
        yield number, item.file.sha256


def _build_keys(placed: Sequence[_Placed]) -> Iterator[tuple[int, Hashable]]:
    """auditwheel's digest of the library as it was before, or equal code, exports and needs."""
    cores: dict[tuple[str | None, ...], list[int]] = {}
    for number, item in enumerate(placed):
        machines = _machines(item.file)
        if item.name.digest is not None:
            yield number, ("digest", item.name.stem, item.name.digest, machines)
        if None not in _cores(item.file):
            cores.setdefault(_cores(item.file), []).append(number)
    for key, numbers in cores.items():
        # The surface is worked out only where the code is the same: that is rare, and it is slow.
        for number in numbers if len(numbers) > 1 else ():
            images: tuple[Image, ...] = placed[number].file.readable
            yield number, ("core", key, tuple(surface_digest(image) for image in images))


def _version_keys(placed: Sequence[_Placed]) -> Iterator[tuple[int, Hashable]]:
    for number, item in enumerate(placed):
        version = version_of(item.file)
        if version is not None:
            yield number, (item.name.library, version, _machines(item.file))


def _library_keys(placed: Sequence[_Placed]) -> Iterator[tuple[int, Hashable]]:
    for number, item in enumerate(placed):
        yield number, (item.name.library, _machines(item.file))


def _duplicate(scope: Scope, degree: Degree, where: str, group: list[_Placed]) -> Duplicate:
    copies = tuple(
        sorted((item.copy for item in group), key=lambda copy: (copy.filename, copy.path))
    )
    names = sorted({item.name.stem for item in group})
    return Duplicate(scope=scope, degree=degree, library=names[0], where=where, copies=copies)


def _order(duplicate: Duplicate) -> tuple[int, int, int, str, str]:
    return (
        list(Scope).index(duplicate.scope),
        list(Degree).index(duplicate.degree),
        -duplicate.wasted,
        duplicate.library,
        duplicate.where,
    )
