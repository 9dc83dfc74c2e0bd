"""Writing a file all or nothing."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from trueup.model.errors import SourceError

__all__ = ["replacing", "write_atomically"]


def write_atomically(path: Path, text: str) -> None:
    """Replace a file by this text (UTF-8) in one step: readers see the old or the new, never half.

    A link stays a link, and an existing file keeps its permissions; what is no regular file (a
    terminal, a pipe) is written to directly. Raises SourceError if that cannot be done.
    """
    try:
        target = path.resolve()
        if target.exists() and not target.is_file() and not target.is_dir():
            with target.open("w", encoding="utf-8", newline="\n") as file:
                file.write(text)
            return
        _replace(target, text)
    except OSError as error:
        raise SourceError(
            f"cannot be written: {error.strerror or error}", place=(str(path),)
        ) from error


def _replace(target: Path, text: str) -> None:
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a folder")
    with replacing(target) as file:
        file.write(text.encode())


@contextmanager
def replacing(target: Path) -> Iterator[BinaryIO]:
    """A new file, open to be written and read, that takes the place of ``target`` after the block.

    Until then, and if the block raises, ``target`` is as it was.
    """
    scratch = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
    # `tempfile` would make it private; a report has the permissions that the user's mask gives.
    descriptor = os.open(scratch, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, scratch)
        scratch.replace(target)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise
