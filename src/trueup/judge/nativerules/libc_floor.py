"""A wheel needs a newer system than its platform tag says.

An installer takes the wheel on every system that the tag admits; on the oldest of them the import
fails: ``version `GLIBC_2.34' not found``. On macOS it is the version that the linker wrote into the
file. A file for glibc in a wheel for musl is told of as well.

**Before**: `demo-1.0-cp312-cp312-manylinux_2_17_x86_64.whl` holds a module that needs `GLIBC_2.34`.

**After**: built in the image of its tag, or tagged `manylinux_2_34` (`auditwheel repair` finds out).
"""

from __future__ import annotations

from collections.abc import Iterator

from trueup.judge.floors import (
    glibc_floor,
    is_above,
    macos_floor,
    number_of,
    offered,
    only_musl,
)
from trueup.judge.native import NativeMap
from trueup.judge.nativefinding import is_wheel, native_finding, once_per_cause, readable_files
from trueup.judge.rule import NativeRule
from trueup.judge.systemlibs import is_system
from trueup.model.finding import Evidence, Finding, Severity
from trueup.model.library import BinaryFormat, Distribution, Image, NativeFile

__all__ = ["RULE"]

CODE = "libc-floor"
_GLIBC = "libc.so.6"


def _check(native: NativeMap) -> Iterator[Finding]:
    for distribution, files in readable_files(native):
        if is_wheel(distribution):
            found: dict[str, dict[str, tuple[str, ...]]] = {}
            for file in files:
                for image in file.readable:
                    for problem, says in _problems(distribution, image):
                        found.setdefault(problem, {})[file.path] = says
            for problem, told in found.items():
                yield _finding(distribution, problem, told, files)


def _problems(distribution: Distribution, image: Image) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(What is wrong, what the image needs) for each fault."""
    if image.format is BinaryFormat.MACHO:
        floor = macos_floor(distribution.tags, image.machine)
        if floor and image.floor and image.floor[0] == "macos" and is_above(image.floor[1], floor):
            needs = ".".join(map(str, image.floor[1]))
            yield f"needs a newer macOS than {'.'.join(map(str, floor))}", (f"macOS {needs}",)
    elif image.format is BinaryFormat.ELF:
        if only_musl(distribution.tags):
            if _GLIBC in image.needed:
                yield "is for musl and needs glibc", (_GLIBC,)
            return
        floor = glibc_floor(distribution.tags, image.machine)
        above = _above(image, floor) if floor else ()
        if floor and above:
            yield f"needs a newer system than one with glibc {'.'.join(map(str, floor))}", above


def _above(image: Image, floor: tuple[int, ...]) -> tuple[str, ...]:
    """The highest version node of each series that a system with this glibc lacks."""
    highest: dict[str, tuple[tuple[int, ...], str]] = {}
    for library, node in image.needs_versions:
        numbered = number_of(node) if is_system(library, BinaryFormat.ELF) else None
        if numbered is not None:
            series, number = numbered
            most = offered(series, floor)
            if most is not None and is_above(number, most):
                highest[series] = max(highest.get(series, ((), "")), (number, node))
    return tuple(node for _, node in highest.values())


def _finding(
    distribution: Distribution,
    problem: str,
    told: dict[str, tuple[str, ...]],
    files: tuple[NativeFile, ...],
) -> Finding:
    by_needs: dict[tuple[str, ...], list[str]] = {}
    for file in files:
        if file.path in told:
            by_needs.setdefault(told[file.path], []).append(file.path)
    return native_finding(
        distribution,
        CODE,
        Severity.ERROR,
        f"{problem}, which a platform tag admits" if "newer" in problem else problem,
        evidence=[Evidence(files=tuple(paths), says=says) for says, paths in by_needs.items()],
        where=", ".join(sorted({tag.platform for tag in distribution.tags})),
        hint="build it on the oldest system that the tag admits, or give it the tag that is true",
    )


RULE = NativeRule(code=CODE, severity=Severity.ERROR, check=once_per_cause(_check), page=__doc__)
