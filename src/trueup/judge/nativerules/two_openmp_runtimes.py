"""Two OpenMP runtimes are installed side by side.

Each starts its own threads, as many as there are processors. LLVM's and Intel's end the process when
they find each other (`OMP: Error #15`); GNU's may hang after a `fork` in which another one had
threads. Copies with the same name are loaded once (ELF, Windows) and are no two.

**Before**: one wheel brings `libgomp-e985bcbb.so.1.0.0`, another one `libiomp5.so`.

**After**: both are built for the same runtime and take it from one library wheel; or, as a user,
they are not imported in the same process.
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.native import NativeMap
from trueup.judge.nativefinding import loaded_apart, names_words, native_finding, once_per_cause
from trueup.judge.rule import NativeRule
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.library import Image, NativeFile
from trueup.model.libraryname import parse_library_name

__all__ = ["RULE"]

CODE = "two-openmp-runtimes"
_LLVM, _GNU, _MICROSOFT = "LLVM's or Intel's", "GNU's", "Microsoft's"
_BY_SYMBOL = {"__kmpc_fork_call": _LLVM, "GOMP_parallel": _GNU, "_vcomp_fork": _MICROSOFT}
_BY_NAME = {
    "libiomp5md": _LLVM,
    "libomp": _LLVM,
    "libomp140.x86_64": _LLVM,
    "vcomp": _MICROSOFT,
    "vcomp140": _MICROSOFT,
}


def _runtime(file: NativeFile, image: Image) -> str | None:
    """Whose OpenMP runtime this is; LLVM's answers to the names of GNU's as well."""
    for symbol, maker in _BY_SYMBOL.items():
        if image.exported.keys() & {symbol, f"_{symbol}"}:
            return maker
    return _BY_NAME.get(parse_library_name(file.filename).stem.lower())


def _check(native: NativeMap) -> Iterator[Finding]:
    for placement in native.placements:
        found = loaded_apart(placement, _runtime)
        for machine in sorted({machine for machine, _ in found}):
            apart = [files for (where, _), files in found.items() if where == machine]
            if len(apart) < 2:
                continue
            first = placement.owner(apart[0][0][0].path)
            yield native_finding(
                first,
                CODE,
                Severity.WARNING,
                "more than one OpenMP runtime can come into the process: "
                + names_words(files[0][0].filename for files in apart),
                where=placement.layout.label,
                evidence=[
                    Evidence(files=(file.path,), says=(maker,))
                    for files in apart
                    for file, maker in files
                ],
                hint="let them share one runtime, or limit their threads (`OMP_NUM_THREADS`)",
            )


RULE = NativeRule(code=CODE, severity=Severity.WARNING, check=once_per_cause(_check), page=__doc__)
