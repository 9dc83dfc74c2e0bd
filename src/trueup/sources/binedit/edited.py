"""An ELF file with other names: in place where they fit, by `patchelf` where they do not."""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from trueup.model.errors import ArchiveError
from trueup.model.metadata import Unreadable
from trueup.sources.binary.elf import read_elf
from trueup.sources.binedit.elf import DoesNotFitError, ElfEdit, Patches, edit_elf
from trueup.sources.binedit.elfexpected import expected_elf, insist_elf
from trueup.sources.binedit.patchelf import patch_elf

__all__ = ["Edited", "How", "edited"]


class How(StrEnum):
    """The way in which a file was edited."""

    NOTHING = "nothing to change"
    IN_PLACE = "in place"
    PATCHELF = "patchelf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """How a file was edited, and by how many bytes it has grown."""

    how: How
    grown: int = 0


def edited(path: Path, edit: ElfEdit) -> Edited:
    """Make the edit in the file, and read the file again to see that nothing else has changed.

    On any error the file is as it was. Raises ArchiveError for a file that cannot be read or did
    not become what was asked for, NotFoundError where it needs `patchelf` and that is not there,
    and SourceError if that refuses the file.
    """
    size = path.stat().st_size
    if not size:
        raise ArchiveError("is no ELF file")
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            patches = edit_elf(data, edit)
    except DoesNotFitError:
        patch_elf(path, edit)
        return Edited(how=How.PATCHELF, grown=path.stat().st_size - size)
    if not patches:
        return Edited(how=How.NOTHING)
    before = read_elf(path.read_bytes())
    if isinstance(before, Unreadable):
        raise ArchiveError(before.reason)
    replaced = _exchanged(path, patches)
    try:
        insist_elf(expected_elf(before[0], edit), read_elf(path.read_bytes()))
    except ArchiveError:
        _exchanged(path, replaced)
        raise
    return Edited(how=How.IN_PLACE)


def _exchanged(path: Path, patches: Patches) -> Patches:
    """Make the patches; returns those that undo them."""
    replaced = []
    with path.open("r+b") as file:
        for offset, new in patches:
            file.seek(offset)
            replaced.append((offset, file.read(len(new))))
            file.seek(offset)
            file.write(new)
    return tuple(replaced)
