"""The heap of the C library, where many threads take turns at large pieces of memory."""

from __future__ import annotations

import ctypes
import os
import platform

__all__ = ["share_arenas"]

_M_ARENA_MAX = -8
"""The number of this parameter in glibc's `malloc.h`."""


def share_arenas(count: int = 2) -> None:
    """Have all threads of this process share so many arenas, if the C library is glibc.

    It gives threads arenas of their own, up to eight for each processor, and what is free in one is of
    no use in another: with uploads coming in, an index took a fifth more memory for that, and went
    on growing. To be said before there are threads; who sets `MALLOC_ARENA_MAX` decides.
    """
    if platform.libc_ver()[0] == "glibc" and "MALLOC_ARENA_MAX" not in os.environ:
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, count)
