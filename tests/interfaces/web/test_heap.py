"""How many arenas a process with many threads has, as glibc itself tells it."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="arenas are glibc's, and so is `malloc_info`"
)

CODE = """
import ctypes, os, sys, tempfile, threading
from trueup.interfaces.web.heap import share_arenas

if sys.argv[1] == "shared":
    share_arenas()
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
libc.malloc.restype = ctypes.c_void_p
every = threading.Barrier(8)

def work():
    every.wait()
    libc.malloc(ctypes.c_size_t(1000))
    every.wait()

threads = [threading.Thread(target=work) for _ in range(8)]
for one in threads: one.start()
for one in threads: one.join()
with tempfile.TemporaryFile("w+") as out:
    stream = ctypes.c_void_p(libc.fdopen(os.dup(out.fileno()), b"w"))
    libc.malloc_info(0, stream)
    libc.fclose(stream)
    out.seek(0)
    print(out.read().count("<heap nr="))
"""


def arenas(how: str, **environ: str) -> int:
    inherited = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}
    done = subprocess.run(
        [sys.executable, "-c", CODE, how], env={**inherited, **environ},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return int(done.stdout)


def test_threads_share_two_arenas() -> None:
    assert arenas("as it is") > 2
    assert arenas("shared") <= 2


def test_the_environment_decides() -> None:
    assert 2 < arenas("shared", MALLOC_ARENA_MAX="5") <= 5
