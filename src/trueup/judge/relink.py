"""Which files of a wheel change when libraries lie elsewhere under other names, and how."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping

from trueup.judge.companion import bundle_folder
from trueup.judge.native import Placement
from trueup.model.library import BinaryFormat, Distribution, Image
from trueup.model.loading import Layout
from trueup.model.split import Relink, SharedLibrary

__all__ = ["asked_for", "relinked", "relinks_of"]

_ORIGIN = "$ORIGIN"


def asked_for(wheel: Distribution) -> Mapping[str, Mapping[str, str]]:
    """For each file of a wheel by itself: the libraries it asks for, and the file that it gets.

    A Mach-O file asks by a path and a PE file by a file name, whatever the library calls itself.
    An ELF file whose search path leads nowhere gets what another file loaded under that name.
    """
    placement = Placement(layout=Layout(label="", distributions=(wheel,)))
    found: dict[str, dict[str, str]] = {}
    for path, links in placement.users.items():
        for link in links:
            found.setdefault(link.user, {})[link.wanted] = path
    bundled = {
        image.name or file.filename: file.path
        for file in wheel.files
        for image in file.readable
        if image.format is BinaryFormat.ELF and bundle_folder(file.path) is not None
    }
    for file in wheel.files:
        for name in {name for image in file.readable for name in image.needed} & bundled.keys():
            found.setdefault(file.path, {}).setdefault(name, bundled[name])
    return found


def relinks_of(wheel: Distribution, dropped: Mapping[str, SharedLibrary]) -> Iterator[Relink]:
    """How the files change that ask for a library which goes."""
    asked = asked_for(wheel)
    left = {
        folder
        for file in wheel.files
        if file.path not in dropped and (folder := bundle_folder(file.path)) is not None
    }
    for file in wheel.files:
        wanted = {
            name: dropped[path]
            for name, path in asked.get(file.path, {}).items()
            if path in dropped
        }
        if file.path in dropped or not wanted or not file.readable:
            continue
        image, here = file.readable[0], posixpath.dirname(file.path)
        yield Relink(
            path=file.path,
            needed={name: _called(one, here, image) for name, one in wanted.items()},
            search=_search(image, here, wheel, left, wanted),
        )


def relinked(
    one: SharedLibrary, asked: Mapping[str, str], dropped: Mapping[str, SharedLibrary]
) -> Relink:
    """The kept copy under its own unique name, asking for its neighbours by theirs.

    ``asked`` is what it asks for in its owner's wheel, see :func:`asked_for`.
    """
    image, here = one.kept.readable[0], posixpath.dirname(one.path)
    needed = {
        name: _called(dropped[path], here, image) for name, path in asked.items() if path in dropped
    }
    elf = image.format is BinaryFormat.ELF
    return Relink(
        path=one.kept.path,
        needed=needed,
        search=(_ORIGIN,) if needed and elf else (),
        name=one.soname,
    )


def _called(one: SharedLibrary, folder: str, image: Image) -> str:
    """By what name a file in a folder asks for a library."""
    if image.format is BinaryFormat.MACHO:
        return f"@loader_path/{posixpath.relpath(one.path, folder or '.')}"
    return posixpath.basename(one.path) if image.format is BinaryFormat.PE else one.soname


def _search(
    image: Image,
    here: str,
    wheel: Distribution,
    left: set[str],
    wanted: Mapping[str, SharedLibrary],
) -> tuple[str, ...]:
    """The ELF search path afterwards; Mach-O names the file and PE has none."""
    if image.format is not BinaryFormat.ELF:
        return ()
    kept = [
        entry
        for entry in (*image.rpath, *image.runpath)
        if not _leads_nowhere(entry, here, wheel, left)
    ]
    towards = [
        f"{_ORIGIN}/{posixpath.relpath(posixpath.dirname(one.path), here or '.')}"
        for one in wanted.values()
    ]
    return tuple(dict.fromkeys([*kept, *towards]))


def _leads_nowhere(entry: str, here: str, wheel: Distribution, left: set[str]) -> bool:
    """Whether a search path entry names a folder of libraries that all go."""
    if not entry.startswith(_ORIGIN):
        return False
    folder = posixpath.normpath(posixpath.join(here, entry.removeprefix(_ORIGIN).lstrip("/")))
    bundles = {bundle_folder(file.path) for file in wheel.files} - {None}
    return folder in bundles and folder not in left
