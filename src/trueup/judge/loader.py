"""What the platform's loader does with the files of one site-packages, worked out without it.

Sources: ld.so(8), "Description" (order of the search), and what glibc's and musl's loaders were
seen to do; dyld(1), "Dynamic library loading" (@rpath, @loader_path); Microsoft, "Dynamic-link
library search order" (LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR, with which Python opens modules).

One process in which only one extension module is imported; that another one may have loaded a
library of the same name before is for the rules to say. Left out: the search path of the Python
program itself, `glibc-hwcaps` subfolders, the variables DYLD_* and LD_PRELOAD.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from trueup.judge.systemlibs import is_system
from trueup.model.library import BinaryFormat, Image, NativeFile
from trueup.model.loading import Closure, Found, Layout, Link

__all__ = ["Tree", "closures", "search_folders", "tree_of"]

_Step: TypeAlias = tuple[Found, str | None, str | None, str]
"""(How, whose entry it is, the entry as written, the folder that it names.)"""


@dataclass(frozen=True, kw_only=True)
class Tree:
    """The native files of one site-packages, by path and by the names they go by.

    ``library_path`` are folders of LD_LIBRARY_PATH, relative to site-packages as all paths are;
    ``musl`` says that its loader and not glibc's is at work.
    """

    files: Mapping[str, NativeFile]
    owners: Mapping[str, str]
    named: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    library_path: tuple[str, ...] = ()
    musl: bool = False

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
    return Tree(
        files=files,
        owners=owners,
        named=named,
        library_path=tuple(library_path),
        musl=_is_musl(layout, files.values()),
    )


def _is_musl(layout: Layout, files: Iterable[NativeFile]) -> bool:
    tags = {tag.platform for item in layout.distributions for tag in item.tags}
    return any(tag.startswith("musllinux") for tag in tags) or any(
        name.startswith("libc.musl-")
        for file in files
        for image in file.readable
        for name in image.needed
    )


def _names(file: NativeFile) -> Iterator[str]:
    yield file.filename
    for image in file.readable:
        # The name inside a DLL is for its import library; the loader goes by that of the file.
        if image.name and image.format is not BinaryFormat.PE:
            yield image.name


def _key(name: str) -> str:
    """What a library is looked for by: the last part of its name; Windows knows no case."""
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
    walk.note(None, entry)
    queue, order, links = deque([entry]), [entry], []
    while queue:
        path = queue.popleft()
        current = tree.image(path, image.machine)
        if current is None:
            continue
        for wanted in current.needed:
            link = walk.find(path, current, wanted)
            links.append(link)
            if link.path is None:
                continue
            if link.path not in walk.chains:
                walk.chains[link.path] = (*walk.chains[path], link.path)
                order.append(link.path)
                queue.append(link.path)
            walk.note(wanted, link.path)
    return Closure(entry=entry, machine=image.machine, links=tuple(links), order=tuple(order))


@dataclass(kw_only=True)
class _Walk:
    """One process that comes into being: what is loaded, and through which chain of users.

    ``loaded`` are the names by which the loader knows again what it has: in glibc the soname and
    every name that was asked for, in musl the latter alone, in dyld the install name, in Windows
    the name of the file.
    """

    tree: Tree
    machine: str
    chains: dict[str, tuple[str, ...]]
    loaded: dict[str, str] = field(default_factory=dict)

    def note(self, wanted: str | None, path: str) -> None:
        image = self.tree.image(path, self.machine)
        if image is None:
            return
        names: list[str | None] = [image.name]
        if image.format is BinaryFormat.PE:
            names = [_key(path)]
        elif image.format is BinaryFormat.ELF:
            names = [wanted] if self.tree.musl else [wanted, image.name]
        for name in names:
            if name:
                self.loaded.setdefault(name, path)

    def known(self, image: Image, wanted: str) -> str | None:
        """What is loaded already and taken without a search."""
        match image.format:
            case BinaryFormat.PE:
                return self.loaded.get(_key(wanted))
            case BinaryFormat.ELF:
                return self.loaded.get(wanted)
            case BinaryFormat.MACHO:
                return None

    def find(self, user: str, image: Image, wanted: str) -> Link:
        def link(found: Found, **rest: str | None) -> Link:
            return Link(user=user, wanted=wanted, found=found, **rest)

        known = self.known(image, wanted)
        if known is not None:
            return link(Found.LOADED, path=known)
        for found, owner, entry, folder in self._places(user, image, wanted):
            path = self._present(_joined(folder, wanted.rpartition("/")[2]))
            if path is not None:
                return link(found, path=path, through=entry, owner=owner)
        if wanted.startswith("@rpath/") and wanted in self.loaded:
            return link(Found.LOADED, path=self.loaded[wanted])
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

    def _places(self, user: str, image: Image, wanted: str) -> Iterator[_Step]:
        """Where to look, in the order of the search."""
        if image.format is BinaryFormat.PE:
            # The folder of what Python opens, for all that comes with it; not each one's own.
            yield Found.BESIDE, None, None, _folder(self.chains[user][0])
        elif image.format is BinaryFormat.MACHO:
            yield from self._places_of_dyld(user, wanted)
        elif "/" in wanted:
            for folder in _expanded(wanted.rpartition("/")[0], user):
                yield Found.PATH, user, None, folder
        elif self.tree.musl:
            yield from self._places_of_musl(user)
        else:
            yield from self._places_of_glibc(user, image)

    def _places_of_glibc(self, user: str, image: Image) -> Iterator[_Step]:
        if not image.runpath:
            # DT_RPATH is inherited: the user's own first, then that of whoever loaded it. One that
            # has a DT_RUNPATH too has no DT_RPATH for the loader.
            for owner in reversed(self.chains[user]):
                above = self.tree.image(owner, self.machine)
                if above is not None and not above.runpath:
                    yield from _steps(Found.RPATH, owner, above.rpath)
        yield from self._library_path()
        yield from _steps(Found.RUNPATH, user, image.runpath)

    def _places_of_musl(self, user: str) -> Iterator[_Step]:
        """LD_LIBRARY_PATH first; DT_RUNPATH hides DT_RPATH and is inherited like it."""
        yield from self._library_path()
        for owner in reversed(self.chains[user]):
            above = self.tree.image(owner, self.machine)
            if above is not None:
                found = Found.RUNPATH if above.runpath else Found.RPATH
                yield from _steps(found, owner, above.runpath or above.rpath)

    def _library_path(self) -> Iterator[_Step]:
        for entry in self.tree.library_path:
            yield Found.LIBRARY_PATH, None, entry, _joined(entry, "")

    def _places_of_dyld(self, user: str, wanted: str) -> Iterator[_Step]:
        head = wanted.rpartition("/")[0]
        if head != "@rpath" and not head.startswith("@rpath/"):
            for folder in _expanded(head, user):
                yield Found.PATH, user, None, folder
            return
        for owner in reversed(self.chains[user]):
            above = self.tree.image(owner, self.machine)
            for found, whose, entry, folder in _steps(
                Found.RPATH, owner, above.rpath if above else ()
            ):
                yield found, whose, entry, _joined(folder, head.removeprefix("@rpath"))


_WINDOWS_MACHINES = frozenset({"AMD64", "ARM64", "x86"})
_ORIGINS = ("$ORIGIN", "${ORIGIN}", "@loader_path")
_LIB = re.compile(r"\$(?:LIB\b|\{LIB\})", re.ASCII)
_LIB_FOLDERS = ("lib64", "lib")
"""What `$LIB` stands for is up to the distribution; these are what most have."""


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _steps(found: Found, owner: str, entries: Iterable[str]) -> Iterator[_Step]:
    for entry in entries:
        for folder in _expanded(entry, owner):
            yield found, owner, entry, folder


def _expanded(entry: str, owner: str) -> tuple[str, ...]:
    """A search path entry as folders relative to site-packages; none for one that is not."""
    for origin in _ORIGINS:
        if entry == origin or entry.startswith(f"{origin}/"):
            rest = entry[len(origin) + 1 :]
            rests = [_LIB.sub(name, rest) for name in _LIB_FOLDERS] if "$" in rest else [rest]
            return tuple(_joined(_folder(owner), one) for one in rests)
    return ()


def search_folders(image: Image, path: str) -> tuple[str, ...]:
    """The folders, relative to site-packages, that an image's own search path leads to."""
    return tuple(
        folder for entry in (*image.rpath, *image.runpath) for folder in _expanded(entry, path)
    )


def _joined(folder: str, rest: str) -> str:
    """A path relative to site-packages, without `.`; it may begin with `..`, as in RECORD."""
    parts: list[str] = []
    for part in [*folder.split("/"), *rest.split("/")]:
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)
