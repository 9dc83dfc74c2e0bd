"""Real shared libraries and extension modules, compiled by the system's C compiler."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

__all__ = ["extension_module", "needs_compiler", "shared_library"]

_GCC = shutil.which("gcc")

needs_compiler = pytest.mark.skipif(_GCC is None, reason="there is no C compiler here")


def shared_library(
    folder: Path,
    filename: str,
    source: str,
    *,
    soname: str | None = None,
    needs: Sequence[Path] = (),
    search: str | None = None,
    runpath: bool = False,
    options: Sequence[str] = (),
) -> Path:
    """Compile C text into a shared library; ``needs`` are linked to, wherever they lie.

    ``search`` becomes its DT_RPATH, or its DT_RUNPATH. The same input gives the same bytes.
    """
    assert _GCC is not None
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / filename
    text = folder / f"{filename}.c"
    text.write_text(source, "utf-8")
    command = [_GCC, "-shared", "-fPIC", "-O1", "-Wl,--build-id=sha1", "-o", path.name, text.name]
    command += [f"-Wl,-soname,{soname}"] if soname else []
    if search is not None:
        kind = "--enable-new-dtags" if runpath else "--disable-new-dtags"
        command += [f"-Wl,{kind},-rpath,{search}"]
    command += ["-Wl,--no-as-needed", *map(str, needs), *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    text.unlink()
    return path


def extension_module(
    folder: Path,
    name: str,
    body: str,
    *,
    suffix: str = ".abi3.so",
    needs: Sequence[Path] = (),
    search: str | None = None,
    runpath: bool = False,
) -> Path:
    """An importable module without Python's headers: ``value()`` returns what ``body`` computes.

    ``body`` is C text that defines ``long compute(void)``. It uses the stable ABI, whose functions
    it declares itself, so it is imported by every CPython from 3.8 on.
    """
    return shared_library(
        folder,
        f"{name}{suffix}",
        _MODULE.replace("NAME", name).replace("BODY", body),
        needs=needs,
        search=search,
        runpath=runpath,
    )


# struct PyModuleDef as the stable ABI (PEP 384) fixes it: PyObject_HEAD, then the fields.
_MODULE = """
#include <stddef.h>
typedef struct { ptrdiff_t refs; void *type; } Object;
typedef struct { Object base; void *init; ptrdiff_t index; void *copy; } Base;
typedef struct { const char *name; void *call; int flags; const char *doc; } Method;
typedef struct {
  Base base; const char *name; const char *doc; ptrdiff_t size; Method *methods;
  void *slots; void *traverse; void *clear; void *free;
} Definition;
extern void *PyModule_Create2(Definition *, int);
extern void *PyLong_FromLong(long);
BODY
static void *value(void *self, void *arguments) { return PyLong_FromLong(compute()); }
static Method methods[] = {{"value", value, 4, NULL}, {NULL, NULL, 0, NULL}};
static Definition definition = {{{1, NULL}, NULL, 0, NULL}, "NAME", NULL, -1, methods};
void *PyInit_NAME(void) { return PyModule_Create2(&definition, 3); }
"""
