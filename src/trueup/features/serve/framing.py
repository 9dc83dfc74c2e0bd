"""Zip archives that every installer unpacks alike: some read the central directory, others the
headers before the bytes of each member, as they come.

What one of them does not see, the other installs. So the members lie one after the other, from the
first byte of the file to its central directory, and nothing comes after that (APPNOTE 4.3.6).
"""

from __future__ import annotations

import os
import stat
import struct
from typing import BinaryIO

from trueup.model.errors import ArchiveError
from trueup.sources.limits import Limits
from trueup.sources.shown import shown
from trueup.sources.splice import entries
from trueup.sources.unzip import open_zip

__all__ = ["check_framing"]

_DESCRIBED, _UNIX = 0x08, 3
_DESCRIPTORS = frozenset({12, 16, 20, 24})
"""Bytes of a data descriptor: with or without a signature, with sizes of 4 or 8 bytes (4.3.9)."""

_END = struct.Struct("<4s16xH")
_HINT = "some installers would unpack what others do not see; build it again"


def check_framing(file: BinaryIO) -> None:
    """Raise ArchiveError for a zip archive with bytes that its central directory does not name, or
    with a member that is a symbolic link (wheels have none: PEP 778).
    """
    archive = open_zip(file, Limits())
    last = 0
    for entry in sorted(entries(file, archive), key=lambda one: one.start):
        info, name = entry.info, shown(entry.info.filename)
        if entry.start != last:
            raise ArchiveError("has bytes before its first member", hint=_HINT)
        last = entry.end
        between = entry.end - entry.data - info.compress_size
        if between and not (info.flag_bits & _DESCRIBED and between in _DESCRIPTORS):
            raise ArchiveError(
                f"has {between:,} bytes after `{name}` that are no member", hint=_HINT
            )
        if info.create_system == _UNIX and stat.S_ISLNK(info.external_attr >> 16):
            raise ArchiveError(
                f"holds a symbolic link: `{name}`", hint="no installer makes one of it"
            )
    size = _END.size + len(archive.comment)
    if file.seek(0, os.SEEK_END) >= size:
        file.seek(-size, os.SEEK_END)
        if _END.unpack(file.read(_END.size)) == (b"PK\x05\x06", len(archive.comment)):
            return
    raise ArchiveError("has bytes after its end", hint=_HINT)
