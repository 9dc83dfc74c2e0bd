"""What an edit of an ELF file must come to, as LIEF reads it, and that it did."""

from __future__ import annotations

from dataclasses import replace

from trueup.model.library import Image
from trueup.sources.binedit.elf import ElfEdit
from trueup.sources.binedit.expected import Images, insist

__all__ = ["expected_elf", "insist_elf"]


def expected_elf(image: Image, edit: ElfEdit) -> Image:
    """The image with the edit made; everything that the edit is not about is as it was."""
    needed = edit.needed
    rpath, runpath = _path(image.rpath, edit), _path(image.runpath, edit)
    if edit.path and not image.rpath and not image.runpath:
        rpath = edit.path
    elif edit.rpath and runpath:
        rpath, runpath = runpath, ()
    return replace(
        image,
        name=image.name if edit.name is None else edit.name,
        needed=tuple(needed.get(one, one) for one in image.needed),
        rpath=rpath,
        runpath=runpath,
        needs_versions=tuple(
            (needed.get(library, library), version) for library, version in image.needs_versions
        ),
        imports=tuple(
            one._replace(source=needed.get(one.source, one.source)) if one.source else one
            for one in image.imports
        ),
    )


def insist_elf(expected: Image, found: Images) -> None:
    """Raise ArchiveError unless what was read again is what was expected, but for padding."""
    if isinstance(found, tuple):
        found = tuple(_comparable(one) for one in found)
    insist((_comparable(expected),), found)


def _comparable(image: Image) -> Image:
    """With what no loader tells apart made equal.

    A search path without text is none, and one that is there twice counts once.
    """
    return replace(
        image,
        rpath=tuple(dict.fromkeys(one for one in image.rpath if image.rpath != ("",))),
        runpath=tuple(dict.fromkeys(one for one in image.runpath if image.runpath != ("",))),
    )


def _path(entries: tuple[str, ...], edit: ElfEdit) -> tuple[str, ...]:
    if edit.path is not None:
        return edit.path if entries else ()
    if not edit.search.keys() & set(entries):
        return entries
    kept = [new for one in entries if (new := edit.search.get(one, one)) or not one]
    # One entry may become several, which are written as one text.
    return tuple(dict.fromkeys(":".join(kept).split(":"))) if kept else ()
