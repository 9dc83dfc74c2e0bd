"""What the platform's loader does with the files of one site-packages, worked out without it.

Sources: ld.so(8), "Description" (order of the search); dyld(1), "Dynamic library loading" (@rpath,
@loader_path); Microsoft, "Dynamic-link library search order". One process in which only one
extension module is imported; that another one may have loaded a library of the same name before is
for the rules to say.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from trueup.judge.systemlibs import is_system
from trueup.model.library import BinaryFormat, Image, NativeFile
from trueup.model.loading import Closure, Found, Layout, Link

__all__ = ["Tree", "closures", "tree_of"]


@dataclass(frozen=True, kw_only=True)
class Tree:
    """The native files of one site-packages, by path and by the names they go by.

    ``library_path`` are folders of LD_LIBRARY_PATH, relative to site-packages as all paths are.
    """

    files: Mapping[str, NativeFile]
    owners: Mapping[str, str]
    named: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    library_path: tuple[str, ...] = ()

    def image(self, path: str, machine: str) -> Image | None:
        """The image of a file for one machine; None if it has none."""
        file = self.files.get(path)
        if file is None:
            return None
        return next((image for image in file.readable if image.machine == machine), None)


def tree_of(layout: Layout, library_path: Sequence[str] = ()) -> Tree:
    """Lay the files of all distributions into one tree; of two at one path the later one stays."""
    files: dict[str, NativeFile] = {}
    owners: dict[str, str] = {}
    for distribution in layout.distributions:
        for file in distribution.files:
            files[file.path] = file
            owners[file.path] = distribution.project
    named: dict[str, tuple[str, ...]] = {}
    for path, file in sorted(files.items()):
        for name in {_key(name) for name in _names(file)}:
            named[name] = (*named.get(name, ()), path)
    return Tree(files=files, owners=owners, named=named, library_path=tuple(library_path))


def _names(file: NativeFile) -> Iterator[str]:
    yield file.filename
    for image in file.readable:
        if image.name:
            yield image.name


def _key(name: str) -> str:
    """What a library is found again by: the last part of its name; Windows knows no case."""
    base = name.rpartition("/")[2]
    return base.lower() if base.lower().endswith((".dll", ".pyd", ".exe")) else base


def closures(tree: Tree) -> tuple[Closure, ...]:
    """The closure of every extension module and program, and of libraries that none of them uses."""
    found: list[Closure] = []
    used: set[tuple[str, str]] = set()

    def add(path: str, image: Image) -> None:
        closure = _closure(tree, path, image)
        found.append(closure)
        used.update((step, closure.machine) for step in closure.order)

    images = [(path, image) for path, file in tree.files.items() for image in file.readable]
    for path, image in images:
        if tree.files[path].is_extension or not image.name:
            add(path, image)
    # A library that nothing asks for by name may still be opened by Python code: ctypes, dlopen.
    for path, image in images:
        if (path, image.machine) not in used:
            add(path, image)
    return tuple(found)


def _closure(tree: Tree, entry: str, image: Image) -> Closure:
    walk = _Walk(tree=tree, machine=image.machine, chains={entry: (entry,)})
    walk.loaded[_key(entry)] = entry
    if image.name:
        walk.loaded[_key(image.name)] = entry
    queue, order, links = deque([entry]), [entry], []
    while queue:
        path = queue.popleft()
        current = tree.image(path, image.machine)
        if current is None:
            continue
        for wanted in current.needed:
            link = walk.find(path, current, wanted)
            links.append(link)
            if link.path is not None and link.path not in walk.chains:
                walk.chains[link.path] = (*walk.chains[path], link.path)
                walk.note(wanted, link.path)
                order.append(link.path)
                queue.append(link.path)
    return Closure(entry=entry, machine=image.machine, links=tuple(links), order=tuple(order))


@dataclass(kw_only=True)
class _Walk:
    """One process that comes into being: what is loaded, and through which chain of users."""

    tree: Tree
    machine: str
    chains: dict[str, tuple[str, ...]]
    loaded: dict[str, str] = field(default_factory=dict)

    def note(self, wanted: str, path: str) -> None:
        self.loaded.setdefault(_key(wanted), path)
        image = self.tree.image(path, self.machine)
        if image is not None and image.name:
            self.loaded.setdefault(_key(image.name), path)

    def find(self, user: str, image: Image, wanted: str) -> Link:
        def link(found: Found, **rest: str | None) -> Link:
            return Link(user=user, wanted=wanted, found=found, **rest)

        known = self.loaded.get(_key(wanted))
        if known is not None and (image.format is not BinaryFormat.MACHO or "/" not in wanted):
            return link(Found.LOADED, path=known)
        for found, owner, entry, folder in self._places(user, image, wanted):
            if folder is None:
                continue
            path = self._present(_joined(folder, wanted.rpartition("/")[2]))
            if path is not None:
                return link(found, path=path, through=entry, owner=owner)
        if is_system(wanted, image.format):
            return link(Found.SYSTEM)
        if wanted.startswith("/"):
            return link(Found.OUTSIDE)
        others = self.tree.named.get(_key(wanted), ())
        others = tuple(path for path in others if self.tree.image(path, self.machine))
        if not others:
            return link(Found.MISSING)
        same = [path for path in others if self.tree.owners[path] == self.tree.owners[user]]
        if image.format is BinaryFormat.PE:
            return link(Found.DLL_FOLDER if same else Found.ELSEWHERE, path=(same or others)[0])
        return link(Found.ELSEWHERE, path=(same or others)[0])

    def _present(self, path: str) -> str | None:
        """The file at a path, if it has an image for the machine; the loader skips others."""
        if path in self.tree.files:
            return path if self.tree.image(path, self.machine) else None
        if self.machine in _WINDOWS_MACHINES:
            folder = path.rpartition("/")[0]
            for other in self.tree.named.get(_key(path), ()):
                if other.rpartition("/")[0] == folder and self.tree.image(other, self.machine):
                    return other
        return None

    def _places(
        self, user: str, image: Image, wanted: str
    ) -> Iterator[tuple[Found, str | None, str | None, str | None]]:
        """(how, whose entry, the entry, the folder it names) in the order of the search."""
        if image.format is BinaryFormat.PE:
            yield Found.BESIDE, None, None, _folder(user)
        elif image.format is BinaryFormat.MACHO:
            yield from self._places_of_dyld(user, wanted)
        elif "/" in wanted:
            yield Found.PATH, user, None, _expanded(wanted.rpartition("/")[0], user)
        else:
            yield from self._places_of_ld(user, image)

    def _places_of_ld(
        self, user: str, image: Image
    ) -> Iterator[tuple[Found, str | None, str | None, str | None]]:
        if not image.runpath:
            # DT_RPATH is inherited: the user's own first, then that of whoever loaded it.
            for owner in reversed(self.chains[user]):
                above = self.tree.image(owner, self.machine)
                if above is not None and not above.runpath:
                    for entry in above.rpath:
                        yield Found.RPATH, owner, entry, _expanded(entry, owner)
        for entry in self.tree.library_path:
            yield Found.LIBRARY_PATH, None, entry, entry
        for entry in image.runpath:
            yield Found.RUNPATH, user, entry, _expanded(entry, user)

    def _places_of_dyld(
        self, user: str, wanted: str
    ) -> Iterator[tuple[Found, str | None, str | None, str | None]]:
        head, _, _ = wanted.rpartition("/")
        if not head.startswith("@rpath"):
            yield Found.PATH, user, None, _expanded(head, user)
            return
        rest = head.removeprefix("@rpath").lstrip("/")
        for owner in reversed(self.chains[user]):
            above = self.tree.image(owner, self.machine)
            for entry in above.rpath if above else ():
                folder = _expanded(entry, owner)
                yield Found.RPATH, owner, entry, None if folder is None else _joined(folder, rest)


_WINDOWS_MACHINES = frozenset({"AMD64", "ARM64", "x86"})
_ORIGINS = ("$ORIGIN", "${ORIGIN}", "@loader_path")


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _expanded(entry: str, owner: str) -> str | None:
    """A search path entry as a folder relative to site-packages; None for an absolute one."""
    for origin in _ORIGINS:
        if entry == origin or entry.startswith(f"{origin}/"):
            return _joined(_folder(owner), entry[len(origin) + 1 :])
    return None


def _joined(folder: str, rest: str) -> str:
    """A path relative to site-packages, without `.`; it may begin with `..`, as in RECORD."""
    parts: list[str] = []
    for part in [*folder.split("/"), *rest.split("/")]:
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)
