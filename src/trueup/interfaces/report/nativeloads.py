"""Who loads which copy, over all environments at once: libraries, their copies, their users."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from trueup.interfaces.report.nativewords import short_path
from trueup.interfaces.report.words import count, natural
from trueup.judge.duplicates import library_name_of, version_of
from trueup.model.library import Distribution, NativeFile
from trueup.model.libraryname import known_as, parse_library_name
from trueup.model.loading import Found, Link
from trueup.model.nativereport import LoadedMap

__all__ = ["CopyView", "LibraryView", "UsersView", "libraries_loaded"]

_WHERE = {
    Found.SYSTEM: "expected of the system",
    Found.MISSING: "nobody here provides it",
    Found.OUTSIDE: "a fixed path, outside of what is looked at",
}
_HOW = {
    Found.ELSEWHERE: "no search path leads here; found only if Python has loaded it before",
    Found.DLL_FOLDER: "another folder of DLLs, which its Python code has to name first",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class UsersView:
    """Files that come to a copy in the same way; ``where`` is empty for all its environments."""

    how: str
    through: str | None
    owner: str | None
    where: str
    users: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyView:
    """One copy, or what stands in for one that is not here (then ``size`` is None)."""

    name: str
    whose: str
    size: int | None
    says: str
    note: str
    missing: bool
    users: tuple[UsersView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryView:
    """A library, by the name of its project, with all its copies."""

    name: str
    copies: tuple[CopyView, ...]
    side_by_side: int
    """The most copies of one file of it that stand in one environment."""

    @property
    def size(self) -> int:
        return sum(copy.size or 0 for copy in self.copies if not copy.note)

    @property
    def users(self) -> int:
        return len({user for copy in self.copies for one in copy.users for user in one.users})

    @property
    def missing(self) -> bool:
        return any(copy.missing for copy in self.copies)

    @property
    def outside(self) -> bool:
        """Whether the system is expected to have it, all of it."""
        return all(copy.size is None for copy in self.copies) and not self.missing


@dataclass(slots=True, kw_only=True)
class _Copy:
    """What is gathered of one copy; ``links`` are the environments of (user, way)."""

    name: str
    file: NativeFile | None = None
    items: dict[str, Distribution] = field(default_factory=dict)
    says: str = ""
    note: str = ""
    missing: bool = False
    places: set[int] = field(default_factory=set)
    links: dict[tuple[str, _Way], set[int]] = field(default_factory=dict)


_Way = tuple[str, str | None, str | None]
_Key = tuple[str, ...]


def libraries_loaded(maps: Sequence[LoadedMap]) -> tuple[LibraryView, ...]:
    """Every library that is asked for, is here, or was linked in, the doubtful ones first."""
    found: dict[str, dict[_Key, _Copy]] = {}
    side_by_side: dict[str, int] = {}
    for place, loaded in enumerate(maps):
        here: dict[tuple[str, str], int] = {}
        for path, (item, file) in loaded.files.items():
            for library, copy in _copies(path, file):
                # The same bytes at the same place in the wheels of a release are one copy here.
                key = (copy.note, item.label, path, file.sha256 or item.filename)
                known = found.setdefault(library, {}).setdefault(key, copy)
                known.items[item.filename] = item
                known.places.add(place)
                if not copy.note:
                    part = _part(library, library_name_of(file).library)
                    here[library, part] = here.get((library, part), 0) + 1
                    for link in loaded.users.get(path, ()):
                        known.links.setdefault((link.user, _way(link)), set()).add(place)
        for (library, _), number in here.items():
            side_by_side[library] = max(side_by_side.get(library, 0), number)
        _outside(found, place, loaded)
    views = [
        LibraryView(
            name=library,
            copies=tuple(_copy_view(copy, maps) for copy in _sorted(copies.values())),
            side_by_side=side_by_side.get(library, 0),
        )
        for library, copies in found.items()
    ]
    views.sort(
        key=lambda one: (one.outside, not one.missing, -one.side_by_side, -one.size, one.name)
    )
    return tuple(views)


def _project(library: str) -> str:
    return known_as(library)[-1]


def _part(project: str, library: str) -> str:
    """`ssl` and `crypto` are parts of one project, `openblasp` and `scipy_openblas` one library."""
    return project if project.removeprefix("lib") in library else library


def _copies(path: str, file: NativeFile) -> Iterator[tuple[str, _Copy]]:
    """A file as a copy of its library, and as the holder of those linked into it."""
    names: tuple[str, ...] = ()
    if not file.is_extension and any(image.name for image in file.readable):
        library = library_name_of(file).library
        names = known_as(library)
        yield _project(library), _Copy(name=path, file=file, says=version_of(file) or "")
    told: dict[str, dict[str, None]] = {}
    for image in file.readable:
        for witness in image.witnesses:
            if witness.library not in names:
                told.setdefault(_project(witness.library), {})[witness.text] = None
    for library, texts in told.items():
        note = "linked into it statically"
        yield library, _Copy(name=path, file=file, says="; ".join(texts), note=note)


def _way(link: Link) -> _Way:
    owner = link.owner if link.owner not in (None, link.user) else None
    return _HOW.get(link.found, link.found.value), link.through, owner


def _outside(found: dict[str, dict[_Key, _Copy]], place: int, loaded: LoadedMap) -> None:
    """What is asked for and is not here: of the system only by whom, of the rest by which file."""
    for closure in loaded.closures:
        for link in closure.links:
            if link.path is not None:
                continue
            where = _WHERE.get(link.found, link.found.value)
            library = _project(parse_library_name(link.wanted).library)
            copy = found.setdefault(library, {}).setdefault(
                ("outside", link.found.value, link.wanted),
                _Copy(name=link.wanted, note=where, missing=link.found is Found.MISSING),
            )
            copy.places.add(place)
            user = link.user
            if link.found is Found.SYSTEM:
                user = loaded.files[user][0].label if user in loaded.files else user
            copy.links.setdefault((user, ("", link.through, None)), set()).add(place)


def _sorted(copies: Iterable[_Copy]) -> list[_Copy]:
    """Copies before what was linked in, that before what is not here; the largest first."""

    def key(copy: _Copy) -> tuple[bool, bool, int, str, str]:
        size = copy.file.size if copy.file is not None else 0
        return copy.file is None, bool(copy.note), -size, copy.name, min(copy.items, default="")

    return sorted(copies, key=key)


def _copy_view(copy: _Copy, maps: Sequence[LoadedMap]) -> CopyView:
    groups: dict[tuple[_Way, frozenset[int]], list[str]] = {}
    for (user, way), places in copy.links.items():
        groups.setdefault((way, frozenset(places)), []).append(user)
    return CopyView(
        name=copy.name,
        whose=_whose(copy),
        size=copy.file.size if copy.file is not None else None,
        says=copy.says,
        note=copy.note,
        missing=copy.missing,
        users=tuple(
            UsersView(
                how=how,
                through=through,
                owner=short_path(owner) if owner is not None else None,
                where=_where(places, copy.places, maps),
                users=tuple(sorted(users, key=natural)),
            )
            for ((how, through, owner), places), users in sorted(
                groups.items(), key=lambda group: -len(group[1])
            )
        ),
    )


def _whose(copy: _Copy) -> str:
    labels = dict.fromkeys(item.label for item in copy.items.values())
    wheels = f" ({count(len(copy.items), 'wheel')}, the same bytes)" if len(copy.items) > 1 else ""
    return ", ".join(labels) + wheels


def _where(places: frozenset[int], all_places: set[int], maps: Sequence[LoadedMap]) -> str:
    if places == all_places:
        return ""
    return "; ".join(maps[place].layout.label for place in sorted(places))
