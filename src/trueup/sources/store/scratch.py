"""Folders for unfinished files: each process has its own, and takes away what dead ones left."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import time
from pathlib import Path
from tempfile import mkdtemp
from typing import BinaryIO

from trueup.sources.store.failures import StoreError

__all__ = ["open_scratch"]

_LOCK = "lock"
_OLD = 86_400.0
"""Seconds after which a folder is taken for left over where files cannot be locked."""


def open_scratch(parent: Path) -> Path:
    """A folder of this process in ``parent``; raises StoreError if it cannot be made."""
    try:
        parent.mkdir(parents=True, exist_ok=True)
        _sweep(parent)
        while True:
            folder = Path(mkdtemp(prefix="by-", dir=parent))
            file = (folder / _LOCK).open("wb")
            if sys.platform == "win32" or _lock(file):
                break
            file.close()
    except OSError as error:
        raise StoreError(
            f"cannot be made: {error.strerror or error}", place=(str(parent),)
        ) from error
    # The lock lives as long as the process: that is how others see that it is gone.
    atexit.register(_give_back, folder, file)
    return folder


def _give_back(folder: Path, file: BinaryIO) -> None:
    # Removed while it is locked, as others do; Windows removes no open file.
    if sys.platform != "win32":
        shutil.rmtree(folder, ignore_errors=True)
    file.close()
    shutil.rmtree(folder, ignore_errors=True)


def _sweep(parent: Path) -> None:
    """Remove the folders of processes that are gone."""
    for folder in parent.glob("by-*"):
        try:
            with (folder / _LOCK).open("r+b") as file:
                # Removed while it is locked: a process that is just starting sees that.
                if _lock(file):
                    shutil.rmtree(folder, ignore_errors=True)
        except FileNotFoundError:
            # Its process may be about to lock it.
            if _age(folder) > _OLD:
                shutil.rmtree(folder, ignore_errors=True)


def _lock(file: BinaryIO) -> bool:
    """Whether nobody else has the lock; the system gives it up when a process ends."""
    if sys.platform == "win32":
        return _age(file.fileno()) > _OLD
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _age(what: Path | int) -> float:
    try:
        return time.time() - os.stat(what).st_mtime  # noqa: PTH116
    except FileNotFoundError:
        return 0.0
